#!/bin/sh
# check_promises.sh ROOT: each `Suite.Name` of docs/api.md and docs/reliability.md is a test. Prints those that are not;
# fails if there is one.
set -eu
cd "$1"
grep -rhE '^TEST(_F|_P)?\(' tests --include='*.cc' |
  sed -E 's/^TEST(_F|_P)?\(([A-Za-z0-9_]+), *([A-Za-z0-9_]+).*/\2.\3/' >"${TMPDIR:-/tmp}/promises.$$"
trap 'rm -f "${TMPDIR:-/tmp}/promises.$$"' EXIT
awk -v known="${TMPDIR:-/tmp}/promises.$$" '
BEGIN {
  while ((getline line < known) > 0) test[line] = 1
}
{
  rest = $0
  while (match(rest, /`[A-Z][A-Za-z0-9]+\.[A-Z][A-Za-z0-9]+`/)) {
    name = substr(rest, RSTART + 1, RLENGTH - 2)
    rest = substr(rest, RSTART + RLENGTH)
    ++names
    if (name in test) continue
    printf "%s:%d: no test is %s\n", FILENAME, FNR, name
    failed = 1
  }
}
END {
  if (names == 0) { print "no test is named"; failed = 1 }
  exit failed
}
' docs/api.md docs/reliability.md
