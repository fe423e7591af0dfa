#!/bin/sh
# page_in_browser.sh DCP_INSPECT MODEL DIR: makes pages in DIR, loads them in headless Chromium with checks.js added,
# and fails unless every check passed and nothing was reported as an error. Exit status 77: no browser here.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
tool=$1 model=$2 dir=$3

. "$here/../find_browser.sh"
if [ -z "$browser" ]; then
  echo "skipped: no Chromium here (Debian: chromium; or name one in DCP_BROWSER)"
  exit 77
fi

rm -rf "$dir"
mkdir -p "$dir/profile"

# check NAME WIDTH,HEIGHT [CHECKS]: the page $dir/NAME.html, with listeners for errors before its scripts and the checks
# after.
check() {
  sed -e "/<head>/r $here/errors.html" "$dir/$1.html" >"$dir/$1-checked.html"
  { echo '<script>'; cat "$here/${3:-checks.js}"; echo '</script>'; } >>"$dir/$1-checked.html"
  "$browser" --headless --no-sandbox --disable-gpu --user-data-dir="$dir/profile" --window-size="$2" \
    --virtual-time-budget=20000 --dump-dom "file://$dir/$1-checked.html" >"$dir/$1.dom" 2>"$dir/$1.log"
  if ! grep -q '<pre id="verdict">all [0-9]* checks passed' "$dir/$1.dom"; then
    echo "$1 at $2:"
    sed -n '/<pre id="verdict">/,/<\/pre>/p' "$dir/$1.dom"
    tail -n 5 "$dir/$1.log"
    exit 1
  fi
  grep -o 'all [0-9]* checks passed[^<]*' "$dir/$1.dom" | sed "s/^/$1 at $2: /"
}

"$tool" --model "$model" --html "$dir/story.html" --threshold -0.5 \
  --prompt 'The old man opened the door and looked out at the sea. "It is a fine morning," he said to his daughter, "and we
shall have no rain before the evening." She laughed, took her hat from the table, and went down to the boat.'
check story 1280,900
check story 390,800

"$tool" --model "$model" --html "$dir/odd.html" --threshold -1 --text "$here/odd.txt"
check odd 1280,900

"$tool" --model "$model" --html "$dir/generated.html" --prompt 'One day' --generate 20 --policy sinks:1,6
check generated 1280,900

mkdir "$dir/delayed"
cp "$model"/* "$dir/delayed"
sed 's/"version": 1,/"version": 1, "eviction_delay": 9,/' "$model/config.json" >"$dir/delayed/config.json"
"$tool" --model "$dir/delayed" --html "$dir/waiting.html" --threshold -0.5 --generate 30 \
  --prompt 'The old man opened the door and looked out at the sea. "It is a fine morning," he said'
grep -q '"eviction_delay":' "$dir/waiting.html"
check waiting 1280,900

"$tool" --model "$model" --html "$dir/short.html" --prompt 'The'
check short 1280,900

"$tool" --model "$model" --html "$dir/stats.html" --stats --text "$here/../../README.md" --context 64 --resamples 100
check stats 1280,900 stats_checks.js
check stats 390,800 stats_checks.js
