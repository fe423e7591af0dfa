#!/bin/sh
# Repeats the tables and plots of docs/performance.md with dcp-bench, one file of each kind in the output folder.
#
#   tools/performance.sh [build folder] [output folder] [part ..]        default: build performance, all parts
#
# Parts, with their time on two cores:
#   types    every weight type: read bandwidth at batch 1, multiply-adds at batch 32 and in prefill    2 min
#   pruning  dense against pruned: three batches, three contexts, four sparsities                      6 min
#   kv       the same in one cell with K and V in half precision                                       1 min
#   growth   time per token against context and against kept tokens, 8192 positions                    4 min
#   long     8192 positions, context 8000, batch 8; needs 8 GiB                                        3 min
#
# Nothing else should run meanwhile: dcp-bench says so at the end where something did.
set -eu
bench=${1:-build}/dcp-bench
out=${2:-performance}
[ $# -gt 2 ] && shift 2 || set -- types pruning kv growth long
mkdir -p "$out"

long=12,12,768,8192,50257  # GPT-2 small with more positions
measure() {  # part, then options of dcp-bench
  part=$1
  shift
  echo "== $part" >&2
  "$bench" "$@" --json "$out/$part.json" --csv "$out/$part.csv" --plot "$out/$part.svg" >"$out/$part.txt"
  cat "$out/$part.txt"
}

for part in "$@"; do
  case $part in
    types) measure types --shape gpt2 --int-dim 0 --policy dense --weights f32,bf16,f16,i8 \
      --batch 1,4,8,16,32 --context 128 --repeats 5 ;;
    pruning) measure pruning --shape gpt2 --policy dense,learned --sparsity 0,0.5,0.8,0.9 \
      --batch 1,8,32 --context 128,512,960 --steps 8 --repeats 5 ;;
    kv) measure kv --shape gpt2 --policy dense,learned --sparsity 0.8 --kv f32,f16 \
      --batch 32 --context 960 --steps 8 --repeats 7 --prefill 64 ;;
    growth) measure growth --shape $long --policy dense,learned --kept 128,256,512,1024 \
      --batch 8 --context 1024,2048,4096,8000 --steps 8 --repeats 3 --prefill 64 ;;
    long) measure long --shape $long --policy dense,learned --sparsity 0.8 \
      --batch 8 --context 8000 --steps 4 --repeats 5 --prefill 64 ;;
    *)
      echo "tools/performance.sh: $part is not a part; there are types, pruning, kv, growth and long" >&2
      exit 2
      ;;
  esac
done
