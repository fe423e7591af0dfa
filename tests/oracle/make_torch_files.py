#!/usr/bin/env python3
"""Makes tests/data/torch: what torch.save writes of a GPT-2, as dcp-finetune convert has to read it.

Usage: make_torch_files.py OUT_DIR     (needs torch from PyPI; written with 2.15, whose files older ones read too)

Values follow a rule that the test repeats: element i of tensor number k, in the order of GPT-2's files, is
((37 i + 11 k) mod 101 - 50) / 64, which every float type holds exactly.
"""
import collections
import json
import os
import sys

import torch

V, P, C, L, H = 12, 6, 4, 1, 2
SHAPES = [("wte.weight", [V, C]), ("wpe.weight", [P, C])]
for i in range(L):
    SHAPES += [(f"h.{i}.{name}", shape) for name, shape in [
        ("ln_1.weight", [C]), ("ln_1.bias", [C]), ("attn.c_attn.weight", [C, 3 * C]), ("attn.c_attn.bias", [3 * C]),
        ("attn.c_proj.weight", [C, C]), ("attn.c_proj.bias", [C]), ("ln_2.weight", [C]), ("ln_2.bias", [C]),
        ("mlp.c_fc.weight", [C, 4 * C]), ("mlp.c_fc.bias", [4 * C]), ("mlp.c_proj.weight", [4 * C, C]),
        ("mlp.c_proj.bias", [C])]]
SHAPES += [("ln_f.weight", [C]), ("ln_f.bias", [C])]


def values(k, shape):
    count = 1
    for size in shape:
        count *= size
    return torch.tensor([((37 * i + 11 * k) % 101 - 50) / 64 for i in range(count)]).view(shape)


def state_dict():
    """As GPT2LMHeadModel.state_dict() is: prefixed, with mask buffers, a tied head and torch's _metadata."""
    state = collections.OrderedDict()
    for k, (name, shape) in enumerate(SHAPES):
        state["transformer." + name] = values(k, shape)
    state["transformer.h.0.attn.bias"] = torch.tril(torch.ones(P, P, dtype=torch.uint8)).view(1, 1, P, P)
    state["transformer.h.0.attn.masked_bias"] = torch.tensor(-1e4)
    state["lm_head.weight"] = state["transformer.wte.weight"]
    state._metadata = collections.OrderedDict([("", {"version": 1}), ("transformer", {"version": 1})])
    return state


def odd_state_dict():
    """A training script's own: wrapped, mixed types, views, parameters."""
    state = collections.OrderedDict()
    for k, (name, shape) in enumerate(SHAPES):
        value = values(k, shape)
        if name == "wpe.weight":  # not from the start of its storage
            value = torch.cat([torch.zeros(3, C), value])[3:]
        if name == "h.0.mlp.c_fc.weight":  # not contiguous
            value = value.t().contiguous().t()
        if name == "h.0.mlp.c_proj.weight":
            value = value.half()
        if name == "h.0.attn.c_proj.weight":
            value = value.bfloat16()
        if name == "ln_f.weight":
            value = value.double()
        if name == "ln_f.bias":
            value = torch.nn.Parameter(value)
        state["module.transformer." + name] = value
    return {"epoch": 3, "loss": 1.5, "name": "run", "state_dict": state, "history": [1, 2.5, None, True, (1, "x")]}


class Command:
    def __reduce__(self):
        return os.system, ("echo this was run",)


def main():
    out = sys.argv[1]
    os.makedirs(out, exist_ok=True)

    def save(name, value, **options):
        torch.save(value, os.path.join(out, name), **options)

    save("archive.bin", state_dict())
    save("pickles.bin", state_dict(), _use_new_zipfile_serialization=False)
    save("odd-archive.bin", odd_state_dict())
    save("odd-pickles.bin", odd_state_dict(), _use_new_zipfile_serialization=False, pickle_protocol=4)
    save("command-archive.bin", {"wte.weight": Command()})
    save("command-pickles.bin", {"wte.weight": Command()}, _use_new_zipfile_serialization=False)
    names = list(state_dict())
    index = {"metadata": {}, "weight_map": {}}
    for number, part in enumerate([names[:5], names[5:]], 1):
        shard = f"pytorch_model-0000{number}-of-00002.bin"
        save(shard, collections.OrderedDict((name, state_dict()[name]) for name in part))
        index["weight_map"].update({name: shard for name in part})
    with open(os.path.join(out, "pytorch_model.bin.index.json"), "w") as file:
        json.dump(index, file, indent=1)


main()
