"""`tapes amend`: one part is another text, and nothing that was recorded changes."""

from __future__ import annotations

import json

import pytest

from tests.claude_records import assistant, call, extra, result, user
from tests.recordings import jsonl
from tests.scripted_calls import Script, said
from tests.scripted_calls import user as prompt
from tests.sources import FIXTURES
from tests.thread_shapes import record

TIME = "2026-01-01T00:00:00Z"
RESULT = "2 failed, 10 passed"
SECRET = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"


@pytest.fixture
def session(tapes, store, work):
    """Give a store with one session that was imported, checked out as the branch `fix`.

    #1 a prompt, #2 an answer with signed thinking and a call, #3 its result, written twice,
    #4 the last answer.
    """
    answer = assistant("Looking.", "m", timestamp=TIME)
    answer["message"]["content"].insert(
        0, {"type": "thinking", "thinking": "hm\nso", "signature": "c2lnbmVk"}
    )
    outcome = result(RESULT)
    outcome["toolUseResult"] = {"stdout": RESULT, "stderr": ""}
    (work / "session.jsonl").write_bytes(
        jsonl(
            [
                user("fix the test", "u1", timestamp=TIME, cwd="/w", version="2.1.0"),
                answer,
                call("Bash", "m", command="pytest"),
                extra(),
                outcome,
                assistant("Two still fail.", "m2", timestamp=TIME),
            ]
        )
    )
    tapes("import", work / "session.jsonl")
    tapes("switch", "-q", "-c", "fix")
    return "s"


def parts(tapes, rev: str) -> list[dict]:
    """Return the parts of a turn."""
    (record,) = tapes("show", "--json", rev).records
    return record["parts"]


def test_a_result_is_replaced_in_a_sibling(tapes, session):
    """The branch moves to it, the session stays, and all else of the record is as it was."""
    before = tapes("rev-parse", "fix#3").oid
    tip = tapes("rev-parse", "fix").oid
    done = tapes("amend", "fix#3", "--text", "12 passed")
    after = tapes("rev-parse", "fix").oid
    assert done.lines == [f"[fix {after[:7]}] tool: 12 passed"]
    assert "hint: 1 turn that followed is no longer on it" in done.err
    assert "tapes reset fix@{1}" in done.err
    assert tapes("rev-parse", f"{after}^").oid == tapes("rev-parse", f"{before}^").oid
    assert tapes("rev-parse", session).oid == tip
    old = tapes("cat-file", "blob", f"{before}:raw/0").data
    new = tapes("cat-file", "blob", f"{after}:raw/0").data
    assert new == old.replace(RESULT.encode(), b"12 passed")
    assert new.count(b"12 passed") == 2


def test_the_way_back_is_as_it_is_written(tapes, session):
    """`reset fix@{1}` is where the branch was."""
    assert session
    tip = tapes("rev-parse", "fix").oid
    tapes("amend", "fix#3", "--text", "12 passed")
    tapes("reset", "fix@{1}")
    assert tapes("rev-parse", "fix").oid == tip


def test_a_prompt_is_replaced(tapes, session):
    """Its summary is read from the new record."""
    assert session
    tapes("amend", "fix#1", "--text", "fix it\nnow")
    assert tapes("log", "--oneline", "-n", "1").out.endswith("user: fix it\n")
    assert parts(tapes, "HEAD")[0]["text"] == "fix it\nnow"


def test_an_answer_loses_the_thinking_that_was_signed_for_it(tapes, session):
    """And it is said; a result keeps everything."""
    assert session
    done = tapes("amend", "fix#2:part/1", "--text", "Looking again.")
    assert "1 signed thinking of this message is gone" in done.err
    assert [part["part"] for part in parts(tapes, "HEAD")] == ["text", "tool_call", "unknown"]
    assert parts(tapes, "HEAD")[0]["text"] == "Looking again."
    raw = b"".join(tapes("cat-file", "blob", f"HEAD:raw/{number}").data for number in range(1))
    assert b"c2lnbmVk" not in raw


