"""Packet lines that wait together: the same as those that are read one by one."""

from __future__ import annotations

import io

from hypothesis import example, given
from hypothesis import strategies as st

from tapegit.errors import TapesError
from tapegit.remote.packet_line import FLUSH, encode_line, read_line, split_lines

PIECES = st.one_of(
    st.binary(max_size=40).map(encode_line),
    st.sampled_from([FLUSH, b"0001", b"0002", b"0003", b"0004", b"ERR ", b" 00a", b"00A", b"zzzz"]),
    st.just(encode_line(b"ERR no")),
    st.binary(max_size=6),
)


def read_each(data: bytes) -> tuple[list[bytes], str]:
    """Return the lines, and what came after: the place of a flush, an error, or nothing."""
    stream, lines = io.BytesIO(data), []

    def read(size: int) -> bytes:
        found = stream.read(size)
        if len(found) < size:
            raise EOFError
        return found

    try:
        while (line := read_line(read)) is not None:
            lines.append(line)
    except (EOFError, TapesError) as error:
        return lines, f"{type(error).__name__}: {error}"
    return lines, f"flush at {stream.tell()}"


@given(st.lists(PIECES, max_size=12).map(b"".join))
@example(encode_line(b"a") * 3 + b"0005")
@example(encode_line(b"a") + b"+00aaaaaaa")
def test_lines_that_wait_together_are_the_same(data):
    """Whatever comes, and whatever is wrong with it."""
    together, end = split_lines(data, 0)
    lines, after = read_each(data[end:])
    after = f"flush at {int(after.split()[-1]) + end}" if after.startswith("flush") else after
    assert (together + lines, after) == read_each(data)


def test_a_place_to_begin_is_kept_where_nothing_is_whole():
    """So that what is missing can still come."""
    data = b"xx" + encode_line(b"hello")
    assert split_lines(data, 2) == ([b"hello"], len(data))
    assert split_lines(data[:-1], 2) == ([], 2)
