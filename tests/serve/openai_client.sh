#!/bin/sh
# openai_client.sh node|python DCP_SERVE DCP_GENERATE MODEL: the official client of the OpenAI API against the real
# server; its answers are those of dcp-generate. Exit status 77: the client is not here. DCP_OPENAI_NODE names a folder
# with node_modules/openai, DCP_OPENAI_PYTHON a Python that has openai.
set -eu
kind=$1 serve=$2 generate=$3 model=$4
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
server=
end() {
  [ -z "$server" ] || kill "$server" 2>/dev/null || true
  rm -rf "$work"
}
trap end EXIT

if [ "$kind" = node ]; then
  folder=${DCP_OPENAI_NODE:-}
  command -v node >/dev/null && [ -n "$folder" ] && [ -d "$folder/node_modules/openai" ] || {
    echo "skipped: no openai for node here (npm install openai; name its folder in DCP_OPENAI_NODE)"
    exit 77
  }
else
  python=${DCP_OPENAI_PYTHON:-python3}
  "$python" -c 'import openai' 2>/dev/null || {
    echo "skipped: no openai for Python here (pip install openai; name its Python in DCP_OPENAI_PYTHON)"
    exit 77
  }
fi

echo "a-key" >"$work/keys"
"$serve" --model "$model" --port 0 --api-key-file "$work/keys" --kv-budget 64M >"$work/out" 2>"$work/err" &
server=$!
for _ in $(seq 100); do
  [ -s "$work/out" ] && break
  sleep 0.1
done
url=$(sed -n 's/^{"listening":"\(.*\)"}$/\1/p' "$work/out")
[ -n "$url" ] || { cat "$work/err"; exit 1; }

"$generate" --model "$model" --prompt 'The old man' --max-new-tokens 24 --temperature 0.8 --seed 7 --json >"$work/alone.json"
if [ "$kind" = node ]; then
  cp "$here/openai_client.mjs" "$folder/dcp_openai_client.mjs"
  node "$folder/dcp_openai_client.mjs" "$url" "$work/alone.json"
  rm -f "$folder/dcp_openai_client.mjs"
else
  "$python" "$here/openai_client.py" "$url" "$work/alone.json"
fi
kill -TERM "$server"
wait "$server" || { echo "the server ended with status $?"; exit 1; }
server=
