"""Packs from outside: taken whole or not at all."""

from __future__ import annotations

import os

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from tapegit.errors import DataError, FormatError, ObjectNotFoundError, TapesError
from tapegit.formats.pack import CONTENT_SIZE_MAX_BYTES
from tapegit.formats.records import encode_record
from tapegit.objects.kind import Kind
from tapegit.upkeep.receive.receive import receive_pack
from tapegit.upkeep.receive.unpack import unpack_objects
from tests import packs
from tests.packs import BLOB, ROPE, TAG, TURN, RawFrame, forge_pack
from tests.unit.upkeep.damage import check, overwrite, reopen


def pack_bytes(tmp_path, objects):
    """Return the bytes of a pack of some objects."""
    root = packs.make_root(tmp_path / "elsewhere")
    return packs.write_pack(root, objects).path.read_bytes()


def installed(store):
    """Return the names of files among packs that are ours."""
    return sorted(n for n in os.listdir(store / "objects/pack") if n.startswith("pack-"))


def leftovers(store):
    """Return what lies in tmp."""
    return os.listdir(store / "tmp")


def test_pack_is_installed_with_its_index(store, repository, tmp_path):
    """Everything of it can be read, and fsck has nothing against it."""
    objects = packs.sample(10)
    data = pack_bytes(tmp_path, objects)

    received = receive_pack(repository, [data[:5], data[5:]])

    assert received.object_count == len(objects)
    assert received.is_new
    assert installed(store) == [f"pack-{data[-32:].hex()}.{ending}" for ending in ("idx", "pack")]
    for found in objects:
        assert reopen(store).objects.read(packs.oid_of(found)) == found
    assert check(store).code == 0
    assert leftovers(store) == []


def test_pack_that_is_here_is_young_again_and_whole(store, repository, tmp_path):
    """Taking it once more lets gc spare it, and heals a copy that was damaged."""
    data = pack_bytes(tmp_path, packs.sample(3))
    receive_pack(repository, [data])
    path = store / "objects/pack" / f"pack-{data[-32:].hex()}.pack"
    overwrite(path, data[:-1] + b"?")
    os.utime(path, (1, 1))
    path.with_suffix(".cruft").write_bytes(b"old times")

    assert not receive_pack(repository, [data]).is_new

    assert path.read_bytes() == data
    assert path.stat().st_mtime > 1
    assert not path.with_suffix(".cruft").exists()


def test_slow_sender_does_not_keep_gc_out(repository, tmp_path):
    """The gate is entered when all bytes are here."""
    from tapegit.repository.gate import RemoverGate

    data = pack_bytes(tmp_path, packs.sample(3))

    def chunks():
        yield data[:50]
        with RemoverGate(repository.root, timeout_s=0.1):
            pass
        yield data[50:]

    assert receive_pack(repository, chunks()).is_new


def test_pack_may_lean_on_the_store(repository, tmp_path):
    """What the pack lacks may be in the store, loose or packed."""
    piece = packs.blob(b"here already")
    turn = packs.turn(raw=(packs.oid_of(piece),))
    data = pack_bytes(tmp_path, [turn])
    with pytest.raises(ObjectNotFoundError) as caught:
        receive_pack(repository, [data])
    assert caught.value.fields["oid"] == packs.oid_of(piece)
    assert caught.value.fields["needed_by"] == packs.oid_of(turn)

    repository.objects.write(*piece)

    assert receive_pack(repository, [data]).object_count == 1


def test_links_are_checked_for_their_kind(repository, tmp_path):
    """A parent that is a blob, in the pack or in the store, refuses the pack."""
    wrong = packs.blob(b"no turn")
    child = packs.turn(packs.oid_of(wrong))

    with pytest.raises(FormatError):
        receive_pack(repository, [pack_bytes(tmp_path, [wrong, child])])
    repository.objects.write(*wrong)
    with pytest.raises(FormatError):
        receive_pack(repository, [pack_bytes(tmp_path / "2", [child])])


