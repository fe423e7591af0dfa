"""Writes tests/data/perplexity.json: perplexity as lm-evaluation-harness computes it, of a small model that transformers
runs. Its own functions cut the windows, put WikiText together and count words.

    python3 -m venv /tmp/oracle && /tmp/oracle/bin/pip install torch transformers lm-eval
    /tmp/oracle/bin/python tests/oracle/harness_perplexity.py tests/data/books-tiny > tests/data/perplexity.json

Written with lm-eval 0.4.13, transformers 5.24.0 and torch 2.15.0.
"""
import importlib.util, json, math, os, re, sys
import torch
from transformers import GPT2LMHeadModel, GPT2Tokenizer
import lm_eval

def load(path, name):
    spec = importlib.util.spec_from_file_location(name, os.path.join(os.path.dirname(lm_eval.__file__), path))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module

TEXTS = {
    "prose": "The old man opened the door and looked out. Nothing moved in the garden; the rain had stopped, and the "
             "caf\u00e9 across the road was dark.\n\n\"Who is there?\" he asked. Nobody answered.\n" * 3,
    "wikitext": " = Old Mill = \n \n The Old Mill is a water @-@ mill built in 1 @,@ 750 . It stands by the river ' s bank , "
                "( near the bridge ) , and \" was never closed \" . \n = = History = = \n The miller said : the wheel "
                "turned 3 @.@ 5 times a minute ; nobody believed him . \n",
}
utils = load("utils.py", "harness_utils")
wikitext = load("tasks/wikitext/preprocess_wikitext.py", "harness_wikitext")

def loglikelihood(model, tokenizer, text, context):
    ids, total = tokenizer.encode(text), 0.0
    prefix = tokenizer.bos_token_id if tokenizer.bos_token_id is not None else tokenizer.eos_token_id
    for window in utils.get_rolling_token_windows(ids, prefix, context, 1):
        before, scored = utils.make_disjoint_window(window)
        inputs = (before + scored)[:-1]
        with torch.no_grad():
            logits = model(torch.tensor([inputs[-context:]])).logits[0].double().log_softmax(-1)
        for i, token in enumerate(scored):
            total += logits[len(logits) - len(scored) + i, token].item()
    return total, len(ids)

model = GPT2LMHeadModel.from_pretrained(sys.argv[1], torch_dtype=torch.float32).eval()
tokenizer = GPT2Tokenizer.from_pretrained(sys.argv[1])
cases = []
for name, text in TEXTS.items():
    for context in (32, model.config.n_positions):
        scored = wikitext.wikitext_detokenizer({"page": text}) if name == "wikitext" else text
        total, tokens = loglikelihood(model, tokenizer, scored, context)
        words, size = len(re.split(r"\s+", text)), len(text.encode("utf-8"))
        cases.append({"text": text, "detokenize": "wikitext" if name == "wikitext" else "none", "context": context,
                      "tokens": tokens, "word_perplexity": math.exp(-total / words),
                      "bits_per_byte": -total / size / math.log(2)})
json.dump(cases, sys.stdout, indent=1)
