#!/bin/sh
# ranks.sh WHAT MPIRUN BUILD SOURCE DIR: runs the tools as four ranks on this machine; what they write has to be what one
# process writes, byte for byte but for the times. WHAT: a subcommand, "generate", "killed" (a rank is), "errors" (they
# are said once). Exit status 77: no mpirun here.
set -eu
what=$1 mpirun=$2 build=$3 source=$4 dir=$5
model=$source/tests/data/books-tiny
rm -rf "$dir"
mkdir -p "$dir"
cd "$dir"

# As a launcher of some other kind would, or an installation without the component.
if [ "$what" = errors ]; then
  cp "$build/dcp-eval" alone
  for variables in "PMI_SIZE=4 PMI_RANK=0" "SLURM_STEP_NUM_TASKS=4 SLURM_PROCID=0" "PMIX_RANK=0"; do
    status=0
    env $variables ./alone perplexity --model "$model" --text "$source/README.md" >out 2>err || status=$?
    if [ $status -ne 2 ] || ! grep -q 'no MPI component' err || [ "$(wc -l <err)" -ne 1 ]; then
      echo "$variables without the component: exit status $status"
      cat err
      exit 1
    fi
  done
  # One process is one process, whoever started it.
  env PMI_SIZE=1 SLURM_STEP_NUM_TASKS=1 PMIX_RANK=0 ./alone --version >/dev/null
fi
if ! command -v "$mpirun" >/dev/null; then
  echo "skipped: no mpirun here"
  exit 77
fi
# One thread a rank: the machine may have fewer cores than ranks.
ranks="$mpirun -n 4 --oversubscribe --allow-run-as-root"
common="--threads 1"

without_times() {
  sed -E 's/"(seconds|tokens_per_s)": ?[-+.e0-9]+//g' "$1"
}
same() {
  without_times "$1" >left
  without_times "$2" >right
  if ! cmp left right; then
    echo "$1 and $2 differ"
    exit 1
  fi
}
# both NAME COMMAND..: by one process to NAME.one, by four to NAME.four; options of outputs are given by the caller.
both() {
  name=$1
  shift
  "$@" >"$name.one"
  $ranks "$@" >"$name.four" 2>"$name.err" || {
    echo "four ranks: exit status $?"
    cat "$name.err"
    exit 1
  }
  [ -s "$name.one" ]
  same "$name.one" "$name.four"
}

case $what in
perplexity)
  set -- "$build/dcp-eval" perplexity --model "$model" --text "$source/README.md" --text "$source/docs/generation.md" \
    --context 64 --batch 2 $common --json
  both scores "$@"
  "$@" --per-token one.json >/dev/null
  # Standard input is rank 0's; results that are on disk are taken from there.
  cat "$source/README.md" | "$build/dcp-eval" perplexity --model "$model" --text - --json $common >stdin.one
  cat "$source/README.md" | $ranks "$build/dcp-eval" perplexity --model "$model" --text - --json $common >stdin.four
  same stdin.one stdin.four
  $ranks "$@" --per-token four.json --resume kept.jsonl >kept.four
  cmp one.json four.json
  same scores.one kept.four
  lines=$(wc -l <kept.jsonl)
  "$@" --resume kept.jsonl >kept.one
  same scores.one kept.one
  [ "$lines" -gt 4 ] && [ "$(wc -l <kept.jsonl)" -eq "$lines" ]
  ;;
task)
  both task "$build/dcp-eval" task --task lambada --data "$source/tests/data/tasks/lastword.jsonl" --model "$model" \
    --batch 1 $common --json
  ;;
recall)
  both recall "$build/dcp-eval" recall --model "$model" --text "$source/README.md" --distances 32,64 --trials 6 \
    --policy window:40 --policy learned --batch 2 $common --json
  ;;
sweep)
  set -- "$build/dcp-eval" sweep --model "$model" --text "$source/README.md" --context 64 --max-windows 12 \
    --thresholds 0,0.5 --baselines window,h2o --batch 2 $common
  both sweep "$@" --json
  $ranks "$@" --resume rows.jsonl >/dev/null
  "$@" --json --resume rows.jsonl >again
  same sweep.one again
  ;;
generate)
  i=0
  while [ $i -lt 30 ]; do
    echo "{\"prompt\": \"the old man and number $i\", \"seed\": $i, \"max_new_tokens\": $((5 + i % 7))}"
    i=$((i + 1))
  done >in.jsonl
  echo '{"prompt": "x", "no_such": 1}' >>in.jsonl
  set -- "$build/dcp-generate" --model "$model" --input in.jsonl --kv-budget 4M --temperature 0.8 $common --output
  "$@" one.jsonl 2>one.err
  $ranks "$@" four.jsonl 2>four.err
  grep -q '31 of 31 requests done.*on 4 ranks' four.err
  grep -q 'in.jsonl:31' four.err
  sort one.jsonl >left
  sort four.jsonl >right
  cmp left right
  head -n 11 one.jsonl >part.jsonl
  $ranks "$@" part.jsonl --resume 2>part.err
  sort part.jsonl >right
  cmp left right
  ;;
killed)
  set -- "$build/dcp-eval" perplexity --model "$model" --text "$source/README.md" --text "$source/docs/design.md" \
    --context 128 --stride 16 --batch 1 $common --json
  setsid $ranks "$@" --resume kept.jsonl >killed.out 2>killed.err &
  run=$!
  until [ "$(cat kept.jsonl 2>/dev/null | wc -l)" -ge 3 ]; do
    kill -0 $run || break
    sleep 0.05
  done
  for rank in $(pgrep -P $run); do
    if tr '\0' '\n' <"/proc/$rank/environ" | grep -qx OMPI_COMM_WORLD_RANK=2; then kill -9 "$rank"; fi
  done
  status=0
  wait $run || status=$?
  if [ $status -eq 0 ]; then
    echo "a rank was killed, and the exit status is $status"
    cat killed.out killed.err
    exit 1
  fi
  grep -q 'rank 2' killed.err # who it was
  kept=$(wc -l <kept.jsonl)
  head -n "$kept" kept.jsonl >before.jsonl
  $ranks "$@" --resume kept.jsonl >resumed
  head -n "$kept" kept.jsonl | cmp - before.jsonl
  [ "$(wc -l <kept.jsonl)" -gt "$kept" ]
  "$@" --resume kept.jsonl --per-token /dev/null >one
  same resumed one
  ;;
errors)
  # An error that all ranks have is said once, one that a single rank has is said with its number.
  status=0
  $ranks "$build/dcp-eval" perplexity --model "$dir/none" --text "$source/README.md" 2>err || status=$?
  [ $status -eq 2 ] && [ "$(grep -c '^dcp-eval: ' err)" -eq 1 ]
  status=0
  $ranks sh -c 'if [ $OMPI_COMM_WORLD_RANK = 2 ]; then text=README.md; else text=CONTRIBUTING.md; fi
    exec "$@" --text "$0/$text"' "$source" "$build/dcp-eval" perplexity --model "$model" $common --json 2>err >out ||
    status=$?
  [ $status -eq 2 ] && [ ! -s out ] && grep -q 'dcp-eval: rank 2 on .*: model, text and options' err
  status=0
  $ranks "$build/dcp-generate" --model "$model" --prompt a >out 2>err || status=$?
  [ $status -eq 2 ] && grep -q 'dcp-generate: .*--output' err && [ "$(grep -c '^dcp-generate: ' err)" -eq 1 ]
  ;;
esac
