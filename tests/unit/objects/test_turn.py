"""Turns: their one form, the rules of each field, and summaries."""

from __future__ import annotations

import pytest

from tapegit.errors import FormatError
from tapegit.objects.kind import MIB
from tapegit.objects.oid import ObjectId
from tapegit.objects.turn import (
    Call,
    CodeRepository,
    RawPiece,
    Redacted,
    Session,
    Turn,
    Usage,
    clean_summary,
    decode_links,
    decode_step,
    decode_subject,
    decode_turn,
    encode_turn,
    verify_turn,
)

A, B, C = ("a" * 64, "b" * 64, "c" * 64)
FULL = Turn(
    role="assistant",
    parents=(B, A),
    time=1_780_000_000_000,
    dialect="claude-code@1",
    raw=(RawPiece(C), RawPiece(A, -3), RawPiece(C, 0)),
    summary="one line é 😀",
    model="m",
    provider="p",
    stop="end_turn",
    tools=("Bash", "Bash"),
    duration_ms=0,
    ttft_ms=5,
    usage=Usage(input=0, output=1, cache_read=2, cache_write_5m=3, cache_write_1h=4, reasoning=5),
    call=Call(
        attempt=1,
        group="g",
        method="POST",
        url="https://x/",
        outcome="ok",
        request=A,
        request_coding="gzip",
        request_headers=(("a", "{}"), ("a", "")),
        response=B,
        response_coding="br",
        response_headers=(("b", "c"),),
        started_ms=1,
        first_byte_ms=2,
        ended_ms=3,
        status=200,
        system=(0,),
        tools=(1, 2),
    ),
    session=Session(
        agent="a",
        command=("x", "y"),
        cwd="/",
        harness="h",
        id="i",
        parent="p",
        repository=CodeRepository(branch="b", commit="c", remote="r"),
        tool_use="t",
        version="1",
    ),
    redacted=Redacted(rules=(("r", 2),), version=1),
)
NOTE = Turn(role="note", about=A, key="title", value="x", parents=(B,))


@pytest.mark.parametrize("turn", [FULL, NOTE, Turn(role="session"), Turn(role="event", time=-1)])
def test_turns_go_both_ways(turn):
    """Encoding and decoding are inverse, and verifying gives the turn."""
    data = encode_turn(turn)

    assert decode_turn(data) == turn
    assert verify_turn(data) == turn
    assert encode_turn(verify_turn(data)) == data


def test_form_is_the_one_of_the_page():
    """Keys ascend, nothing is between tokens, and what is absent is left out."""
    turn = Turn(role="user", time=7, raw=(RawPiece(A), RawPiece(B, 0)), dialect="x@1")

    assert encode_turn(turn) == (
        b'{"dialect":"x@1","raw":[{"oid":"%s"},{"at":0,"oid":"%s"}],"role":"user","time":7}'
        % (A.encode(), B.encode())
    )


def test_parts_of_which_nothing_is_known_are_left_out():
    """Empty parts are absent, in whatever depth, without touching text that looks like them."""
    turn = Turn(
        role="session",
        usage=Usage(),
        redacted=Redacted(),
        session=Session(repository=CodeRepository(), id="{}", cwd="[]"),
        call=Call(),
    )

    assert encode_turn(turn) == b'{"role":"session","session":{"cwd":"[]","id":"{}"}}'


def test_surrogates_are_joined_or_replaced():
    """Text from a source with halves of pairs still gives a turn."""
    turn = Turn(role="user", summary="a\ud800b\ud83d\ude00", tools=("\udfff",))

    assert decode_turn(encode_turn(turn)).summary == "a\ufffdb\U0001f600"
    assert decode_turn(encode_turn(turn)).tools == ("\ufffd",)


def test_parent_ids_and_links_are_ids():
    """Hex inside a turn becomes ids at its edge."""
    assert FULL.parent_ids == (ObjectId.parse(B), ObjectId.parse(A))
    links = decode_links(encode_turn(FULL))
    assert links.parents == FULL.parent_ids
    assert [oid.hex()[0] for oid in links.contents] == ["c", "a", "c", "a", "b"]


def test_subject_is_role_and_summary():
    """The fast decoder agrees with the whole one."""
    subject = decode_subject(encode_turn(FULL))

    assert (subject.role, subject.summary) == (FULL.role, FULL.summary)
    assert decode_subject(b'{"role":"tool"}').summary is None


def test_step_is_parents_time_and_whether_a_leader():
    """The decoder of walks agrees with the whole one."""
    for turn in (FULL, NOTE, Turn(role="session", time=-5), Turn(role="user")):
        step = decode_step(encode_turn(turn))
        assert step == (turn.parent_ids, turn.time, turn.role == "session")


def test_unknown_keys_are_valid_and_ignored():
    """A later version's keys pass, at every level, as long as they are canonical."""
    data = b'{"raw":[{"oid":"%s","zz":{"y":1}}],"role":"user","x":["y"]}' % A.encode()
    with_dialect = b'{"dialect":"x@1",' + data[1:]

    assert verify_turn(with_dialect).role == "user"
    assert verify_turn(with_dialect).raw == (RawPiece(A),)


