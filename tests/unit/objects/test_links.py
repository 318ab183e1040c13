"""Links: what each kind of object needs."""

from __future__ import annotations

import pytest

from tapegit.errors import DataError
from tapegit.objects.kind import Kind
from tapegit.objects.links import Link, iter_links
from tapegit.objects.oid import ObjectId, hash_content
from tapegit.objects.rope import RopeEntry, encode_rope
from tapegit.objects.tag import Tag, encode_tag
from tapegit.objects.turn import Call, RawPiece, Turn, encode_turn

A, B, C, D, E = (ObjectId(bytes([n]) * 32) for n in range(1, 6))
TURN, CONTENT = (Kind.TURN,), (Kind.BLOB, Kind.ROPE)


def test_turn_links_to_parents_raw_and_call():
    """In the order of the page; an id named twice comes twice."""
    turn = Turn(
        role="assistant",
        parents=(str(B), str(A)),
        dialect="x@1",
        raw=(RawPiece(str(C)), RawPiece(str(C), 4)),
        call=Call(request=str(D), response=str(E)),
    )
    assert list(iter_links(Kind.TURN, encode_turn(turn))) == [
        Link(B, TURN),
        Link(A, TURN),
        Link(C, CONTENT),
        Link(C, CONTENT),
        Link(D, CONTENT),
        Link(E, CONTENT),
    ]


def test_about_of_a_note_is_no_link():
    """A note needs its parents only."""
    note = Turn(role="note", about=str(A), key="title", value=str(B), parents=(str(C),))

    assert list(iter_links(Kind.TURN, encode_turn(note))) == [Link(C, TURN)]


def test_ids_in_unknown_keys_are_no_links():
    """What a later version might name, this one does not follow."""
    data = b'{"zzz":{"oid":"%s"},"role":"user"}' % A.hex().encode()

    assert list(iter_links(Kind.TURN, data)) == []


def test_rope_links_to_blobs_in_a_leaf_and_ropes_above():
    """Literals link to nothing."""
    entries = [RopeEntry(None, 1, b"x"), RopeEntry(A, 5), RopeEntry(A, 5)]
    leaf = encode_rope(0, hash_content(b""), entries)
    inner = encode_rope(3, hash_content(b""), entries[1:])

    assert list(iter_links(Kind.ROPE, leaf)) == [Link(A, (Kind.BLOB,))] * 2
    assert list(iter_links(Kind.ROPE, inner)) == [Link(A, (Kind.ROPE,))] * 2


def test_tag_links_to_what_it_names_and_blob_to_nothing():
    """A tag says the kind; a blob's bytes are never looked at."""
    data = encode_tag(Tag(A, Kind.TAG, "v", None, ""))

    assert list(iter_links(Kind.TAG, data)) == [Link(A, (Kind.TAG,))]
    assert list(iter_links(Kind.BLOB, data)) == []


@pytest.mark.parametrize("kind", [Kind.ROPE, Kind.TURN, Kind.TAG])
@pytest.mark.parametrize(
    "data", [b"", b"x", b"\0" * 80, b'{"role":"user","parents":["zz"]}', b"[" * 9999]
)
def test_links_of_other_bytes_are_a_data_error(kind, data):
    """Data that is no object of its kind has no links but an error."""
    with pytest.raises(DataError):
        list(iter_links(kind, data))
