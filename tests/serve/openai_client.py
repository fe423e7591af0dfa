"""openai_client.py URL ALONE.json: completions, streamed and not, errors and models by the official client."""
import json
import sys

import openai

url, alone = sys.argv[1], json.load(open(sys.argv[2]))["sequences"][0]
client = openai.OpenAI(base_url=url + "/v1", api_key="a-key", max_retries=0)
asked = dict(model="books-tiny", prompt="The old man", max_tokens=24, temperature=0.8, seed=7)

whole = client.completions.create(**asked, logprobs=2)
assert whole.choices[0].text == alone["text"], (whole, alone)
assert whole.usage.completion_tokens == len(alone["generated_ids"])
assert len(whole.choices[0].logprobs.tokens) == len(alone["generated_ids"])

pieces, usage = [], None
for chunk in client.completions.create(**asked, stream=True, stream_options={"include_usage": True}):
    pieces += [choice.text for choice in chunk.choices]
    usage = chunk.usage or usage
assert "".join(pieces) == alone["text"], pieces
assert len(pieces) > 5 and usage.prompt_tokens == len(alone["prompt_ids"])

assert client.models.list().data[0].id == "books-tiny"
for wrong, kind in ((dict(prompt=["a", 5]), openai.BadRequestError), (dict(temperature=-1), openai.BadRequestError)):
    try:
        client.completions.create(**{**asked, **wrong})
        raise AssertionError("nothing was refused")
    except kind as error:
        assert error.status_code == 400
try:
    openai.OpenAI(base_url=url + "/v1", api_key="wrong", max_retries=0).models.list()
    raise AssertionError("a wrong key was taken")
except openai.AuthenticationError:
    pass
print("ok")
