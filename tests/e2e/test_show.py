"""`tapes show`."""

from __future__ import annotations

import base64
import json

import pytest

from tests.builders import write_blob
from tests.claude_records import assistant, call, extra, result, system, user
from tests.recordings import jsonl

TIME = "2026-01-01T00:00:00Z"


@pytest.fixture
def session(tapes, store, work):
    """Give a store with one session that was imported."""
    usage = {"input_tokens": 3, "output_tokens": 7, "cache_read_input_tokens": 11}
    thinking = {"type": "thinking", "thinking": "hm\nso", "signature": "x"}
    answer = assistant("Looking.", "m", timestamp=TIME)
    answer["message"] |= {"model": "model-1", "stop_reason": "tool_use", "usage": usage}
    answer["message"]["content"].insert(0, thinking)
    image = {
        "type": "image",
        "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"},
    }
    (work / "session.jsonl").write_bytes(
        jsonl(
            [
                user(
                    "list\nthem", "u1", timestamp=TIME, cwd="/w", version="2.1.0", gitBranch="main"
                ),
                answer,
                call("Bash", "m", command="ls"),
                extra(),
                result([{"type": "text", "text": "a.txt\x1b]52;c;x\x07"}, image], is_error=True),
                system("compact_boundary", compactMetadata={"trigger": "auto", "preTokens": 9}),
            ]
        )
    )
    tapes("import", work / "session.jsonl")


def test_turn_is_shown_with_its_parts(tapes, session):
    """An answer: who, when, what it cost, and each block."""
    oid = tapes("rev-parse", "s#2").oid
    assert tapes("show", "s#2").lines == [
        f"turn {oid}",
        "Role:  assistant (model-1)",
        "Date:  Thu Jan 1 00:00:00 2026 +0000",
        "Usage: 3 input, 7 output, 11 cache read",
        "Stop:  tool_use",
        "",
        "    [thinking]",
        "    hm",
        "    so",
        "",
        "    Looking.",
        "",
        '    Bash {"command":"ls"}',
        "",
        "    [progress, 45 bytes]",
    ]


def test_leader_is_shown_with_its_session(tapes, session):
    """The first turn says what is known of the session."""
    assert tapes("show", "s#0").lines[3:] == [
        "Harness: claude-code 2.1.0",
        "Session: s",
        "Directory: /w",
        "Branch: main",
    ]


def test_result_is_shown_without_its_control_characters(tapes, session):
    """What a tool gave back cannot command the terminal."""
    assert tapes("show", "s#3").lines[3:] == [
        "    [error]",
        "    a.txt\\x1b]52;c;x\\x07",
        "    [image, image/png, 3 bytes]",
    ]


def test_compaction_is_shown(tapes, session):
    """An event says what happened."""
    assert tapes("show").lines[-1] == "    compacted (auto, 9 tokens)"


def test_several_are_shown_one_after_the_other(tapes, session):
    """Each revision in turn, and the turns of a range newest first."""
    oids = [tapes("rev-parse", f"s#{number}").oid for number in range(5)]

    def shown(*revisions: str) -> list[str]:
        lines = tapes("show", *revisions).lines
        return [line[5:] for line in lines if line.startswith("turn ")]

    assert shown("s#1", "s#0") == [oids[1], oids[0]]
    assert shown("s#1..s") == [oids[4], oids[3], oids[2]]


def test_part_and_raw_of_a_turn(tapes, session, work):
    """One part, one piece, and the exact bytes of a turn can be had."""
    assert tapes("show", "s#2:part/1").lines == ["    Looking."]
    records = (work / "session.jsonl").read_bytes().splitlines(keepends=True)
    assert tapes("show", "--raw", "s#2").data == b"".join(records[1:4])
    assert tapes("show", "s#1:raw/0").data == records[0]
    assert "no part 9" in tapes("show", "s#2:part/9", code=12).err


def test_json_has_the_parts(tapes, session):
    """Parts are objects, each with its kind; the text is as it was."""
    (turn,) = tapes("show", "--json", "s#2").records
    assert turn["kind"] == "turn"
    assert [part["part"] for part in turn["parts"]] == ["thinking", "text", "tool_call", "unknown"]
    assert json.loads(turn["parts"][2]["arguments"]) == {"command": "ls"}
    (failed,) = tapes("show", "--json", "s#3").records
    assert failed["parts"][0]["text"] == "a.txt\x1b]52;c;x\x07"
    assert "\x1b" not in tapes("show", "--json", "s#3").out


def test_blob_and_rope_are_shown_as_their_bytes(tapes, repository):
    """Bytes are printed as they are, a rope joined; --json says what they are."""
    blob = write_blob(repository, b"a\xffb\n")
    with repository.transaction(message="test") as transaction:
        rope = transaction.write_bytes(b"x" * (17 << 20))
    assert tapes("show", str(blob)).data == b"a\xffb\n"
    assert tapes("show", str(rope)).data == b"x" * (17 << 20)
    (record,) = tapes("show", "--json", str(blob)).records
    assert (record["kind"], record["size"]) == ("blob", 4)
    assert base64.b64decode(record["base64"]) == b"a\xffb\n"


def test_tag_is_shown_with_what_it_names(tapes, session):
    """A tag says who, when and why, and then comes the turn."""
    oid = tapes("rev-parse", "s#1").oid
    text = f"object {oid}\ntype turn\ntag v1\ntagger Ann 0\n\nFirst\nprompt\n"
    tag = tapes("mktag", input=text).oid
    lines = tapes("show", tag).lines
    assert lines[:7] == [
        "tag v1",
        "Tagger: Ann",
        "Date:   Thu Jan 1 00:00:00 1970 +0000",
        "",
        "First",
        "prompt",
        "",
    ]
    assert lines[7] == f"turn {oid}"
    kinds = [record["kind"] for record in tapes("show", "--json", tag).records]
    assert kinds == ["tag", "turn"]


def test_dialect_that_is_not_known_is_shown_as_bytes(tapes, repository):
    """A turn that nothing here can decode is unknown, and its bytes can be had."""
    from tapegit.objects.kind import Kind
    from tapegit.objects.turn import RawPiece, Turn, encode_turn

    blob = write_blob(repository, b"from afar")
    turn = Turn(role="user", dialect="martian@9", raw=(RawPiece(str(blob)),))
    with repository.transaction(message="test") as transaction:
        oid = transaction.write(Kind.TURN, encode_turn(turn))
    assert tapes("show", str(oid)).lines[-1] == "    [martian@9, 9 bytes]"
    assert tapes("show", "--raw", str(oid)).data == b"from afar"


def test_nothing_to_show_is_an_error(tapes, store):
    """An empty store has nothing to show, and what is missing is named."""
    assert tapes("show", code=12).out == ""
    assert "1" * 64 in tapes("show", "1" * 64, code=12).err
    tapes("show", "--raw", "--json", code=2)
