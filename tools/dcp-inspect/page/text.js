// The text itself: tokens that fade, lanes beneath them, arrows between them, and the card of the chosen one.
"use strict";

dcp.text = (() => {
  const { tokens, layers, byId, ALL } = dcp;
  const elements = [];  // [T] {token, word}: the focusable element, and the part without the space before it
  const stepOf = () => dcp.state.step;
  let shownStep = -1;
  let focusable = 0;  // the one token in the tab order

  // --- Building ----------------------------------------------------------------------------------------------------

  // A paragraph for each line of the text, so that each finds its own direction of writing.
  function build() {
    let paragraph = null;
    let ended = true;  // line feeds alone stay in the paragraph that they end
    for (let token = 0; token < tokens; ++token) {
      const text = dcp.tokenText(token);
      if (ended && (paragraph === null || text.trim() !== "")) paragraph = addParagraph();
      paragraph.append(makeToken(token, text));
      ended = text.includes("\n") || (ended && text.trim() === "");
    }
    elements[0].token.tabIndex = 0;
    const text = byId("text");
    text.addEventListener("pointerover", (event) => point(event, false));
    text.addEventListener("pointerleave", () => !dcp.state.held && dcp.setToken(-1, false));
    text.addEventListener("click", (event) => point(event, true));
    text.addEventListener("focusin", (event) => point(event, false));
    text.addEventListener("keydown", onKey);
    for (const sample of document.querySelectorAll(".sample [data-share]")) fade(sample, Number(sample.dataset.share));
  }

  function addParagraph() {
    const paragraph = dcp.element("p", { dir: "auto" });
    byId("text").append(paragraph);
    return paragraph;
  }

  function makeToken(index, text) {
    const body = text.trimStart();
    const space = text.slice(0, text.length - body.length);
    const marks = space.replace(/\n/g, "↵").replace(/\t/g, "⇥");
    const blank = body === "";
    const glyphs = dcp.element("span", { class: "g" }, blank ? marks.replaceAll(" ", "·") : body);
    const word = dcp.element("span", { class: "w" }, glyphs);
    const token = dcp.element("span", { class: "t", role: "button", tabindex: -1, "data-i": index });
    if (!blank) token.append(marks === space ? space : marks);
    token.append(word);
    if (blank || (dcp.data.shown[index] && /^(⋯|\\x|U\+)/.test(text))) token.classList.add("odd");
    if (index >= dcp.data.prompt_tokens) token.classList.add("made");
    elements.push({ token, word });
    return token;
  }

  // --- Fading ------------------------------------------------------------------------------------------------------

  function fade(word, share) {
    word.style.setProperty("--fade", share);
    word.classList.toggle("kept", share < 0.5);
  }

  // Lanes are one background: a stripe for each chosen layer, coloured while it holds the token.
  const laneHeight = () => (dcp.state.layer === ALL ? Math.max(1, Math.min(3, Math.floor(30 / layers))) : 4);
  const laneGap = () => (laneHeight() > 1 ? 1 : 0);

  function lanes(token, step) {
    const height = laneHeight();
    const pitch = height + laneGap();
    const stripes = dcp.layersOf(dcp.state.layer).map((layer, row) => {
      const color = dcp.isDropped(layer, token, step) ? "var(--lane-off)" : "var(--lane-on)";
      return `${color} ${row * pitch}px ${row * pitch + height}px,transparent ${row * pitch + height}px ${(row + 1) * pitch}px`;
    });
    return `linear-gradient(${stripes.join(",")})`;
  }

  function refreshToken(token) {
    const step = stepOf();
    const { token: element, word } = elements[token];
    const unread = token > step;
    const share = unread ? 0 : dcp.droppedShare(token, step, dcp.state.layer);
    element.classList.toggle("unread", unread);
    element.classList.toggle("now", token === step);
    fade(word, share);
    word.style.backgroundImage = dcp.state.lanes && !unread ? lanes(token, step) : "";
    element.setAttribute("aria-label", describe(token, unread, share));
  }

  function describe(token, unread, share) {
    const name = `${dcp.tokenLabel(token)}, token ${token}`;
    if (unread) return `${name}, not read yet`;
    if (dcp.state.layer !== ALL) return `${name}, ${share === 1 ? "dropped" : "kept"} by layer ${dcp.state.layer}`;
    return `${name}, dropped by ${Math.round(share * layers)} of ${layers} layers`;
  }

  // After a change of step: only what changed in between.
  function update() {
    const step = stepOf();
    if (shownStep < 0) return refresh();
    const touched = new Set([shownStep, step]);
    for (let n = Math.min(step, shownStep) + 1; n <= Math.max(step, shownStep); ++n) {
      touched.add(n);
      for (const [, token] of dcp.leaving[n]) touched.add(token);
    }
    shownStep = step;
    touched.forEach(refreshToken);
    select();
  }

  function refresh() {
    shownStep = stepOf();
    const rows = dcp.layersOf(dcp.state.layer).length;
    const text = byId("text");
    text.classList.toggle("with-lanes", dcp.state.lanes);
    text.style.setProperty("--lanes", `${rows * (laneHeight() + laneGap())}px`);
    for (let token = 0; token < tokens; ++token) refreshToken(token);
    select();
  }

  // --- Choosing ----------------------------------------------------------------------------------------------------

  function point(event, held) {
    const element = event.target.closest(".t");
    if (!element) return;
    const token = Number(element.dataset.i);
    if (held && dcp.state.held && dcp.state.token === token) return dcp.setToken(-1, true);
    dcp.setToken(token, held);
  }

  function moveFocus(token) {
    elements[focusable].token.tabIndex = -1;
    focusable = Math.min(tokens - 1, Math.max(0, token));
    elements[focusable].token.tabIndex = 0;
    elements[focusable].token.focus();
  }

  // The token of the line above or below whose middle is nearest.
  function inNextLine(token, direction) {
    const box = place(token);
    let best = token;
    let bestDistance = Infinity;
    for (let other = token + direction; other >= 0 && other < tokens; other += direction) {
      const there = place(other);
      const lines = (there.y - box.y) * direction;
      if (lines < box.height / 2) continue;
      if (bestDistance < Infinity && lines > (place(best).y - box.y) * direction + box.height / 2) break;
      const distance = Math.abs(there.x - box.x);
      if (distance < bestDistance) [best, bestDistance] = [other, distance];
    }
    return best;
  }

  function onKey(event) {
    const element = event.target.closest(".t");
    if (!element || event.ctrlKey || event.metaKey || event.altKey) return;
    const token = Number(element.dataset.i);
    const to = {
      ArrowRight: () => moveFocus(token + 1),
      ArrowLeft: () => moveFocus(token - 1),
      ArrowDown: () => moveFocus(inNextLine(token, 1)),
      ArrowUp: () => moveFocus(inNextLine(token, -1)),
      Home: () => moveFocus(0),
      End: () => moveFocus(tokens - 1),
      Enter: () => point(event, true),
      " ": () => point(event, true),
    }[event.key];
    if (!to) return;
    event.preventDefault();
    event.stopPropagation();  // elsewhere the space bar plays
    if (event.key !== "Enter" && event.key !== " ") dcp.state.held = false;
    to();
  }

  // --- Arrows ------------------------------------------------------------------------------------------------------

  // Middle of the top of a token, within the stage.
  function place(token) {
    const stage = byId("stage").getBoundingClientRect();
    const rects = elements[token].word.getClientRects();
    const box = rects[rects.length - 1] ?? elements[token].token.getBoundingClientRect();
    return { x: box.left + box.width / 2 - stage.left, y: box.top - stage.top, height: box.height };
  }

  function curve(from, to) {
    const across = Math.abs(to.x - from.x);
    const down = Math.abs(to.y - from.y);
    const lift = 12 + Math.min(64, across * 0.22) + down * 0.12;
    const top = Math.min(from.y, to.y) - lift;
    const lean = down > 4 ? 0.12 : 0.2;
    const c1 = from.x + (to.x - from.x) * lean;
    const c2 = to.x - (to.x - from.x) * lean;
    return {
      path: `M${from.x} ${from.y}C${c1} ${Math.min(top, from.y - lift)} ${c2} ${to.y - lift} ${to.x} ${to.y - 3}`,
      x: (from.x + 3 * c1 + 3 * c2 + to.x) / 8,
      y: (from.y + 3 * Math.min(top, from.y - lift) + 3 * (to.y - lift) + to.y) / 8,
    };
  }

  function arrowHead(to) {
    return dcp.element("path", { class: "head", d: `M${to.x} ${to.y}l-4-7h8z` });
  }

  // By the token that dropped it: the layers that heard it.
  function droppers(token) {
    const groups = new Map();
    for (const layer of dcp.layersOf(dcp.state.layer)) {
      if (!dcp.isDropped(layer, token, stepOf())) continue;
      const by = dcp.droppedBy[layer][token];
      groups.set(by, [...(groups.get(by) ?? []), layer]);
    }
    return groups;
  }

  // What the token itself dropped, each token once.
  function victims(token) {
    if (token > stepOf()) return [];
    const wanted = new Set(dcp.layersOf(dcp.state.layer));
    return [...new Set(dcp.events[token].filter(([layer]) => wanted.has(layer)).map(([, dropped]) => dropped))];
  }

  function label(by, token, group) {
    const scores = group.map((layer) => dcp.data.layers[layer].dropped_by_score[token]);
    const names = group.length === layers && layers > 1 ? "all" : group.join(", ");
    const known = scores.filter((score) => score !== null);
    const range = [Math.max(...known), Math.min(...known)].map((score) => dcp.score(score));
    const score = range[0] === range[1] ? range[0] : `${range[0]} to ${range[1].slice(4)}`;
    return `${group.length === 1 ? "layer" : "layers"} ${names}${known.length > 0 ? ` · ${score}` : ""}`;
  }

  // Labels that would cover one another move up.
  function placeLabel(text, x, y, taken, width) {
    const half = text.length * 3.3;
    const middle = Math.min(width - half - 4, Math.max(half + 4, x));
    let line = y;
    const covers = (box) => Math.abs(box.x - middle) < box.half + half && Math.abs(box.y - line) < 16;
    while (taken.some(covers)) line -= 16;
    taken.push({ x: middle, y: line, half });
    const plate = { class: "plate", x: middle - half - 3, y: line - 15, width: 2 * half + 6, height: 15, rx: 4 };
    return [
      dcp.element("rect", plate),
      dcp.element("text", { x: middle, y: line - 4, "text-anchor": "middle" }, text),
    ];
  }

  function drawArrows(token) {
    const svg = byId("arrows");
    svg.replaceChildren();
    if (token < 0) return;
    const to = place(token);
    for (const victim of victims(token)) {
      const there = place(victim);
      svg.append(dcp.element("path", { class: "did", d: curve(to, there).path }));
    }
    const taken = [];
    const texts = [];
    for (const [by, group] of droppers(token)) {
      const drawn = curve(place(by), to);
      svg.append(dcp.element("path", { class: "drop", d: drawn.path, "data-by": by }));
      texts.push(...placeLabel(label(by, token, group), drawn.x, drawn.y, taken, svg.clientWidth));
    }
    svg.append(...texts);
    if (taken.length > 0) svg.append(arrowHead(to));
  }

  // --- The card ----------------------------------------------------------------------------------------------------

  function quoted(token) {
    return dcp.element("b", { class: "quoted", dir: "auto" }, dcp.tokenLabel(token));
  }

  function layerRow(layer, token) {
    const by = dcp.droppedBy[layer][token];
    const at = dcp.droppedAt[layer][token];
    const dropped = dcp.isDropped(layer, token, stepOf());
    const end = dropped ? at : stepOf();
    const span = Math.max(1, stepOf());
    const bar = dcp.element("i", { class: dropped ? "life" : "life held" });
    bar.style.left = `${(100 * token) / span}%`;
    bar.style.width = `${(100 * Math.max(0, end - token)) / span}%`;
    const row = dcp.element("li", { "data-layer": layer }, dcp.element("span", { class: "name" }, String(layer)));
    const what = dcp.element("span", { class: "what" });
    if (token > stepOf()) what.append("not read yet");
    else if (!dropped && by >= 0 && by <= stepOf()) what.append(quoted(by), ` held for ${at - stepOf()} more`);
    else if (!dropped) what.append("held");
    else {
      const wait = at > by ? `, gone ${at - by} later` : "";
      const after = at - token === 1 ? "at once" : `after ${by - token}${wait}`;
      const score = dcp.data.layers[layer].dropped_by_score[token];
      what.append(quoted(by), ` ${after}`, dcp.element("small", {}, score === null ? "" : dcp.score(score)));
    }
    row.append(what, dcp.element("span", { class: "track" }, bar));
    return row;
  }

  function showCard(token) {
    const body = byId("card-body");
    byId("card").classList.toggle("open", token >= 0);
    if (token < 0) {
      body.replaceChildren(dcp.element("p", { class: "hint" }, "Point at a word, tap it, or walk to it with the arrow keys."));
      return;
    }
    const shown = dcp.data.shown[token];
    const facts = `token ${token} · id ${dcp.data.ids[token]}${shown ? ` · bytes ${shown.bytes}` : ""}`;
    const list = dcp.element("ol", { class: "fates" });
    for (const layer of dcp.layersOf(dcp.state.layer)) list.append(layerRow(layer, token));
    body.replaceChildren(
      dcp.element("h3", {}, quoted(token)),
      dcp.element("p", { class: "facts" }, facts),
      dcp.element("p", { class: "columns" }, dcp.element("span", {}, "layer"), dcp.element("span", {}, "dropped by")),
      list,
    );
    const dropped = victims(token);
    if (dropped.length === 0) return;
    const names = dcp.element("p", { class: "victims" }, `It dropped ${dropped.length}: `);
    dropped.slice(0, 24).forEach((victim) => names.append(quoted(victim), " "));
    if (dropped.length > 24) names.append("…");
    body.append(names);
  }

  function select() {
    if (elements.length === 0) return;
    const { token, held } = dcp.state;
    byId("text").querySelectorAll(".chosen, .by, .victim").forEach((element) => {
      element.classList.remove("chosen", "by", "victim", "pinned");
      element.removeAttribute("aria-pressed");
    });
    if (token >= 0) {
      elements[token].token.classList.add("chosen");
      elements[token].token.classList.toggle("pinned", held);
      elements[token].token.setAttribute("aria-pressed", held);
      for (const by of droppers(token).keys()) elements[by].token.classList.add("by");
      for (const victim of victims(token)) elements[victim].token.classList.add("victim");
    }
    drawArrows(token);
    showCard(token);
  }

  return { build, update, refresh, select };
})();
