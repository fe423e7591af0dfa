// many_clients.mjs URL CLIENTS SECONDS: so many clients of the official openai package, each streaming one text after the
// other; each answer has to be that of the same request alone. Not part of the tests: for a server under load.
//   cd FOLDER_WITH_OPENAI && cp .../many_clients.mjs . && node many_clients.mjs http://127.0.0.1:8080 256 600
import OpenAI from "openai";

const [url, clients, seconds] = process.argv.slice(2);
const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: "any", maxRetries: 0 });
const words = "the old man and his daughter went down to the sea for a fine morning while rain fell upon hills".split(" ");
const kinds = 60;
const ask = (i) => ({
  model: "any",
  prompt: Array.from({ length: 5 + (i % 40) }, (_, k) => words[(i * 7 + k * 3) % words.length]).join(" "),
  max_tokens: 20 + i,
  temperature: 0.8,
  seed: i,
});

const alone = [];
for (let i = 0; i < kinds; ++i) alone.push((await client.completions.create(ask(i))).choices[0].text);

const begin = Date.now();
let next = 0, answers = 0, wrong = 0, errors = 0;
async function work() {
  while (Date.now() - begin < 1000 * Number(seconds)) {
    const i = next++ % kinds;
    try {
      let text = "";
      for await (const chunk of await client.completions.create({ ...ask(i), stream: true })) {
        for (const choice of chunk.choices) text += choice.text;
      }
      ++answers;
      if (text !== alone[i]) ++wrong;
    } catch (error) {
      if (++errors < 4) console.error(String(error));
    }
  }
}
await Promise.all(Array.from({ length: Number(clients) }, work));
console.log(JSON.stringify({ answers, wrong, errors, seconds: (Date.now() - begin) / 1000 }));
process.exit(wrong + errors > 0 ? 1 : 0);
