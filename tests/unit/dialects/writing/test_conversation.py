"""Conversations as requests: what turns say is what every interface is sent, or a loss."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given

from tapegit.dialects.exchange import Request, Tool
from tapegit.dialects.meaning.projection import canonical_json
from tapegit.dialects.parts import Attachment, Compaction, Text, Thinking, ToolCall, ToolResult
from tapegit.dialects.wire_table import WIRE_DIALECTS
from tapegit.dialects.writing.conversation import SpokenTurn, find_compaction, make_request
from tapegit.harness.table import HARNESSES
from tests.recordings import Recordings
from tests.transcripts import transcripts

ROOT = Path(__file__).parents[4]
FOLDERS = (ROOT / "fixtures" / "transcripts", ROOT.parent / "shared" / "data")
NAMES = sorted({harness.name for harness in HARNESSES})
SOURCES = [
    path
    for folder in FOLDERS
    for name in NAMES
    for path in sorted((folder / name).rglob("*"))
    if path.is_file() and path.suffix in {".json", ".jsonl", ".traj"}
]
SUMMARY = Compaction(text="what was before", is_summary=True)


def spoken(role, *parts, dialect="pi@1", model=None):
    """Return a turn."""
    return SpokenTurn(dialect, role, parts, model)


def texts(request):
    """Return role and texts of each message."""
    return [(each.role, [part.text for part in each.parts]) for each in request.messages]


def test_messages_are_sent_and_nothing_else():
    """Leaders, events and notes are no messages; the newest model is asked."""
    request = make_request(
        [
            spoken("session"),
            spoken("user", Text(text="a")),
            spoken("assistant", Text(text="b"), model="m-1"),
            spoken("event", Text(text="no")),
            spoken("assistant", Text(text="c"), model="m-2"),
            spoken("assistant", Text(text="d"), model="<synthetic>"),
            spoken("note", Text(text="no")),
        ]
    )

    assert texts(request) == [
        ("user", ["a"]),
        ("assistant", ["b"]),
        ("assistant", ["c"]),
        ("assistant", ["d"]),
    ]
    assert request.model == "m-2"
    assert request.dialect == "pi@1"


@pytest.mark.parametrize(
    ("dialect", "expected"),
    [
        ("opencode@1", ["assistant", "tool", "user"]),
        ("gemini-cli@1", ["assistant", "tool", "user"]),
        ("claude-code@1", ["assistant", "user"]),
    ],
)
def test_results_that_a_client_wrote_into_an_answer_come_after_it(dialect, expected):
    """Those of a provider's own tools stay in it."""
    call = ToolCall(name="x", arguments="{}", id="c")
    answer = (Text(text="a"), call, ToolResult(text="r", call_id="c"))
    turns = [spoken("assistant", *answer, dialect=dialect), spoken("user", Text(text="b"))]
    assert [each.role for each in make_request(turns).messages] == expected


@pytest.mark.parametrize(
    ("compaction", "expected"),
    [
        (SUMMARY, [("user", ["what was before"]), ("user", ["b"])]),
        (Compaction(text="compacted"), [("user", ["b"])]),
        (Compaction(text="less", is_partial=True), [("user", ["a"]), ("user", ["b"])]),
    ],
    ids=["summary", "silent", "partial"],
)
def test_compaction_begins_anew(compaction, expected):
    """What came before a compaction is not sent, but its summary; a partial one changes nothing."""
    turn = spoken("event", compaction)
    request = make_request([spoken("user", Text(text="a")), turn, spoken("user", Text(text="b"))])

    assert texts(request) == expected
    assert (find_compaction(turn) is None) == compaction.is_partial
    assert find_compaction(spoken("user", compaction)) is None


def test_first_system_messages_are_the_system_prompt():
    """What a developer says before all others is the prompt; later it stays where it is."""
    one, other = Text(text="be kind"), Text(text="be brief")
    turns = [spoken("system", one), spoken("user", Text(text="a")), spoken("system", other)]

    request = make_request(turns)

    assert request.system == (one,)
    assert [message.role for message in request.messages] == ["user", "system"]


