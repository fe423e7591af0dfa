// Asks the server: JSON, and events of a stream as they come.
"use strict";

(() => {
  const headers = (key) => {
    const fields = { "Content-Type": "application/json" };
    if (key) fields.Authorization = `Bearer ${key}`;
    return fields;
  };

  // The answer, or an Error with the server's message.
  async function post(path, body, key, signal) {
    const answer = await fetch(path, { method: "POST", headers: headers(key), body: JSON.stringify(body), signal });
    if (answer.ok) return answer;
    const problem = await answer.json().catch(() => null);
    throw new Error(problem?.error?.message ?? `the server answered ${answer.status}`);
  }

  dcp.ask = async (path, body, key, signal) => (await post(path, body, key, signal)).json();

  // Calls `seen` with each event's document.
  dcp.stream = async (path, body, key, signal, seen) => {
    const answer = await post(path, { ...body, stream: true }, key, signal);
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      rest += value;
      const events = rest.split("\n\n");
      rest = events.pop();
      for (const event of events) {
        if (!event.startsWith("data: ") || event === "data: [DONE]") continue;
        const document = JSON.parse(event.slice(6));
        if (document.error) throw new Error(document.error.message);
        seen(document);
      }
    }
  };
})();
