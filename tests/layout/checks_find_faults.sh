#!/bin/sh
# checks_find_faults.sh DIR: the checks beside this file notice each kind of fault. Writes small trees with one fault
# under DIR and expects the check to fail on it - and to pass on the same tree without.
set -eu
here=$(cd "$(dirname "$0")" && pwd)

# tree FILE LINE: a sound tree under $dir, plus FILE with LINE.
tree() {
  rm -rf "$dir"
  mkdir -p "$dir/include/dcp" "$dir/src/runtime" "$dir/src/support" "$dir/src/base" "$dir/src/kernels" "$dir/src/cache" "$dir/src/io" "$dir/src/model" \
    "$dir/tools/common" "$dir/tools/dcp-x"
  echo '#include <vector>' >"$dir/include/dcp/types.h"
  echo '#include "base/a.h"  // std::cout << 1' >"$dir/src/kernels/b.h"
  echo 'int n = std::snprintf(buffer, 8, "x");' >"$dir/src/base/a.h"
  echo '#include "kernels/b.h"' >"$dir/src/model/c.h"
  echo '#include "common/d.h"' >"$dir/tools/dcp-x/e.h"
  echo "$2" >"$dir/$1"
}

passes() {
  tree "$2" "$3"
  sh "$here/check_$1.sh" "$dir" || { echo "check_$1.sh refuses: $2: $3"; exit 1; }
}

fails() {
  tree "$2" "$3"
  if sh "$here/check_$1.sh" "$dir" >/dev/null; then
    echo "check_$1.sh overlooks: $2: $3"
    exit 1
  fi
}

dir=$1
passes includes src/cache/x.h '#include "dcp/kv_cache.h"'
passes includes src/kernels/x.cc '#include "hwy/highway.h"'
passes includes tools/dcp-x/x.cc '#include "dcp-x/e.h"'
passes includes src/cache/x.h '#include "kernels/slot_pages.h"'
passes includes src/base/x.h '#include "support/json.h"'
passes includes tools/dcp-x/x.cc '#include "support/json.h"'
passes includes src/support/x.h '#include "dcp/error.h"'
fails includes src/support/x.h '#include "dcp/types.h"'
fails includes src/support/x.h '#include "base/a.h"'
fails includes src/io/x.h '#include "writers/x.h"'
fails includes tools/dcp-x/x.cc '#include "writers/x.h"'
fails includes src/cache/x.h '#include "kernels/b.h"'
fails includes src/base/x.h '#include "kernels/b.h"'
fails includes src/kernels/x.h '#include "cache/x.h"'
fails includes src/kernels/x.h '#include <model/c.h>'
fails includes src/kernels/x.h '#include "dcp/model_config.h"'
fails includes src/kernels/x.h '#include "dcp/kv_cache.h"'
fails includes src/cache/x.h '#include "dcp/session.h"'
fails includes src/cache/x.h '#include "dcp/eviction_policy.h"'
fails includes src/model/x.h '#include "dcp/session.h"'
fails includes src/model/x.h '#include "dcp/dcp.h"'
fails includes src/runtime/x.h '#include "dcp/unheard_of.h"'
fails includes include/dcp/kv_cache.h '#include "dcp/session.h"'
passes includes include/dcp/session.h '#include "dcp/kv_cache.h"'
passes includes include/dcp/dcp.h '#include "dcp/session.h"'
fails includes src/cache/x.h '#include "../model/c.h"'
fails includes src/model/x.cc '  #  include "runtime/session.h"'
fails includes src/model/x.cc '#include "common/d.h"'
fails includes include/dcp/x.h '#include "base/a.h"'
fails includes include/dcp/x.h '#include <nlohmann/json.hpp>'
fails includes tools/dcp-x/x.cc '#include "model/c.h"'
fails includes tools/dcp-x/x.cc '#include "dcp-y/f.h"'
fails includes tools/dcp-x/x.cc '#include <base/a.h>'
fails includes tools/common/x.cc '#include "dcp-x/e.h"'
known="TEST(SomeApi, Holds) {"
promise() {
  mkdir -p "$dir/docs" "$dir/tests"
  echo "$known" >"$dir/tests/a.cc"
  echo "$1" | tee "$dir/docs/api.md" >"$dir/docs/reliability.md"
  sh "$here/check_promises.sh" "$dir" >/dev/null
}
promise '| x.h | holds | `SomeApi.Holds` |' || { echo "check_promises.sh refuses a test that is there"; exit 1; }
if promise '| x.h | holds | `SomeApi.Held` |'; then echo "check_promises.sh overlooks a test that is not there"; exit 1; fi
if promise '| x.h | holds | no test |'; then echo "check_promises.sh overlooks that no test is named"; exit 1; fi
passes silence src/base/x.h 'handler_exit(1);  // exit(1)'
fails silence src/base/x.h '  std::cerr << "x";'
fails silence src/base/x.h '  printf("x");'
fails silence src/base/x.h '  std::fprintf(stderr, "x");'
fails silence src/model/x.cc 'std::abort();'
fails silence include/dcp/x.h 'exit (1);'
passes clocks src/base/x.h 'std::chrono::steady_clock::now();  // not system_clock'
fails clocks src/base/x.h 'std::chrono::system_clock::now();'
fails clocks tools/dcp-x/x.cc 'const time_t now = time(nullptr);'
rm -rf "$dir"