def test_order_of_objects_in_a_pack_does_not_matter(repository, tmp_path):
    """A section may come before one that it needs."""
    objects = packs.sample(4)

    assert receive_pack(repository, [pack_bytes(tmp_path, objects[::-1])]).is_new


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        (Kind.TURN, b'{"role": "user"}'),
        (Kind.TURN, b'{"role":"nobody"}'),
        (Kind.TURN, b"[]"),
        (Kind.TAG, b"object 1\n"),
    ],
)
def test_object_that_breaks_its_format_refuses_the_pack(store, repository, tmp_path, kind, data):
    """Its hash is right, but what it says is not valid: the object is named."""
    bad = packs.Object(kind, data)

    with pytest.raises(DataError, match=str(packs.oid_of(bad))):
        receive_pack(repository, [pack_bytes(tmp_path, [*packs.sample(2), bad])])

    assert installed(store) == []
    assert leftovers(store) == []


HOSTILE = {
    "nothing": b"",
    "no pack": b"PACK" + bytes(100),
    "version 2": forge_pack([], header=b"TPCK\x02\0\0\0"),
    "bomb in a blob frame": forge_pack(
        [([RawFrame(BLOB, [], content=bytes(64 << 20), count=1, content_size=100)], b"")]
    ),
    "frame that states too much": forge_pack(
        [([RawFrame(BLOB, [b"x"], content_size=CONTENT_SIZE_MAX_BYTES + 1)], b"")]
    ),
    "count that the content has no room for": forge_pack(
        [([RawFrame(BLOB, [b"x"], count=9)], b"")]
    ),
    "record sizes that do not add up": forge_pack(
        [([RawFrame(BLOB, [b"x"], content=b"\x09\0\0\0x")], b"")]
    ),
    "the same object twice": forge_pack([([RawFrame(BLOB, [b"x", b"x"])], b"")]),
    "kinds out of order": forge_pack([([RawFrame(TAG, [b"x"]), RawFrame(BLOB, [b"y"])], b"")]),
    "reference to itself": forge_pack(
        [([RawFrame(TURN, [encode_record([0 << 2 | 3], b'{"parents":[\0],"role":"user"}')])], b"")]
    ),
    "reference before the first": forge_pack(
        [([RawFrame(TURN, [encode_record([7 << 2 | 3], b'{"parents":[\0],"role":"user"}')])], b"")]
    ),
    "reference to an outer id that is not there": forge_pack(
        [([RawFrame(TURN, [encode_record([3 << 2], b'{"parents":[\0],"role":"user"}')])], b"")]
    ),
    "more references than places": forge_pack(
        [([RawFrame(TURN, [encode_record([0, 0], b'{"role":"user"}')])], bytes(32))]
    ),
    "a million references": forge_pack(
        [([RawFrame(TURN, [b"\xc0\x84\x3d" + bytes(100)])], bytes(32))]
    ),
    "rope with ids cut off": forge_pack(
        [([RawFrame(ROPE, [encode_record([0], b"\x01\x00\x05" + bytes(32) + b"\x01")])], bytes(32))]
    ),
    "rope that ends in a type": forge_pack([([RawFrame(ROPE, [b"\x00\x01\x00\x05"])], b"")]),
    "record of nothing": forge_pack([([RawFrame(TURN, [b""])], b"")]),
    "skippable frame": forge_pack(
        [([RawFrame(BLOB, [b"x"], compressed=b"\x50\x2a\x4d\x18\x04\0\0\0abcd")], b"")]
    ),
    "two frames in one": forge_pack(
        [
            (
                [
                    RawFrame(
                        BLOB,
                        [b"x"],
                        compressed=zstandard.compress(b"\x01\0\0\0x") * 2,
                    )
                ],
                b"",
            )
        ]
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_pack_is_refused_by_name(store, repository, name):
    """A named error, nothing installed, nothing left behind, whatever is stored still there."""
    kept = repository.objects.write(Kind.BLOB, b"kept")
    data = HOSTILE[name]

    with pytest.raises(DataError):
        receive_pack(repository, [data] if data else [])
    with pytest.raises(DataError):
        unpack_objects(repository, [data] if data else [])

    assert installed(store) == []
    assert leftovers(store) == []
    assert list(reopen(store).objects.iter_oids()) == [kept]


@settings(max_examples=60)
@given(data=st.data())
def test_pack_with_a_wrong_byte_or_length_is_refused(hostile_store, data):
    """Any flipped byte, any cut, any byte more: never installed, always a named error."""
    repository, whole = hostile_store
    how = data.draw(st.sampled_from(["flip", "cut", "more"]))
    if how == "flip":
        at = data.draw(st.integers(0, len(whole) - 1))
        mask = data.draw(st.integers(1, 255))
        bad = whole[:at] + bytes([whole[at] ^ mask]) + whole[at + 1 :]
    elif how == "cut":
        bad = whole[: data.draw(st.integers(0, len(whole) - 1))]
    else:
        bad = whole + data.draw(st.binary(min_size=1, max_size=40))

    with pytest.raises(TapesError):
        receive_pack(repository, [bad])

    assert installed(repository.root) == []
    assert leftovers(repository.root) == []


@pytest.fixture(scope="module")
def hostile_store(tmp_path_factory):
    """Give an open store and the bytes of a good pack."""
    from tests.builders import make_repo

    folder = tmp_path_factory.mktemp("hostile")
    return make_repo(folder / ".tapes"), pack_bytes(folder, packs.sample(6))


def test_limit_on_the_input_is_kept(store, repository, tmp_path):
    """More bytes than allowed are refused before they are all read."""
    data = pack_bytes(tmp_path, packs.sample(6))
    taken = []

    def chunks():
        for start in range(0, len(data), 100):
            taken.append(start)
            yield data[start : start + 100]

    with pytest.raises(FormatError, match="larger than 250 bytes"):
        receive_pack(repository, chunks(), size_max=250)

    assert len(taken) == 3
    assert leftovers(store) == []


def test_what_is_no_pack_is_refused_at_its_first_bytes(repository):
    """An endless stream of something else is not stored."""

    def chunks():
        yield b"GIF8"
        yield b"9a" + bytes(1000)
        pytest.fail("read on")

    with pytest.raises(FormatError, match="not a pack"):
        receive_pack(repository, chunks())


def test_needed_ids_must_be_somewhere(repository, tmp_path):
    """In the pack or in the store; else nothing is installed."""
    objects = packs.sample(2)
    data = pack_bytes(tmp_path, objects)
    nowhere = packs.oid_of(packs.blob(b"nowhere"))

    with pytest.raises(ObjectNotFoundError):
        receive_pack(repository, [data], needed=[packs.oid_of(objects[0]), nowhere])

    repository.objects.write(Kind.BLOB, b"nowhere")
    assert receive_pack(repository, [data], needed=[nowhere]).is_new


def test_empty_pack_installs_nothing(store, repository):
    """It is valid, and there is nothing to keep."""
    assert receive_pack(repository, [forge_pack([])]).object_count == 0
    assert installed(store) == []


def test_unpacking_writes_what_is_not_here(store, repository, tmp_path):
    """Each object becomes a file of its own, once."""
    objects = packs.sample(3)
    repository.objects.write(*objects[0])
    data = pack_bytes(tmp_path, objects)

    assert unpack_objects(repository, [data], dry_run=True).object_count == len(objects)
    assert len(list(repository.objects.loose.iter_oids())) == 1
    assert unpack_objects(repository, [data]).object_count == len(objects)

    assert set(reopen(store).objects.loose.iter_oids()) == {packs.oid_of(o) for o in objects}
    assert leftovers(store) == []


def test_recovery_takes_every_sound_frame(store, repository, tmp_path):
    """With a damaged frame the others are unpacked, and what is wrong is told."""
    objects = packs.sample(4)
    data = bytearray(pack_bytes(tmp_path, objects))
    data[30] ^= 1  # in the first frame, that of the blobs
    data = bytes(data[:-32]) + packs.hash_content(bytes(data[:-32]))

    with pytest.raises(DataError):
        unpack_objects(repository, [data])
    unpacked = unpack_objects(repository, [data], recover=True)

    assert unpacked.damage
    loose = set(repository.objects.loose.iter_oids())
    assert loose <= {packs.oid_of(o) for o in objects}
    assert unpacked.object_count == len(loose)
