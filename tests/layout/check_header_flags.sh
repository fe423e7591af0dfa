#!/bin/sh
# check_header_flags.sh ROOT CXX: the public headers under the warnings and dialects of other programs, by CXX and by g++ and
# clang++ where they are.
set -eu
cd "$1"
for compiler in "$2" g++ clang++; do
  command -v "$compiler" >/dev/null || { echo "no $compiler"; continue; }
  for flags in "-std=c++20" "-std=c++2b" "-std=c++20 -fno-rtti -fno-exceptions"; do
    # shellcheck disable=SC2086
    echo '#include "dcp/dcp.h"' | "$compiler" $flags -Iinclude -fsyntax-only -Wall -Wextra -Wpedantic -Wshadow -Wconversion \
      -Wsign-conversion -Wold-style-cast -Werror -x c++ - || { echo "$compiler $flags"; exit 1; }
  done
done
