#!/usr/bin/env bash
# Every tool that writes files, disturbed at every one of its calls about files in turn: a call that fails, a disk that is full
# from there on, SIGKILL, Ctrl-C and SIGTERM. tests/faults takes every fifth call of each; this takes all.
# Usage: tools/faults.sh [GTEST_FILTER]
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"
install_packages libcli11-dev libeigen3-dev libgtest-dev libhwy-dev nlohmann-json3-dev
build dcp_fault_tests -- -DDCP_BUILD_TESTS=ON
DCP_FAULT_STRIDE=1 exec build/tests/faults/dcp_fault_tests --gtest_filter="${1:-*}"
