// State and controls: which step, which layers, which token; play; the address that remembers all of it.
"use strict";

(() => {
  const { data, tokens, layers, byId, ALL } = dcp;
  const state = (dcp.state = { step: tokens - 1, layer: ALL, token: -1, held: false, lanes: tokens <= 256 });
  let timer = 0;

  // --- State -------------------------------------------------------------------------------------------------------

  const clamp = (value, low, high) => Math.min(high, Math.max(low, value));

  dcp.setStep = (step) => {
    state.step = clamp(Math.round(step), 0, tokens - 1);
    byId("step").value = state.step;
    showReadout();
    dcp.text.update();
    dcp.charts.update();
    remember();
  };

  dcp.setLayer = (layer) => {
    state.layer = layer;
    const radio = document.querySelector(`input[name="layer"][value="${layer}"]`);
    if (radio) radio.checked = true;
    showReadout();
    dcp.text.refresh();
    dcp.charts.update();
    remember();
  };

  // `held`: stays until let go of; otherwise until the pointer or the focus moves on.
  dcp.setToken = (token, held) => {
    if (state.held && !held && token !== -1) return;
    state.token = token;
    state.held = held && token >= 0;
    dcp.text.select();
    dcp.charts.update();
    remember();
  };

  function setLanes(on) {
    state.lanes = on;
    byId("lanes").checked = on;
    dcp.text.refresh();
  }

  // --- What the controls say ---------------------------------------------------------------------------------------

  function showReadout() {
    const { step, layer } = state;
    const chosen = dcp.layersOf(layer);
    const kept = chosen.reduce((sum, l) => sum + dcp.held[l][step], 0) / chosen.length;
    const who = layer === ALL ? "a layer holds" : `layer ${layer} holds`;
    const amount = dcp.number(kept, layer === ALL ? 1 : 0);
    const text = `${step + 1} of ${tokens} read · ${who} ${amount} · ${dcp.percent(dcp.sparsity(step, layer))} dropped`;
    byId("readout").textContent = text;
    byId("step").setAttribute("aria-valuetext", text);
    byId("step").style.setProperty("--done", `${(100 * step) / Math.max(1, tokens - 1)}%`);
  }

  function topDropper() {
    const counts = new Map();
    dcp.events.forEach((drops, token) => {
      const label = dcp.tokenLabel(token);
      counts.set(label, (counts.get(label) ?? 0) + drops.length);
    });
    return [...counts].sort((a, b) => b[1] - a[1])[0];
  }

  function showNumbers() {
    const entries = [
      ["Tokens read", `${tokens}`, layers === 1 ? "1 layer" : `${layers} layers`],
      ["Dropped", dcp.percent(data.sparsity), `mean of the layers, at context ${tokens - 1}`],
      ["Still held", dcp.number(data.kept / layers), "tokens a layer, at the end"],
      ["Mean lifetime", dcp.number(data.mean_lifetime), "tokens, mean of the layers"],
    ];
    const [label, count] = topDropper();
    if (count > 0) entries.push(["Drops most", label, `${count} drops in all layers`]);
    entries.forEach((entry) => dcp.addNumber(...entry));
    const facts = [data.model, data.policy && `policy ${data.policy}`];
    if (dcp.delay > 0) facts.push(`a drop takes effect ${dcp.delay} tokens after it was decided`);
    if (data.prompt_tokens < tokens) facts.push(`${data.prompt_tokens} tokens given, ${tokens - data.prompt_tokens} generated`);
    byId("facts").textContent = facts.filter(Boolean).join(" · ");
  }

  function addLayerChips() {
    const add = (layer, label) => {
      const radio = dcp.element("input", { type: "radio", name: "layer", value: layer, id: `layer-${layer}` });
      radio.addEventListener("change", () => dcp.setLayer(layer));
      const name = layer === ALL ? "All layers" : `Layer ${layer}`;
      byId("layers").append(radio, dcp.element("label", { for: radio.id, title: name }, label));
    };
    add(ALL, "all");
    for (let layer = 0; layer < layers; ++layer) add(layer, String(layer));
  }

  // --- Play --------------------------------------------------------------------------------------------------------

  function setPlaying(on) {
    cancelAnimationFrame(timer);
    timer = 0;
    byId("play-icon").setAttribute("d", on ? "M3 2h4v12H3zM9 2h4v12H9z" : "M4 2l10 6-10 6z");
    byId("play").setAttribute("aria-label", on ? "Pause the reading" : "Play the reading");
    if (!on) return;
    if (state.step >= tokens - 1) dcp.setStep(0);
    const perSecond = Math.max(8, tokens / 20);
    const from = state.step;
    let began = 0;
    const tick = (now) => {
      began ||= now;
      const step = from + Math.floor(((now - began) / 1000) * perSecond);
      if (step !== state.step) dcp.setStep(step);
      if (state.step >= tokens - 1) setPlaying(false);
      else timer = requestAnimationFrame(tick);
    };
    timer = requestAnimationFrame(tick);
  }

  // --- The address -------------------------------------------------------------------------------------------------

  // "#step=12&layer=2&token=5&theme=dark"; what is as it was at first is left out.
  function remember() {
    const parts = [];
    if (state.step !== tokens - 1) parts.push(`step=${state.step}`);
    if (state.layer !== ALL) parts.push(`layer=${state.layer}`);
    if (state.held) parts.push(`token=${state.token}`);
    if (theme.chosen()) parts.push(`theme=${theme.chosen()}`);
    const hash = parts.length > 0 ? `#${parts.join("&")}` : "";
    if (timer === 0 && hash !== location.hash) history.replaceState(null, "", hash || location.pathname);
  }

  function recall() {
    const wanted = new URLSearchParams(location.hash.slice(1));
    const whole = (key, low, high) => {
      const value = Number.parseInt(wanted.get(key) ?? "", 10);
      return Number.isInteger(value) && value >= low && value <= high ? value : null;
    };
    if (wanted.has("lanes")) state.lanes = wanted.get("lanes") === "1";
    state.step = whole("step", 0, tokens - 1) ?? state.step;
    state.layer = whole("layer", 0, layers - 1) ?? state.layer;
    state.token = whole("token", 0, tokens - 1) ?? -1;
    state.held = state.token >= 0;
  }

  // --- Events ------------------------------------------------------------------------------------------------------

  function onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const typing = event.target.matches?.("input, button");
    const actions = {
      Escape: () => dcp.setToken(-1, true),
      "[": () => dcp.setLayer(Math.max(ALL, state.layer - 1)),
      "]": () => dcp.setLayer(Math.min(layers - 1, state.layer + 1)),
      ",": () => dcp.setStep(state.step - 1),
      ".": () => dcp.setStep(state.step + 1),
    };
    if (!typing) actions[" "] = () => setPlaying(timer === 0);
    if (!Object.hasOwn(actions, event.key)) return;
    event.preventDefault();
    actions[event.key]();
  }

  recall();
  addLayerChips();
  showNumbers();
  dcp.text.build();
  dcp.charts.build();
  byId("step").max = tokens - 1;
  byId("step").addEventListener("input", (event) => {
    setPlaying(false);
    dcp.setStep(Number(event.target.value));
  });
  byId("play").addEventListener("click", () => setPlaying(timer === 0));
  byId("lanes").addEventListener("change", (event) => setLanes(event.target.checked));
  byId("close").addEventListener("click", () => dcp.setToken(-1, true));
  document.addEventListener("keydown", onKey);
  new ResizeObserver(() => {
    dcp.text.select();
    dcp.charts.draw();
  }).observe(byId("stage"));

  byId("lanes").checked = state.lanes;
  dcp.setLayer(state.layer);
  dcp.setStep(state.step);
  dcp.text.select();
  theme.attach(byId("theme"), () => {
    dcp.charts.draw();
    remember();
  });
})();
