#!/usr/bin/env bash
# Builds everything and runs every test; ctest's summary is the last thing printed. Arguments go to ctest
# (tools/test.sh -R Tokenizer).
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"

install_packages libcli11-dev libeigen3-dev libgtest-dev libhwy-dev nlohmann-json3-dev \
  --optional libopenmpi-dev openmpi-bin libcpp-httplib-dev libtorch-dev libopenblas0-openmp libgloo-dev chromium doxygen pkg-config
# AUTO: what an earlier configuration decided without libtorch is not to last.
build all -- -DDCP_BUILD_TESTS=ON -DDCP_BUILD_FINETUNE=AUTO
exec ctest --test-dir build --output-on-failure --no-tests=error --parallel "$(nproc)" "$@"