def test_recorded_request_gives_the_rest():
    """Tools, parameters and system prompt are the last request's; its dialect is checked."""
    tool = Tool(name="sh", raw='{"name":"sh"}')
    asked = Request(
        dialect="pi@1",
        model="m-0",
        system=(Text(text="s"),),
        tools=(tool,),
        parameters={"top_k": "5"},
        previous="r1",
    )
    request = make_request([spoken("user", Text(text="a"))], asked)

    assert request.tools == (tool,)
    assert request.parameters == {"top_k": "5"}
    assert (request.system, request.model, request.dialect) == ((Text(text="s"),), "m-0", "pi@1")
    assert request.previous is None
    assert make_request([spoken("user", dialect="codex@1")], asked).dialect == ""


def read_tapes(data):
    """Return the turns of each tape of a source, or none where it is no source."""
    recordings = Recordings()
    if not recordings.add(data):
        return []
    lines = [recordings.line(tip) for _, tip in sorted(recordings.refs.items())]
    return [
        [
            spoken(
                turn.role,
                *(() if turn.role == "session" else recordings.parts(turn)),
                dialect=turn.dialect,
                model=turn.model,
            )
            for turn in line
        ]
        for line in lines[:6]
    ]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: "/".join(path.parts[-2:]))
def test_every_source_can_be_sent_to_everyone(path):
    """What a body says when it is read again is what the tape said, but for what is listed."""
    tapes = read_tapes(path.read_bytes())
    if not tapes:
        pytest.skip("no session")
    check_tapes(tapes)


@given(transcripts())
def test_whatever_a_transcript_holds_can_be_sent(data):
    """Records that meet, glue, break off and repeat make bodies that say the same, or losses."""
    check_tapes(read_tapes(data))


def check_tapes(tapes):
    """Fail unless each tape can be sent to everyone."""
    for turns in tapes:
        request = make_request(turns)
        for name, dialect in WIRE_DIALECTS.items():
            body, losses = dialect.encode_request(request)
            check_said(name, request, dialect.decode_request(body), losses)


def check_said(name, request, again, losses):
    """Fail unless two requests say the same, but for losses."""
    lost = Counter(loss.kind for loss in losses)
    before, after = list_said(request, name), list_said(again, name)
    assert len(after["calls"]) == len(before["calls"]) - lost["tool_call"]
    assert len(after["results"]) == len(before["results"]) - lost["tool_result"]
    assert after["attachments"] == before["attachments"] - lost["attachment"]
    assert after["thoughts"] == before["thoughts"] - lost["thinking"] == 0
    if not lost["tool_call"] and not lost["arguments"]:
        assert after["calls"] == before["calls"]
    if not lost["tool_result"]:
        assert after["results"] == before["results"]
        assert after["errors"] == (0 if lost["is_error"] else before["errors"])
    if not lost["role"]:
        assert after["text"] == before["text"]
    if name != "gemini.generate@1":
        assert again.model == request.model


def list_said(request, name):
    """Return what a request says, by kind, in order."""
    parts = [part for each in (*request.messages,) for part in each.parts]
    system = [part.text for part in request.system if isinstance(part, Text)]
    said = [part.text for part in parts if isinstance(part, Text)]
    results = [part for part in parts if isinstance(part, ToolResult)]
    attached = [part for result in results for part in result.attachments]
    return {
        "calls": [
            (part.name, canonical_json(part.arguments))
            for part in parts
            if isinstance(part, ToolCall)
        ],
        "results": sorted(each.text for each in results),
        "errors": sum(each.is_error for each in results),
        "attachments": sum(isinstance(part, Attachment) for part in parts) + len(attached),
        "thoughts": sum(isinstance(part, Thinking) for part in parts),
        "text": [line for text in (*system, *said) for line in text.split("\n") if line],
    }


def test_bodies_keep_calls_and_results_together():
    """Calls without ids are given some, and results name them, so that a provider takes them."""
    call = ToolCall(name="sh", arguments='{"c":"ls"}')
    request = make_request(
        [
            spoken("user", Text(text="ls?")),
            spoken("assistant", Thinking(text="hm"), call, call),
            spoken("tool", ToolResult(text="a")),
            spoken("tool", ToolResult(text="b", is_error=True)),
        ]
    )

    body, losses = WIRE_DIALECTS["openai.chat@1"].encode_request(request)
    messages = json.loads(body)["messages"]

    assert [message["role"] for message in messages] == ["user", "assistant", "tool", "tool"]
    ids = [made["id"] for made in messages[1]["tool_calls"]]
    assert ids == [message["tool_call_id"] for message in messages[2:]]
    assert sorted(loss.kind for loss in losses) == ["is_error", "thinking"]
