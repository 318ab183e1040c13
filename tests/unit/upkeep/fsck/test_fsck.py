"""fsck: what it finds in stores that are sound, damaged, or written by somebody else's rules."""

from __future__ import annotations

import pytest

from tapegit.formats.loose import encode_loose
from tapegit.objects.kind import Kind, object_id
from tapegit.objects.oid import ObjectId
from tapegit.objects.rope import RopeEntry, encode_rope
from tapegit.upkeep.fsck.fsck import FsckOptions, check_store
from tests import packs
from tests.builders import make_tape, set_ref, write_blob, write_tag, write_turn
from tests.unit.upkeep.damage import (
    FULL,
    check,
    find_pack,
    flip,
    ids,
    labels,
    overwrite,
    reopen,
)

NOWHERE = ObjectId(b"\x11" * 32)


def put_loose(root, kind, data):
    """Write a loose object without any check; return its id."""
    oid = object_id(kind, data)
    path = root / "objects" / oid.hex()[:2] / oid.hex()[2:]
    path.write_bytes(encode_loose(kind, data))
    return oid


@pytest.fixture
def packed(store):
    """Give a store whose objects of each kind are in one pack, with a ref and a tag to them."""
    objects = packs.sample(30)
    packs.write_pack(store, objects)
    repository = reopen(store)
    set_ref(repository, "refs/heads/main", packs.oid_of(objects[-3]))
    set_ref(repository, "refs/tags/v1", packs.oid_of(objects[-1]))
    set_ref(repository, "refs/kept/inner", packs.oid_of(objects[-2]))
    return store


@pytest.mark.parametrize("options", [FULL, FsckOptions()])
def test_sound_store_has_no_findings(packed, repository, options):
    """Loose and packed objects of all kinds, refs, reflogs and strangers' files are all right."""
    make_tape(repository, 5, name="refs/heads/loose")

    result = check(packed, options)

    assert result.code == 0
    assert {f.label for f in result.findings} <= {"notice"}


def test_all_kinds_of_object_are_counted_once(packed, repository):
    """An object that is loose and packed is one object."""
    found = repository.objects.read(repository.refs.read("refs/heads/main"))
    put_loose(packed, found.kind, found.data)

    assert check_store(repository, FULL).object_count == 30 * 3 + 2


def test_strangers_among_refs_are_a_notice(store):
    """A file that is no ref does no harm, and is not passed over in silence."""
    result = check(store)

    assert result.code == 0
    assert any(".DS_Store" in f.what for f in result.findings if f.label == "notice")


def test_dangling_is_what_nothing_needs(repository, store):
    """Of an unreachable chain only its end is dangling; with `unreachable` all of it is told."""
    make_tape(repository, 3)
    tip = make_tape(repository, 3, name=None, label="other")[-1]

    assert ids(check(store), "dangling") == {tip}
    assert len(ids(check(store, FULL._replace(unreachable=True)), "unreachable")) == 6
    assert ids(check(store, FULL._replace(dangling=False)), "dangling") == set()
    assert check(store).code == 0


def test_reflog_keeps_what_it_names(repository, store):
    """What only a reflog names is needed, unless reflogs are not to count."""
    old = make_tape(repository, 2)[-1]
    make_tape(repository, 2, label="new")

    assert ids(check(store), "dangling") == set()
    assert ids(check(store, FULL._replace(reflogs=False)), "dangling") == {old}


def test_missing_object_is_named_with_what_needs_it(repository, store):
    """A needed object that is nowhere: broken link, missing, and the bit of git's exit code."""
    raw = write_blob(repository, b"soon gone")
    turn = write_turn(repository, raw=(raw,))
    set_ref(repository, "refs/heads/main", turn)
    repository.objects.loose.path_of(raw).unlink()

    result = check(store)

    assert labels(result) == ["broken link", "missing"]
    assert ids(result, "missing") == {raw}
    assert [(f.oid, f.target) for f in result.findings if f.label == "broken link"] == [(turn, raw)]
    assert result.code == 2


def test_missing_object_that_only_garbage_needs_is_no_error(repository, store):
    """As in git: what is unreachable may be incomplete."""
    raw = write_blob(repository, b"soon gone")
    write_turn(repository, raw=(raw,))
    repository.objects.loose.path_of(raw).unlink()

    assert check(store).code == 0


@pytest.mark.parametrize("options", [FULL, FsckOptions()])
def test_missing_object_of_a_pack_is_found_without_reading_blobs(store, options):
    """Links of packed objects to what is outside the pack are followed."""
    piece = packs.blob(b"elsewhere")
    turn = packs.turn(raw=(packs.oid_of(piece),))
    packs.write_pack(store, [turn])
    overwrite(store / "refs/heads/main", f"{packs.oid_of(turn)}\n".encode())

    assert ids(check(store, options), "missing") == {packs.oid_of(piece)}


