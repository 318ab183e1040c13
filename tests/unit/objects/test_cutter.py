"""The cutter: a pure function of the bytes, fast, and the same for the same message."""

from __future__ import annotations

import base64
import json
import mmap
import random
import time
from pathlib import Path

import pytest

from tapegit.objects.cutter import (
    BLOB_SIZE_MIN_BYTES,
    BRACKET_COUNT_MAX,
    JSON_SIZE_MAX_BYTES,
    LITERAL_SIZE_MAX_BYTES,
    PIECE_SIZE_AIM_BYTES,
    PIECE_SIZE_MAX_BYTES,
    PIECE_SIZE_MIN_BYTES,
    WHOLE_SIZE_MAX_BYTES,
    Span,
    cut,
)
from tapegit.objects.kind import MIB

WIRE = Path(__file__).parents[4] / "shared" / "data" / "anthropic-wire"
TEXT = "a" * 5000


def request(count: int, *, system: str = "s" * 100, **more: object) -> bytes:
    """Return a request with this many messages of 3 kB."""
    messages = [
        {"role": "user", "content": [{"type": "text", "text": f"{n} " * 1000}]}
        for n in range(count)
    ]
    body = {"model": "m", "messages": messages, "system": [{"text": system}], **more}
    return json.dumps(body).encode()


def pieces(data: bytes) -> list[bytes]:
    """Return the bytes of each blob."""
    return [data[span.start : span.end] for span in cut(data) if not span.is_literal]


def verify_cover(data: bytes, spans: list[Span]) -> None:
    """Check the promises of `cut` that hold for any bytes."""
    assert [span.start for span in spans] == [0, *[span.end for span in spans[:-1]]]
    assert spans[-1].end == len(data)
    for span in spans:
        size = span.end - span.start
        assert not span.is_literal or 1 <= size <= LITERAL_SIZE_MAX_BYTES
        assert span.is_literal or size <= (PIECE_SIZE_MAX_BYTES if len(spans) > 1 else 16 * MIB)
    if len(spans) > 1:
        assert sum(not span.is_literal for span in spans) >= 2


def test_elements_of_the_lists_are_blobs_and_the_rest_literals():
    """Messages are cut out byte for byte; short runs between them are literals."""
    data = request(3)
    spans = cut(data)

    verify_cover(data, spans)
    assert [json.loads(piece)["role"] for piece in pieces(data)[:3]] == ["user"] * 3
    assert data[: spans[0].end] == b'{"model": "m", "messages": ['
    assert spans[0].is_literal
    assert len(pieces(data)) == 4


@pytest.mark.parametrize("name", ["messages", "input", "contents", "tools", "system"])
def test_each_listed_key_is_cut_and_others_are_not(name):
    """The five names of the page; another key's array is one segment."""
    elements = [{"n": n, "t": TEXT} for n in range(3)]

    assert len(pieces(json.dumps({name: elements}).encode())) == 3
    assert len(cut(json.dumps({name + "_": elements}).encode())) == 1
    assert len(cut(json.dumps({"x": {name: elements}}).encode())) == 1
    assert len(cut(json.dumps([{name: elements}]).encode())) == 1
    assert len(cut(json.dumps({name: TEXT}).encode())) == 1


def test_another_call_of_the_session_shares_all_but_what_is_new():
    """One more message is one more piece, whatever is after the list."""
    before, after = set(pieces(request(20))), set(pieces(request(21)))

    assert before < after
    assert len(after - before) == 1


