// Added to a page by page_in_browser.sh: uses it as a reader would - slider, pointer, keyboard, buttons - and compares
// what it shows with the numbers it carries, worked out here again. The verdict is appended as an element with that id.
"use strict";

(async () => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const tokens = data.ids.length;
  const layers = data.layers.length;
  const byId = (id) => document.getElementById(id);
  const tokenAt = (i) => document.querySelector(`#text .t[data-i="${i}"]`);
  const failures = [];
  let checks = 0;
  const expect = (good, what) => {
    ++checks;
    if (!good && failures.length < 20) failures.push(what);
  };
  const frames = (count) => new Promise((done) => {
    const next = () => (count-- > 0 ? requestAnimationFrame(next) : done());
    next();
  });
  const press = (target, key) => target.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));

  const droppedBy = (layer, token, step) => {
    const at = data.layers[layer].dropped_at[token];
    if (at < 0 || at > step) return -1;
    return data.layers[layer].dropped_by_score[token] === null ? at : at - (data.eviction_delay ?? 0);
  };
  const decidedBy = (layer, token) => droppedBy(layer, token, tokens);
  const shareOf = (token, step) => {
    let dropped = 0;
    for (let layer = 0; layer < layers; ++layer) dropped += droppedBy(layer, token, step) >= 0;
    return dropped / layers;
  };

  function checkText() {
    const shown = [...document.querySelectorAll("#text .t")];
    expect(shown.length === tokens, `${shown.length} tokens shown of ${tokens}`);
    expect(document.querySelectorAll("#text :not(p, span)").length === 0, "the text holds markup");
    shown.forEach((element, i) => {
      const text = data.shown[i]?.text ?? data.tokens[i];
      const expected = text.trim() === "" ? text.replaceAll(" ", "·").replaceAll("\n", "↵").replaceAll("\t", "⇥")
                                          : text.trimStart();
      expect(element.querySelector(".g").textContent === expected, `token ${i} shows "${element.textContent}"`);
      expect(element.getAttribute("aria-label")?.includes(`token ${i}`), `token ${i} has no label`);
    });
    expect(document.querySelectorAll('#text .t[tabindex="0"]').length === 1, "not one token in the tab order");
  }

  function moveTo(step) {
    byId("step").value = step;
    byId("step").dispatchEvent(new Event("input", { bubbles: true }));
  }

  function checkStep(step) {
    moveTo(step);
    let kept = 0;
    for (let i = 0; i < tokens; ++i) {
      const element = tokenAt(i);
      const share = i <= step ? shareOf(i, step) : 0;
      if (i <= step) kept += 1 - share;
      expect(element.classList.contains("unread") === i > step, `token ${i} read or not at step ${step}`);
      expect(Math.abs(Number(element.querySelector(".w").style.getPropertyValue("--fade")) - share) < 1e-9,
             `fade of token ${i} at step ${step}`);
    }
    const readout = byId("readout").textContent;
    const sparsity = step === 0 ? 0 : (step + 1 - kept) / step;
    expect(readout.includes(`${step + 1} of ${tokens} read`), `readout ${readout}`);
    expect(readout.includes(`${(100 * sparsity).toFixed(1)} %`), `readout ${readout}, expected ${100 * sparsity}`);
    expect(byId("step").getAttribute("aria-valuetext") === readout, "the slider does not tell its value");
  }

  // The arrows and the card of the chosen token.
  function checkChosen(i, step) {
    expect(tokenAt(i).classList.contains("chosen"), `token ${i} is not marked`);
    const droppers = new Map();  // the layers that heard each
    for (let layer = 0; layer < layers; ++layer) {
      const by = droppedBy(layer, i, step);
      const row = document.querySelector(`#card li[data-layer="${layer}"]`);
      if (by < 0) {
        const pending = decidedBy(layer, i) >= 0 && decidedBy(layer, i) <= step;
        const said = i > step ? /not read/ : pending ? /held for \d+ more/ : /held$/;
        expect(said.test(row.textContent), `card: layer ${layer} of token ${i}: ${row.textContent}`);
        continue;
      }
      droppers.set(by, [...(droppers.get(by) ?? []), layer]);
      const score = data.layers[layer].dropped_by_score[i];
      const said = score === null ? by - i === 1 ? "at once" : `after ${by - i}` : `s = ${score.toFixed(2).replace("-", "−")}`;
      expect(row.textContent.includes(said), `card: layer ${layer} of token ${i}: ${row.textContent} lacks ${said}`);
    }
    const drawn = [...document.querySelectorAll("#arrows .drop")].map((path) => Number(path.dataset.by));
    expect(drawn.length === droppers.size && drawn.every((by) => droppers.has(by)), `arrows ${drawn} of token ${i}`);
    for (const [by, heard] of droppers) {
      const score = data.layers[heard[0]].dropped_by_score[i];
      if (heard.length > 1 || score === null) continue;
      const label = `layer ${heard[0]} · s = ${score.toFixed(2).replace("-", "−")}`;
      expect(byId("arrows").textContent.includes(label), `the arrow from ${by} to ${i} lacks ${label}`);
    }
    const victims = new Set();
    for (let layer = 0; layer < layers; ++layer) {
      for (let j = 0; j < i; ++j) if (i <= step && decidedBy(layer, j) === i) victims.add(j);
    }
    const told = document.querySelector("#card .victims")?.textContent ?? "It dropped 0:";
    expect(told.startsWith(`It dropped ${victims.size}:`), `card of token ${i}: ${told}, expected ${victims.size}`);
    const labels = document.querySelectorAll("#arrows text").length;
    expect(labels === droppers.size, `${labels} labels for ${droppers.size} arrows`);
  }

  async function checkPointerAndKeys() {
    const last = tokens - 1;
    moveTo(last);
    const first = Math.floor(tokens / 3);
    tokenAt(first).dispatchEvent(new PointerEvent("pointerover", { bubbles: true }));
    checkChosen(first, last);
    moveTo(Math.floor(tokens / 2));
    checkChosen(first, Math.floor(tokens / 2));
    moveTo(last);
    tokenAt(0).focus();
    checkChosen(0, last);
    press(document.activeElement, "ArrowRight");
    expect(Number(document.activeElement.dataset.i) === Math.min(1, last), "ArrowRight does not move the focus");
    checkChosen(Math.min(1, last), last);
    press(document.activeElement, "Home");
    press(document.activeElement, "ArrowDown");
    const below = Number(document.activeElement.dataset.i);
    const lines = new Set([...document.querySelectorAll("#text .w")].map((word) => Math.round(word.getBoundingClientRect().top)));
    expect(lines.size === 1 || below > 1, `ArrowDown goes to ${below}`);
    press(document.activeElement, "End");
    expect(Number(document.activeElement.dataset.i) === last, "End does not go to the last token");
    press(document.activeElement, "Enter");
    expect(location.hash.includes(`token=${last}`), `the address ${location.hash} does not remember the token`);
    expect(document.activeElement.getAttribute("aria-pressed") === "true", "Enter does not hold the token");
    press(document.activeElement, " ");
    expect(!location.hash.includes("token="), "the space bar does not let go of the token");
    press(document.activeElement, "Escape");
    expect(!byId("card").classList.contains("open"), "Escape does not close the card");
    expect(document.querySelectorAll("#arrows *").length === 0, "Escape does not take the arrows away");
  }

  async function checkLayers() {
    for (let layer = 0; layer < Math.min(layers, 3); ++layer) {
      byId(`layer-${layer}`).click();
      for (let i = 0; i < tokens; ++i) {
        const fade = Number(tokenAt(i).querySelector(".w").style.getPropertyValue("--fade"));
        expect(fade === (droppedBy(layer, i, tokens - 1) >= 0 ? 1 : 0), `token ${i} in layer ${layer} alone`);
      }
    }
    press(document.body, "[");
    byId("layer--1").click();
    const rows = [...document.querySelectorAll("#table tbody tr")];
    expect(rows.length === layers, "rows of the table");
    rows.forEach((row, layer) => {
      const entry = data.layers[layer];
      for (const said of [`${(100 * entry.sparsity).toFixed(1)} %`, String(entry.kept), entry.mean_lifetime.toFixed(1)]) {
        expect(row.textContent.includes(said), `row ${layer} of the table lacks ${said}`);
      }
    });
    expect(byId("numbers").textContent.includes(`${(100 * data.sparsity).toFixed(1)} %`), "sparsity is not told");
  }

  function colorsOf(canvas) {
    const pixels = new Uint32Array(canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data.buffer);
    return new Set(pixels).size;
  }

  async function checkPictures() {
    await frames(3);
    expect(colorsOf(byId("heat")) > 1, "the heat map is blank");
    const triangles = [...document.querySelectorAll("#triangles canvas")];
    expect(triangles.length === layers && triangles.every((canvas) => colorsOf(canvas) > 1 || tokens === 1), "a triangle is blank");
    expect(document.querySelectorAll("#cache .layer").length === layers, "lines of the memory's size");
    const wide = document.documentElement.scrollWidth - document.documentElement.clientWidth;
    expect(wide <= 0, `the page is ${wide} pixels too wide`);
  }

  async function checkButtons() {
    const paper = () => getComputedStyle(document.body).backgroundColor;
    const before = paper();
    byId("theme").click();
    expect(paper() !== before, "the theme does not change");
    byId("theme").click();
    expect(paper() === before, "the theme does not change back");
    moveTo(tokens - 1);
    byId("play").click();
    await new Promise((done) => setTimeout(done, 700));
    const reached = Number(byId("step").value);
    expect(tokens < 3 || (reached > 0 && reached < tokens - 1), `play got to ${reached} in 0.7 s`);
    moveTo(tokens - 1);
  }

  try {
    checkText();
    for (const step of new Set([0, Math.floor(tokens / 2), tokens - 1, Math.floor(tokens / 4)])) checkStep(step);
    await checkPointerAndKeys();
    await checkLayers();
    await checkPictures();
    await checkButtons();
  } catch (error) {
    failures.push(`${error} ${error.stack}`);
  }
  failures.push(...window.troubles);
  const verdict = document.createElement("pre");
  verdict.id = "verdict";
  const ready = Math.round(performance.getEntriesByType("navigation")[0].domContentLoadedEventEnd);
  verdict.textContent = failures.length === 0 ? `all ${checks} checks passed, ready after ${ready} ms` : failures.join("\n");
  document.body.append(verdict);
})();
