#!/usr/bin/env bash
# pkg_config.sh PKG_CONFIG CXX TREE LIBDIR DIR: builds the consumer by hand with what dcp.pc of an install tree says, and runs
# it: without type information, by the other compiler in the next standard, and, of a static library, with --static. The
# tree is a copy in another place, for dcp.pc has to find itself. Skipped where there is no pkg-config.
set -euo pipefail
[ "$1" != DCP_PKG_CONFIG-NOTFOUND ] || { echo "skipped: no pkg-config"; exit 77; }
pkg_config=$1 cxx=$2 tree=$3 libdir=$4 dir=$5
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
rm -rf "$dir"
mkdir -p "$dir/moved"
cp -a "$tree/$libdir" "$tree/include" "$dir/moved"
export PKG_CONFIG_PATH=$dir/moved/$libdir/pkgconfig LD_LIBRARY_PATH=$dir/moved/$libdir

# consume CXX PKG_CONFIG_OPTION FLAG...
consume() {
  local compiler=$1 static=$2
  shift 2
  echo "$compiler $* $static"
  # shellcheck disable=SC2046,SC2086
  "$compiler" "$@" ${CXXFLAGS:-} "$here/consumer/main.cc" -o "$dir/consumer" \
    $("$pkg_config" $static --cflags --libs dcp)
  (cd "$here/../.." && "$dir/consumer")
}

consume "$cxx" "" -std=c++20 -fno-rtti
[ "$("$pkg_config" --modversion dcp)" = "$("$dir/consumer" --version)" ] || { echo "dcp.pc is of another version"; exit 1; }
if compgen -G "$dir/moved/$libdir/libdcp.so*" >/dev/null; then
  so=$(readelf -d "$dir/consumer" | grep -o 'libdcp\.so[^]]*')
  want=libdcp.so.$("$pkg_config" --modversion dcp | sed -E 's/\.[0-9]+$//')
  [ "$so" = "$want" ] || { echo "the consumer needs $so, expected $want"; exit 1; }
else
  consume "$cxx" --static -std=c++20
fi
case ${CXXFLAGS:-} in
  *-fsanitize*) echo "one compiler only: sanitizers do not mix" ;;
  *)
    other=$(command -v clang++ || true)
    if "$cxx" --version | grep -q clang; then other=$(command -v g++ || true); fi
    if [ -n "$other" ]; then consume "$other" "" -std=c++2b; else echo "one compiler only: there is no other"; fi
    ;;
esac
