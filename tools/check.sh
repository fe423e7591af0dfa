#!/usr/bin/env bash
# What a reviewer should not have to look for, after tools/test.sh has built and tested everything:
#   format     every source is as clang-format leaves it
#   sanitize   clang++ with warnings as errors; library, parity and tools' tests under Address- and UndefinedBehaviorSanitizer
#   threads    tests of what runs in several threads, under ThreadSanitizer
#   readme     the README's commands, in its order, on what is built
# Usage: tools/check.sh [STAGE...]   (default: all of them)
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"
stages=("$@")
[ $# -gt 0 ] || stages=(format sanitize threads readme)

check_format() {
  install_packages clang-format
  git ls-files '*.cc' '*.h' | xargs clang-format --dry-run -Werror
}

# configure_and_test PRESET TARGETS REGEX [CMAKE_OPTION...]
configure_and_test() {
  local preset=$1 targets=$2 regex=$3
  shift 3
  if [ ! -f "build-$preset/CMakeCache.txt" ] && command -v ninja >/dev/null; then export CMAKE_GENERATOR=Ninja; fi
  cmake --preset "$preset" -DDCP_BUILD_FINETUNE=OFF "$@" >&2
  # shellcheck disable=SC2086
  cmake --build "build-$preset" --parallel "$(nproc)" --target $targets >&2
  # Not what says nothing new here: sources and pages that are the same; building the library once more; the long forms,
  # which take minutes, of what others run short. Nor a program without RTTI: its objects have no types to check.
  ctest --test-dir "build-$preset" --output-on-failure --no-tests=error --parallel "$(nproc)" -R "$regex" \
    -E '^layout\.|^inspect\.page|^install\.(subdirectory|other|pkg_config)|^ranks\.[^eg]|EqualsRerunningTheWholePrefix|ToolFaults\.BenchReports|^BenchRun\.[^D]'
}

check_sanitize() {
  install_packages clang libclang-rt-14-dev libcli11-dev libeigen3-dev libgtest-dev libhwy-dev nlohmann-json3-dev
  configure_and_test dev all . -DCMAKE_CXX_COMPILER=clang++
}

check_threads() {
  install_packages libcli11-dev libeigen3-dev libgtest-dev libhwy-dev nlohmann-json3-dev
  # Of ragged batches every policy in f32, and every type under `learned`: threads share alike with the other pairs.
  configure_and_test tsan 'dcp_unit_tests dcp_parity_tests' \
    'Thread|Pool|BatchedCache|TheBatch|MaxBatch|RaggedBatch.*(\(f32,|, learned\))|Session|Clone|Fingerprint|Schedul|SequencePolicy'
}

check_readme() {
  tests/install/readme_commands.sh . build/readme_commands
}

for stage in "${stages[@]}"; do
  echo "== $stage" >&2
  "check_$stage"
done
echo "== all checks passed: ${stages[*]}" >&2
