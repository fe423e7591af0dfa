#!/bin/sh
# check_header_flags.sh ROOT CXX: the public headers under the warnings and dialects of other programs, by g++ and clang++,
# those that are there, or else by CXX.
set -eu
cd "$1"
compilers=
for compiler in g++ clang++; do
  if command -v "$compiler" >/dev/null; then compilers="$compilers $compiler"; else echo "no $compiler"; fi
done
for compiler in ${compilers:-$2}; do
  for flags in "-std=c++2b" "-std=c++20 -fno-rtti -fno-exceptions"; do
    # shellcheck disable=SC2086
    echo '#include "dcp/dcp.h"' | "$compiler" $flags -Iinclude -fsyntax-only -Wall -Wextra -Wpedantic -Wshadow -Wconversion \
      -Wsign-conversion -Wold-style-cast -Werror -x c++ - || { echo "$compiler $flags"; exit 1; }
  done
done
