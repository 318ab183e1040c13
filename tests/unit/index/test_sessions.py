"""Sessions as they are kept in the index."""

from __future__ import annotations

import json

import pytest

from tapegit.index.database import DamagedIndexError, KeptRow
from tapegit.index.session import Tapes, group_tapes, sum_usage
from tapegit.index.sessions import _decode_row
from tapegit.objects.oid import ObjectId
from tapegit.refs.names import RefName
from tapegit.refs.reader import Ref

GOOD = ["pi", "s", "r", "t", 1, None, 2, 1, True, None, ["m"], "/", None]
USAGE = [1, None, None, None, None, None]


def ref(name, digit="0"):
    """Return a ref of a session."""
    return Ref(RefName(f"refs/sessions/{name}"), ObjectId.parse(digit * 64))


def test_row_comes_back():
    """A sound row is what it was."""
    row = _decode_row(KeptRow(b"", json.dumps(GOOD).encode(), json.dumps(USAGE).encode()))
    assert row == (*GOOD[:10], ("m",), "/", None, tuple(USAGE))


@pytest.mark.parametrize(
    ("row", "usage"),
    [
        (GOOD[:-1], USAGE),
        ([*GOOD, 1], USAGE),
        ([1, *GOOD[1:]], USAGE),
        ([*GOOD[:10], [1], *GOOD[11:]], USAGE),
        ([*GOOD[:10], 5, *GOOD[11:]], USAGE),
        (GOOD, [1]),
        (GOOD, ["1"] * 6),
        (GOOD, 5),
        (5, USAGE),
    ],
)
def test_row_of_a_stranger_is_damaged(row, usage):
    """A row that no version of this program wrote is damaged, whatever its checksum says."""
    with pytest.raises(DamagedIndexError):
        _decode_row(KeptRow(b"", json.dumps(row).encode(), json.dumps(usage).encode()))


def test_tapes_are_grouped_by_session():
    """Each session has its tapes; what is no tape of a session is passed over."""
    refs = [ref("a/1/file/main"), ref("a/1/wire/main"), ref("a/10/file/main"), ref("b"), ref("b/1")]
    refs.append(ref("b/1/x"))
    assert [(each.folder, len(each.refs)) for each in group_tapes(refs)] == [
        ("refs/sessions/a/1", 2),
        ("refs/sessions/a/10", 1),
        ("refs/sessions/b/1", 1),
    ]


def test_key_is_that_of_names_and_tips():
    """Another tip, another name or another tape is another key."""
    tapes = [
        (ref("a/1/file/main"),),
        (ref("a/1/file/main", "1"),),
        (ref("a/1/wire/main"),),
        (ref("a/1/file/main"), ref("a/1/wire/main")),
    ]
    assert len({Tapes("refs/sessions/a/1", each).key for each in tapes}) == len(tapes)


def test_sum_of_nothing_is_unknown():
    """What no message says is unknown and never zero."""
    assert sum_usage([]) == (None,) * 6
    assert sum_usage([(1, None, 0, None, None, None), (2, None, None, None, None, 3)]) == (
        *(3, None, 0),
        *(None, None, 3),
    )
