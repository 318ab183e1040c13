"""`tapes bundle`: refs and their objects in one file, and back."""

from __future__ import annotations

import pytest

from tapegit.formats.bundle import (
    BundleHeader,
    BundleRef,
    Prerequisite,
    decode_header,
    encode_header,
)
from tapegit.objects.kind import Kind
from tests import packs
from tests.builders import make_repo, make_tape, set_ref, write_tag


@pytest.fixture
def other(tmp_path):
    """Give the working directory of a second, empty store."""
    work = tmp_path / "other"
    work.mkdir()
    make_repo(work / ".tapes")
    return work


@pytest.fixture
def tape(repository):
    """Give the ids of a tape of ten turns on main."""
    return make_tape(repository, 10)


def heads(result):
    """Return the refs that were printed, name by name."""
    return {name: oid for oid, name in (line.split(" ") for line in result.lines)}


def test_bundle_of_everything_fills_an_empty_store(tapes, repository, tape, other, tmp_path):
    """Create, verify, list, unbundle: the same ids, readable and sound, and no ref moved."""
    tag = write_tag(repository, tape[4])
    set_ref(repository, "refs/tags/v1", tag)
    file = tmp_path / "all.bundle"

    tapes("bundle", "create", file, "--all")
    assert "The bundle records a complete history." in tapes("bundle", "verify", file).lines
    listed = tapes("bundle", "list-heads", file)
    assert heads(listed) == {
        "HEAD": str(tape[-1]),
        "refs/heads/main": str(tape[-1]),
        "refs/tags/v1": str(tag),
    }

    assert tapes("bundle", "unbundle", file, cwd=other).out == listed.out

    assert tapes("for-each-ref", cwd=other).out == ""
    tapes("update-ref", "refs/heads/main", str(tape[-1]), cwd=other)
    assert (
        tapes("rev-list", "--objects", "main", cwd=other).out
        == tapes("rev-list", "--objects", "main").out
    )
    tapes("fsck", "--full", cwd=other)


def test_range_has_prerequisites(tapes, tape, other, tmp_path):
    """a..b holds what is new; who lacks a is told, and nothing is stored."""
    first, second = tmp_path / "1.bundle", tmp_path / "2.bundle"
    tapes("update-ref", "refs/heads/old", str(tape[5]))
    tapes("bundle", "create", first, "old")
    tapes("bundle", "create", second, "old..main")

    lines = tapes("bundle", "verify", second).lines
    assert "The bundle requires this object:" in lines
    assert f"{tape[5]} turn 6" in lines

    refused = tapes("bundle", "unbundle", second, cwd=other, code=12)
    assert str(tape[5]) in refused.err
    assert refused.out == ""
    tapes("bundle", "verify", second, cwd=other, code=12)
    assert tapes("cat-file", "--batch-all-objects", "--batch-check", cwd=other).out == ""

    tapes("bundle", "unbundle", first, cwd=other)
    assert heads(tapes("bundle", "unbundle", second, cwd=other)) == {
        "refs/heads/main": str(tape[-1])
    }
    assert len(tapes("rev-list", str(tape[-1]), cwd=other).lines) == 10
    count = tapes("bundle", "verify", "--json", second).records[0]["objects"]
    assert count == 8, "four turns and their blobs"


def test_refs_can_be_chosen(tapes, tape, tmp_path):
    """list-heads and unbundle print the refs named, and no others."""
    file = tmp_path / "all.bundle"
    tapes("bundle", "create", file, "--all")

    assert len(tapes("bundle", "list-heads", file, "HEAD").lines) == 1
    assert tapes("bundle", "unbundle", file, "refs/heads/none").out == ""


def test_json_of_every_part(tapes, tape, tmp_path):
    """One object per ref, one per bundle."""
    file = tmp_path / "all.bundle"
    tapes("bundle", "create", file, "main")

    assert tapes("bundle", "list-heads", "--json", file).records == [
        {"schema": 1, "ref": "refs/heads/main", "oid": str(tape[-1])}
    ]
    (verified,) = tapes("bundle", "verify", "--json", file).records
    assert verified["complete"] is True
    assert verified["objects"] == 20


def test_standard_streams_take_the_place_of_the_file(tapes, tape, other):
    """`-` writes to standard output and reads from standard input."""
    data = tapes("bundle", "create", "-", "main").data

    assert data.startswith(b"# v1 tapes bundle\n")
    assert heads(tapes("bundle", "unbundle", "-", cwd=other, input=data)) == {
        "refs/heads/main": str(tape[-1])
    }


def test_bundle_without_a_ref_is_refused(tapes, tape, tmp_path):
    """A range that leaves nothing, or a turn that no ref names: no file is made."""
    file = tmp_path / "no.bundle"

    assert "nothing of refs/heads/main" in tapes("bundle", "create", file, "main..main", code=1).err
    assert "empty bundle" in tapes("bundle", "create", file, str(tape[3]), code=1).err
    assert not file.exists()


def test_wrong_byte_anywhere_is_refused(tapes, tape, other, tmp_path):
    """Never a ref printed, never an object stored, always a named error."""
    file = tmp_path / "all.bundle"
    tapes("bundle", "create", file, "main")
    whole = file.read_bytes()
    _, start = decode_header(whole)

    for offset in [*range(0, 18, 5), *range(20, start - 18, 23), *range(start, len(whole), 29)]:
        bad = whole[:offset] + bytes([whole[offset] ^ 1]) + whole[offset + 1 :]
        result = tapes("bundle", "unbundle", "-", cwd=other, input=bad, code=None)
        assert result.code in (12, 14, *range(30, 36)), (offset, result)
        assert result.out == ""
    assert not list((other / ".tapes/objects/pack").glob("pack-*"))
    assert not list((other / ".tapes/tmp").iterdir())


