// The page of dcp-serve: words that fade as layers drop them.
"use strict";

(() => {
  const { data, byId, element } = dcp;
  const faintest = 0.25; // what no layer keeps can still be read
  let tokens = []; // {span, kept: layers that keep it}
  let dropped = 0; // over layers
  let begun = 0;
  let made = 0;
  let running = null; // an AbortController

  byId("model").textContent = data.model;
  byId("policy").textContent = `policy ${data.policy}, ${data.layers} layers`;
  byId("key-label").hidden = !data.keys;
  const prunes = data.threshold !== undefined; // by a score that has a threshold
  byId("threshold-label").hidden = !prunes;
  if (prunes) byId("threshold").value = data.threshold;
  const usual = byId("threshold").value; // as near to the server's as the slider comes
  byId("tokens").max = data.positions;
  theme.attach(byId("theme"));
  // The address may say what to write: "#prompt=It%20was&tokens=40&write".
  const asked = new URLSearchParams(location.hash.slice(1));
  for (const name of ["prompt", "temperature", "top-p", "threshold", "tokens", "seed"]) {
    if (asked.has(name)) byId(name).value = asked.get(name);
  }
  for (const name of ["temperature", "top-p", "threshold", "tokens"]) {
    const show = () => (byId(`${name}-value`).textContent = byId(name).value);
    byId(name).addEventListener("input", show);
    show();
  }

  function addToken(text, given) {
    const span = element("span", given ? { class: "given" } : {}, text);
    byId("text").append(span);
    tokens.push({ span, kept: data.layers });
    show(tokens.at(-1));
  }

  function show({ span, kept }) {
    span.style.opacity = faintest + (1 - faintest) * (kept / data.layers);
    span.title = `${kept} of ${data.layers} layers keep it`;
    span.classList.toggle("gone", kept === 0);
  }

  function drop(drops) {
    const touched = new Set();
    for (const [, position] of drops) {
      const token = tokens[position];
      if (!token) continue;
      token.kept -= 1;
      dropped += 1;
      touched.add(token);
    }
    touched.forEach(show);
  }

  const bytes = (count) =>
    count >= 1 << 20 ? `${dcp.number(count / (1 << 20), 2)} MiB` : `${dcp.number(count / 1024, 1)} KiB`;

  function showMemory() {
    const dense = tokens.length * data.layers;
    const share = dense > 0 ? (dense - dropped) / dense : 0;
    byId("kept").style.transform = `scaleX(${share})`;
    byId("meter").setAttribute("aria-valuenow", Math.round(100 * share));
    byId("numbers").replaceChildren();
    dcp.addNumber("Kept", bytes((dense - dropped) * data.slot_bytes), ` of ${bytes(dense * data.slot_bytes)} dense`);
    dcp.addNumber("Dropped", dcp.percent(1 - share * (dense > 0)), " of all tokens in all layers");
    const seconds = (performance.now() - begun) / 1000;
    if (made > 1) dcp.addNumber("Speed", dcp.number(made / seconds), " tokens/s");
  }

  function clear() {
    tokens = [];
    dropped = made = 0;
    byId("text").replaceChildren();
    byId("problem").hidden = true;
  }

  async function write() {
    if (running) return;
    running = new AbortController();
    const { signal } = running;
    const key = byId("key").value;
    byId("go").disabled = true;
    byId("stop").disabled = false;
    byId("status").textContent = "Writing";
    clear();
    try {
      const prompt = byId("prompt").value || byId("prompt").placeholder;
      const given = await dcp.ask("/tokenize", { content: prompt, pieces: true }, key, signal);
      given.pieces.forEach((piece) => addToken(piece, true));
      showMemory();
      const body = {
        prompt: given.tokens,
        max_tokens: Number(byId("tokens").value),
        temperature: Number(byId("temperature").value),
        top_p: Number(byId("top-p").value),
        dcp: { return_drops: true },
      };
      if (prunes && byId("threshold").value !== usual) body.dcp.threshold = Number(byId("threshold").value);
      if (byId("seed").value !== "") body.seed = Number(byId("seed").value);
      begun = performance.now();
      await dcp.stream("/v1/completions", body, key, signal, (document) => {
        for (const choice of document.choices) {
          if (choice.dcp) {
            drop(choice.dcp.drops);
            addToken(choice.text, false);
            made += 1;
          } else if (choice.text) {
            byId("text").append(choice.text);
          }
        }
        showMemory();
      });
      byId("status").textContent = "Done";
    } catch (problem) {
      if (problem.name !== "AbortError") {
        byId("problem").textContent = problem.message;
        byId("problem").hidden = false;
      }
      byId("status").textContent = "Stopped";
    } finally {
      running = null;
      byId("go").disabled = false;
      byId("stop").disabled = true;
    }
  }

  const stop = () => running?.abort();
  byId("ask").addEventListener("submit", (event) => {
    event.preventDefault();
    write();
  });
  byId("stop").addEventListener("click", stop);
  addEventListener("keydown", (event) => {
    if (event.key === "Escape") stop();
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      write();
    }
  });
  showMemory();
  if (asked.has("write")) write();
})();
