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


def test_parts_can_be_chosen(tapes, session):
    """--part takes a number or a range with both ends; they alone are printed."""
    assert tapes("show", "--part", "1", "s#2").lines == ["    Looking."]
    assert tapes("show", "--part=1..2", "s#2").lines == [
        "    Looking.",
        "",
        '    Bash {"command":"ls"}',
    ]
    whole = tapes("show", "s#2").lines[6:]
    assert tapes("show", "--part=..", "s#2").lines == whole
    assert tapes("show", "--part=3..", "s#2").lines == whole[-1:]
    assert tapes("show", "--part=..0", "s#2").lines == whole[:3]
    numbers = [record["number"] for record in tapes("show", "--part=1..2", "--json", "s#2").records]
    assert numbers == [1, 2]
    assert "no part 9" in tapes("show", "--part=9", "s#2", code=12).err
    assert tapes("show", "--part=..", "s#0").out == ""


@pytest.mark.parametrize("text", ["x", "-1", "1..x", "1-2", "1...2", "", "1" * 20])
def test_no_range_of_parts_is_a_usage_error(tapes, session, text):
    """What is no number and no range is told."""
    assert "neither N nor A..B" in tapes("show", f"--part={text}", "s", code=2).err


def test_part_of_what_has_none_is_an_error(tapes, session, repository):
    """A blob has no parts."""
    blob = write_blob(repository, b"x")
    assert "is no turn" in tapes("show", "--part=0", str(blob), code=1).err


def test_raw_of_a_part_is_what_it_holds(tapes, session, work):
    """The text as it was, the arguments of a call, and the bytes of an image."""
    assert tapes("show", "--raw", "--part=0", "s#2").data == b"hm\nso"
    assert tapes("show", "--raw", "s#2:part/2").data == b'{"command":"ls"}'
    assert tapes("show", "--raw", "--part=0", "s#3").data == b"a.txt\x1b]52;c;x\x07"
    image = {"type": "base64", "media_type": "image/png", "data": "AAEC/w=="}
    far = {"type": "url", "url": "https://example.com/x.png"}
    (work / "i.jsonl").write_bytes(
        jsonl(
            [
                user([{"type": "image", "source": image}, {"type": "image", "source": far}])
                | {"sessionId": "images"}
            ]
        )
    )
    tapes("import", work / "i.jsonl")
    assert tapes("show", "--raw", "--part=0", "images").data == b"\x00\x01\x02\xff"
    assert tapes("show", "--raw", "--part=1", "images").data == b"https://example.com/x.png"


def test_summary_alone(tapes, session):
    """-s prints no parts, as git's prints no patch."""
    oid = tapes("rev-parse", "s#2").oid
    assert tapes("show", "-s", "s#2").lines == [
        f"turn {oid}",
        "Role:  assistant (model-1)",
        "Date:  Thu Jan 1 00:00:00 2026 +0000",
        "Usage: 3 input, 7 output, 11 cache read",
        "Stop:  tool_use",
        "",
        "    Looking.",
    ]
    (record,) = tapes("show", "-s", "--json", "s#2").records
    assert "parts" not in record
    assert record["summary"] == "Looking."


def test_formats_come_before_the_parts(tapes, session):
    """As in git: the form of the turn, then the parts unless -s leaves them out."""
    short = tapes("rev-parse", "s#2").oid[:7]
    parts = tapes("show", "s#2").lines[5:]
    assert tapes("show", "--oneline", "s#2").lines == [f"{short} assistant: Looking.", *parts]
    assert tapes("show", "--format=%h %an", "s#2").lines == [f"{short} assistant", *parts]
    assert tapes("show", "-s", "--format=%h %an", "s#1..s#3").lines == [
        f"{tapes('rev-parse', 's#3').oid[:7]} tool",
        f"{short} assistant",
    ]
    assert tapes("show", "-s", "--oneline", "s#2", "s#1").lines[0] == f"{short} assistant: Looking."
    assert tapes("show", "--pretty=raw", "-s", "s#2").lines[1] == "dialect claude-code@1"
    assert tapes("show", "--format=fancy", "s#2", code=2).out == ""
    for form in ("--oneline", "--json"):
        assert f"{form} is a format itself" in tapes("show", form, "--format=%H", code=2).err


def test_stat_takes_the_place_of_the_parts(tapes, session):
    """As in git: numbers, not what they count."""
    lines = tapes("show", "--stat", "s#2").lines
    assert lines[5:7] == ["", "    Looking."]
    assert lines[7] == ""
    assert lines[8].startswith(" 4 parts, ")
    assert "1 tool call (Bash)" in lines[8]
    (record,) = tapes("show", "--stat", "--json", "s#2").records
    assert record["stat"]["calls"] == {"Bash": 1}
    assert "parts" not in record


@pytest.mark.parametrize("what", ["tools", "system"])
def test_what_was_not_captured_is_an_error(tapes, session, what):
    """A transcript has no tool definitions: nothing at all would look like an empty list."""
    for args in ([], ["--json"], ["--raw"]):
        done = tapes("show", *args, f"s:{what}", code=12)
        assert done.out == ""
        assert f"has no {what}: it was not captured on the wire" in done.err


def test_request_of_a_captured_call(tapes, repository):
    """System prompt and tools are joined from the pieces that hold them, short ones included."""
    from tapegit.objects.kind import Kind
    from tapegit.objects.oid import ObjectId
    from tapegit.objects.rope_reader import iter_pieces
    from tapegit.objects.turn import Call, Turn, encode_turn

    tools = [{"name": f"tool-{n}", "description": "d" * (2000 * n)} for n in range(3)]
    body = json.dumps({"messages": [{"role": "user", "content": "x" * 9999}] * 2, "tools": tools})
    with repository.transaction(message="test") as transaction:
        request = transaction.write_bytes(body.encode())
    pieces = list(iter_pieces(repository.objects.find, ObjectId.parse(str(request))))
    texts = [piece.literal or repository.objects.read(piece.oid).data for piece in pieces]
    numbers = tuple(n for n, text in enumerate(texts) if b"tool-" in text)
    call = Call(request=str(request), tools=numbers, outcome="ok")
    with repository.transaction(message="test") as transaction:
        oid = transaction.write(Kind.TURN, encode_turn(Turn(role="assistant", call=call)))
    shown = tapes("show", f"{oid}:tools").data
    assert shown == b"".join(texts[number] for number in numbers)
    assert shown.count(b"tool-") == 3
    assert tapes("show", f"{oid}:request").data == body.encode()
    assert "has no system" in tapes("show", f"{oid}:system", code=12).err
    assert "has no response" in tapes("show", f"{oid}:response", code=12).err


def test_first_turn_has_no_second_parent_in_plain_words(tapes, session):
    """One parent is one parent."""
    done = tapes("show", "s^2", code=12)
    assert "has 1 parent\nhint: 'tapes log --oneline" in done.err
