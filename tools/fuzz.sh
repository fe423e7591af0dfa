#!/usr/bin/env bash
# Fuzzes libdcp with coverage (libFuzzer, clang++, Address- and UndefinedBehaviorSanitizer): hostile files, requests,
# saved states, and programs of a session against the oracle. Targets are in tests/fuzz/targets; build-fuzz/fuzz keeps
# the inputs that each has learned from (corpus/), logs, and what was found (found/), from run to run.
# Usage: tools/fuzz.sh [TARGET...] [--seconds N] [--timeout N] [--seeds DIR]...
#   TARGET     default: all of them, one after the other
#   --seconds  that each target runs; default: 60. 0: only the seeds, and what was learned and found before
#   --timeout  seconds that one input may take; default: 10
#   --seeds    another directory to take seeds from: models, adapters, question files, prompts
# Ends with a table of executions and coverage; exit status 1 where something was found.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"
targets=() seeds=() seconds=60 timeout=10
while [ $# -gt 0 ]; do
  case $1 in
    --seconds) seconds=$2 && shift ;;
    --timeout) timeout=$2 && shift ;;
    --seeds) seeds+=("$2") && shift ;;
    -*) echo "tools/fuzz.sh: $1 is no option; there are --seconds, --timeout and --seeds" >&2 && exit 2 ;;
    *) targets+=("$1") ;;
  esac
  shift
done

install_packages clang libclang-rt-14-dev libcli11-dev libeigen3-dev libgtest-dev libhwy-dev nlohmann-json3-dev \
  --optional libcpp-httplib-dev
if [ ! -f build-fuzz/CMakeCache.txt ] && command -v ninja >/dev/null; then export CMAKE_GENERATOR=Ninja; fi
cmake --preset fuzz >&2
wanted=(fuzzers)
[ ${#targets[@]} -eq 0 ] || wanted=(dcp-fuzz-seeds "${targets[@]/#/dcp-fuzz-}")
cmake --build build-fuzz --parallel "$(nproc)" --target "${wanted[@]}" >&2
if [ ${#targets[@]} -eq 0 ]; then
  for file in tests/fuzz/targets/*.cc; do
    target=$(basename "$file" .cc)
    [ ! -x "build-fuzz/dcp-fuzz-$target" ] || targets+=("$target")
  done
fi

out=build-fuzz/fuzz
build-fuzz/dcp-fuzz-seeds $out/seeds . "${seeds[@]}"
export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=1:allocator_may_return_null=0:quarantine_size_mb=16}

# run TARGET: its log is $out/logs/TARGET.log.
run() {
  local target=$1 folders=() before=() limit=(-max_total_time="$seconds")
  mkdir -p $out/corpus/"$target" $out/seeds/"$target" $out/found $out/logs $out/executions
  folders=($out/corpus/"$target" $out/seeds/"$target")
  [ ! -d tests/fuzz/regressions/"$target" ] || folders+=(tests/fuzz/regressions/"$target")
  mapfile -t before < <(find $out/found -name "$target-*")
  [ "$seconds" -gt 0 ] || limit=(-runs=0)
  if [ ${#before[@]} -gt 0 ] && ! build-fuzz/dcp-fuzz-"$target" "${before[@]}" >$out/logs/"$target".before 2>&1; then
    echo "tools/fuzz.sh: $target: what was found before still is (log: $out/logs/$target.before)" >&2
    failed+=("$target")
  fi
  build-fuzz/dcp-fuzz-"$target" "${folders[@]}" "${limit[@]}" -max_len=4096 -len_control=20 -dict=tests/fuzz/json.dict \
    -timeout="$timeout" -report_slow_units="$timeout" -rss_limit_mb=2048 -malloc_limit_mb=64 -print_final_stats=1 \
    -artifact_prefix="$out/found/$target-" >$out/logs/"$target".log 2>&1 || failed+=("$target")
}

# number TARGET PATTERN: the last number behind PATTERN in its log.
number() { grep -oP "$2 *\K[0-9]+" $out/logs/"$1".log | tail -n 1 || true; }

failed=()
rows=()
for target in "${targets[@]}"; do
  echo "== $target" >&2
  run "$target"
  executed=$(number "$target" 'stat::number_of_executed_units:')
  total=$((${executed:-0} + $(cat $out/executions/"$target" 2>/dev/null || echo 0)))
  echo $total >$out/executions/"$target"
  rows+=("$target ${executed:-0} $(number "$target" 'stat::average_exec_per_sec:') $total $(number "$target" 'cov:') \
$(number "$target" 'ft:') $(find $out/corpus/"$target" -type f | wc -l) $(find $out/found -name "$target-*" | wc -l)")
done
row='%-12s %11s %10s %13s %7s %9s %7s %6s\n'
# shellcheck disable=SC2059
printf "$row" target executions 'per second' 'of all runs' edges features corpus found
# shellcheck disable=SC2059,SC2086
for line in "${rows[@]}"; do printf "$row" $line; done
if [ ${#failed[@]} -gt 0 ]; then
  echo "tools/fuzz.sh: found something: ${failed[*]} (logs: $out/logs; build-fuzz/dcp-fuzz-TARGET FILE repeats it)" >&2
  exit 1
fi
