"""Sessions that are broken, of each client: each client can go on with them.

Providers refuse a whole conversation for a call without a result, and clients a whole file for a
line that they cannot read. The files are those that each client's writer makes, broken after.
"""

from __future__ import annotations

import json
import os
import sys

import pytest

from tapegit.dialects.parts import Text, ToolCall, ToolResult
from tapegit.dialects.table import find_decoder
from tapegit.graph.turns import TurnGraph
from tapegit.harness.resume.continuation import Aim, Said
from tapegit.harness.resume.table import RESUMES
from tapegit.objects.oid import ObjectId
from tapegit.porcelain.recording.launching import Surroundings
from tapegit.porcelain.resume.plan import Wanted, make_plan

TIME_MS = 1_750_000_000_123
MARK = "MARK"
"""Is replaced by what breaks a session."""
SAID = (
    Said("user", (Text(text=f"do it{MARK}now"),), None, "other@1", None, TIME_MS),
    Said(
        "assistant",
        (Text(text="Yes."), ToolCall(name=f"sh{MARK}ell", arguments='{"command":"a"}', id="c1")),
        None,
        "other@1",
        "model-x",
        TIME_MS + 1,
    ),
    Said("tool", (ToolResult(text=f"fi{MARK}ne", call_id="c1"),), None, "other@1", None, TIME_MS),
    Said("user", (Text(text="go on"),), None, "other@1", None, TIME_MS + 2),
    Said("assistant", (Text(text="Done."),), None, "other@1", "model-x", TIME_MS + 3),
)


def write(client, said):
    """Return the file of a client that says something."""
    aim = Aim(client.make_id(bytes(range(16)), TIME_MS), "/work", TIME_MS, model="model-x")
    return client.write(said, aim).data


def dangling(client):
    """Leave a call without a result."""
    return write(client, [each for each in SAID if each.role != "tool"]).replace(b"MARK", b"")


def marked(text):
    """Put a text into a prompt, the name of a tool, and a result."""
    return lambda client: write(client, SAID).replace(b"MARK", text)


def torn(client):
    """Cut the line with the result, and the last one."""
    lines = write(client, SAID).replace(b"MARK", b"").splitlines(keepends=True)
    at = next(number for number, line in enumerate(lines) if b"fine" in line)
    return b"".join([*lines[:at], lines[at][:60] + b"\n", *lines[at + 1 :], lines[-1][:40]])


def split(client):
    """Break a line with a newline of a text that nobody escaped."""
    return write(client, SAID).replace(b"MARK", b"\n", 1).replace(b"MARK", b"")


BROKEN = {
    "dangling call": dangling,
    "U+2028": marked("\u2028\u2029".encode()),
    "U+2028 as an escape": marked(b"\\u2028"),
    "NUL": marked(b"\\u0000"),
    "NUL byte": marked(b"\0"),
    "torn lines": torn,
    "raw newline": split,
}
OF_LINES = {"NUL byte", "torn lines", "raw newline"}
"""What makes a document no JSON at all: it cannot be imported, and the import says so."""


def outline(client, data):
    """Return what a client reads in a file: texts, and calls and results by their ids."""
    sources = [data]
    if client.take_in is not None:
        sources = [json.dumps(each).encode() for each in json.loads(data)["messages"]]
    for part in (part for each in sources for part in find_decoder(client.dialect)([each])):
        if isinstance(part, ToolCall):
            yield "call", part.id
        elif isinstance(part, ToolResult):
            yield "result", part.call_id
        elif isinstance(part, Text):
            yield "text", part.text


@pytest.mark.parametrize("name", BROKEN)
@pytest.mark.parametrize("source", RESUMES, ids=lambda client: client.name)
def test_a_broken_session_goes_on(repository, tapes, work, tmp_path, source, name):
    """In every client: a file that all can read, no call without a result, no result without."""
    is_document = source.take_in is not None
    path = work / ("broken.json" if is_document else "broken.jsonl")
    path.write_bytes(BROKEN[name](source))
    if is_document and name in OF_LINES:
        assert "1 skipped" in tapes("import", path, code=None).out
        return
    before = path.read_bytes()
    tapes("import", path)
    oid = tapes("rev-parse", "@{latest}").oid
    where = Surroundings(dict(os.environ), tmp_path, work, sys.executable)
    for client in RESUMES:
        graph = TurnGraph(repository.objects)
        planned = make_plan(repository, graph, ObjectId.parse(oid), Wanted(client.name), where)
        data = planned.written.data
        assert b"\0" not in data
        assert b"\\u0000" not in data
        lines = data.decode().splitlines()
        assert len(lines) == data.count(b"\n")
        assert all(isinstance(json.loads(line), dict) for line in lines)
        found = list(outline(client, data))
        calls = [call_id for kind, call_id in found if kind == "call"]
        assert calls == [call_id for kind, call_id in found if kind == "result"]
        texts = [text for kind, text in found if kind == "text"]
        assert {"go on", "Done."} <= set(texts)
    assert path.read_bytes() == before