@pytest.mark.parametrize("options", [FULL, FsckOptions()])
@pytest.mark.parametrize("where", ["loose", "packed"])
def test_note_may_be_about_what_is_not_here(store, options, where):
    """`about` is no link: its target may be absent, and is not dangling where it is here."""
    data = b'{"about":"%s","key":"title","role":"note","value":"x"}' % NOWHERE.hex().encode()
    if where == "loose":
        oid = put_loose(store, Kind.TURN, data)
    else:
        oid = object_id(Kind.TURN, data)
        packs.write_pack(store, [packs.Object(Kind.TURN, data)])
    overwrite(store / "refs/heads/main", f"{oid}\n".encode())

    assert check(store, options).code == 0


@pytest.mark.parametrize("where", ["loose", "packed"])
def test_link_to_another_kind_is_broken(store, where):
    """A blob where a turn must be is a broken link that names both."""
    wrong = packs.blob(b"no turn")
    turn = packs.turn(packs.oid_of(wrong))
    if where == "packed":
        packs.write_pack(store, [wrong, turn])
    else:
        for kind, data in (wrong, turn):
            put_loose(store, kind, data)
    overwrite(store / "refs/heads/main", f"{packs.oid_of(turn)}\n".encode())

    result = check(store)

    (finding,) = [f for f in result.findings if f.label == "broken link"]
    assert (finding.oid, finding.target) == (packs.oid_of(turn), packs.oid_of(wrong))
    assert finding.target_kind is Kind.TURN
    assert result.code == 2


def test_rope_where_raw_must_be_content_is_fine_and_a_tag_is_not(store):
    """Raw is a blob or a rope; anything else is a broken link."""
    piece = packs.blob(b"x" * 80)
    leaf = packs.rope((packs.oid_of(piece), piece.data))
    tag = packs.tag(packs.oid_of(piece), Kind.BLOB)
    good, bad = packs.turn(raw=(packs.oid_of(leaf),)), packs.turn(raw=(packs.oid_of(tag),))
    packs.write_pack(store, [piece, leaf, tag, good, bad])

    result = check(store)

    assert ids(result, "broken link") == {packs.oid_of(bad)}


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        (Kind.TURN, b'{"role": "user"}'),
        (Kind.TURN, b'{"role":"user","role":"user"}'),
        (Kind.TURN, b"not json"),
        (Kind.ROPE, b"\x02\x00\x05" + bytes(32) + b"\x00\x05hello"),
        (Kind.TAG, b"object 12\n"),
    ],
)
@pytest.mark.parametrize("where", ["loose", "packed"])
def test_object_that_breaks_its_format_is_an_error(store, kind, data, where):
    """Its hash is right and its form is wrong: named, with bit 1."""
    if where == "loose":
        oid = put_loose(store, kind, data)
    else:
        oid = object_id(kind, data)
        packs.write_pack(store, [packs.Object(kind, data)])

    result = check(store)

    assert ids(result, "error") == {oid}
    assert result.code == 1


@pytest.mark.parametrize("where", ["loose", "packed"])
@pytest.mark.parametrize("fault", ["whole", "size", "level"])
def test_rope_that_lies_about_what_is_below_it_is_an_error(store, where, fault):
    """The hash of the whole, sizes of pieces and levels of nodes are compared with the objects."""
    piece = packs.blob(b"y" * 90)
    oid = packs.oid_of(piece)
    whole = packs.hash_content(piece.data)
    leaf = packs.Object(Kind.ROPE, encode_rope(0, whole, [RopeEntry(oid, 90)]))
    if fault == "whole":
        bad = packs.Object(Kind.ROPE, encode_rope(0, bytes(32), [RopeEntry(oid, 90)]))
    elif fault == "size":
        bad = packs.Object(Kind.ROPE, encode_rope(0, whole, [RopeEntry(oid, 91)]))
    else:
        bad = packs.Object(Kind.ROPE, encode_rope(2, whole, [RopeEntry(packs.oid_of(leaf), 90)]))
    objects = [piece, leaf, bad]
    if where == "packed":
        packs.write_pack(store, objects)
    else:
        for kind, data in objects:
            put_loose(store, kind, data)

    result = check(store)

    assert ids(result, "error") == {packs.oid_of(bad)}
    assert result.code == 1


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: data[:-1],
        lambda data: data + b"x",
        lambda data: data[:20] + bytes([data[20] ^ 1]) + data[21:],
        lambda data: encode_loose(Kind.BLOB, b"another object"),
    ],
    ids=["empty", "cut", "longer", "flipped", "other"],
)
def test_damaged_loose_object_is_named_with_the_refs_that_need_it(repository, store, damage):
    """The file, the id and who needs it."""
    oids = make_tape(repository, 3)
    path = repository.objects.loose.path_of(oids[0])
    overwrite(path, damage(path.read_bytes()))

    result = check(store)

    (lost,) = [f for f in result.findings if f.label == "lost"]
    assert lost.oid == oids[0]
    assert "refs/heads/main" in lost.needed_by
    assert [f.where for f in result.findings if f.label == "corrupt"] == [
        f"objects/{oids[0].hex()[:2]}/{oids[0].hex()[2:]}"
    ]
    assert result.code & 1


