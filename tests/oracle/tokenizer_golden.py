#!/usr/bin/env python3
"""Writes tests/data/tokenizers.json: what Hugging Face's libraries make of random strings, for every form of tokenizer.

    python3 -m venv VENV && VENV/bin/pip install tokenizers==0.23.3 transformers==5.24.0
    VENV/bin/python tests/oracle/tokenizer_golden.py > tests/data/tokenizers.json

The file holds the tokenizers themselves (small vocabularies), the pieces that strings are put together from, and for each
block of strings a hash of all their ids, so that 10 000 strings of every form take 100 KB. The strings are not in it: the
test draws them again, by the same generator (splitmix64). With the argument --show FORM INDEX it prints one string and
its ids instead.
"""

import json
import pathlib
import sys
import tempfile

import tokenizers
import transformers
from tokenizers import Regex, Tokenizer, models, pre_tokenizers, processors, trainers

STRINGS = 10_000
BLOCK = 100
EXAMPLES = 12
MASK = (1 << 64) - 1
GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"

CORPUS = """The old man opened the door and said that he'd been there before; they're not the others, aren't they?
Hello world, hello there. We've seen 12 of the 1900 in 2023 and it'll do. "Well," she said, "I'm not in the other one."
naïve café über straße русский язык 日本語 한국어 עברית العربية 😀👍 and then the end of the text, the user and the system.
""" * 3

# What strings are made of: words, spaces of all kinds, marks and joiners, and the added tokens with their fragments.
PIECES = """Hello|hello|he|the| the|The| world|world|there|that|'s|'ll|'re|'S|d| d|er|user|ab|abc|12|2023|½|Ⅷ|é|ü|ß|naïve|日本|語
|русский|한|ע|😀|👍🏽|_|-|.|,|!|?|"|'|<|>||/|x|z|Z|0|́|‍|"""
PIECES = PIECES.replace("\n", "").split("|") + [
    " ", " ", "  ", "   ", "\n", "\n\n", "\t", "\r\n", "\u00a0", "\u3000", "\u2028", "\u0085", "\x00", "\x1c", "|", "|>", "<|",
    "<|endoftext|>", "<|endoftext|", "<|endof", "text|>", "<|user|>", "<|user", "<|im_end|>", "<pad>", "<s>", "</s>",
    "<L>", "<R>", "<B>", "<W>", "<N>", "<NN>", "<N", "wordy", "word", " spaced token ", "spaced token", "<mask>",
]
PIECES = [piece for piece in PIECES if piece]


class Random:
    """splitmix64"""

    def __init__(self, seed):
        self.state = seed

    def below(self, count):
        self.state = (self.state + 0x9E3779B97F4A7C15) & MASK
        z = self.state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        return (z ^ (z >> 31)) % count


def string_of(index):
    random = Random(index)
    return "".join(PIECES[random.below(len(PIECES))] for _ in range(random.below(14)))


def hash_ids(hashed, ids):
    """FNV-1a over whole numbers; the length parts the strings."""
    for value in [*ids, len(ids)]:
        hashed = ((hashed ^ value) * 0x100000001B3) & MASK
    return hashed


