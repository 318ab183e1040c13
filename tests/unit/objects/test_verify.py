"""The one check for any object."""

from __future__ import annotations

import pytest

from tapegit.errors import DataError
from tapegit.objects.kind import SIZE_MAX_BYTES, Kind
from tapegit.objects.oid import ObjectId, hash_content
from tapegit.objects.rope import RopeEntry, encode_rope
from tapegit.objects.tag import Tag, encode_tag
from tapegit.objects.turn import Turn, encode_turn
from tapegit.objects.verify import verify_object

OID = ObjectId(b"\1" * 32)
GOOD = {
    Kind.BLOB: b"any\0bytes",
    Kind.ROPE: encode_rope(0, hash_content(b""), [RopeEntry(OID, 1)]),
    Kind.TURN: encode_turn(Turn(role="user")),
    Kind.TAG: encode_tag(Tag(OID, Kind.TURN, "v", None, "")),
}


@pytest.mark.parametrize("kind", Kind)
def test_each_kind_takes_its_own_data_only(kind):
    """Data of one kind is not valid as another, but for blobs, which take all."""
    for of_kind, data in GOOD.items():
        if kind in (of_kind, Kind.BLOB):
            verify_object(kind, data)
        else:
            with pytest.raises(DataError):
                verify_object(kind, data)


@pytest.mark.parametrize("kind", Kind)
def test_data_over_the_limit_is_refused_before_it_is_parsed(kind):
    """Size comes first."""
    with pytest.raises(DataError) as caught:
        verify_object(kind, b"[" * (SIZE_MAX_BYTES[kind] + 1))

    assert caught.value.fields["actual"] == SIZE_MAX_BYTES[kind] + 1


@pytest.mark.parametrize("kind", [Kind.ROPE, Kind.TURN, Kind.TAG])
def test_empty_data_is_a_blob_only(kind):
    """Only a blob may be empty."""
    verify_object(Kind.BLOB, b"")
    with pytest.raises(DataError):
        verify_object(kind, b"")
