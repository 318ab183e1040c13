"""From objects to bytes: every statement of a rope is checked."""

from __future__ import annotations

import json
from itertools import islice

import pytest

from tapegit.errors import FormatError, IntegrityError, ObjectNotFoundError
from tapegit.objects.kind import MIB, Kind, Object, object_id
from tapegit.objects.oid import ObjectId, hash_content
from tapegit.objects.rope import RopeEntry, encode_rope
from tapegit.objects.rope_builder import iter_content_objects
from tapegit.objects.rope_reader import iter_content, iter_pieces, read_content

WHOLE = hash_content(b"abcabc")


class Store(dict):
    """Objects by id."""

    def put(self, kind: Kind, data: bytes) -> ObjectId:
        """Keep an object and return its id."""
        oid = object_id(kind, data)
        self[oid] = Object(kind, data)
        return oid

    def put_bytes(self, data: bytes) -> ObjectId:
        """Keep what holds the bytes and return the root."""
        built = list(iter_content_objects(data))
        self.update({oid: Object(kind, content) for oid, kind, content in built})
        return built[-1].oid


@pytest.fixture
def store() -> Store:
    """An empty store."""
    return Store()


def tree(store: Store, *, size: int = 3, level: int = 0, whole: bytes = WHOLE) -> ObjectId:
    """Keep a rope of two leaves of 'abc', with one statement wrong if asked for."""
    blob = store.put(Kind.BLOB, b"abc")
    leaf = encode_rope(0, hash_content(b"abc"), [RopeEntry(blob, 3)])
    child = store.put(Kind.ROPE, leaf)
    root = encode_rope(1 + level, whole, [RopeEntry(child, 3), RopeEntry(child, size)])
    return store.put(Kind.ROPE, root)


def test_blobs_and_ropes_give_their_bytes(store):
    """Both kinds read alike."""
    data = json.dumps({"messages": [f"{n} " * 90 for n in range(300)]}).encode()

    assert read_content(store.get, store.put_bytes(data)) == data
    assert read_content(store.get, store.put_bytes(b"hello")) == b"hello"
    assert read_content(store.get, tree(store)) == b"abcabc"


def test_pieces_are_the_entries_of_the_leaves(store):
    """They are counted along all leaves, literals included, without reading a blob."""
    data = json.dumps({"messages": [f"{n} " * 90 for n in range(300)]}).encode()
    root = store.put_bytes(data)
    for oid in [oid for oid, found in store.items() if found.kind is Kind.BLOB]:
        del store[oid]
    found = list(iter_pieces(store.get, root))

    assert sum(entry.size_bytes for entry in found) == len(data)
    assert found[0].literal == b'{"messages": ['


def test_a_missing_object_is_named(store):
    """Blob, node or root: the error has the id of what is missing."""
    root = tree(store)
    for oid in list(store):
        left = {other: found for other, found in store.items() if other != oid}
        with pytest.raises(ObjectNotFoundError) as caught:
            read_content(left.get, root)
        assert caught.value.fields["oid"] == oid


@pytest.mark.parametrize("wrong", [{"size": 4}, {"size": 2}, {"level": 1}])
def test_a_node_that_is_not_as_stated_is_a_format_error(store, wrong):
    """Size and level of a child must be what its parent expects."""
    root = tree(store, **wrong)
    with pytest.raises(FormatError):
        read_content(store.get, root)


def test_bytes_that_are_not_the_stated_whole_are_an_integrity_error(store):
    """The hash of the root is the last word."""
    root = tree(store, whole=hash_content(b"other"))
    with pytest.raises(IntegrityError):
        read_content(store.get, root)


def test_a_blob_of_another_size_or_kind_is_a_format_error(store):
    """An entry states size and kind of what it names."""
    blob, tag = store.put(Kind.BLOB, b"abc"), store.put(Kind.TAG, b"abc")
    for oid, size in ((blob, 2), (blob, 4), (tag, 3)):
        root = store.put(Kind.ROPE, encode_rope(0, WHOLE, [RopeEntry(oid, size)]))
        with pytest.raises(FormatError):
            read_content(store.get, root)


def test_turns_and_tags_have_no_content(store):
    """Only a blob or a rope stands for bytes."""
    for kind in (Kind.TURN, Kind.TAG):
        with pytest.raises(FormatError):
            read_content(store.get, store.put(kind, b"x"))
    with pytest.raises(FormatError):
        list(iter_pieces(store.get, store.put(Kind.BLOB, b"x")))


def bomb(store: Store, levels: int) -> ObjectId:
    """Keep a rope that stands for 64 ** (levels + 1) MiB out of a few objects."""
    oid, size = store.put(Kind.BLOB, bytes(MIB)), MIB
    for level in range(levels + 1):
        node = encode_rope(level, bytes(32), [RopeEntry(oid, size)] * 64)
        oid, size = store.put(Kind.ROPE, node), size * 64
    return oid


def test_a_bomb_is_refused_by_its_stated_size(store):
    """A tree of four objects that stands for 256 GiB is refused before any piece is read."""
    root = bomb(store, 2)
    assert len(store) == 4
    with pytest.raises(FormatError):
        read_content(store.get, root)


def test_a_stream_holds_one_piece_at_a_time(store):
    """The first pieces of a huge rope come without the rest."""
    assert [len(part) for part in islice(iter_content(store.get, bomb(store, 2)), 3)] == [MIB] * 3


def test_the_limit_of_size_is_the_callers(store):
    """One byte over the limit is refused, for blobs and ropes."""
    for root, size in ((tree(store), 6), (store.put(Kind.BLOB, b"abcdef"), 6)):
        assert len(read_content(store.get, root, size_max_bytes=size)) == size
        with pytest.raises(FormatError):
            read_content(store.get, root, size_max_bytes=size - 1)
