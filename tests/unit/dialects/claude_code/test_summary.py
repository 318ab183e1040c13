"""The one line of each kind of turn: a row for each rule of the page."""

from __future__ import annotations

import json

import pytest

from tapegit.dialects.claude_code.record import decode_record
from tapegit.dialects.claude_code.summary import (
    is_injected,
    summarize_call,
    summarize_event,
    summarize_result,
    summarize_session,
    summarize_user,
)
from tapegit.dialects.syntax.lines import first_line


def decode(**record):
    """Return a record as the dialect sees it."""
    return decode_record(json.dumps(record).encode())


USER = [
    ("hello\nthere", "hello"),
    ("\n \t\n  hello  \nthere", "hello"),
    ("", None),
    (" \n", None),
    ([{"type": "text", "text": "hello"}], "hello"),
    (["hello"], "hello"),
    (
        [
            {"type": "text", "text": "<system-reminder>x</system-reminder>"},
            {"type": "text", "text": "hello"},
        ],
        "hello",
    ),
    ([{"type": "text", "text": "<ide_selection>x</ide_selection>"}], "x"),
    ("<system-reminder>be good</system-reminder>", "be good"),
    (
        "<command-name>/clear</command-name> <command-message>c</command-message><command-args>",
        "/clear",
    ),
    (
        "<command-message>x</command-message><command-name>/a</command-name><command-args> b c <",
        "/a b c",
    ),
    ("<bash-input> ls -l </bash-input>", "! ls -l"),
    ("<local-command-stdout>out</local-command-stdout>", "out"),
    ("<bash-stdout></bash-stdout><bash-stderr>no</bash-stderr>", "<bash-stderr>no</bash-stderr>"),
    ([{"type": "image"}], "[image]"),
    ([{"type": "document"}, {"type": "image"}], "[document]"),
    ([], None),
    ([7, None, {"type": 7}], None),
]


@pytest.mark.parametrize(("content", "line"), USER)
def test_line_of_a_prompt(content, line):
    """Text that is not injected first; commands as they were typed; what is attached if no text."""
    record = decode(type="user", message={"content": content})
    assert summarize_user(record.message.content, is_compact_summary=False) == line


def test_line_of_a_compact_summary_says_so():
    """The text that stands for a compacted conversation is marked."""
    assert summarize_user("So far", is_compact_summary=True) == "[compacted] So far"
    assert summarize_user("", is_compact_summary=True) is None


RESULTS = [
    ({"content": "done\nmore"}, "done"),
    ({"content": [{"type": "text", "text": ""}, {"type": "text", "text": "b"}]}, "b"),
    ({"content": "no", "is_error": True}, "error: no"),
    ({"content": "<tool_use_error>no file</tool_use_error>", "is_error": True}, "error: no file"),
    ({}, "ok"),
    ({"is_error": True}, "error"),
    ({"content": [{"type": "image"}]}, "[image]"),
    ({"content": {"odd": 1}}, "ok"),
    ({"content": None}, "ok"),
]


@pytest.mark.parametrize(("block", "line"), RESULTS)
def test_line_of_a_result(block, line):
    """Its first line, after `error: ` where it failed."""
    record = decode(type="user", message={"content": [{"type": "tool_result", **block}]})
    assert summarize_result(record.message.content[0]) == line


CALLS = [
    ({"name": "Bash", "input": {"command": "ls\n-l", "description": "x"}}, "Bash: ls"),
    ({"name": "Read", "input": {"file_path": "/w/a.py"}}, "Read: a.py"),
    ({"name": "Read", "input": {"file_path": "/other/a.py"}}, "Read: /other/a.py"),
    ({"name": "Read", "input": {"file_path": "/w"}}, "Read: /w"),
    ({"name": "Grep", "input": {"pattern": "/w/x", "path": "/w/src"}}, "Grep: src"),
    ({"name": "Task", "input": {"prompt": "do", "description": " "}}, "Task: do"),
    ({"name": "Odd", "input": {"command": 7, "url": "u"}}, "Odd: u"),
    ({"name": "None", "input": {}}, "None"),
    ({"name": "Text", "input": "x"}, "Text"),
    ({"name": "Absent"}, "Absent"),
    ({"input": {"command": "x"}}, "tool: x"),
]


@pytest.mark.parametrize(("block", "line"), CALLS)
def test_line_of_a_call(block, line):
    """Its name and the member of its input that says most."""
    record = decode(type="assistant", message={"content": [{"type": "tool_use", **block}]})
    assert summarize_call(record.message.content[0], "/w") == line


EVENTS = [
    ({"subtype": "compact_boundary"}, "compacted"),
    (
        {"subtype": "compact_boundary", "compactMetadata": {"trigger": "manual", "preTokens": 5}},
        "compacted (manual, 5 tokens)",
    ),
    ({"subtype": "compact_boundary", "compactMetadata": {"preTokens": 5}}, "compacted (5 tokens)"),
    (
        {"subtype": "microcompact_boundary", "microcompactMetadata": {"trigger": "auto"}},
        "microcompacted (auto)",
    ),
    (
        {"subtype": "compact_boundary", "compactMetadata": {"trigger": 1, "preTokens": -1}},
        "compacted",
    ),
    ({"subtype": "api_error"}, "api error"),
    ({"subtype": "api_error", "error": "boom\nx"}, "api error: boom"),
    ({"subtype": "api_error", "error": {"status": 529, "message": "m"}}, "api error: 529"),
    ({"subtype": "api_error", "error": {"message": "m", "type": "t"}}, "api error: m"),
    ({"subtype": "api_error", "error": {"type": "t"}}, "api error: t"),
    ({"subtype": "local_command", "content": "<command-name>/x</command-name>"}, "/x"),
    (
        {"subtype": "local_command", "content": "<local-command-stdout>out</local-command-stdout>"},
        "out",
    ),
    ({"subtype": "local_command"}, "local command"),
]


@pytest.mark.parametrize(("record", "line"), EVENTS)
def test_line_of_an_event(record, line):
    """What happened, with what is known of it."""
    assert summarize_event(decode(type="system", **record)) == line


def test_line_of_a_leader():
    """The program, its version, where it ran, and the branch there."""
    assert summarize_session(None, None, None) == "claude-code"
    assert summarize_session("2.1.0", "/w", "main") == "claude-code 2.1.0 in /w (main)"


def test_first_line_of_a_text_is_bounded():
    """A line of any length gives at most a thousand characters."""
    assert first_line("\n a \n b") == "a"
    assert first_line(" \n\t") is None
    assert len(first_line("x" * 10_000_000)) == 1000


@pytest.mark.parametrize(
    "tag", ["system-reminder", "ide_opened_file", "ide_selection", "local-command-caveat"]
)
def test_what_the_harness_puts_in_is_injected(tag):
    """Only text that begins with one of the harness's tags is."""
    assert is_injected(f" \n<{tag}>x")
    assert not is_injected(f"x <{tag}>")


@pytest.mark.parametrize(
    "text",
    [
        "<command-args>" * 200_000,
        "<bash-input" * 100_000,
        "<" * 1_000_000,
        " " * 1_000_000,
        "<command-name>" + "x" * 1_000_000,
    ],
)
def test_no_text_takes_long(text):
    """Tags without an end and blanks without end cost no more than their length."""
    summarize_user(text, is_compact_summary=False)
