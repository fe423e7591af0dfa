#!/bin/sh
# check_clocks.sh ROOT: what takes how long is measured on a clock that never jumps. Prints every line that asks for the time
# of day, but the one that dates dcp-serve's answers; fails if there is one.
set -eu
cd "$1"

find include src tools -name '*.h' -o -name '*.cc' | grep -v '^tools/dcp-serve/http/http_server\.cc$' | sort | xargs awk '
{
  code = $0
  sub(/\/\/.*/, "", code)
}
code ~ /system_clock|high_resolution_clock|CLOCK_REALTIME|(^|[^a-zA-Z0-9_])(time|gettimeofday)[ \t]*\((NULL|nullptr|0|&)/ {
  printf "%s:%d: %s\n", FILENAME, FNR, $0
  failed = 1
}
END { exit failed }
'
