#!/bin/sh
# page_in_browser.sh DCP_SERVE MODEL DIR: loads the page of a real server in headless Chromium, lets it write, and looks at
# what stands there. Screenshots stay in DIR. Exit status 77: no browser here.
set -eu
serve=$1 model=$2 dir=$3

browser=
for name in ${DCP_BROWSER:-} chromium chromium-browser google-chrome google-chrome-stable; do
  if command -v "$name" >/dev/null; then
    browser=$name
    break
  fi
done
if [ -z "$browser" ]; then
  echo "skipped: no Chromium here (Debian: chromium; or name one in DCP_BROWSER)"
  exit 77
fi

rm -rf "$dir"
mkdir -p "$dir/profile"
"$serve" --model "$model" --port 0 --kv-budget 64M --threshold 0.5 >"$dir/out" 2>"$dir/err" &
server=$!
trap 'kill "$server" 2>/dev/null || true' EXIT
for _ in $(seq 100); do
  [ -s "$dir/out" ] && break
  sleep 0.1
done
url=$(sed -n 's/^{"listening":"\(.*\)"}$/\1/p' "$dir/out")
[ -n "$url" ] || { cat "$dir/err"; exit 1; }

# look NAME WIDTH,HEIGHT HASH: the page after it wrote.
look() {
  "$browser" --headless --no-sandbox --disable-gpu --hide-scrollbars --user-data-dir="$dir/profile" --window-size="$2" \
    --virtual-time-budget=600000 --dump-dom "$url/#$3" >"$dir/$1.dom" 2>"$dir/$1.log"
  "$browser" --headless --no-sandbox --disable-gpu --hide-scrollbars --user-data-dir="$dir/profile" --window-size="$2" \
    --virtual-time-budget=600000 --screenshot="$dir/$1.png" "$url/#$3" >>"$dir/$1.log" 2>&1
}

# expect NAME PATTERN COUNT: so many lines of the article's spans, at least.
expect() {
  found=$(grep -o "$2" "$dir/$1.dom" | wc -l)
  [ "$found" -ge "$3" ] || { echo "$1: $found times $2, expected $3"; tail -n 5 "$dir/$1.log"; exit 1; }
}

writes='prompt=The%20old%20man%20opened%20the%20door%20and%20looked%20out%20at%20the%20sea.&tokens=300&temperature=0&seed=1&write'
look light 1280,900 "$writes&theme=light"
expect light 'layers keep it' 48
expect light 'class="given"' 8
expect light '>Done</p>' 1
expect light 'opacity: 0\.' 5
expect light 'MiB\|KiB' 1
look dark 390,844 "$writes&theme=dark"
expect dark 'html lang="en" class="dark"' 1
expect dark 'layers keep it' 48
# What the server refuses is told.
look wrong 1280,900 "prompt=$(printf 'word%%20%.0s' $(seq 1200))&write"
expect wrong 'exceed the model' 1

kill -TERM "$server"
wait "$server" || { echo "the server ended with status $?"; exit 1; }
echo "the page wrote, in both themes and on a phone's screen"
