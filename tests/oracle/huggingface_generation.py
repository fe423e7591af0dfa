"""Writes tests/data/huggingface/generation.json: what transformers' own generate() makes of the small trained model in
tests/data/books-tiny, token for token, for the settings that libdcp shares with it; and filters.json: which tokens its
logits warpers leave of random logits.

    python3 -m venv /tmp/oracle && /tmp/oracle/bin/pip install torch transformers
    /tmp/oracle/bin/python tests/oracle/huggingface_generation.py

Made with transformers 5.24.0 and torch 2.15.0, float32. Neither is needed to build or test libdcp.
"""
import json
import os
import random

import torch
import transformers
from transformers import GPT2LMHeadModel
from transformers.generation import logits_process as hf

root = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "data")
model = GPT2LMHeadModel.from_pretrained(os.path.join(root, "books-tiny"), dtype=torch.float32)
model.eval()
torch.manual_seed(0)

# Names are those of both libraries; "samples" is num_return_sequences.
SETTINGS = [
    {},
    {"repetition_penalty": 1.3},
    {"repetition_penalty": 0.8},
    {"no_repeat_ngram_size": 1},
    {"no_repeat_ngram_size": 2},
    {"no_repeat_ngram_size": 3, "repetition_penalty": 1.1},
    {"bad_words_ids": [[11], [13], [626, 449]]},
    {"logit_bias": {"13": -4.0, "284": 2.5}, "repetition_penalty": 1.2},
    {"min_new_tokens": 20, "eos": [13, 11]},
    {"eos": [13]},
    {"num_beams": 2},
    {"num_beams": 4, "samples": 4},
    {"num_beams": 4, "length_penalty": 2.0, "eos": [13]},
    {"num_beams": 4, "length_penalty": -1.0, "eos": [13], "samples": 3},
    {"num_beams": 5, "early_stopping": True, "eos": [13, 11], "samples": 5},
    {"num_beams": 3, "early_stopping": "never", "length_penalty": 0.5, "eos": [13], "samples": 3},
    {"num_beams": 4, "no_repeat_ngram_size": 2},
    {"num_beams": 3, "repetition_penalty": 1.3, "samples": 2},
    {"num_beams": 3, "bad_words_ids": [[11], [626, 449]], "min_new_tokens": 8, "eos": [13]},
]


def run(prompt, settings, new_tokens):
    options = dict(settings)
    eos = options.pop("eos", None)
    options["num_return_sequences"] = options.pop("samples", 1)
    bias = options.pop("logit_bias", None)
    if bias:
        options["sequence_bias"] = [[[int(token)], value] for token, value in bias.items()]
    with torch.no_grad():
        out = model.generate(
            torch.tensor([prompt]), attention_mask=torch.ones(1, len(prompt), dtype=torch.long), do_sample=False,
            max_new_tokens=new_tokens, eos_token_id=eos, pad_token_id=0, return_dict_in_generate=True,
            output_scores=True, **options)
    sequences = []
    for row in out.sequences[:, len(prompt):].tolist():
        if eos:  # what follows the end is padding
            ends = [i for i, token in enumerate(row) if token in eos]
            row = row[: ends[0] + 1] if ends else row
        sequences.append(row)
    scores = getattr(out, "sequences_scores", None)
    return sequences, None if scores is None else [round(x, 5) for x in scores.tolist()]


# In the order in which generate() applies them.
WARPERS = [("temperature", hf.TemperatureLogitsWarper), ("top_k", hf.TopKLogitsWarper), ("top_p", hf.TopPLogitsWarper),
           ("min_p", hf.MinPLogitsWarper), ("typical_p", hf.TypicalLogitsWarper)]


def write_filters(path, rng):
    cases = []
    for number in range(48):
        settings = {"temperature": rng.choice([0.5, 0.8, 1.0, 1.7])}
        if number & 1:
            settings["top_k"] = rng.choice([3, 9, 20])
        if number & 2:
            settings["top_p"] = rng.choice([0.3, 0.7, 0.9])
        if number & 4:
            settings["min_p"] = rng.choice([0.02, 0.1, 0.4])
        if number & 8:
            settings["typical_p"] = rng.choice([0.2, 0.5, 0.9])
        # Four digits: no two are equal, where top-k would keep more of transformers' than K tokens.
        logits = [round_to(rng.gauss(0, 2), 4) for _ in range(32)]
        scores = torch.tensor([logits])
        for name, warper in WARPERS:
            if name in settings:
                scores = warper(settings[name])(torch.tensor([[0]]), scores)
        probabilities = torch.softmax(scores.double(), dim=-1)[0].tolist()
        cases.append({**settings, "logits": logits, "probabilities": [round_to(p, 6) for p in probabilities]})
    with open(path, "w") as file:
        file.write('{"cases": [\n' + ",\n".join(json.dumps(case) for case in cases) + "\n]}\n")


def round_to(x, digits):
    return round(x, digits)


def main():
    rng = random.Random(7)
    with open(os.path.join(root, "books-tiny", "expected.json")) as file:
        text = json.load(file)
    vocabulary = model.config.vocab_size
    greedy = text["greedy"]["prompt_ids"] if "greedy" in text else None
    prompts = [greedy[:12]] if greedy else []
    prompts += [[rng.randrange(vocabulary) for _ in range(n)] for n in (1, 5, 17)]
    cases = []
    for prompt in prompts:
        for settings in SETTINGS:
            sequences, scores = run(prompt, settings, 32)
            case = {"prompt_ids": prompt, "max_new_tokens": 32, **settings, "generated_ids": sequences}
            if scores:
                case["beam_scores"] = scores
            cases.append(case)
    target = os.path.join(root, "huggingface")
    os.makedirs(target, exist_ok=True)
    with open(os.path.join(target, "generation.json"), "w") as file:
        file.write('{"made_with": "transformers %s, torch %s",\n"cases": [\n' % (transformers.__version__, torch.__version__))
        file.write(",\n".join(json.dumps(case) for case in cases) + "\n]}\n")
    write_filters(os.path.join(target, "filters.json"), rng)
    print(len(cases), "cases")


main()
