#!/bin/sh
# check_silence.sh ROOT: the library never prints, aborts or exits. Prints every line that does; fails if there is one.
set -eu
cd "$1"

find include src -name '*.h' -o -name '*.cc' | sort | xargs awk '
{
  code = $0
  sub(/\/\/.*/, "", code)
}
code ~ /std::(cout|cerr|clog)|(^|[^a-zA-Z0-9_])(printf|fprintf|puts|fputs|putchar|perror|abort|exit|_exit|quick_exit|terminate)[ \t]*\(/ {
  printf "%s:%d: %s\n", FILENAME, FNR, $0
  failed = 1
}
END { exit failed }
'