def test_truncated_bundle_is_refused(tapes, tape, other, tmp_path):
    """At any length."""
    file = tmp_path / "all.bundle"
    tapes("bundle", "create", file, "main")
    whole = file.read_bytes()

    for length in [0, 5, 18, 60, 100, *range(101, len(whole), 97)]:
        result = tapes("bundle", "unbundle", "-", cwd=other, input=whole[:length], code=None)
        assert 30 <= result.code <= 35
        assert result.out == ""


def forge(refs, prerequisites=(), objects=(), tmp_path=None):
    """Return a bundle with a good pack and any header."""
    header = BundleHeader(tuple(prerequisites), tuple(refs))
    root = packs.make_root(tmp_path / "forge")
    pack = packs.write_pack(root, objects).path.read_bytes() if objects else packs.forge_pack([])
    return encode_header(header) + pack


def test_ref_to_what_is_nowhere_is_refused(tapes, store, tmp_path):
    """Its id is neither in the pack nor in the store: nothing is installed."""
    data = forge(
        [BundleRef("refs/heads/x", packs.oid_of(packs.turn()))], (), packs.sample(2), tmp_path
    )

    tapes("bundle", "unbundle", "-", input=data, code=12)

    assert not list((store / "objects/pack").glob("pack-*"))


def test_pack_with_a_hole_is_refused(tapes, store, tmp_path):
    """A turn without its blob, though no prerequisite was named."""
    turn = packs.turn(raw=(packs.oid_of(packs.blob(b"hole")),))
    data = forge([BundleRef("refs/heads/x", packs.oid_of(turn))], (), [turn], tmp_path)

    tapes("bundle", "unbundle", "-", input=data, code=12)
    tapes("bundle", "verify", "-", input=data, code=12)

    assert not list((store / "objects/pack").glob("pack-*"))


@pytest.mark.parametrize("name", ["refs/heads/../x", "refs/heads/-x", "main", "refs/heads/a.lock"])
def test_bad_ref_name_is_refused(tapes, store, tmp_path, name):
    """What the store would not take as a name is not listed either."""
    objects = packs.sample(1)
    data = forge([BundleRef(name, packs.oid_of(objects[0]))], (), objects, tmp_path)

    for command in ("list-heads", "verify", "unbundle"):
        assert tapes("bundle", command, "-", input=data, code=14).out == ""


def test_bundle_whose_refs_are_all_here_has_an_empty_pack(tapes, repository, tape, tmp_path):
    """Allowed: it says where refs are."""
    data = forge(
        [BundleRef("refs/heads/x", tape[-1])], [Prerequisite(tape[-1], "tip")], (), tmp_path
    )

    assert heads(tapes("bundle", "unbundle", "-", input=data)) == {"refs/heads/x": str(tape[-1])}


def test_comment_of_a_prerequisite_cannot_command_the_terminal(tapes, repository, tmp_path):
    """Control characters in a header are refused; what is shown is escaped."""
    data = b"# v1 tapes bundle\n-" + b"1" * 64 + b" \x1b[2J\n" + b"1" * 64 + b" refs/heads/x\n\n"

    result = tapes("bundle", "verify", "-", input=data, code=30)

    assert "\x1b" not in result.err


def test_what_is_no_bundle_is_said_so(tapes, store, tmp_path):
    """A missing file, a folder, an empty file, something else."""
    (tmp_path / "x").write_bytes(b"GIF89a" + bytes(5000))
    tapes("bundle", "list-heads", tmp_path / "x", code=30)
    tapes("bundle", "list-heads", tmp_path / "nothing", code=36)
    tapes("bundle", "list-heads", tmp_path, code=36)
    tapes("bundle", "list-heads", "-", code=33)


def test_bundle_of_a_blob_by_its_ref(tapes, repository, other, tmp_path):
    """A ref may point to anything, and anything can be carried."""
    oid = repository.objects.write(Kind.BLOB, b"just bytes")
    set_ref(repository, "refs/tags/data", oid)
    file = tmp_path / "b.bundle"

    tapes("bundle", "create", file, "refs/tags/data")

    assert heads(tapes("bundle", "unbundle", file, cwd=other)) == {"refs/tags/data": str(oid)}


def test_missing_folder_is_an_error(tapes, tape, tmp_path):
    """No folder is made for a bundle."""
    file = tmp_path / "no-such-folder" / "x.bundle"

    tapes("bundle", "create", file, "main", code=36)

    assert not file.parent.exists()


def test_prerequisite_may_be_content(tapes, repository, other, tmp_path):
    """What is excluded by the id of a blob is left out and required."""
    blob = repository.objects.write(Kind.BLOB, b"the same for all")
    turn = packs.turn(raw=(blob,))
    repository.objects.write(*turn)
    set_ref(repository, "refs/heads/x", packs.oid_of(turn))
    file = tmp_path / "b.bundle"

    tapes("bundle", "create", file, "x", f"^{blob}")

    (verified,) = tapes("bundle", "verify", "--json", file).records
    assert verified["prerequisites"] == [str(blob)]
    assert verified["objects"] == 1
    tapes("bundle", "unbundle", file, cwd=other, code=12)
    tapes("hash-object", "-w", "--stdin", cwd=other, input=b"the same for all")
    assert len(tapes("bundle", "unbundle", file, cwd=other).lines) == 1
