#!/usr/bin/env bash
# readme_commands.sh CHECKOUT DIR: runs the README's build/... commands in its order, in DIR, on what CHECKOUT/build holds.
# Words in capitals stand for a reader's own files and get small ones; a training run gets few steps. Every command must
# exit with 0; one that names a program that was not built fails.
set -euo pipefail
checkout=$(cd "$1" && pwd) dir=$2
rm -rf "$dir"
mkdir -p "$dir/TEXTS"
cd "$dir"
ln -s "$checkout/build" "$checkout/models" .
for file in "$checkout"/docs/*.md; do cp "$file" "TEXTS/$(basename "$file" .md).txt"; done
cp TEXTS/results.txt FILE_OR_FOLDER
ln -s models/books-control gpt2
printf '{"prompt": "It was", "max_new_tokens": 8}\n{"prompt": "He said", "max_new_tokens": 5}\n' >JOBS.jsonl

# Indented lines that begin with a program of build/, with the lines that they continue on.
awk '/^    build\// { going = 1 }
     going { sub(/^ */, ""); going = sub(/\\$/, ""); printf "%s%s", $0, going ? "" : "\n" }' "$checkout/README.md" |
  sed -E 's/--steps [0-9]+/--steps 4/; s/--decay [0-9]+/--decay 2/; s/(--alpha cosine:[0-9]+:[0-9]+):[0-9]+/\1:3/' >commands
[ -s commands ] || { echo "README.md has no commands of build/"; exit 1; }
while read -r command; do
  echo "\$ $command"
  bash -c "$command" >output 2>errors </dev/null || { tail -n 5 output errors; exit 1; }
done <commands
echo "$(wc -l <commands) commands of the README ran"