def test_damaged_copy_of_a_good_object_costs_nothing(packed, repository):
    """The file is named, and no object is lost: the pack has it."""
    oid = repository.refs.read("refs/heads/main")
    put_loose(packed, *repository.objects.read(oid))
    flip(repository.objects.loose.path_of(oid), 12)

    result = check(packed)

    assert labels(result) == ["corrupt"]
    assert result.code == 1


def test_something_else_with_the_name_of_an_object_is_named(repository, store):
    """A folder in place of a loose object stops nothing."""
    oids = make_tape(repository, 2)
    path = repository.objects.loose.path_of(oids[1])
    path.unlink()
    path.mkdir()

    result = check(store)

    assert ids(result, "lost") == {oids[1]}


def test_ref_to_nowhere_and_broken_refs_are_named(repository, store):
    """Every ref that cannot be read is a finding; the others are still roots."""
    make_tape(repository, 2)
    overwrite(store / "refs/heads/nowhere", f"{NOWHERE}\n".encode())
    overwrite(store / "refs/heads/broken", b"garbage\n")
    overwrite(store / "refs/heads/circle", b"ref: refs/heads/circle\n")

    result = check(store)

    found = {f.where for f in result.findings if f.label == "ref"}
    assert found == {"refs/heads/nowhere", "refs/heads/broken", "refs/heads/circle"}
    assert result.code == 8


def test_damaged_packed_refs_and_reflog_are_named(repository, store):
    """Their checksums are verified; the sound lines of a reflog still count."""
    old = make_tape(repository, 2)[-1]
    make_tape(repository, 2, label="new")
    repository.refs.pack_refs()
    flip(store / "packed-refs", 40)
    log = store / "logs/refs/heads/main"
    lines = log.read_bytes().splitlines(keepends=True)
    overwrite(log, lines[0] + lines[1].replace(b"test", b"tset", 1) + lines[1])

    result = check(store)

    assert {f.where for f in result.findings if f.label == "ref"} >= {"packed-refs"}
    assert [f.where for f in result.findings if f.label == "reflog"] == ["refs/heads/main"]
    assert old not in ids(result, "dangling")
    assert result.code == 8


def test_head_that_cannot_be_read_is_named(repository, store):
    """HEAD is a ref like any other."""
    make_tape(repository, 1)
    overwrite(store / "HEAD", b"?\n")

    result = check(store)

    assert [f.where for f in result.findings if f.label == "ref"] == ["HEAD"]


def test_damaged_config_is_named(repository, store):
    """A config that cannot be read does not stop the check."""
    make_tape(repository, 1)
    overwrite(store / "config", b"[broken\n")

    result = check(store)

    assert [f.where for f in result.findings if f.label == "corrupt"] == ["config"]
    assert result.code == 1


def test_tag_keeps_what_it_names(repository, store):
    """A tag's object is reachable, and one that is missing is named."""
    turn = write_turn(repository)
    set_ref(repository, "refs/tags/v1", write_tag(repository, turn))
    assert ids(check(store), "dangling") == set()

    repository.objects.loose.path_of(turn).unlink()

    assert ids(check(store), "missing") == {turn}


def test_pack_without_index_is_read_all_the_same(packed):
    """Its index is built in memory, and its absence is a notice."""
    find_pack(packed, ".idx").unlink()

    result = check(packed)

    assert result.code == 0
    assert any("has no index" in f.what for f in result.findings)


def test_index_of_another_pack_is_named(packed, store):
    """A sound index under the wrong name is not believed."""
    index = find_pack(packed, ".idx")
    other = packs.write_pack(store, [packs.blob(b"other")])
    overwrite(index, other.index_path.read_bytes())

    result = check(packed)

    assert labels(result) == ["corrupt"]
    assert [f.where for f in result.findings if f.label == "corrupt"] == [
        f"objects/pack/{index.name}"
    ]
    assert result.code == 4


