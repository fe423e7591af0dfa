"""behind_nginx.py NGINX CONF DCP_SERVE MODEL DIR: two servers behind nginx with docs/nginx.conf, on other ports.

Sessions stay on one server, each of the two has some, streams pass token by token, and when a server is gone the other
one answers its sessions.
"""
import json
import pathlib
import re
import socket
import subprocess
import sys
import time
import urllib.request

nginx, conf, serve, model, folder = sys.argv[1:]
folder = pathlib.Path(folder)
folder.mkdir(parents=True, exist_ok=True)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def ask(url, path, body=None, session=None):
    headers = {"Content-Type": "application/json"} | ({"X-Session": session} if session else {})
    data = json.dumps(body).encode() if body is not None else None
    return urllib.request.urlopen(urllib.request.Request(url + path, data, headers), timeout=60)


def submitted(port):
    text = ask(f"http://127.0.0.1:{port}", "/metrics").read().decode()
    return int(float(re.search(r"^dcp_requests_total (\S+)", text, re.M).group(1)))


def complete(url, session, **more):
    body = {"prompt": "The old man", "max_tokens": 8, "seed": 1, "ignore_eos": True} | more
    return json.loads(ask(url, "/v1/completions", body, session).read())["choices"][0]["text"]


front, ports = free_port(), []
servers = []
proxy = None
try:
    for _ in range(2):
        server = subprocess.Popen([serve, "--model", model, "--port", "0", "--threads", "1"], stdout=subprocess.PIPE, text=True,
                                  stderr=subprocess.DEVNULL)
        servers.append(server)
        ports.append(int(json.loads(server.stdout.readline())["listening"].rsplit(":", 1)[1]))
    text = pathlib.Path(conf).read_text()
    for port, own in (("8100", front), ("8101", ports[0]), ("8102", ports[1])):
        assert f"127.0.0.1:{port}" in text, f"{conf} has no port {port}"
        text = text.replace(f"127.0.0.1:{port}", f"127.0.0.1:{own}")
    own_conf = folder / "nginx.conf"
    own_conf.write_text(text)
    proxy = subprocess.Popen([nginx, "-p", str(folder), "-c", str(own_conf), "-g", "daemon off;"])
    url = f"http://127.0.0.1:{front}"
    for _ in range(100):
        try:
            ask(url, "/health").read()
            break
        except OSError:
            time.sleep(0.05)

    # Sessions stay.
    alone = complete(f"http://127.0.0.1:{ports[0]}", None)
    home = {}
    for turn in range(3):
        for s in range(12):
            before = submitted(ports[0])
            assert complete(url, f"session {s}") == alone
            where = 0 if submitted(ports[0]) > before else 1
            assert home.setdefault(s, where) == where, f"session {s} moved to server {where}"
    assert set(home.values()) == {0, 1}, f"all sessions are on one server: {home}"

    # A stream is not held back: its first token comes long before its last.
    body = {"prompt": "The old man", "max_tokens": 200, "seed": 1, "ignore_eos": True, "stream": True}
    begin = time.monotonic()
    with ask(url, "/v1/completions", body, "session 0") as stream:
        times = [time.monotonic() for line in stream if line.startswith(b"data: {")]
    assert len(times) > 100, len(times)
    assert times[-1] - times[0] > 0.3 * (times[-1] - begin), "the stream came in one piece"

    # The sessions of a server that is gone are answered by the other one.
    servers[0].terminate()
    servers[0].wait(timeout=30)
    for s in range(12):
        assert complete(url, f"session {s}") == alone, f"session {s} has no answer"
    print(f"ok: {sum(home.values())} of 12 sessions on the second server, {len(times)} pieces of a stream")
finally:
    if proxy is not None:
        proxy.terminate()
        proxy.wait(timeout=10)
    for server in servers:
        server.terminate()
        server.wait(timeout=30)