def test_marks_that_move_cost_their_messages_only():
    """A changed message changes its own piece and no other."""
    data = request(20)
    changed = data.replace(b'"text": "7 ', b'"cache_control": {"a": 1}, "text": "7 ')

    assert len(set(pieces(data)) - set(pieces(changed))) == 1


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"x" * 5000,
        b"[" * 5000,
        b"{" * 5000,
        b'"' * 5000,
        b"\\" * 5000,
        b'{"messages":[' + b'"x",' * 5000,
        b'{"messages":[' + b'"x" ' * 5000 + b"]}",
        request(3)[:-1],
        request(3) + b"x",
        request(3) + b"{}",
        request(3)[1:],
        b"\xef\xbb\xbf" + request(3),
        request(3).replace(b'"model": "m",', b'"model": ,'),
        request(3).replace(b'"model": "m",', b'"model": "m"'),
        request(3).replace(b'"model"', b"model"),
        request(3).replace(b"], ", b", ], "),
        request(3).replace(b"[", b"(").replace(b"]", b")"),
        request(3).decode().encode("utf-16"),
        json.dumps({"messages": []}).encode() + b" " * 5000,
        json.dumps({"messages": [{"text": TEXT}]}).encode()[:4090],
    ],
    ids=lambda data: repr(data[:30]),
)
def test_bytes_out_of_the_grammar_are_one_blob(data):
    """What is no JSON of the known shape is not cut, and nothing is raised."""
    assert cut(data) == [Span(0, len(data), is_literal=False)]


def test_small_bodies_and_single_blobs_stay_whole():
    """Under 4 KiB, or with fewer than two blobs, bytes are one blob."""
    small = json.dumps({"messages": ["x" * 100] * 10}).encode()
    assert len(cut(small)) == 1
    assert len(cut(small[:-1] + b" " * 4096 + b"}")) > 1
    single = b'{"messages":["' + b"x" * 5000 + b'"]}'
    assert len(cut(single)) == 1


def test_strings_hide_brackets_and_quotes():
    """Brackets, escapes and quotes in strings do not mislead the scan."""
    tricky = ['"]}[{\\', "\\", '\\"', "[" * 300, '"' * 300, "\\" * 3001, "\n" * 2100]
    elements = [{"t": text, "p": TEXT[:100]} for text in tricky * 4]
    data = json.dumps({"a": tricky, "messages": elements, "z": tricky}).encode()

    assert [json.loads(piece) for piece in pieces(data) if b'"p"' in piece] == elements


def test_inside_of_an_element_need_not_be_json():
    """Only the way to the elements is looked at."""
    data = b'{"messages":[{' + b"nonsense " * 500 + b'],{"x":' + b"1 2 3," * 500 + b"}]}"

    assert len(pieces(data)) == 2


def test_neighbouring_small_segments_share_a_literal():
    """Literals merge up to 255 bytes, and the one that would not fit begins the next."""
    data = json.dumps({"messages": ["y" * 20] * 200, "tools": [TEXT, TEXT]}).encode()
    spans = cut(data)

    verify_cover(data, spans)
    sizes = [span.end - span.start for span in spans[:10]]
    assert all(LITERAL_SIZE_MAX_BYTES - BLOB_SIZE_MIN_BYTES < size <= 255 for size in sizes)


def test_limits_of_the_scan_leave_the_bytes_whole():
    """One element, member or bracket more than allowed, and the bytes are not cut."""
    long = b'"' + b"x" * 100 + b'"'
    ends = b'{"messages":[' + long + b"," + long, b"]}"
    assert len(cut((b",1" * 99_998).join(ends))) > 1
    assert len(cut((b",1" * 99_999).join(ends))) == 1
    members = b"{" + b'"a":1,' * 99_999 + b'"tools":[' + long + b"," + long + b"]"
    assert len(cut(members + b"}")) > 1
    assert len(cut(members + b',"a":1}')) == 1
    half = BRACKET_COUNT_MAX // 2
    assert len(cut((b",%s%s" % (b"[" * half, b"]" * half)).join(ends))) > 1
    assert len(cut((b",[1],%s%s" % (b"[" * half, b"]" * half)).join(ends))) == 1


def test_bodies_beyond_the_size_of_json_are_cut_after_lines():
    """64 MiB and one byte more is not tried as JSON."""
    head, tail = b'{"messages":["' + b"x" * 100 + b'","', b'"]}'
    data = head + b"\n" * (JSON_SIZE_MAX_BYTES - len(head) - len(tail)) + tail
    assert cut(data)[0].is_literal
    assert not cut(data + b" ")[0].is_literal


def lines(count: int, seed: int) -> list[bytes]:
    """Return lines of 50 to 3,000 bytes."""
    rng = random.Random(seed)
    return [
        rng.randbytes(rng.randrange(50, 3000)).replace(b"\n", b"") + b"\n" for _ in range(count)
    ]