def test_a_result_in_an_answer_leaves_its_thinking(tapes, store, work):
    """Where the client writes results into answers: they are not the model's words."""
    document = json.loads((FIXTURES / "opencode/calls.json").read_bytes())
    signed = {"anthropic": {"signature": "c2lnbmVk"}}
    thought = {"type": "reasoning", "text": "hm", "metadata": signed, "id": "prt_0"}
    document["messages"][2]["parts"].insert(0, thought)
    (work / "session.json").write_text(json.dumps(document))
    tapes("import", work / "session.json")
    tapes("switch", "-q", "-c", "fix")
    kinds = [part["part"] for part in parts(tapes, "fix#3")]
    number = kinds.index("tool_result")
    done = tapes("amend", f"fix#3:part/{number}", "--text", "Another one.")
    assert "thinking" not in done.err
    assert [part["part"] for part in parts(tapes, "HEAD")] == kinds
    assert parts(tapes, "HEAD")[number]["text"] == "Another one."


def test_arguments_of_a_call_are_json(tapes, session):
    """They are replaced as JSON, and what is none is refused."""
    assert session
    refused = tapes("amend", "fix#2:part/2", "--text", "{oops", code=1)
    assert "must be JSON" in refused.err
    tapes("amend", "fix#2", "--part", "2", "--text", '{"command": "pytest -x"}')
    call_part = parts(tapes, "HEAD")[1]
    assert json.loads(call_part["arguments"]) == {"command": "pytest -x"}


def test_several_parts_are_listed_and_one_must_be_named(tapes, session):
    """With the words that name the first."""
    assert session
    refused = tapes("amend", "fix#2", "--text", "x", code=13)
    assert ":part/1  text: Looking." in refused.err
    assert ':part/2  tool call: {"command":"pytest"}' in refused.err
    assert "tapes amend" in refused.err


def test_the_editor_gets_the_text_and_what_it_saves_is_taken(tapes, session, tmp_path):
    """The new-line that an editor puts at the end is not part of the text."""
    assert session
    editor = tmp_path / "editor"
    editor.write_text('#!/bin/sh\ncp "$1" "$0.seen"\necho "all pass" > "$1"\n')
    editor.chmod(0o755)
    tapes("amend", "fix#3", env={"TAPES_EDITOR": str(editor)})
    assert (tmp_path / "editor.seen").read_text() == RESULT + "\n"
    assert parts(tapes, "HEAD")[0]["text"] == "all pass"


def test_an_editor_that_changes_nothing_changes_nothing(tapes, session):
    """The branch stays where it is."""
    assert session
    tip = tapes("rev-parse", "fix").oid
    kept = tapes("amend", "fix#3", env={"TAPES_EDITOR": "true"}, code=1)
    assert "nothing was changed" in kept.err
    assert tapes("rev-parse", "fix").oid == tip


def test_text_from_a_file_and_from_standard_input(tapes, session, tmp_path):
    """Byte for byte, the last new-line too."""
    assert session
    (tmp_path / "text").write_text("from a file\n")
    tapes("amend", "fix#3", "-F", tmp_path / "text")
    assert parts(tapes, "HEAD")[0]["text"] == "from a file\n"
    tapes("amend", "-F", "-", input="from a pipe")
    assert parts(tapes, "HEAD")[0]["text"] == "from a pipe"


def test_a_secret_in_the_new_text_is_not_stored(tapes, session):
    """As in whatever else is recorded."""
    assert session
    done = tapes("amend", "fix#3", "--text", f"token {SECRET}")
    assert "replaced by a placeholder" in done.err
    raw = tapes("cat-file", "blob", "HEAD:raw/0").data
    assert SECRET.encode() not in raw
    assert b"[REDACTED:" in raw


def test_amending_twice_to_the_same_text_gives_the_same_turn(tapes, session):
    """A sibling is a function of the turn and the text."""
    assert session
    tapes("amend", "fix#3", "--text", "12 passed")
    first = tapes("rev-parse", "HEAD").oid
    tapes("reset", "-q", "fix@{1}")
    tapes("amend", "fix#3", "--text", "12 passed")
    assert tapes("rev-parse", "HEAD").oid == first


