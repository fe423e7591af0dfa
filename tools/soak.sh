#!/usr/bin/env bash
# A scheduler and a dcp-serve under random load for a long time: requests of all kinds at random times, cancelled or left
# in the middle, under settings drawn anew again and again, and rubbish between them. Fails unless every sequence is, bit for
# bit, that of the same request run alone, the budget is never passed, all memory is given back, and resident memory stays flat.
# Usage: tools/soak.sh [--minutes N] [--asan] [--seed N] [--model DIR] [--out DIR]
#   --minutes N   how long, both at once; default: 60
#   --asan        under Address- and UndefinedBehaviorSanitizer (in build-dev)
#   --seed N      what everything is drawn from; default: the time
#   --model DIR   what dcp-serve serves; default: models/books
#   --out DIR     scheduler.csv, serve.csv and rss.svg, resident memory over time; default: build/soak
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"
minutes=60 asan=no seed=$(date +%s) model=models/books out=build/soak
while [ $# -gt 0 ]; do
  case $1 in
    --minutes) minutes=$2; shift ;;
    --asan) asan=yes ;;
    --seed) seed=$2; shift ;;
    --model) model=$2; shift ;;
    --out) out=$2; shift ;;
    -h | --help) sed -n '2,/^set/{s/^# //p}' "tools/soak.sh"; exit 0 ;;
    *) echo "soak.sh: unknown argument $1 (see --help)" >&2; exit 2 ;;
  esac
  shift
done

install_packages libcli11-dev libeigen3-dev libgtest-dev libhwy-dev nlohmann-json3-dev libcpp-httplib-dev
if [ $asan = yes ]; then
  built=build-dev
  if [ ! -f $built/CMakeCache.txt ] && command -v ninja >/dev/null; then export CMAKE_GENERATOR=Ninja; fi
  cmake --preset dev -DDCP_BUILD_FINETUNE=OFF >&2
  cmake --build $built --parallel "$(nproc)" --target dcp_soak dcp-serve >&2
  # What is freed is kept for a while to catch later use: little enough that growth shows.
  export ASAN_OPTIONS=quarantine_size_mb=16:detect_leaks=1${ASAN_OPTIONS:+:$ASAN_OPTIONS}
else
  built=build
  build dcp_soak dcp-serve -- -DDCP_BUILD_TESTS=ON
fi

mkdir -p "$out"
soak=$built/tests/soak/dcp_soak seconds=$((minutes * 60))
echo "soak: $minutes minutes, seed $seed$([ $asan = no ] || echo ', sanitized')" >&2
status=0
"$soak" scheduler --seconds $seconds --seed "$seed" --csv "$out/scheduler.csv" &
scheduler=$!
"$soak" serve --seconds $seconds --seed "$seed" --program $built/dcp-serve --model "$model" --csv "$out/serve.csv" || status=1
wait $scheduler || status=1
"$soak" plot --csv "scheduler=$out/scheduler.csv" --csv "dcp-serve=$out/serve.csv" --out "$out/rss.svg"
[ $status = 0 ] && echo "soak: nothing wrong; $out/rss.svg" || echo "soak: violations, see above" >&2
exit $status
