// openai_client.mjs URL ALONE.json: completions, streamed and not, errors and models by the official client.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import OpenAI from "openai";

const [url, file] = process.argv.slice(2);
const alone = JSON.parse(readFileSync(file, "utf8")).sequences[0];
const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: "a-key", maxRetries: 0 });
const asked = { model: "books-tiny", prompt: "The old man", max_tokens: 24, temperature: 0.8, seed: 7 };

const whole = await client.completions.create({ ...asked, logprobs: 2 });
assert.equal(whole.choices[0].text, alone.text);
assert.equal(whole.usage.completion_tokens, alone.generated_ids.length);

let text = "";
let usage = null;
const stream = await client.completions.create({ ...asked, stream: true, stream_options: { include_usage: true } });
for await (const chunk of stream) {
  for (const choice of chunk.choices) text += choice.text;
  usage = chunk.usage ?? usage;
}
assert.equal(text, alone.text);
assert.equal(usage.prompt_tokens, alone.prompt_ids.length);

assert.equal((await client.models.list()).data[0].id, "books-tiny");
await assert.rejects(client.completions.create({ ...asked, temperature: -1 }), { status: 400 });
await assert.rejects(new OpenAI({ baseURL: `${url}/v1`, apiKey: "wrong", maxRetries: 0 }).models.list(), { status: 401 });
console.log("ok");
