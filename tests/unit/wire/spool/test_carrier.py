"""What goes through the pipe comes out equal."""

from __future__ import annotations

import io

import pytest

from tapegit.errors import TruncatedError
from tapegit.wire.capture import (
    CapturedFrames,
    CapturedRequest,
    CapturedResponse,
    RecordingSummary,
)
from tapegit.wire.spool.carrier import (
    End,
    Start,
    add_summaries,
    decode_summary,
    encode_carried,
    encode_summary,
    iter_carried,
)

CASES = [
    Start("1700-5"),
    CapturedRequest(
        1, "s", 2, "POST", "/x?é", "http://h/x", (("A", "\xe9t\xe9"), ("a", "")), b"\0\xff", 5
    ),
    CapturedRequest(2, "s", 2, "GET", "/", "http://h/", (), b"", 5, is_cut=True),
    CapturedResponse(1, "ok", 200, (("B", "1"),), b"x" * 100_000, 6, 7),
    CapturedResponse(2, "error", None, (), b"", None, 7, "cannot reach 'h'", is_cut=True),
    CapturedFrames(3, True, b"\x81\0", 8),
    CapturedFrames(3, False, b"", 9, "client_gone"),
    End(4),
]


def test_each_kind_comes_out_as_it_went_in():
    """One after the other."""
    data = b"".join(b"".join(encode_carried(each)) for each in CASES)

    assert list(iter_carried(io.BytesIO(data).read)) == CASES


def test_a_pipe_that_ends_within_a_frame_is_told():
    """Wherever: what came before it is whole."""
    first, second = (b"".join(encode_carried(each)) for each in CASES[1:3])
    for cut in range(1, len(second)):
        found = iter_carried(io.BytesIO(first + second[:cut]).read)
        assert next(found) == CASES[1]
        with pytest.raises(TruncatedError):
            next(found)


def test_a_summary_goes_through_json():
    """With the rules in it."""
    summary = RecordingSummary(1, 2, 3, 4, 5, (("rule", 6),), "disk is full", ("a", "b"))

    members = [*encode_summary(summary)[:5], [["rule", 6]], "disk is full", ["a", "b"]]
    assert decode_summary(members) == summary


def test_summaries_of_two_recorders_add_up():
    """A session that both had a part of is one; the later reason holds."""
    one = RecordingSummary(2, 3, 1, 1, 0, (("a", 1),), "slow", ("x", "y"))
    other = RecordingSummary(2, 2, 0, 0, 4, (("a", 1), ("b", 2)), "", ("y", "z"))

    assert add_summaries(one, other) == RecordingSummary(
        3, 5, 1, 1, 4, (("a", 2), ("b", 2)), "slow", ("x", "y", "z")
    )
    assert add_summaries(RecordingSummary(), other) == other
