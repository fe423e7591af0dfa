// The pictures below the text: lifetimes as a heat map, what each token could still see, the size of the memory, and
// the table with the numbers.
"use strict";

dcp.charts = (() => {
  const { data, tokens, layers, byId, ALL } = dcp;
  const ROW = 20;  // pixels of a layer in the heat map
  let pending = 0;

  // A canvas of that size, sharp on any screen.
  function prepare(canvas, width, height) {
    const scale = window.devicePixelRatio || 1;
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
    canvas.style.height = `${height}px`;
    const context = canvas.getContext("2d");
    context.setTransform(scale, 0, 0, scale, 0, 0);
    context.clearRect(0, 0, width, height);
    return context;
  }

  // --- Heat map ----------------------------------------------------------------------------------------------------

  // 0 .. 1 for a lifetime; equal steps are equal ratios.
  const heatLevel = (lifetime) => Math.log(lifetime) / Math.log(Math.max(2, tokens));

  function rampColors() {
    const [low, high] = [dcp.color("--ramp-low"), dcp.color("--ramp-high")].map((hex) =>
      [1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16)),
    );
    return Array.from({ length: 65 }, (_, i) => {
      const mixed = low.map((value, channel) => Math.round(value + ((high[channel] - value) * i) / 64));
      return `rgb(${mixed.join(",")})`;
    });
  }

  function stripes(context) {
    const tile = document.createElement("canvas");
    tile.width = tile.height = 6;
    const pen = tile.getContext("2d");
    pen.fillStyle = dcp.color("--held");
    pen.fillRect(0, 0, 6, 6);
    pen.fillStyle = dcp.color("--held-stripe");
    for (let i = 0; i < 6; ++i) pen.fillRect(i, (i + 4) % 6, 1, 2);
    return context.createPattern(tile, "repeat");
  }

  function drawHeat() {
    const canvas = byId("heat");
    const width = canvas.parentElement.clientWidth - byId("heat-labels").offsetWidth;
    const context = prepare(canvas, width, layers * ROW);
    const colors = rampColors();
    const heldPattern = stripes(context);
    const { step, layer: chosen, token: marked } = dcp.state;
    const cell = width / tokens;
    const gap = cell > 4 ? 1 : 0;
    for (let layer = 0; layer < layers; ++layer) {
      context.globalAlpha = chosen === ALL || chosen === layer ? 1 : 0.25;
      for (let token = 0; token <= step; ++token) {
        const level = heatLevel(dcp.lifetime(layer, token));
        context.fillStyle = dcp.isDropped(layer, token, step) ? colors[Math.round(64 * level)] : heldPattern;
        context.fillRect(token * cell, layer * ROW + 1, Math.max(cell - gap, 0.6), ROW - 2);
      }
    }
    context.globalAlpha = 1;
    context.fillStyle = dcp.color("--drop");
    if (step < tokens - 1) context.fillRect((step + 1) * cell - 1, 0, 2, layers * ROW);
    context.strokeStyle = dcp.color("--drop");
    context.lineWidth = 1.5;
    if (marked >= 0) context.strokeRect(marked * cell - 0.5, 0.75, Math.max(cell, 3), layers * ROW - 1.5);
  }

  function buildHeat() {
    for (let layer = 0; layer < layers; ++layer) byId("heat-labels").append(dcp.element("span", {}, `layer ${layer}`));
    byId("ramp-end").textContent = `${tokens} tokens`;
    const canvas = byId("heat");
    const tokenAt = (event) => {
      const box = canvas.getBoundingClientRect();
      const token = Math.floor(((event.clientX - box.left) / box.width) * tokens);
      return Math.min(tokens - 1, Math.max(0, token));
    };
    canvas.addEventListener("pointermove", (event) => dcp.setToken(tokenAt(event), false));
    canvas.addEventListener("pointerleave", () => !dcp.state.held && dcp.setToken(-1, false));
    canvas.addEventListener("click", (event) => dcp.setToken(tokenAt(event), true));
  }

  // --- Triangles ---------------------------------------------------------------------------------------------------

  function drawTriangle(canvas, layer) {
    const size = canvas.parentElement.clientWidth;
    const context = prepare(canvas, size, size);
    const scale = size / tokens;
    const { step, token: marked } = dcp.state;
    context.fillStyle = dcp.color("--lane-off");
    context.beginPath();
    context.moveTo(0, 0);
    context.lineTo(size, size);
    context.lineTo(0, size);
    context.fill();
    for (let token = 0; token < tokens; ++token) {
      const end = token + dcp.lifetime(layer, token);
      context.fillStyle = dcp.color(token === marked ? "--drop" : "--lane-on");
      context.fillRect(token * scale, token * scale, Math.max(scale, token === marked ? 2 : 0.5), (end - token) * scale);
    }
    context.fillStyle = dcp.color("--drop");
    if (step < tokens - 1) context.fillRect(0, (step + 1) * scale - 1, (step + 1) * scale, 1.5);
  }

  function buildTriangles() {
    for (let layer = 0; layer < layers; ++layer) {
      const canvas = dcp.element("canvas", { role: "img", "aria-label": `Which tokens layer ${layer} held, over time` });
      const caption = dcp.element("figcaption", {});
      caption.append(dcp.element("b", {}, `Layer ${layer}`), ` ${dcp.percent(data.layers[layer].sparsity)} dropped`);
      const figure = dcp.element("figure", { "data-layer": layer }, canvas, caption);
      figure.addEventListener("click", () => dcp.setLayer(dcp.state.layer === layer ? ALL : layer));
      byId("triangles").append(figure);
    }
  }

  function drawTriangles() {
    for (const figure of byId("triangles").children) {
      const layer = Number(figure.dataset.layer);
      figure.classList.toggle("dim", dcp.state.layer !== ALL && dcp.state.layer !== layer);
      drawTriangle(figure.querySelector("canvas"), layer);
    }
  }

  // --- Size of the memory ------------------------------------------------------------------------------------------

  const roundUp = (value) => {
    const power = 10 ** Math.floor(Math.log10(value));
    return [1, 2, 5, 10].find((digit) => digit * power >= value) * power;
  };

  function drawCache() {
    const box = byId("cache");
    const [width, height, left, right, bottom] = [box.clientWidth, 240, 44, 76, 30];
    const top = roundUp(Math.max(2, ...dcp.held.flat()));
    const x = (step) => left + ((width - left - right) * step) / Math.max(1, tokens - 1);
    const y = (kept) => height - bottom - ((height - bottom - 14) * kept) / top;
    const svg = dcp.element("svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "img" });
    svg.setAttribute("aria-label", "Tokens held by each layer over time");
    for (const tick of [0, top / 2, top]) {
      svg.append(dcp.element("line", { class: "grid", x1: left, x2: width - right, y1: y(tick), y2: y(tick) }));
      svg.append(dcp.element("text", { x: left - 8, y: y(tick) + 4, "text-anchor": "end" }, dcp.number(tick, tick % 1 ? 1 : 0)));
    }
    svg.append(dcp.element("path", { class: "dense", d: `M${x(0)} ${y(1)}L${x(Math.min(top, tokens) - 1)} ${y(Math.min(top, tokens))}` }));
    svg.append(dcp.element("text", { x: width - right, y: height - 8, "text-anchor": "end" }, "tokens read"));
    drawLines(svg, x, y, width - right);
    svg.append(dcp.element("line", { class: "now", x1: x(dcp.state.step), x2: x(dcp.state.step), y1: 14, y2: height - bottom }));
    box.replaceChildren(svg);
  }

  // Names stand at the ends of the lines, moved apart.
  function drawLines(svg, x, y, right) {
    const ends = dcp.held.map((kept, layer) => ({ layer, y: y(kept[tokens - 1]) })).sort((a, b) => b.y - a.y);
    let free = Infinity;
    for (const end of ends) {
      const { layer } = end;
      const chosen = dcp.state.layer === layer ? "chosen" : dcp.state.layer === ALL ? "" : "dim";
      const style = `layer style-${layer % 4} ${chosen}`;
      const points = dcp.held[layer].map((kept, step) => `${x(step).toFixed(1)} ${y(kept).toFixed(1)}`);
      svg.append(dcp.element("path", { class: style, d: `M${points.join("L")}` }));
      free = Math.min(free - 13, end.y + 4);
      svg.append(dcp.element("text", { class: chosen, x: right + 8, y: free }, `layer ${layer}`));
    }
  }

  // --- Table -------------------------------------------------------------------------------------------------------

  function layerDropper(layer) {
    const counts = new Map();
    dcp.droppedBy[layer].forEach((by) => {
      if (by >= 0) counts.set(dcp.tokenLabel(by), (counts.get(dcp.tokenLabel(by)) ?? 0) + 1);
    });
    return [...counts].sort((a, b) => b[1] - a[1]).slice(0, 3).map(([name, count]) => `${name} (${count})`).join("  ");
  }

  function buildTable() {
    const row = (entry, layer) => {
      const bar = dcp.element("td", { class: "bar" }, dcp.element("i", {}), dcp.percent(entry.sparsity));
      bar.firstChild.style.width = `${100 * entry.sparsity}%`;
      const { kept, mean_lifetime, median_lifetime } = entry;
      return [`${layer}`, bar, `${kept}`, dcp.number(mean_lifetime), `${median_lifetime}`, layerDropper(layer)];
    };
    const heads = ["Layer", "Dropped", "Held", "Mean lifetime", "Median", "Drops most"];
    dcp.fillTable(byId("table"), heads, data.layers.map(row));
  }

  // --- All of them -------------------------------------------------------------------------------------------------

  function build() {
    buildHeat();
    buildTriangles();
    buildTable();
  }

  function draw() {
    drawHeat();
    drawTriangles();
    drawCache();
  }

  // Soon, and once for many changes.
  function update() {
    if (pending === 0) {
      pending = requestAnimationFrame(() => {
        pending = 0;
        draw();
      });
    }
  }

  return { build, draw, update };
})();
