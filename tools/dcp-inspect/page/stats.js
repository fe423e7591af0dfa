// The tables of the statistics page, and its theme. The charts are in the page already.
"use strict";

(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const byId = (id) => document.getElementById(id);
  const root = document.documentElement;
  const darkSystem = matchMedia("(prefers-color-scheme: dark)");

  // An element with children; strings become text, never markup.
  const make = (name, ...children) => {
    const made = document.createElement(name);
    made.append(...children);
    return made;
  };
  const minus = (text) => text.replace("-", "−");
  const show = (estimate, scale = 1) => {
    if (estimate === null) return "–";
    const [value, low, high] = estimate.map((number) => minus((scale * number).toFixed(1)));
    return `${value} [${low}, ${high}]`;
  };

  function fill(table, heads, rows) {
    const line = (cells, name) => {
      const [first, ...rest] = cells;
      const head = make("th", first);
      head.scope = name === "th" ? "col" : "row";
      return make("tr", head, ...rest.map((cell) => make(name, cell)));
    };
    table.append(make("thead", line(heads, "th")), make("tbody", ...rows.map((row) => line(row, "td"))));
  }

  function addNumber(name, value, note) {
    const big = make("span", value);
    big.className = "big";
    byId("numbers").append(make("div", make("dt", name), make("dd", big, make("small", note))));
  }

  const all = data.all_layers;
  byId("facts").textContent = `${data.model} · policy ${data.policy}`;
  addNumber("Windows", String(data.windows), `of ${data.context} tokens`);
  addNumber("Dropped", `${(100 * all.drop_rate[0]).toFixed(1)} %`, `within ${data.horizon} tokens, mean of the layers`);
  addNumber("Mean lifetime", all.mean_lifetime[0].toFixed(1), `tokens, of ${data.horizon}`);

  const layerRow = (name, layer) => [
    name,
    show(layer.drop_rate, 100),
    show(layer.mean_lifetime),
    show(layer.stop_words_minus_content),
    show(layer.punctuation_minus_content),
    layer.top_droppers.slice(0, 5).map((dropper) => dropper.token).join("  "),
  ];
  fill(
    byId("layers-table"),
    ["Layer", "Dropped, %", "Lifetime", "Stop words − others", "Punctuation − others", "Busiest droppers"],
    [...data.layers.map((layer, index) => layerRow(String(index), layer)), layerRow("all", all)],
  );
  fill(
    byId("droppers-table"),
    ["Token", "Drops", "Times read", "Drops each time", ""],
    all.top_droppers.map(({ token, drops, seen }) => [token, String(drops), String(seen), (drops / seen).toFixed(1), ""]),
  );

  const isDark = () => (root.dataset.theme ?? (darkSystem.matches ? "dark" : "light")) === "dark";
  const showTheme = () => {
    byId("theme").textContent = isDark() ? "Light" : "Dark";
  };
  const wanted = new URLSearchParams(location.hash.slice(1)).get("theme");
  if (["dark", "light"].includes(wanted)) root.dataset.theme = wanted;
  byId("theme").addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    showTheme();
  });
  darkSystem.addEventListener("change", showTheme);
  showTheme();
})();
