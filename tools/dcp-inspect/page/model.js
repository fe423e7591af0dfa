// What follows from the numbers of the trace.
"use strict";

(() => {
  const { data } = dcp;
  const tokens = data.ids.length;
  const layers = data.layers.length;
  const droppedAt = data.layers.map((layer) => layer.dropped_at);

  // Drops of such a model take effect that many tokens after they were decided; those without a score at once.
  const delay = data.eviction_delay ?? 0;
  const droppedBy = data.layers.map((layer) =>
    layer.dropped_at.map((at, token) => (at < 0 || layer.dropped_by_score[token] === null ? at : at - delay)),
  );

  // By token, as [layer, token].
  const byToken = (drops) => {
    const lists = Array.from({ length: tokens }, () => []);
    drops.forEach((of, layer) => of.forEach((n, token) => n >= 0 && lists[n].push([layer, token])));
    return lists;
  };
  const events = byToken(droppedBy);  // events[n]: what token n drops
  const leaving = byToken(droppedAt);  // leaving[n]: what token n no longer sees, and token n-1 did

  // held[layer][n]: tokens that the layer holds once token n was read.
  const held = droppedAt.map((drops) => {
    const change = new Array(tokens).fill(1);
    for (const by of drops) if (by >= 0) change[by] -= 1;
    let sum = 0;
    return change.map((delta) => (sum += delta));
  });

  Object.assign(dcp, { tokens, layers, delay, droppedAt, droppedBy, events, leaving, held });

  dcp.ALL = -1;

  // Layers that a choice (a number, or ALL) stands for.
  dcp.layersOf = (choice) => (choice === dcp.ALL ? [...Array(layers).keys()] : [choice]);

  dcp.isDropped = (layer, token, step) => {
    const by = droppedAt[layer][token];
    return by >= 0 && by <= step;
  };

  // Share of the chosen layers that have dropped the token by that step.
  dcp.droppedShare = (token, step, choice) => {
    const chosen = dcp.layersOf(choice);
    return chosen.filter((layer) => dcp.isDropped(layer, token, step)).length / chosen.length;
  };

  // Tokens from its own to the first that no longer sees it; up to the end of the text where none does.
  dcp.lifetime = (layer, token) => {
    const by = droppedAt[layer][token];
    return (by < 0 ? tokens : by) - token;
  };

  // Text to show for a token; never markup.
  dcp.tokenText = (token) => {
    if (data.tokens.length === 0) return " " + data.ids[token];
    const shown = data.shown[token];
    return shown ? shown.text : data.tokens[token];
  };

  // The same on one line, for labels.
  dcp.tokenLabel = (token) => dcp.tokenText(token).replaceAll("\n", "↵").replaceAll("\t", "⇥").trim() || "space";

  dcp.score = (value) => `s = ${value.toFixed(2).replace("-", "−")}`;

  // Share of the earlier tokens that are dropped when token `step` attends, over the chosen layers.
  dcp.sparsity = (step, choice) => {
    if (step === 0) return 0;
    const chosen = dcp.layersOf(choice);
    const kept = chosen.reduce((sum, layer) => sum + held[layer][step], 0) / chosen.length;
    return (step + 1 - kept) / step;
  };
})();
