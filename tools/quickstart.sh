#!/usr/bin/env bash
# From a bare checkout to generated text: installs what is missing (Debian, root or sudo), builds, and lets the model
# that ships continue a prompt. The last line tells speed, sparsity, and the bytes of the KV cache against a dense one.
# It builds dcp-generate and nothing else; tools/test.sh builds the rest.
# Usage: tools/quickstart.sh [PROMPT]
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"
prompt=${1:-It was a dark night, and the old man}

install_packages libcli11-dev libhwy-dev nlohmann-json3-dev
options=()
if [ ! -f build/CMakeCache.txt ]; then
  options=(-DDCP_BUILD_TESTS=OFF)  # a tree that already has the tests keeps them
fi
build dcp-generate -- "${options[@]}"
build/dcp-generate --model models/books --prompt "$prompt" --max-new-tokens 800 --temperature 0.7 --seed 1
