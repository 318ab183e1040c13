"""One node of a rope."""

from __future__ import annotations

import pytest

from tapegit.errors import FormatError, TruncatedError, UnsupportedVersionError
from tapegit.objects.kind import MIB
from tapegit.objects.oid import ObjectId
from tapegit.objects.rope import (
    LEVEL_MAX,
    NODE_ENTRY_COUNT_MAX,
    NODE_ID_COUNT_MAX,
    RopeEntry,
    RopeNode,
    decode_rope,
    encode_rope,
)

A, WHOLE = ObjectId(b"\xaa" * 32), b"\x11" * 32
LEAF = [RopeEntry(None, 2, b">>"), RopeEntry(A, 300), RopeEntry(None, 1, b"\0")]
HEAD = b"\1\0"


def test_leaf_has_the_bytes_of_the_page():
    """Version, level, size, whole, then the entries."""
    data = HEAD + b"\xaf\x02" + WHOLE + b"\0\2>>" + b"\1" + A + b"\xac\2" + b"\0\1\0"

    assert encode_rope(0, WHOLE, LEAF) == data
    assert decode_rope(data) == RopeNode(0, 303, WHOLE, tuple(LEAF))


@pytest.mark.parametrize("level", [1, LEVEL_MAX])
def test_inner_nodes_go_both_ways(level):
    """An inner node names ropes only."""
    entries = (RopeEntry(A, 1), RopeEntry(A, (1 << 50)))

    assert decode_rope(encode_rope(level, WHOLE, entries)).entries == entries


def test_every_prefix_of_a_node_is_an_error():
    """No cut node passes for a node: its sizes would not add up."""
    data = encode_rope(0, WHOLE, LEAF)
    for size in range(len(data)):
        with pytest.raises((TruncatedError, FormatError)):
            decode_rope(data[:size])


ENTRY = b"\1" + A + b"\5"
BAD = [
    (b"", TruncatedError),
    (b"\1", TruncatedError),
    (b"\0\0\0" + WHOLE, UnsupportedVersionError),
    (b"\2\0\0" + WHOLE, UnsupportedVersionError),
    (b"\1\x0d\5" + WHOLE + ENTRY, FormatError),
    (b"\1\0\x85\0" + WHOLE + ENTRY, FormatError),
    (b"\1\0\5" + WHOLE[1:], TruncatedError),
    (b"\1\0\0" + WHOLE, FormatError),
    (b"\1\0\6" + WHOLE + ENTRY, FormatError),
    (b"\1\0\5" + WHOLE + ENTRY[:-1], TruncatedError),
    (b"\1\0\5" + WHOLE + ENTRY[:-2], TruncatedError),
    (b"\1\0\5" + WHOLE + ENTRY + b"\0", TruncatedError),
    (b"\1\0\5" + WHOLE + ENTRY + b"\3", FormatError),
    (b"\1\0\5" + WHOLE + ENTRY + b"\0\0", FormatError),
    (b"\1\0\5" + WHOLE + b"\1" + A + b"\0" + ENTRY, FormatError),
    (b"\1\0\5" + WHOLE + b"\2" + A + b"\5", FormatError),
    (b"\1\1\5" + WHOLE + ENTRY, FormatError),
    (b"\1\1\2" + WHOLE + b"\0\2ab", FormatError),
    (b"\1\0\5" + WHOLE + b"\0\6abcde", TruncatedError),
    (b"\1\0\x80\2" + WHOLE + b"\0\x80\2" + b"x" * 256, FormatError),
    (b"\1\0" + b"\xff" * 8, FormatError),
    (b"\1" * (MIB + 1), FormatError),
]


@pytest.mark.parametrize(("data", "error"), BAD, ids=lambda case: repr(case)[:40])
def test_nodes_that_break_a_rule_are_refused(data, error):
    """Each rule, broken alone, is the named error."""
    with pytest.raises(error):
        decode_rope(data)


@pytest.mark.parametrize(
    ("level", "entries"),
    [
        (0, []),
        (13, [RopeEntry(A, 1)]),
        (1, LEAF),
        (0, [RopeEntry(A, 0)]),
        (0, [RopeEntry(ObjectId(b"short"), 1)]),
        (0, [RopeEntry(None, 2, b"x")]),
        (0, [RopeEntry(None, 256, b"x" * 256)]),
        (0, [RopeEntry(A, 1)] * (NODE_ID_COUNT_MAX + 1)),
        (0, [RopeEntry(None, 1, b"x")] * (NODE_ENTRY_COUNT_MAX + 1)),
    ],
)
def test_nodes_that_break_a_rule_are_not_written(level, entries):
    """A writer refuses what a reader would."""
    with pytest.raises(FormatError):
        encode_rope(level, WHOLE, entries)


def test_counts_at_their_limit_are_allowed():
    """64 ids and 256 entries, and not one more, also on reading."""
    ids = [RopeEntry(A, 1)] * NODE_ID_COUNT_MAX
    full = ids + [RopeEntry(None, 1, b"x")] * (NODE_ENTRY_COUNT_MAX - len(ids))
    data = encode_rope(0, WHOLE, full)

    assert len(decode_rope(data).entries) == NODE_ENTRY_COUNT_MAX
    with pytest.raises(FormatError, match="entries"):
        decode_rope(data.replace(b"\1\0\x80\2", b"\1\0\x81\2", 1) + b"\0\1x")
    one_id = (
        data.replace(b"\0\1x", b"", 1).replace(b"\1\0\x80\2", b"\1\0\x80\2", 1) + b"\1" + A + b"\1"
    )
    with pytest.raises(FormatError, match="64"):
        decode_rope(one_id)
