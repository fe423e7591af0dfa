#!/bin/sh
# behind_nginx.sh CONF DCP_SERVE MODEL DIR: two servers behind nginx, see behind_nginx.py. Exit status 77: no nginx here,
# or no Python.
set -eu
PATH=$PATH:/usr/sbin
if ! command -v nginx >/dev/null || ! command -v python3 >/dev/null; then
  echo "skipped: no nginx here (Debian: nginx-light), or no python3"
  exit 77
fi
exec python3 "$(dirname "$0")/behind_nginx.py" "$(command -v nginx)" "$@"
