// The tables of the statistics page. The charts are in the page already.
"use strict";

(() => {
  const { data, byId } = dcp;
  const minus = (text) => text.replace("-", "−");
  const show = (estimate, scale = 1) => {
    if (estimate === null) return "–";
    const [value, low, high] = estimate.map((number) => minus((scale * number).toFixed(1)));
    return `${value} [${low}, ${high}]`;
  };

  const all = data.all_layers;
  byId("facts").textContent = `${data.model} · policy ${data.policy}`;
  dcp.addNumber("Windows", String(data.windows), `of ${data.context} tokens`);
  dcp.addNumber("Dropped", `${(100 * all.drop_rate[0]).toFixed(1)} %`, `within ${data.horizon} tokens, mean of the layers`);
  dcp.addNumber("Mean lifetime", all.mean_lifetime[0].toFixed(1), `tokens, of ${data.horizon}`);

  const layerRow = (name, layer) => [
    name,
    show(layer.drop_rate, 100),
    show(layer.mean_lifetime),
    show(layer.stop_words_minus_content),
    show(layer.punctuation_minus_content),
    layer.top_droppers.slice(0, 5).map((dropper) => dropper.token).join("  "),
  ];
  dcp.fillTable(
    byId("layers-table"),
    ["Layer", "Dropped, %", "Lifetime", "Stop words − others", "Punctuation − others", "Busiest droppers"],
    [...data.layers.map((layer, index) => layerRow(String(index), layer)), layerRow("all", all)],
  );
  dcp.fillTable(
    byId("droppers-table"),
    ["Token", "Drops", "Times read", "Drops each time", ""],
    all.top_droppers.map(({ token, drops, seen }) => [token, String(drops), String(seen), (drops / seen).toFixed(1), ""]),
  );

  theme.attach(byId("theme"));
})();
