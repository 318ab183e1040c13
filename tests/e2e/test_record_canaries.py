"""A key wherever an agent, its model and its surroundings can put one: found nowhere afterwards.

Looked at are the store with every object decompressed, its packs, refs, reflogs and index, what
is printed, the person's home and the folder for temporary files.
"""

from __future__ import annotations

import gzip
import json
import socket
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tapegit.redact.known_values import encode_forms
from tests.clients.world import ROOT, World
from tests.command import Runner, run_here
from tests.scripted_calls import answer_events, said, stream

MIXED = "q3V8kM9x7Cz6N1bW0r8Ty6U4pS3d7Fg5H0j2LaE6i3O7eR5tY1uX9"
RULED = "sk-ant-" + "api03-" + MIXED
FORMLESS = "Zx81.harbour+Lamp=four~teen"

AGENT = """
import base64, gzip, http.client, json, os, sys, urllib.parse

key = sys.argv[1]
where = urllib.parse.urlsplit(os.environ["ANTHROPIC_BASE_URL"])
quoted = urllib.parse.quote(key, safe="")
coded = base64.b64encode(f"user:{key}".encode()).decode()
escapes = json.dumps("KEY").replace("KEY", "".join(f"\\\\u{ord(each):04x}" for each in key))
words = {
    "plain": f"it is {key}.",
    "beside": f"\\u00e9{key}\\u00e9",
    "nested": json.dumps({"env": json.dumps({"token": key, "client_id": key})}),
    "base64": coded,
    "address": f"https://ada:{quoted}@x.example/?sig={quoted}",
    "listing": f"-rw-r--r-- 1 root root 12 .env-{key}",
    "border": "x" * (65_536 - 60) + f" {key} " + "y" * 70_000,
}
members = {"client_id": key, "session_id": key, "signature": key, "id": key}


def ask(case, body, query="", **headers):
    known = {"x-api-key": key, "cookie": f"s={key}", "user-agent": f"agent/1.0 ({key})"}
    connection = http.client.HTTPConnection(where.netloc, timeout=20)
    path = f"/v1/messages{query}"
    try:
        connection.request("POST", path, body, {**known, "x-case": case, **headers})
        connection.getresponse().read()
    except (http.client.HTTPException, ConnectionError):
        pass
    connection.close()


def body(text, **others):
    value = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": text}]}
    return json.dumps({**value, **others}, ensure_ascii=False).encode()


for name, text in words.items():
    ask("deltas", body(text))
ask("gzip", body("escapes").replace(b'"escapes"', escapes.encode()))
ask("gzip", gzip.compress(body(f"zipped {key}")), **{"content-encoding": "gzip"})
ask("deltas", body("members", metadata=members, system=f"use {key}"))
image = {"type": "image", "alt": f"of {key}", "source": {"type": "base64", "data": coded}}
ask("deltas", body([image]))
ask("deltas", body("query"), f"?key={quoted}&api_key={quoted}")
ask("error", body("error"))
ask("page", body(f"page {key}"))
ask("cut", body("cut"))
ask("deltas", f"no JSON, but {key}".encode())
print("asked")
"""


class Upstream(BaseHTTPRequestHandler):
    """A model that says the key it was given, in many ways."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        """Answer as the case says."""
        self.rfile.read(int(self.headers["content-length"]))
        key, case = self.headers["x-api-key"], self.headers["x-case"]
        body = stream(*answer_events(said(f"here: {key}, done"), piece=6))
        headers = {"content-type": "text/event-stream"}
        status = 200
        if case == "gzip":
            body = gzip.compress(body)
            headers["content-encoding"] = "gzip"
        elif case == "error":
            status, body = 401, json.dumps({"error": {"message": f"no: {key}"}}).encode()
        elif case == "page":
            status, body = 502, f"<html>{key}</html>".encode()
        self.send_response(status)
        sent = {"set-cookie": f"s={key}", "request-id": f"r {key}", "location": f"/?key={key}"}
        for name, value in {**headers, **sent, "content-length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if case == "cut":
            self.wfile.write(body[: len(body) // 2])
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True
            return
        for at in range(0, len(body), 50):
            self.wfile.write(body[at : at + 50])

    def log_message(self, *_):
        """Say nothing."""


@pytest.fixture
def upstream():
    """Give the address of the model."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Upstream)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("key", [RULED, FORMLESS], ids=["of-a-provider", "without-form"])
def test_key_is_nowhere(tmp_path, upstream, key):
    """Not in what was stored, not in what is made of it, and not in what is said."""
    world = World(tmp_path)
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    world.environ |= {
        "ANTHROPIC_BASE_URL": upstream,
        "ANTHROPIC_API_KEY": key,
        "PYTHONPATH": str(ROOT),
        "TAPES_ACTOR": f"ada {key}",
        "TMPDIR": str(temporary),
    }
    world.write("work/.git/HEAD", f"ref: refs/heads/fix-{key}\n")
    world.write("work/.git/config", f'[remote "origin"]\n\turl = https://ada:{key}@e.com/{key}\n')
    (world.work / f"in-{key}").mkdir()
    agent = world.write("agent.py", AGENT)
    words = ("record", "--name", f"run {key}", "--", sys.executable, str(agent), key)
    done = world.tapes("-C", f"in-{key}", *words)
    assert done.out == "asked\n"
    assert done.err.startswith("tapes: recorded ")
    (name, *_) = [each["ref"] for each in world.records("for-each-ref", "refs/sessions")]
    commands = (
        *(("sessions",), ("log", "-p", "--all"), ("search", "done"), ("usage",), ("doctor",)),
        *(("reflog", name), ("for-each-ref",), ("gc",), ("repack", "-a", "-d", "-f")),
        ("cat-file", "--batch-all-objects", "--batch"),
    )
    read = Runner(run_here, world.work)
    results = [done, *(read(*command, code=None) for command in commands)]
    held = [text.encode() for each in results for text in (each.out, each.err)]
    for folder in (world.root, world.home, temporary):
        for path in folder.rglob("*"):
            held.append(str(path.relative_to(folder)).encode())
            if path.is_file():
                held.append(path.read_bytes())
    everything = b"\n".join(held)
    assert b"[REDACTED:" in everything
    assert any(path.suffix == ".pack" for path in world.root.rglob("*"))
    for form in encode_forms([key.encode()]):
        at = everything.find(form)
        assert at < 0, (form, everything[max(at - 60, 0) : at + 90])