def train():
    """A vocabulary with all 256 bytes, and its merges."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=400, show_progress=False, initial_alphabet=pre_tokenizers.ByteLevel.alphabet()
    )
    tokenizer.train_from_iterator([CORPUS], trainer)
    model = json.loads(tokenizer.to_str())["model"]
    return model["vocab"], [tuple(pair) for pair in model["merges"]]


VOCAB, MERGES = train()
FLAGS = ["single_word", "lstrip", "rstrip", "normalized", "special"]


def flagged(content, **flags):
    return {"content": content, **{flag: flags.get(flag, False) for flag in FLAGS}}


def merges_text(merges):
    return "#version: 0.2\n" + "".join(f"{a} {b}\n" for a, b in merges)


def with_end_of_text(vocab):
    return {**vocab, "<|endoftext|>": len(vocab)}


def plain(vocab=None, merges=None):
    return {"vocab.json": with_end_of_text(vocab or VOCAB), "merges.txt": merges_text(merges or MERGES)}


# Every flag, alone and together, in both rounds.
TOKENS = [
    flagged("<|endoftext|>", special=True),
    flagged("<L>", lstrip=True),
    flagged("<R>", rstrip=True, normalized=True),
    flagged("<B>", lstrip=True, rstrip=True, special=True),
    flagged("<W>", single_word=True),
    flagged("word", single_word=True, normalized=True),
    flagged("<N>", normalized=True),
    flagged("<NN>", normalized=True, rstrip=True),
    flagged("<N", special=True),
    flagged("\n\n", normalized=True),
    flagged("\u00a0", special=False),
    flagged(" spaced token ", lstrip=True),
    flagged("<|user|>", special=True, rstrip=True),
    flagged("<mask>", lstrip=True, special=True),
    flagged("ab", single_word=True, special=True),
]


def tokenizer_json(vocab, merges, tokens=(), pre_tokenizer=None, post_processor=None, pairs=True, **model):
    first = len(vocab)
    return {
        "version": "1.0", "truncation": None, "padding": None,
        "added_tokens": [{"id": first + i, **token} for i, token in enumerate(tokens)],
        "normalizer": None,
        "pre_tokenizer": pre_tokenizer or {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True},
        "post_processor": post_processor,
        "decoder": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True},
        "model": {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None,
                  "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False, "vocab": vocab,
                  "merges": [list(pair) if pairs else " ".join(pair) for pair in merges], **model},
    }


def byte_level(add_prefix_space, use_regex=True):
    return {"type": "ByteLevel", "add_prefix_space": add_prefix_space, "trim_offsets": True, "use_regex": use_regex}


def template(*before):
    return {"type": "TemplateProcessing",
            "single": [*[{"SpecialToken": {"id": name, "type_id": 0}} for name, _ in before],
                       {"Sequence": {"id": "A", "type_id": 0}}],
            "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
            "special_tokens": {name: {"id": name, "ids": [number], "tokens": [name]} for name, number in before}}


def incomplete():
    """Without some of the bytes, and the merges that need them; ids close up."""
    gone = set("zZéĠ日Ð/0") | {"Ġ"}
    vocab = {}
    for token in sorted(VOCAB, key=VOCAB.get):
        if not gone & set(token):
            vocab[token] = len(vocab)
    return vocab, [(a, b) for a, b in MERGES if not gone & set(a + b)]


def forms():
    """(name, files, settings)"""
    size = len(VOCAB)
    yield "vocab-merges", plain(), {}
    yield "added-tokens", {
        **plain(), "added_tokens.json": {"<|user|>": size + 1, "<pad>": size + 2, "<L>": size + 3, "ab": size + 4},
        "special_tokens_map.json": {"additional_special_tokens": ["<|user|>"], "pad_token": "<pad>",
                                    "mask_token": flagged("<mask>", lstrip=True), "eos_token": "<|endoftext|>"}}, {}
    yield "added-tokens-decoder", {
        **plain(), "tokenizer_config.json": {
            "tokenizer_class": "GPT2Tokenizer", "add_prefix_space": False, "unk_token": "<|endoftext|>",
            "bos_token": "<|endoftext|>", "eos_token": "<|endoftext|>", "pad_token": "<pad>",
            "added_tokens_decoder": {str(size + i): token for i, token in enumerate(TOKENS)}}}, {}
    yield "add-prefix-space", {
        **plain(), "tokenizer_config.json": {
            "tokenizer_class": "GPT2Tokenizer", "add_prefix_space": True,
            "added_tokens_decoder": {str(size + i): token for i, token in enumerate(TOKENS)}}}, {}
    yield "add-bos-token", {
        **plain(), "tokenizer_config.json": {"tokenizer_class": "GPT2Tokenizer", "add_bos_token": True,
                                             "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<|endoftext|>"}}, {}
    yield "json-strings", {"tokenizer.json": tokenizer_json(VOCAB, MERGES, TOKENS, pairs=False)}, {}
    yield "json-pairs-prefix-space", {
        "tokenizer.json": tokenizer_json(VOCAB, MERGES, TOKENS, byte_level(True), template(("<B>", size + 3)))}, {}
    yield "json-no-special", {"tokenizer.json": tokenizer_json(VOCAB, MERGES, TOKENS)}, {"special": False}
    yield "json-split-sequence", {
        "tokenizer.json": tokenizer_json(VOCAB, MERGES, TOKENS[:4], {"type": "Sequence", "pretokenizers": [
            {"type": "Split", "pattern": {"Regex": GPT2}, "behavior": "Isolated", "invert": False},
            byte_level(False, use_regex=False)]})}, {}
    yield "json-whole-text", {
        "tokenizer.json": tokenizer_json(VOCAB, MERGES, TOKENS[:8], byte_level(True, use_regex=False))}, {}
    # Words that no merges make, taken as they stand.
    words = {word: size + i for i, word in enumerate(["Ġworld", "wordy", "Ġd", "abc", "12", "2023"])}
    yield "json-ignore-merges", {
        "tokenizer.json": tokenizer_json({**VOCAB, **{k: v for k, v in words.items() if k not in VOCAB}}, MERGES[:60],
                                         TOKENS[:3], ignore_merges=True)}, {}
    vocab, merges = incomplete()
    yield "bytes-missing", plain(vocab, merges), {}
    unknown = {"<unk>": 0, **{token: number + 1 for token, number in vocab.items()}}
    for fuse in (False, True):
        yield f"json-unknown-{'fused' if fuse else 'each'}", {
            "tokenizer.json": tokenizer_json(unknown, merges, TOKENS[:3], unk_token="<unk>", fuse_unk=fuse)}, {}
    # Given twice, a merge has the later rank.
    yield "merges-twice", plain(VOCAB, MERGES[20:40] + MERGES), {}


def encoder_of(files, settings):
    """A function from text to ids, by the library that loads such files."""
    with tempfile.TemporaryDirectory() as directory:
        for name, content in files.items():
            text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
            (pathlib.Path(directory) / name).write_text(text, "utf-8")
        if "tokenizer.json" in files:
            tokenizer = Tokenizer.from_file(f"{directory}/tokenizer.json")
            tokenizer.encode_special_tokens = not settings.get("special", True)
            return lambda text: tokenizer.encode(text).ids
        loaded = transformers.GPT2Tokenizer.from_pretrained(directory)
        return lambda text: loaded(text)["input_ids"]


def golden_of(name, files, settings):
    encode = encoder_of(files, settings)
    hashes = []
    for begin in range(0, STRINGS, BLOCK):
        hashed = 0xCBF29CE484222325
        for index in range(begin, begin + BLOCK):
            hashed = hash_ids(hashed, encode(string_of(index)))
        hashes.append(f"{hashed:016x}")
    return {"name": name, "files": files, **settings, "hashes": hashes,
            "examples": [{"text": string_of(i), "ids": encode(string_of(i))} for i in range(EXAMPLES)]}


def main():
    if len(sys.argv) == 4 and sys.argv[1] == "--show":
        for name, files, settings in forms():
            if name == sys.argv[2]:
                text = string_of(int(sys.argv[3]))
                print(json.dumps(text, ensure_ascii=False), encoder_of(files, settings)(text))
        return
    golden = {"made_by": f"tokenizers {tokenizers.__version__}, transformers {transformers.__version__}",
              "strings": STRINGS, "block": BLOCK, "pieces": PIECES,
              "forms": [golden_of(*form) for form in forms()]}
    print(json.dumps(golden, ensure_ascii=False, separators=(",", ":")))


if __name__ == "__main__":
    main()
