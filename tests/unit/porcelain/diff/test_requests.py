"""What requests asked, read from what of their ropes is no message."""

from __future__ import annotations

import json

import pytest

from tapegit.errors import ObjectNotFoundError
from tapegit.objects.oid import ObjectId
from tapegit.objects.rope_reader import iter_pieces
from tapegit.porcelain.diff.changes import compare_requests
from tapegit.porcelain.diff.requests import RequestReader
from tests.builders import write_bytes

LONG = "and so on, " * 160


def body(count: int = 3, **members: object) -> dict[str, object]:
    """Return a request that is like those of Claude Code."""
    messages = [
        {"role": ("user", "assistant")[n % 2], "content": f"message {n} {LONG}"}
        for n in range(count)
    ]
    return {
        "model": "model-1",
        "messages": messages,
        "system": [
            {"type": "text", "text": "x-anthropic-billing-header: cc_version=1." + str(count)},
            {"type": "text", "text": f"You help. {LONG}"},
        ],
        "tools": [
            {"name": "Bash", "description": f"Runs. {LONG}", "input_schema": {"type": "object"}},
            {"name": "Read", "description": f"Reads. {LONG}", "input_schema": {"type": "object"}},
        ],
        "metadata": {"user_id": f"drawn {count}"},
        "max_tokens": 100,
        **members,
    }


def write_call(repository, request: dict[str, object], dialect: str = "anthropic.messages@1"):
    """Store a request as it is recorded; return its call: pieces of `system` and `tools`."""
    data = json.dumps(request).encode()
    oid = write_bytes(repository, data)
    system, tools, place = [], [], 0
    for number, piece in enumerate(iter_pieces(repository.objects.find, oid)):
        text = data[place : place + piece.size_bytes].decode()
        place += piece.size_bytes
        if piece.oid is not None and text.startswith('{"type": "text"'):
            system.append(number)
        if piece.oid is not None and text.startswith('{"name"'):
            tools.append(number)
    assert system
    assert tools
    return dialect, oid, tuple(system), tuple(tools)


def ask(repository, *requests: dict[str, object]):
    """Return what requests asked, by one reader."""
    reader = RequestReader(repository.objects)
    return [reader.read(write_call(repository, request)) for request in requests]


def test_request_is_read_without_its_messages(repository):
    """System prompt, tools and parameters are there; what a run draws anew is not."""
    (asked,) = ask(repository, body())

    assert asked.system == f"You help. {LONG}"
    assert list(asked.tools) == ["Bash", "Read"]
    assert asked.parameters == {"model": "model-1", "max_tokens": "100"}


def test_requests_of_one_conversation_ask_the_same(repository):
    """More messages, another billing header and other metadata make no difference."""
    asked = ask(repository, *(body(count) for count in (1, 2, 70, 300, 301)))

    assert all(compare_requests(asked[0], other) == [] for other in asked)
    assert asked[3] is asked[4] or asked[3] == asked[4]


def test_changes_are_named_by_path(repository):
    """A description, a tool, the system prompt and a parameter that were changed."""
    new = body(temperature=0.5)
    new["tools"][0]["description"] = "Runs nothing."
    del new["tools"][1]
    new["system"][1]["text"] = f"You do not help. {LONG}"
    changes = compare_requests(*ask(repository, body(), new))

    assert [(change.what, change.path) for change in changes] == [
        ("system", None),
        ("tools", "Bash.description"),
        ("tools", "Read"),
        ("parameters", "temperature"),
    ]
    assert (changes[3].old, changes[3].new) == (None, "0.5")


def test_long_conversation_is_read_once(repository):
    """A request that only adds to another one costs what is new in it, not all of it."""
    calls = [write_call(repository, body(count)) for count in (600, 601)]
    read: list[ObjectId] = []

    class Counting:
        def read(self, oid):
            read.append(oid)
            return repository.objects.read(oid)

    reader = RequestReader(Counting())
    first = reader.read(calls[0])
    count = len(read)
    assert count > 600
    assert reader.read(calls[1]) == first
    assert len(read) - count < 100


def test_what_cannot_be_read_is_unknown(repository):
    """No dialect, no JSON, another type: None, and a missing object is an error."""
    reader = RequestReader(repository.objects)
    dialect, oid, system, tools = write_call(repository, body())

    assert reader.read(("unheard-of@1", oid, system, tools)) is None
    nonsense = write_bytes(repository, b"[nonsense")
    assert reader.read((dialect, nonsense, (), ())) is None
    with pytest.raises(ObjectNotFoundError):
        reader.read((dialect, ObjectId(bytes(32)), (), ()))


def test_one_piece_is_read_as_it_is(repository):
    """A short request is one blob."""
    oid = write_bytes(repository, b'{"model":"m","system":"s","messages":[]}')
    asked = RequestReader(repository.objects).read(("anthropic.messages@1", oid, (), ()))

    assert (asked.system, asked.parameters) == ("s", {"model": "m"})
