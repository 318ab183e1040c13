"""`tapes diff` of what was recorded on the wire."""

from __future__ import annotations

import json

import pytest

from tapegit.porcelain.secrets.redaction import default_redactor
from tapegit.wire.capture import CapturedRequest, CapturedResponse
from tapegit.wire.recording.calls import CallRecorder
from tests.claude_records import assistant, call, result, user
from tests.recordings import jsonl
from tests.wire_recordings import captured, has_recordings

JSON = (("content-type", "application/json"),)
LONG = "and so on, " * 160


@pytest.fixture
def converse(repository):
    """Give what records a conversation of a scope: requests with their answers."""

    def converse(scope: str, *exchanges: tuple[dict, dict]) -> None:
        recorder = CallRecorder(repository, default_redactor())
        for number, (request, response) in enumerate(exchanges, 1):
            recorder.take(
                CapturedRequest(
                    number=number,
                    scope=scope,
                    connection=1,
                    method="POST",
                    target="/v1/messages",
                    url="https://api.anthropic.com/v1/messages",
                    headers=JSON,
                    body=json.dumps(request).encode(),
                    started_ms=1_750_000_000_000 + number * 1000,
                )
            )
            recorder.take(
                CapturedResponse(
                    number=number,
                    outcome="ok",
                    status=200,
                    headers=JSON,
                    body=json.dumps(response).encode(),
                    first_byte_ms=1_750_000_000_100 + number * 1000,
                    ended_ms=1_750_000_000_200 + number * 1000,
                )
            )
        assert recorder.finish().lost == 0

    return converse


def script(label: str, listing: str = "a.txt", answer: str = "one file", **members: object):
    """Return the two calls of a conversation with a tool; every id has the label in it."""
    prompt = {"role": "user", "content": "list the files"}
    used = {"type": "tool_use", "id": f"t-{label}", "name": "Bash", "input": {"command": "ls"}}
    asked = {"role": "assistant", "content": [used]}
    given = {"type": "tool_result", "tool_use_id": f"t-{label}", "content": listing}
    base = {
        "model": "model-1",
        "max_tokens": 100,
        "system": [{"type": "text", "text": f"You help. {LONG}"}],
        "tools": [
            {"name": "Bash", "description": f"Runs. {LONG}", "input_schema": {"type": "object"}}
        ],
        "metadata": {"user_id": label},
        **members,
    }
    said = {"type": "message", "role": "assistant", "model": base["model"]}
    usage = {"input_tokens": len(label), "output_tokens": 1}
    return (
        (
            {**base, "messages": [prompt]},
            {**said, "id": f"m1-{label}", "content": [used], "stop_reason": "tool_use",
             "usage": usage},
        ),
        (
            {**base, "messages": [prompt, asked, {"role": "user", "content": [given]}]},
            {**said, "id": f"m2-{label}", "content": [{"type": "text", "text": answer}],
             "stop_reason": "end_turn", "usage": usage},
        ),
    )  # fmt: skip


def tips(tapes) -> dict[str, str]:
    """Return the main tapes that were recorded on the wire, by the beginning of their scope."""
    records = tapes("for-each-ref", "--json", "refs/sessions/*/*/wire/main").records
    return {record["ref"].split("/")[3].partition("-")[0]: record["oid"] for record in records}


def test_two_runs_of_one_script_do_not_differ(tapes, converse):
    """Other ids, metadata and usage: nothing differs."""
    converse("one", *script("x"))
    converse("other", *script("other"))
    found = tips(tapes)

    assert tapes("diff", "--exit-code", found["one"], found["other"]).out == ""


def test_what_was_asked_is_compared(tapes, converse):
    """System prompt, tool definitions and parameters, each where it begins to differ."""
    converse("one", *script("x"))
    tool = {"name": "Bash", "description": f"Runs. {LONG}",
            "input_schema": {"type": "object", "required": ["command"]}}  # fmt: skip
    system = [{"type": "text", "text": f"You help a lot. {LONG}"}]
    converse("other", *script("y", system=system, tools=[tool], max_tokens=200))
    found = tips(tapes)
    (turn, summary) = tapes("diff", "--json", found["one"], found["other"]).records

    changes = [(each["what"], each.get("path"), each["turns"]) for each in turn["changes"]]
    assert changes == [
        ("system", None, 2),
        ("tools", "Bash.input_schema.required", 2),
        ("parameters", "max_tokens", 2),
    ]
    words = [text for side, text in turn["changes"][0]["words"] if side != "="]
    assert words == ["help.", "help a lot."]
    assert summary["changed"] == 1


def test_changed_result_and_what_followed(tapes, converse):
    """One result was changed, and the answer: these two turns."""
    converse("one", *script("x"))
    converse("other", *script("y", "a.txt\nb.txt", "two files"))
    found = tips(tapes)
    records = tapes("diff", "--json", found["one"], found["other"]).records

    assert [(each["a"]["role"], each["changes"][0]["what"]) for each in records[:-1]] == [
        ("tool", "result"),
        ("assistant", "text"),
    ]


def test_wire_and_transcript_of_one_conversation_do_not_differ(tapes, converse, work):
    """The harness's own file says the same: other records, other injected blocks."""
    converse("one", *script("x"))
    reminder = "<system-reminder>\nbe kind\n</system-reminder>\n"
    records = [
        user([{"type": "text", "text": reminder}, {"type": "text", "text": "list the files"}]),
        call("Bash", "m1", command="ls"),
        result("a.txt"),
        assistant("one file", "m2"),
    ]
    for number, record in enumerate(records):
        record["uuid"] = f"u{number}"
    records[2]["message"]["content"][0]["tool_use_id"] = "t-Bash"
    records[1]["message"]["model"] = records[3]["message"]["model"] = "model-1"
    (work / "session.jsonl").write_bytes(jsonl(records))
    tapes("import", work / "session.jsonl")

    assert tapes("diff", "--exit-code", tips(tapes)["one"], "s").out == ""


@pytest.mark.skipif(not has_recordings(), reason="needs ../shared/wire")
@pytest.mark.parametrize("client", ["claude", "codex"])
def test_two_runs_of_a_real_client_differ_in_what_differed(tapes, repository, client):
    """Claude Code drew nothing anew that counts; Codex drew ids for what its tool printed."""
    for run in ("A", "B"):
        recorder = CallRecorder(repository, default_redactor())
        for value in captured(f"det-{client}-{run}", scope=run):
            recorder.take(value, more=True)
        recorder.finish()
    records = tapes("for-each-ref", "--json", "refs/sessions/*/*/wire/main").records
    one, other = [record["oid"] for record in records]
    lines = tapes("diff", "-U0", one, other).lines

    assert one != other
    texts = [line for line in lines if line[0] in "+-" and not line.startswith(("+++", "---"))]
    assert bool(texts) == (client == "codex")
    assert all(line[1:].startswith("Chunk ID: ") for line in texts)
