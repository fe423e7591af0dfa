// The same for the page of --stats.
"use strict";

(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const failures = [];
  let checks = 0;
  const expect = (good, what) => {
    ++checks;
    if (!good) failures.push(what);
  };
  const said = (element, estimate, scale) => {
    const [value, low, high] = estimate.map((number) => (scale * number).toFixed(1).replace("-", "−"));
    expect(element.textContent.includes(`${value} [${low}, ${high}]`), `${element.textContent} lacks ${value}`);
  };
  try {
    const rows = [...document.querySelectorAll("#layers-table tbody tr")];
    expect(rows.length === data.layers.length + 1, `${rows.length} rows of layers`);
    [...data.layers, data.all_layers].forEach((layer, i) => {
      said(rows[i], layer.drop_rate, 100);
      said(rows[i], layer.mean_lifetime, 1);
      said(rows[i], layer.stop_words_minus_content, 1);
    });
    const droppers = document.querySelectorAll("#droppers-table tbody tr");
    expect(droppers.length === data.all_layers.top_droppers.length, "rows of droppers");
    const charts = [...document.querySelectorAll("svg.sheet")];
    expect(charts.length === 5, `${charts.length} charts`);
    expect(charts.every((chart) => chart.getAttribute("aria-label")), "a chart has no label");
    const lines = charts[0].querySelectorAll(".line");
    expect(lines.length === data.layers.length, `${lines.length} survival curves`);
    const paper = () => getComputedStyle(document.body).backgroundColor;
    const before = paper();
    document.getElementById("theme").click();
    expect(paper() !== before, "the theme does not change");
    const wide = document.documentElement.scrollWidth - document.documentElement.clientWidth;
    expect(wide <= 0, `the page is ${wide} pixels too wide`);
  } catch (error) {
    failures.push(`${error} ${error.stack}`);
  }
  failures.push(...window.troubles);
  const verdict = document.createElement("pre");
  verdict.id = "verdict";
  verdict.textContent = failures.length === 0 ? `all ${checks} checks passed` : failures.join("\n");
  document.body.append(verdict);
})();
