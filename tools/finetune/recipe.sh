#!/usr/bin/env bash
# How the models in models/ were made: tokenizer, base, dense control, pruned models at several gammas, and the two
# baselines whose fixed pattern was fine-tuned just as long. Every step goes on where it was stopped, so a run may be
# killed and started again. Defaults are the figures of the shipped models.
#
# Usage: tools/finetune/recipe.sh TRAIN_TEXTS VALID_TEXTS WORK_FOLDER [STEP...]
#   TRAIN_TEXTS, VALID_TEXTS  folders of .txt files, a document each
#   STEP                      tokenizer, base, control, pruned, masks, ship; default: all, in this order
# Environment: DCP_FINETUNE (the program), PROCESSES (default: cores), and the sizes below.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=$(dirname "$(dirname "$here")")

[ $# -ge 3 ] || { sed -n '6,9p' "${BASH_SOURCE[0]}" | cut -c3- >&2; exit 2; }
train=$1 valid=$2 work=$3
shift 3
steps=("$@")
[ ${#steps[@]} -gt 0 ] || steps=(tokenizer base control pruned masks ship)

finetune=${DCP_FINETUNE:-$top/build/dcp-finetune}
processes=${PROCESSES:-$(nproc)}
short_steps=${SHORT_STEPS:-1657}   # of 16 x 256 tokens
base_steps=${BASE_STEPS:-2580}     # in all; those after short_steps are of 4 x 1024 tokens
decay_steps=${DECAY_STEPS:-600}    # the last ones, over which the learning rate falls to zero
base_rounds=${BASE_ROUNDS:-0}      # rounds of round_steps with AdamW on top, as in fine-tuning
round_steps=${ROUND_STEPS:-300}    # of 4 x 1024 tokens
tune_steps=${TUNE_STEPS:-300}      # of 4 x 1024 tokens: control, pruned and masked models alike
settle_steps=${SETTLE_STEPS:-110}  # the last of these, at hard decisions and with a rate that falls to zero
tune_seed=${TUNE_SEED:-1}          # of the order of the data: another one after rounds, which saw the first
final_windows=${FINAL_WINDOWS:-96} # held-out windows of the evaluation at the end of each
# gamma[:eviction delay[:steps over which alpha rises[:share of the loss that is distilled from the control]]]
gammas=${GAMMAS:-0.02:128 0.05:128 0.09:128:190:0.5 0.1:128 0.2:128:130}
default_gamma=${DEFAULT_GAMMA:-0.09}
masks=${MASKS:-window:200 strided:128,12}
export OMP_WAIT_POLICY=passive  # processes that share a machine must not spin

data=(--data "$train" --valid "$valid" --cache "$work/cache" --processes "$processes" --threads 1)

run_tokenizer() {
  [ -f "$work/tokenizer/merges.txt" ] || "$finetune" --train-tokenizer 8192 --data "$train" --out "$work/tokenizer"
}

# What all runs with AdamW share; the learning rate starts and ends at zero in each.
adam() {
  local from=$1 out=$2 steps=$3
  shift 3
  "$finetune" --base "$work/$from" "${data[@]}" --out "$work/$out" --resume --steps "$steps" --batch 4 \
    --context 1024 --lr 3e-4 --warmup 10 --decay "$settle_steps" --beta2 0.95 --dtype bf16 --eval-every 0 \
    --final-windows "$final_windows" "$@"
}

# Most steps see short sequences, which cost less per token; the following ones teach the model its 1024 positions, while
# the learning rate falls to zero.
run_base() {
  local common=(--init "$here/books.json" --tokenizer "$work/tokenizer" "${data[@]}" --out "$work/pretrained" --resume
                --muon --lr 2e-3 --muon-lr 0.02 --weight-decay 0.1 --beta2 0.95 --warmup 100 --eval-every 200)
  "$finetune" "${common[@]}" --steps "$short_steps" --batch 16 --context 256 --final-windows 64
  "$finetune" "${common[@]}" --steps "$base_steps" --batch 4 --context 1024 --decay "$decay_steps" --final-windows 0
  if [ "$base_rounds" -eq 0 ]; then
    mkdir -p "$work/base"
    cp "$work/pretrained"/{config.json,model.safetensors,vocab.json,merges.txt,train.jsonl} "$work/base/"
  fi
  local round
  for ((round = 1; round <= base_rounds; ++round)); do
    adam pretrained base "$((round * round_steps))" --dense
  done
}

# Everything that is compared starts from the same base and sees the same tokens.
tune() {
  local out=$1
  shift
  adam base "$out" "$tune_steps" --seed "$tune_seed" "$@"
}

run_control() { tune control --dense; }

run_pruned() {
  local entry gamma delay ramp share teacher
  for entry in $gammas; do
    IFS=: read -r gamma delay ramp share <<<"$entry"
    teacher=()
    [ -z "$share" ] || teacher=(--distill --distill-share "$share" --teacher "$work/control")
    tune "gamma-$gamma" --gamma "$gamma" --eviction-delay "${delay:-0}" --int-dim 32 --int-bias 2 --int-lr 3e-3 \
      --alpha "cosine:1:8:${ramp:-$((tune_steps - settle_steps))}" "${teacher[@]}"
  done
}

mask_name() { printf 'mask-%s' "$1" | tr ':,' '--'; }

run_masks() {
  local mask
  for mask in $masks; do
    tune "$(mask_name "$mask")" --mask "$mask"
  done
}

ship_one() {
  mkdir -p "$top/models/$2"
  cp "$work/$1"/{config.json,model.safetensors,vocab.json,merges.txt} "$top/models/$2/"
  cp "$work/$1/train.jsonl" "$top/docs/training/$1.jsonl"
}

# Copies what ships to models/, with the manifest that scripts read.
run_ship() {
  local entry mask gamma directory sweep= baselines=
  mkdir -p "$top/docs/training"
  ship_one control books-control
  cp "$work/base/train.jsonl" "$top/docs/training/base.jsonl"
  for entry in $gammas; do
    gamma=${entry%%:*}
    directory=books-gamma-$gamma
    [ "$gamma" != "$default_gamma" ] || directory=books
    ship_one "gamma-$gamma" "$directory"
    sweep+="${sweep:+,}
    {\"gamma\": $gamma, \"model\": \"$directory\", \"adapter\": null}"
  done
  for mask in $masks; do
    directory=books-$(mask_name "$mask")
    ship_one "$(mask_name "$mask")" "$directory"
    baselines+="${baselines:+,}
    {\"policy\": \"$mask\", \"model\": \"$directory\", \"adapter\": null}"
  done
  cat >"$top/models/manifest.json.tmp" <<END
{
  "default": "books",
  "dense_control": {"model": "books-control", "adapter": null},
  "sweep": [$sweep
  ],
  "baselines": [$baselines
  ]
}
END
  mv "$top/models/manifest.json.tmp" "$top/models/manifest.json"
}

mkdir -p "$work"
for step in "${steps[@]}"; do
  "run_$step"
done
