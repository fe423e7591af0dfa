#!/usr/bin/env python3
"""Writes the tables of src/text from the Unicode Character Database.

    tools/unicode/make_unicode_tables.py classes UCD_DIRECTORY > src/text/unicode_ranges.inc
    tools/unicode/make_unicode_tables.py words UCD_DIRECTORY > src/text/word_ranges.inc

UCD_DIRECTORY holds UnicodeData.txt, PropList.txt and DerivedCoreProperties.txt (Debian: package unicode-data).

classes: what GPT-2's pre-tokenizer tells apart. Letters and numbers are the general categories L* and N*, spaces the
property White_Space.
words: what \\w of a regular expression means (UTS #18, annex C): Alphabetic, M*, Nd, Pc, Join_Control.
"""

import pathlib
import re
import sys

PER_LINE = {"classes": 4, "words": 6}


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


def with_property(directory, file, name):
    text = (directory / file).read_text("utf-8")
    for match in re.finditer(rf"^([0-9A-F]+)(?:\.\.([0-9A-F]+))?\s*;\s*{name}\b", text, re.MULTILINE):
        yield int(match[1], 16), int(match[2] or match[1], 16)


def version(directory):
    header = (directory / "PropList.txt").read_text("utf-8").splitlines()[0]
    return re.search(r"PropList-([0-9.]+)\.txt", header)[1]


def class_ranges(directory):
    """Sorted, disjoint (first, last, class); neighbours of one class are joined."""
    names = {"L": "kLetter", "N": "kNumber"}
    ranges = [(a, b, names[c[0]]) for a, b, c in categories(directory) if c[0] in names]
    ranges += [(a, b, "kSpace") for a, b in with_property(directory, "PropList.txt", "White_Space")]
    joined = []
    for first, last, name in sorted(ranges):
        if joined and joined[-1][1] >= first:
            sys.exit(f"U+{first:04X} has two classes, {joined[-1][2]} and {name}")
        if joined and joined[-1][1] + 1 == first and joined[-1][2] == name:
            joined[-1] = (joined[-1][0], last, name)
        else:
            joined.append((first, last, name))
    return joined


def word_ranges(directory):
    """Sorted, disjoint (first, last); neighbours are joined."""
    ranges = [(a, b) for a, b, c in categories(directory) if c[0] == "M" or c in ("Nd", "Pc")]
    ranges += with_property(directory, "DerivedCoreProperties.txt", "Alphabetic")
    ranges += with_property(directory, "PropList.txt", "Join_Control")
    joined = []
    for first, last in sorted(ranges):
        if joined and joined[-1][1] + 1 >= first:
            joined[-1] = (joined[-1][0], max(joined[-1][1], last))
        else:
            joined.append((first, last))
    return joined


def main():
    directory = pathlib.Path(sys.argv[2])
    ranges = {"classes": class_ranges, "words": word_ranges}[sys.argv[1]](directory)
    print(f"// Made by tools/unicode/make_unicode_tables.py from the Unicode Character Database {version(directory)}; do not edit.")
    print("// clang-format off")
    per_line = PER_LINE[sys.argv[1]]
    for i in range(0, len(ranges), per_line):
        line = ranges[i : i + per_line]
        print(" ".join(f"{{0x{first:X}, 0x{last:X}{''.join(', ' + name for name in rest)}}}," for first, last, *rest in line))
    print("// clang-format on")


if __name__ == "__main__":
    if len(sys.argv) != 3 or sys.argv[1] not in ("classes", "words"):
        sys.exit(__doc__)
    main()
