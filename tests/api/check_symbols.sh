#!/usr/bin/env bash
# check_symbols.sh NM CXXFILT LIBRARY LIST: the names that a shared libdcp defines for others are those of LIST, demangled,
# behind its first line. DCP_UPDATE_ABI=1 in the environment writes LIST anew.
set -euo pipefail
export LC_ALL=C
nm=$1 cxxfilt=$2 library=$3 list=$4
header=$(dirname "${BASH_SOURCE[0]}")/../../include/dcp/version.h
version=$(awk '/define DCP_VERSION_M(AJOR|INOR)/ { printf "%s%s", sep, $3; sep = "." }' "$header")
{
  echo "libdcp $version: what a shared library exports"
  "$nm" -D --defined-only "$library" | awk '{ print $NF }' | "$cxxfilt" | sort -u
} >found_symbols.txt
[ -z "${DCP_UPDATE_ABI:-}" ] || cp found_symbols.txt "$list"
diff "$list" found_symbols.txt || {
  echo "The names above are not those of $list: DCP_UPDATE_ABI=1 accepts them, with a new minor version where one was released (docs/api.md)."
  exit 1
}
strangers=$(tail -n +2 found_symbols.txt | grep -vE '^((typeinfo|typeinfo name|vtable) for )?dcp::' || true)
[ -z "$strangers" ] || { echo "not libdcp's: $strangers"; exit 1; }
