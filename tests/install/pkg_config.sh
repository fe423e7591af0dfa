#!/usr/bin/env bash
# pkg_config.sh PKG_CONFIG CXX TREE LIBDIR DIR: builds the consumer by hand, with what dcp.pc of an install tree says, and runs
# it. Skipped where there is no pkg-config.
set -euo pipefail
[ "$1" != DCP_PKG_CONFIG-NOTFOUND ] || { echo "skipped: no pkg-config"; exit 77; }
pkg_config=$1 cxx=$2 tree=$3 libdir=$4 dir=$5
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
mkdir -p "$dir"
export PKG_CONFIG_PATH=$tree/$libdir/pkgconfig LD_LIBRARY_PATH=$tree/$libdir
# shellcheck disable=SC2046,SC2086
"$cxx" -std=c++20 ${CXXFLAGS:-} "$here/consumer/main.cc" -o "$dir/consumer" $("$pkg_config" --cflags --libs dcp)
cd "$here/../.."
"$dir/consumer"
