#!/usr/bin/env python3
"""Writes unicode_ranges.inc, the character classes of GPT-2's pre-tokenizer, from the Unicode Character Database.

    tools/unicode/make_unicode_tables.py UCD_DIRECTORY > src/text/unicode_ranges.inc

UCD_DIRECTORY holds UnicodeData.txt and PropList.txt (Debian: package unicode-data). Letters and numbers are the general
categories L* and N*, spaces the property White_Space.
"""

import pathlib
import re
import sys

PER_LINE = 4


def categories(directory):
    """Yields (first, last, general category) of every line, First/Last pairs joined."""
    first = None
    for line in (directory / "UnicodeData.txt").read_text("utf-8").splitlines():
        code, name, category = line.split(";")[:3]
        code = int(code, 16)
        if name.endswith(", First>"):
            first = code
            continue
        yield (first if name.endswith(", Last>") else code), code, category
        first = None


def white_space(directory):
    text = (directory / "PropList.txt").read_text("utf-8")
    for match in re.finditer(r"^([0-9A-F]+)(?:\.\.([0-9A-F]+))?\s*;\s*White_Space\b", text, re.MULTILINE):
        yield int(match[1], 16), int(match[2] or match[1], 16)


def version(directory):
    header = (directory / "PropList.txt").read_text("utf-8").splitlines()[0]
    return re.search(r"PropList-([0-9.]+)\.txt", header)[1]


def class_ranges(directory):
    """Sorted, disjoint (first, last, class); neighbours of one class are joined."""
    names = {"L": "kLetter", "N": "kNumber"}
    ranges = [(a, b, names[c[0]]) for a, b, c in categories(directory) if c[0] in names]
    ranges += [(a, b, "kSpace") for a, b in white_space(directory)]
    joined = []
    for first, last, name in sorted(ranges):
        if joined and joined[-1][1] >= first:
            sys.exit(f"U+{first:04X} has two classes, {joined[-1][2]} and {name}")
        if joined and joined[-1][1] + 1 == first and joined[-1][2] == name:
            joined[-1] = (joined[-1][0], last, name)
        else:
            joined.append((first, last, name))
    return joined


def main():
    directory = pathlib.Path(sys.argv[1])
    ranges = class_ranges(directory)
    print(f"// Made by tools/unicode/make_unicode_tables.py from the Unicode Character Database {version(directory)}; do not edit.")
    print("// clang-format off")
    for i in range(0, len(ranges), PER_LINE):
        print(" ".join(f"{{0x{a:X}, 0x{b:X}, {name}}}," for a, b, name in ranges[i : i + PER_LINE]))
    print("// clang-format on")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main()
