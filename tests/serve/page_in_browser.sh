#!/bin/sh
# page_in_browser.sh DCP_SERVE MODEL DIR: uses the page of a real server in headless Chromium, see page_checks.py.
# Screenshots stay in DIR. Exit status 77: no browser here, or no Python.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
serve=$1 model=$2 dir=$3

. "$here/../find_browser.sh"
if [ -z "$browser" ] || ! command -v python3 >/dev/null; then
  echo "skipped: no Chromium here (Debian: chromium; or name one in DCP_BROWSER), or no python3"
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
python3 "$here/page_checks.py" "$browser" "$url" "$dir"
kill -TERM "$server"
wait "$server" || { echo "the server ended with status $?"; exit 1; }
trap - EXIT