def test_the_store_is_sound_afterwards(tapes, session):
    """Whatever was amended."""
    assert session
    tapes("amend", "fix#2:part/1", "--text", "\u2028 \x00 \ud7ff \U0001f4be")
    assert parts(tapes, "HEAD")[0]["text"] == "\u2028 \x00 \ud7ff \U0001f4be"
    tapes("fsck", "--full")
    tapes("amend", "--part", "1", "--text", '{"a": [1, {"b": null}]}')
    tapes("fsck", "--full")


def test_amended_as_json(tapes, session):
    """One object says what a script needs."""
    assert session
    before = tapes("rev-parse", "fix#3").oid
    (record,) = tapes("amend", "fix#3", "--text", "12 passed", "--json").records
    assert record == {
        "schema": 1,
        "oid": tapes("rev-parse", "fix").oid,
        "before": before,
        "part": 0,
        "left": 1,
        "thinking": 0,
        "ref": "refs/heads/fix",
    }


def test_a_detached_head_moves(tapes, session):
    """No branch does."""
    assert session
    tip = tapes("rev-parse", "fix").oid
    tapes("checkout", "-q", "fix#3")
    done = tapes("amend", "--text", "12 passed")
    assert done.out.startswith("[detached HEAD ")
    assert tapes("rev-parse", "fix").oid == tip
    assert parts(tapes, "HEAD")[0]["text"] == "12 passed"


def test_an_unborn_head_is_refused_with_the_way_out(tapes, session):
    """The hint is a command that works."""
    tapes("symbolic-ref", "HEAD", "refs/heads/none")
    refused = tapes("amend", f"{session}#3", "--text", "x", code=12)
    oid = tapes("rev-parse", f"{session}#3").oid
    assert f"tapes switch -c <name> {oid[:8]}" in refused.err


def test_a_turn_that_head_does_not_reach_is_refused(tapes, session):
    """Nothing moves."""
    tip = tapes("rev-parse", "fix").oid
    tapes("switch", "-q", "-c", "early", f"{session}#1")
    refused = tapes("amend", tip, "--text", "x", code=1)
    assert "is not on 'early'" in refused.err


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("amend", "fix#3", "--text", "x", "-F", "-"), 2),
        (("amend", "fix#3:part/0", "--part", "0", "--text", "x"), 2),
        (("amend", "fix#3:turn", "--part", "7", "--text", "x"), 12),
        (("amend", "fix#3", "--part", "7", "--text", "x"), 12),
        (("amend", "fix#2:part/0", "--text", "x"), 1),
        (("amend", "fix#3", "--text", RESULT), 1),
        (("amend", "nope", "--text", "x"), 12),
        (("amend", "fix#3", "--part", "-1", "--text", "x"), 2),
    ],
)
def test_what_cannot_be_amended_is_refused(tapes, session, words, code):
    """With the code of the mistake, and the branch stays."""
    assert session
    tip = tapes("rev-parse", "fix").oid
    tapes(*words, code=code)
    assert tapes("rev-parse", "fix").oid == tip


@pytest.fixture
def answer(repository, tapes):
    """Give a tape from the wire, checked out as `fix`: #1 a prompt, #2 a streamed answer."""
    script = Script()
    script.call([prompt("Charge it.")], said("Now.", ("pay", {"is_refund": True}, "toolu_1")))
    record(repository, script.values)
    (ref,) = tapes("for-each-ref", "refs/sessions", "--format=%(refname)").lines
    tapes("switch", "-q", "-c", "fix", ref)
    return "fix#2"


def test_an_answer_of_the_wire_is_what_a_replay_answers(tapes, answer):
    """Its response is another, the request and all else of the call as it was."""
    before = tapes("show", "--json", answer).records[0]
    tapes("amend", f"{answer}:part/1", "--text", '{"is_refund": false}')
    after = tapes("show", "--json", "fix").records[0]
    assert before["parts"][0] == after["parts"][0]
    assert json.loads(after["parts"][1]["arguments"]) == {"is_refund": False}
    assert (after["summary"], after["tools"]) == (before["summary"], before["tools"])
    assert after["call"].pop("response") == after["raw"][0]["oid"]
    assert before["call"].pop("response") == before["raw"][0]["oid"]
    assert after["call"] == before["call"]
    assert tapes("cat-file", "blob", "fix:response").data.startswith(b"event: message_start")
