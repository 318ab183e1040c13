"""Ropes: whether the bytes below a node are those it states."""

from __future__ import annotations

import pytest

from tapegit.errors import IntegrityError
from tapegit.objects.kind import MIB, Kind
from tapegit.objects.oid import hash_content
from tapegit.objects.rope import RopeEntry, decode_rope, encode_rope
from tapegit.upkeep.fsck import ropecheck
from tapegit.upkeep.fsck.ropecheck import RopeChecker
from tests import packs


class Shelf:
    """Objects by id, and how often each was asked for."""

    def __init__(self, *objects):
        self.objects = {packs.oid_of(found): found for found in objects}
        self.asked = []

    def find(self, oid):
        """Return an object or None, as a store does."""
        self.asked.append(oid)
        found = self.objects.get(oid)
        if found == "damaged":
            raise IntegrityError("damaged", oid=oid)
        return found


def leaf(*contents, literal=b""):
    """Return blobs and the leaf that joins them."""
    pieces = [packs.blob(data) for data in contents]
    entries = [RopeEntry(packs.oid_of(p), len(p.data)) for p in pieces]
    if literal:
        entries.append(RopeEntry(None, len(literal), literal))
    whole = hash_content(b"".join(contents) + literal)
    return [*pieces, packs.Object(Kind.ROPE, encode_rope(0, whole, entries))]


def node(level, whole, *children):
    """Return a node over (rope, size) pairs."""
    entries = [RopeEntry(packs.oid_of(child), size) for child, size in children]
    return packs.Object(Kind.ROPE, encode_rope(level, hash_content(whole), entries))


def error_of(checker, rope):
    """Return what is wrong with a rope."""
    return checker.find_error(packs.oid_of(rope), decode_rope(rope.data))


def test_node_of_any_level_is_checked():
    """Literals, blobs, leaves, and nodes over nodes."""
    one, two = leaf(b"a" * 70, literal=b"b"), leaf(b"c" * 80)
    middle = node(1, b"a" * 70 + b"b" + b"c" * 80, (one[-1], 71), (two[-1], 80))
    top = node(2, b"a" * 70 + b"b" + b"c" * 80, (middle, 151))
    checker = RopeChecker(Shelf(*one, *two, middle, top).find)

    for rope in (one[-1], two[-1], middle, top):
        assert error_of(checker, rope) is None


def test_shared_nodes_are_read_once():
    """What a rope before had in common with this one is not read again."""
    one = leaf(b"a" * 70)
    first = node(1, b"a" * 70, (one[-1], 70))
    second = node(1, b"a" * 140, (one[-1], 70), (one[-1], 70))
    shelf = Shelf(*one, first, second)
    checker = RopeChecker(shelf.find)

    assert error_of(checker, one[-1]) is None
    shelf.asked.clear()
    assert error_of(checker, first) is None
    assert error_of(checker, second) is None

    assert shelf.asked == []


@pytest.mark.parametrize("keep", ["kept", "read anew"])
def test_wrong_statements_are_found(keep):
    """Size and level of a child, and the hash of the whole, whether the child is at hand or not."""
    one = leaf(b"a" * 70)
    middle = node(1, b"a" * 70, (one[-1], 70))
    checker = RopeChecker(Shelf(*one, middle).find)
    if keep == "kept":
        assert error_of(checker, one[-1]) is None
        assert error_of(checker, middle) is None

    assert "size 71" in error_of(checker, node(1, b"a" * 71, (one[-1], 71)))
    assert "level 1" in error_of(checker, node(2, b"a" * 70, (one[-1], 70)))
    assert "other bytes" in error_of(checker, node(1, b"b" * 70, (one[-1], 70)))
    assert error_of(checker, node(2, b"a" * 70, (middle, 70))) is None


def test_what_cannot_be_read_below_is_not_the_ropes_error():
    """A missing, damaged or wrong object below has a finding of its own."""
    one = leaf(b"a" * 70)
    top = node(1, b"a" * 70, (one[-1], 70))

    for below in (None, "damaged", packs.Object(Kind.TURN, b"{}")):
        shelf = Shelf(*one)
        shelf.objects[packs.oid_of(one[0])] = below
        assert error_of(RopeChecker(shelf.find), one[-1]) is None
        shelf = Shelf(*one)
        shelf.objects[packs.oid_of(one[-1])] = below
        assert error_of(RopeChecker(shelf.find), top) is None


def test_broken_child_is_not_its_parents_error():
    """A rope below that breaks its format is reported itself."""
    broken = packs.Object(Kind.ROPE, b"\x07")
    top = packs.Object(Kind.ROPE, encode_rope(1, bytes(32), [RopeEntry(packs.oid_of(broken), 70)]))

    assert error_of(RopeChecker(Shelf(broken).find), top) is None


def test_large_rope_is_hashed_piece_by_piece():
    """More than is kept of one node: right and wrong are told all the same."""
    piece = b"x" * MIB
    one = leaf(*[piece] * 6)
    data = piece * 6
    right, wrong = node(1, data, (one[-1], 6 * MIB)), node(1, data[:-1], (one[-1], 6 * MIB))
    checker = RopeChecker(Shelf(*one).find)

    assert error_of(checker, one[-1]) is None
    assert error_of(checker, right) is None
    assert "other bytes" in error_of(checker, wrong)


def test_what_is_kept_is_bounded(monkeypatch):
    """The oldest bytes go first; what went is read again."""
    monkeypatch.setattr(ropecheck, "_KEPT_SIZE_MAX_BYTES", 200)
    leaves = [leaf(bytes([n]) * 90) for n in range(5)]
    shelf = Shelf(*(found for group in leaves for found in group))
    checker = RopeChecker(shelf.find)
    for group in leaves:
        assert error_of(checker, group[-1]) is None
        assert error_of(checker, group[-1]) is None
    shelf.asked.clear()

    assert error_of(checker, node(1, bytes([0]) * 90, (leaves[0][-1], 90))) is None
    assert error_of(checker, node(1, bytes([4]) * 90, (leaves[4][-1], 90))) is None

    assert packs.oid_of(leaves[0][-1]) in shelf.asked
    assert packs.oid_of(leaves[4][-1]) not in shelf.asked
