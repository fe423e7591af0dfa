"""Writes tests/data/variants: small random models that differ from the published GPT-2, and the logits that Hugging
Face's transformers (and PEFT, for adapters) compute for them. Not needed to build or to test; the files are.

    python3 -m venv VENV && VENV/bin/pip install torch transformers peft
    VENV/bin/python tests/oracle/make_variants.py tests/data/variants

Made with torch 2.15.0, transformers 5.24.0, peft 0.21.2 (double precision; logits rounded to 6 decimals).
"""
import json
import pathlib
import shutil
import sys
import tempfile

import peft
import torch
import transformers
from safetensors.torch import load_file, save_file
from transformers import GPT2Config, GPT2LMHeadModel

V, P, C, L, H = 20, 12, 8, 2, 2
IDS = [3, 17, 0, 9, 9, 14, 1, 19, 6]
BASE = dict(vocab_size=V, n_positions=P, n_embd=C, n_layer=L, n_head=H, bos_token_id=V - 1, eos_token_id=V - 1)


def randomise(model, seed):
    """Weights that spread activations and attention, and biases and norms that are not trivial."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, tensor in model.named_parameters():
            draw = torch.randn(tensor.shape, generator=generator, dtype=torch.float64)
            if "ln_" in name and name.endswith("weight"):
                tensor.copy_(1 + 0.1 * draw)
            elif tensor.dim() == 1:
                tensor.copy_(0.2 * draw)
            else:
                tensor.copy_(draw * (0.6 if "wte" in name or "wpe" in name else 0.5))


def logits_of(model):
    with torch.no_grad():
        rows = model.double().eval()(torch.tensor([IDS])).logits[0]
    return [[round(x, 6) for x in row] for row in rows.tolist()]


def tensors_of(model):
    return {name: tensor.detach().clone().float().contiguous() for name, tensor in model.named_parameters()}


def load(directory, **config):
    """What from_pretrained gives for the files of `directory` under this config, in double precision."""
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        shutil.copy(directory / "model.safetensors", folder)
        (folder / "config.json").write_text(json.dumps({"model_type": "gpt2", **BASE, **config}))
        return GPT2LMHeadModel.from_pretrained(folder, dtype=torch.float64)


def make_base(out, name, seed, **config):
    directory = out / name
    directory.mkdir(parents=True)
    model = GPT2LMHeadModel(GPT2Config(**{**BASE, **config})).double()
    randomise(model, seed)
    save_file(tensors_of(model), directory / "model.safetensors", metadata={"format": "pt"})
    return directory


def main():
    out = pathlib.Path(sys.argv[1])
    if out.exists():
        shutil.rmtree(out)
    cases = []

    def add(name, directory, config, adapter=None, logits=None):
        case = {"name": name, "model": directory.name, "config": {"model_type": "gpt2", **BASE, **config}}
        if adapter:
            case["adapter"] = adapter
        case["logits"] = logits if logits else logits_of(load(directory, **config))
        cases.append(case)

    base = make_base(out, "base", 1)
    for activation in ["gelu_new", "gelu", "gelu_fast", "gelu_pytorch_tanh", "gelu_accurate", "gelu_python", "relu",
                       "silu", "swish", "quick_gelu", "tanh", "linear"]:
        add(activation, base, {"activation_function": activation})
    add("unscaled", base, {"scale_attn_weights": False})
    add("by_layer", base, {"scale_attn_by_inverse_layer_idx": True})
    add("by_layer_upcast", base, {"scale_attn_by_inverse_layer_idx": True, "reorder_and_upcast_attn": True})
    add("unscaled_by_layer", base, {"scale_attn_weights": False, "scale_attn_by_inverse_layer_idx": True})
    untied = make_base(out, "untied", 1, tie_word_embeddings=False)
    add("untied", untied, {"tie_word_embeddings": False})
    add("all", untied, {"tie_word_embeddings": False, "activation_function": "silu", "layer_norm_epsilon": 1e-3,
                      "scale_attn_by_inverse_layer_idx": True})
    add("one_layer_of_two", base, {"n_layer": 1})
    add("inner", make_base(out, "inner", 2, n_inner=13), {"n_inner": 13})

    # The same tensors without biases, and in every type a file may mix.
    plain = load_file(base / "model.safetensors")
    unbiased = out / "unbiased"
    unbiased.mkdir()
    save_file({n: t for n, t in plain.items() if not n.endswith("bias")}, unbiased / "model.safetensors")
    model = load(base)
    with torch.no_grad():
        for name, tensor in model.named_parameters():
            if name.endswith("bias"):
                tensor.zero_()
    add("unbiased", unbiased, {}, logits=logits_of(model))
    types = [torch.float64, torch.float16, torch.bfloat16, torch.float32]
    mixed = out / "mixed"
    mixed.mkdir()
    save_file({n: t.to(types[i % 4]) for i, (n, t) in enumerate(plain.items())}, mixed / "model.safetensors")
    add("mixed", mixed, {})

    # Adapters, each trained (that is: drawn) on the base.
    def adapter(name, base, base_config, seed=7, **lora):
        torch.manual_seed(seed)
        model = load(base, **base_config)
        lora = {"r": 3, "lora_alpha": 5, "fan_in_fan_out": True, "task_type": "CAUSAL_LM", **lora}
        model = peft.get_peft_model(model, peft.LoraConfig(**lora)).double()
        generator = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for parameter_name, parameter in model.named_parameters():
                if parameter.requires_grad:
                    parameter.add_(0.3 * torch.randn(parameter.shape, generator=generator, dtype=torch.float64))
        expected = logits_of(model)
        model.float().save_pretrained(out / name, save_embedding_layers=False)
        (out / name / "README.md").unlink(missing_ok=True)
        config = json.loads((out / name / "adapter_config.json").read_text())
        config["base_model_name_or_path"] = "base"
        (out / name / "adapter_config.json").write_text(json.dumps(config, indent=1, sort_keys=True) + "\n")
        # Trained in double, saved in float: what counts is what was saved.
        again = peft.PeftModel.from_pretrained(load(base, **base_config), out / name).double()
        add(name, base, base_config, adapter=name, logits=logits_of(again))
        assert abs(torch.tensor(expected) - torch.tensor(cases[-1]["logits"])).max() < 1e-3, name

    every = ["c_attn", "c_proj", "c_fc"]
    adapter("lora_attn", base, {}, target_modules=["c_attn"])
    adapter("lora_every", base, {}, target_modules=every, bias="all")
    adapter("lora_scaled", untied, {"tie_word_embeddings": False}, target_modules=every + ["lm_head"], use_rslora=True,
            rank_pattern={"h.1.attn.c_attn": 2, "mlp.c_proj": 1}, alpha_pattern={"c_fc": 9, "lm_head": 2})
    adapter("lora_head_of_tied", base, {}, target_modules=["c_attn", "lm_head"])
    adapter("lora_embedding", base, {}, target_modules=["c_fc", "wte"])
    adapter("lora_saved", base, {}, target_modules=["attn.c_proj"], modules_to_save=["ln_f", "lm_head"], bias="lora_only")

    for file in out.rglob("*"):
        file.chmod(0o755 if file.is_dir() else 0o644)
    text = json.dumps({"ids": IDS, "versions": {"torch": torch.__version__, "transformers": transformers.__version__,
                                                "peft": peft.__version__}, "cases": cases})
    (out / "variants.json").write_text(text.replace('{"name"', '\n{"name"') + "\n")


main()
