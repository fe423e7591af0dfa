#!/bin/sh
# check_includes.sh ROOT: who may include whom. Prints every include that goes the wrong way; fails if there is one.
#
#   support <- base <- kernels, io, cache <- text (io), eviction (kernels, cache) <- model <- runtime <- tools
#
# Public headers need only each other and the standard library. Each belongs to the layer that implements it, where the
# same rule holds: src/cache may not include dcp/session.h. src/support is the floor that all stand on. src/writers
# (support, io) is not part of libdcp and is for those who make checkpoints. Tools see only include/dcp, src/support,
# tools/common and themselves; dcp-finetune, which writes checkpoints and makes tokenizers, also src/io, src/text and
# src/writers.
set -eu
cd "$1"

find include src tools -name '*.h' -o -name '*.cc' | sort | xargs awk '
function fail(why) {
  printf "%s:%d: includes %s: %s\n", FILENAME, FNR, name, why
  failed = 1
}
function listed(word, words) { return index(" " words " ", " " word " ") > 0 }
# The public header at hand, included by a layer.
function check_public(layer) {
  if (!(part[2] in layer_of)) return fail(part[2] == "dcp.h" ? "only programs include everything" : "belongs to no layer: name it in check_includes.sh")
  if (!listed(layer_of[part[2]], may[layer])) fail("belongs to " layer_of[part[2]] ", " layer " may include " may[layer])
}

BEGIN {
  may["support"] = "support"
  may["base"] = "base support"
  may["kernels"] = "kernels base support"
  may["io"] = "io base support"
  may["writers"] = "writers io base support"
  may["cache"] = "cache base support"
  may["text"] = "text io base support"
  may["eviction"] = "eviction kernels cache base support"
  may["model"] = "model eviction text cache io kernels base support"
  may["runtime"] = "runtime model eviction text cache io kernels base support"
  own["support"] = "error.h export.h warnings.h"
  own["base"] = "types.h thread_pool.h sparse_sigmoid.h version.h"
  own["kernels"] = "simd.h"
  own["io"] = "model_config.h"
  own["cache"] = "kv_cache.h drop_log.h"
  own["text"] = "tokenizer.h"
  own["eviction"] = "eviction_policy.h"
  own["model"] = "model.h"
  own["runtime"] = "logits_processor.h sampler.h session.h prompt_state.h generate.h scheduler.h"
  for (layer in own) {
    count = split(own[layer], header, " ")
    for (i = 1; i <= count; ++i) layer_of[header[i]] = layer
  }
  lent = "kernels/slot_pages.h"  # how a page of slots is laid out: kernels read it, cache fills it
}

/^[ \t]*#[ \t]*include[ \t]*[<"]/ {
  quoted = ($0 ~ /include[ \t]*"/)
  name = $0
  sub(/^[^<"]*[<"]/, "", name)
  sub(/[>"].*/, "", name)
  parts = split(name, part, "/")
  top = parts > 1 ? part[1] : ""
  split(FILENAME, dir, "/")
  if (name ~ /\.\./) fail("paths start at include, src or tools")
  if (dir[1] == "include") {
    if (quoted ? top != "dcp" : name !~ /^[a-z_]+$/) fail("public headers need only the standard library")
    if (quoted && top == "dcp" && dir[3] != "dcp.h") check_public(layer_of[dir[3]])
  } else if (dir[1] == "tools") {
    extra = dir[2] == "dcp-finetune" ? " io text writers kernels" : ""  # it writes what they read, and computes with their vectors
    if ((quoted || top in may) && !listed(top, "dcp support common nlohmann CLI " dir[2] extra))
      fail("tools see only include/dcp, src/support and tools/common")
  } else if (dir[2] in may) {
    if (top == "dcp") {
      check_public(dir[2])
    } else if (dir[2] == "cache" && name == lent) {
      next
    } else if (top in may ? !listed(top, may[dir[2]]) : quoted && !listed(top, "hwy nlohmann")) {
      fail("src/" dir[2] " may include " may[dir[2]])
    }
  }
}

END { exit failed }
'