def test_duplicate_packs_are_one_store(packed):
    """What is in two packs is reachable through either, and no copy of it is dangling."""
    objects = packs.sample(30)
    packs.write_pack(packed, objects[: len(objects) // 2], cold=True)

    result = check(packed)

    assert result.code == 0
    assert ids(result, "dangling") == set()


def test_objects_written_while_it_runs_are_no_errors(packed, repository, monkeypatch):
    """A recorder may add objects and refs between any two steps; none of that is damage."""
    from tapegit.upkeep.fsck import fsck

    real = fsck.open_packs

    def open_packs(*args, **options):
        make_tape(repository, 3, name="refs/heads/meanwhile")
        return real(*args, **options)

    monkeypatch.setattr(fsck, "open_packs", open_packs)

    assert check(packed).code == 0


def test_pack_that_goes_away_is_looked_for_again(packed, monkeypatch):
    """Gc may fold a pack while fsck reads: it looks again and finds the new one."""
    from tapegit.upkeep.fsck import fsck

    real, calls = fsck.scan_store, []

    def scan_store(*args, **options):
        if not calls:
            pack = find_pack(packed)
            packs.write_pack(packed, packs.sample(30), cold=True, threads=1)
            packs.write_pack(packed, [*packs.sample(30), packs.blob(b"one more")])
            pack.unlink()
            pack.with_suffix(".idx").unlink(missing_ok=True)
        calls.append(1)
        return real(*args, **options)

    monkeypatch.setattr(fsck, "scan_store", scan_store)

    assert check(packed).code == 0
    assert len(calls) == 2


def test_two_processes_find_what_one_finds(packed, monkeypatch):
    """Shares of several processes add up to the same findings."""
    from tapegit.upkeep.fsck import fsck

    monkeypatch.setattr(fsck, "_JOBS_FROM_COUNT", 0)
    flip(find_pack(packed), 60)

    one = check(packed, FULL._replace(jobs=1))
    three = check(packed, FULL._replace(jobs=3))

    assert sorted(map(repr, one.findings)) == sorted(map(repr, three.findings))
    assert one.code


def test_wrong_facts_of_a_turn_are_found(packed):
    """An index that is sound in itself and states a wrong date is named, and built anew."""
    from tapegit.formats.packindex import PackIndex
    from tests.unit.upkeep.damage import repair

    path = find_pack(packed, ".idx")
    data = bytearray(path.read_bytes())
    index = PackIndex(memoryview(bytes(data)), where=path)
    date = index.turn_dates[3]
    at = bytes(data).index(date.to_bytes(8, "little", signed=True))
    data[at] ^= 1
    body = bytes(data[:-32])
    overwrite(path, body + packs.hash_content(body))

    result = check(packed)
    assert labels(result) == ["corrupt"]
    assert result.code == 4

    assert repair(packed).code == 0
    assert check(packed).code == 0


def test_folder_of_loose_objects_that_is_a_link_is_named(repository, store, tmp_path):
    """The folder is a finding; what is in all the others is still checked."""
    oids = make_tape(repository, 20)
    first = oids[0].hex()[:2]
    (store / "objects" / first).rename(tmp_path / "moved")
    (store / "objects" / first).symlink_to(tmp_path / "moved")

    result = check(store)

    assert [f.where for f in result.findings if f.label == "corrupt"] == [f"objects/{first}"]
    missing = {oid.hex()[:2] for oid in ids(result, "missing")}
    assert missing == {first}


def test_wrong_peeled_value_of_packed_refs_is_named(repository, store):
    """What packed-refs says a tag ends at is compared with the tag."""
    turn, other = write_turn(repository), write_turn(repository, "other")
    set_ref(repository, "refs/tags/v1", write_tag(repository, turn))
    set_ref(repository, "refs/heads/other", other)
    repository.refs.pack_refs()
    body = (store / "packed-refs").read_bytes().rpartition(b"# blake3 ")[0]
    body = body.replace(b"^" + turn.hex().encode(), b"^" + other.hex().encode())
    trailer = b"# blake3 " + packs.hash_content(body).hex().encode() + b"\n"
    overwrite(store / "packed-refs", body + trailer)

    result = check(store)

    assert [f.where for f in result.findings if f.label == "ref"] == ["refs/tags/v1"]
    assert result.code == 8


def test_progress_tells_bytes_of_frames(packed):
    """What is told adds up to what was read."""
    told = []

    check_store(reopen(packed), FULL, on_progress=lambda what, size: told.append((what, size)))

    assert told
    assert {what for what, _ in told} == {find_pack(packed).name}