def test_large_bytes_are_cut_after_lines():
    """Over 16 MiB every piece ends with a line and has a size within the bounds."""
    data = b"".join(lines(12_000, 1))
    assert len(data) > WHOLE_SIZE_MAX_BYTES
    spans = cut(data)

    verify_cover(data, spans)
    for span in spans[:-1]:
        assert PIECE_SIZE_MIN_BYTES < span.end - span.start <= PIECE_SIZE_MIN_BYTES + MIB
        assert data[span.end - 1] == 0x0A
    assert spans[-1].end - spans[-1].start <= PIECE_SIZE_AIM_BYTES


def test_sixteen_mebibytes_of_no_json_are_one_blob():
    """The largest blob is not cut, one byte more is."""
    assert len(cut(bytes(WHOLE_SIZE_MAX_BYTES))) == 1
    assert [s.end - s.start for s in cut(bytes(WHOLE_SIZE_MAX_BYTES + 1))] == [4 * MIB] * 4 + [1]


def test_an_insertion_changes_the_pieces_around_it_only():
    """Two versions of a large file meet again soon after a change."""
    rows = lines(14_000, 2)
    before = b"".join(rows)
    rows.insert(6_000, b"a new line\n")
    after = b"".join(rows)

    assert len(set(pieces(after)) - set(pieces(before))) <= 3
    assert len(pieces(before)) > 20


def test_lines_longer_than_the_window_end_a_piece_where_they_end():
    """Without a line feed in the window the next one ends the piece, at 4 MiB at the latest."""
    data = b"x" * (2 * MIB) + b"\n" + b"y" * (20 * MIB)

    assert [span.end - span.start for span in cut(data)][:2] == [2 * MIB + 1, 4 * MIB]


def test_a_huge_element_is_cut_after_lines_too():
    """An element of more than 1 MiB becomes several blobs."""
    big = "\n".join(["z" * 700] * 4000)
    data = b'{"messages":["' + b"m" * 99 + b'",[' + big.encode() + b"]]}"
    spans = cut(data)

    verify_cover(data, spans)
    assert len(pieces(data)) > 3


@pytest.mark.parametrize("wrap", [bytearray, memoryview, bytes])
def test_any_buffer_is_cut_alike(wrap, tmp_path):
    """The cut depends on the bytes, not on what holds them."""
    data = request(30)
    path = tmp_path / "body"
    path.write_bytes(data)
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        assert cut(mapped) == cut(data) == cut(wrap(data))


@pytest.mark.parametrize(
    "pattern",
    [
        b"[",
        b'""',
        b'"",',
        b'"\\"',
        b',"x',
        b'\\"',
        b"[]",
        b'"' + b"\\n" * 201 + b'"',
        b" ",
        b'"a":1,',
    ],
)
def test_hostile_bytes_take_linear_time(pattern):
    """4 MiB of any pattern are decided within seconds."""
    data = b'{"messages":[[' + pattern * (4 * MIB // len(pattern))
    started = time.process_time()
    verify_cover(data, cut(data))

    assert time.process_time() - started < 3


def wire_requests() -> list[bytes]:
    """Return the bodies of real requests, in the order of recording."""
    if not WIRE.is_dir():
        pytest.skip("needs ../shared/data/anthropic-wire")
    recorded = [json.loads(path.read_bytes()) for path in sorted(WIRE.rglob("request.json"))]
    return [base64.b64decode(request["body_b64"]) for request in recorded]


def test_real_requests_share_their_pieces():
    """17 requests of one session, 2.1 MB, hold less than 250 kB of distinct pieces."""
    bodies = wire_requests()
    distinct: set[bytes] = set()
    for body in bodies:
        verify_cover(body, cut(body))
        distinct.update(pieces(body))

    assert sum(map(len, bodies)) > 2_000_000
    assert sum(map(len, distinct)) < 250_000


def test_real_requests_are_cut_in_a_few_milliseconds():
    """150 kB of a real request take well under 10 ms."""
    body = max(wire_requests(), key=len)
    times = []
    for _ in range(5):
        started = time.process_time()
        cut(body)
        times.append(time.process_time() - started)

    assert min(times) < 0.01