HEX = A.encode()
INVALID = [
    b"",
    b"{}",
    b"[]",
    b'"x"',
    b"null",
    b'{"role":"user"',
    b'{"role":"user"} ',
    b'{"role":"user"}x',
    b'\xef\xbb\xbf{"role":"user"}',
    b'{"role":"nobody"}',
    b'{"role":null}',
    b'{"role":"user","role":"user"}',
    b'{"role":"user","summary":"x","summary":"y"}',
    b'{"a":1,"a":1,"role":"user"}',
    b'{"a":null,"role":"user"}',
    b'{"a":true,"role":"user"}',
    b'{"a":1.0,"role":"user"}',
    b'{"a":{},"role":"user"}',
    b'{"a":"\xff","role":"user"}',
    b'{"a":"\\ud800","role":"user"}',
    b'{"A":1,"role":"user"}',
    b'{"model":null,"role":"user"}',
    b'{"parents":[],"role":"user"}',
    b'{"role":"user","usage":{}}',
    b'{"role":"user","summary":""}',
    b'{"role":"user","summary":"a\\nb"}',
    '{"role":"user","summary":"a\u202eb"}'.encode(),
    '{"role":"user","summary":"a\x85b"}'.encode(),
    b'{"role":"user","summary":"' + b"x" * 121 + b'"}',
    b'{"role":"user","summary":"\\u0041"}',
    b'{"role":"user","summary":7}',
    b'{"role":"user","time":1.0}',
    b'{"role":"user","time":"1"}',
    b'{"role":"user","time":-0}',
    b'{"role":"user","time":9007199254740992}',
    b'{"duration_ms":-1,"role":"user"}',
    b'{"role":"user","usage":{"input":-1}}',
    b'{"parents":["%s"],"role":"user"}' % HEX.upper(),
    b'{"parents":["%s"],"role":"user"}' % HEX[1:],
    b'{"parents":["%s","%s"],"role":"user"}' % (HEX, HEX),
    b'{"parents":"%s","role":"user"}' % HEX,
    b'{"raw":[{"oid":"%s"}],"role":"user"}' % HEX,
    b'{"dialect":"x@1","raw":[{}],"role":"user"}',
    b'{"dialect":"x@1","raw":[{"oid":"%s"}],"role":"user"}' % (b"g" * 64),
    b'{"dialect":"x","role":"user"}',
    b'{"dialect":"x@0","role":"user"}',
    b'{"dialect":"X@1","role":"user"}',
    b'{"dialect":"x@1\\n","role":"user"}',
    b'{"call":{"request":"zz"},"role":"user"}',
    b'{"call":{"outcome":"fine"},"role":"user"}',
    b'{"call":{"request_headers":[["a"]]},"role":"user"}',
    b'{"about":"%s","role":"note"}' % HEX,
    b'{"key":"k","role":"note"}',
    b'{"role":"note","value":"v"}',
    b'{"about":"%s","key":"k","role":"user"}' % HEX,
    b'{"about":"zz","key":"k","role":"note"}',
    b'{"zz":' + b"[" * 16 + b"1" + b"]" * 16 + b',"role":"user"}',
    b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b',"role":"user"}',
    b'{"role":"user","value":"' + b"x" * MIB + b'"}',
]


@pytest.mark.parametrize("data", INVALID, ids=lambda data: repr(data[:50]))
def test_turns_that_break_a_rule_are_refused(data):
    """Each rule of the page, broken alone, is a FormatError."""
    with pytest.raises(FormatError):
        verify_turn(data)


@pytest.mark.parametrize("decode", [decode_turn, decode_subject, decode_links, decode_step])
@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b'{"role":7}',
        b'{"role":"user","summary":"\xff","parents":["\xff"]}',
        b"[" * 10**6,
    ],
)
def test_fast_decoders_raise_nothing_else(decode, data):
    """What msgspec raises for bytes from outside is a FormatError."""
    with pytest.raises(FormatError):
        decode(data)


def test_parents_have_a_limit():
    """4,096 are the most."""
    parents = tuple(f"{n:064x}" for n in range(4097))
    encode_turn(Turn(role="user", parents=parents[:4096]))
    with pytest.raises(FormatError):
        encode_turn(Turn(role="user", parents=parents))


@pytest.mark.parametrize(
    "turn",
    [
        Turn(role="nobody"),
        Turn(role="user", time=1.5),
        Turn(role="user", time=True),
        Turn(role="user", time=1 << 80),
        Turn(role="user", parents=("x",)),
        Turn(role="user", raw=(RawPiece(A),)),
        Turn(role="user", summary="a\nb"),
        Turn(role="user", value="x" * MIB),
    ],
)
def test_turns_that_break_a_rule_are_not_written(turn):
    """A writer refuses what a reader would."""
    with pytest.raises(FormatError):
        encode_turn(turn)


@pytest.mark.parametrize(
    ("text", "summary"),
    [
        ("", ""),
        (" \n\t ", ""),
        ("\x00\x1b\u202e", ""),
        ("  a \n\n b\u00a0\u3000c\r\n", "a b c"),
        ("a\x00b\x1b[31mc\u202ed\x9fe", "ab[31mcde"),
        ("x" * 120, "x" * 120),
        ("x" * 121, "x" * 119 + "…"),
        ("x" * 118 + " " + "y" * 50, "x" * 118 + "…"),
        ("😀" * 200, "😀" * 119 + "…"),
        (" " * 5000 + "late", "late"),
        ("a" + " " * 999 + "b", "a"),
        ("a\ud800\ud83d\ude00", "a\ufffd😀"),
        ("\x00 a", "a"),
        ("\u200b\ufeffa", "\u200b\ufeffa"),
    ],
)
def test_clean_summary_makes_one_line(text, summary):
    """The rule of the page, and the result is always a valid summary or empty."""
    assert clean_summary(text) == summary
    assert not summary or encode_turn(Turn(role="user", summary=clean_summary(text)))


def test_clean_summary_of_a_huge_text_looks_at_its_start_only():
    """64 MiB of white space or text take no time worth speaking of."""
    assert clean_summary("a" * (64 * MIB)) == "a" * 119 + "…"
    assert clean_summary(" " * (8 * MIB) + "a") == "a"
