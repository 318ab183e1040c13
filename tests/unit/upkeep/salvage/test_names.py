"""Names and lists that are damaged: fsck sees it, readers say what helps, salvage mends it."""

from __future__ import annotations

import pytest

from tapegit.errors import DataError
from tapegit.formats.shallow import encode_shallow
from tapegit.formats.tombstones import FORGOTTEN, Tombstone, encode_tombstones
from tapegit.refs.names import HEAD, RefName
from tests.builders import make_store, make_tape, set_ref, write_tag, write_turn
from tests.unit.upkeep.damage import check, flip, labels, overwrite, reopen, repair

TIME_S = 1_750_000_000


@pytest.fixture
def store(tmp_path):
    """Give a store with refs in packed-refs and beside it, a shallow turn and tombstones."""
    root = make_store(tmp_path / ".tapes")
    repository = reopen(root)
    chain = make_tape(repository, 5)
    with repository.ref_transaction("checkout: moving from main to fix") as refs:
        refs.update(RefName("refs/heads/fix"), chain[3])
        refs.set_symbolic(HEAD, RefName("refs/heads/fix"))
    set_ref(repository, "refs/tags/v1", write_tag(repository, chain[1], "v1", "one"))
    for number, oid in enumerate(chain):
        set_ref(repository, f"refs/sessions/claude-code/s{number}/file/main", oid)
    gone = write_turn(repository, "not here", parents=(chain[0],))
    cut = write_turn(repository, "cut off", parents=(gone,))
    name = gone.hex()
    (root / "objects" / name[:2] / name[2:]).unlink()
    overwrite(root / "shallow", encode_shallow({cut: (TIME_S, (b"\1" * 20,))}))
    repository.objects.forget_cuts()
    set_ref(repository, "refs/heads/cut", cut)
    repository.refs.pack_refs()
    set_ref(repository, "refs/heads/loose", chain[2])
    records = [Tombstone(oid, None, TIME_S * 1000, FORGOTTEN) for oid in (gone, chain[0])]
    overwrite(root / "tombstones", encode_tombstones(records))
    assert labels(check(root)) == []
    return root


def refs_of(root):
    """Return every ref with its value."""
    return {ref.name: ref.oid for ref in reopen(root).refs.iter_refs()}


def test_packed_refs_lose_one_name_at_most(store):
    """Whatever byte is wrong, every value is found again, and all other names are as they were."""
    path = store / "packed-refs"
    before, data = refs_of(store), path.read_bytes()
    for offset in range(0, len(data), 13):
        flip(path, offset, 1 << offset % 7)
        assert labels(check(store)) == ["ref"], offset
        repair(store)
        assert labels(check(store)) == [], offset
        after = refs_of(store)
        assert len(before.items() - after.items()) <= 1, offset
        assert len(after.keys() - before.keys()) <= 1, offset
        assert set(before.values()) == set(after.values()), offset
        overwrite(path, data)


@pytest.mark.parametrize("damage", ["empty", "half", "zeros"])
def test_packed_refs_that_are_gone_come_back_by_their_reflogs(store, damage):
    """Branches have one; of other refs what still stands is kept."""
    path = store / "packed-refs"
    before, data = refs_of(store), path.read_bytes()
    left = {"empty": b"", "half": data[: len(data) // 2], "zeros": bytes(len(data))}[damage]
    overwrite(path, left)
    result = repair(store)
    assert [f for f in result.findings if "wrote 'packed-refs' anew" in f.what]
    branches = {name: oid for name, oid in before.items() if name.startswith("refs/heads/")}
    assert branches.items() <= refs_of(store).items()
    kept = [path for path in (store / "trash/lost").iterdir() if path.name == "packed-refs"]
    assert [path.read_bytes() for path in kept] == [left]


@pytest.mark.parametrize("data", [b"", b"ref: refS/heads/fix\n", b"ref: refs/heads/f\xe9x\n", b"?"])
def test_head_is_what_its_reflog_says(store, data):
    """The branch that was checked out last."""
    overwrite(store / "HEAD", data)
    with pytest.raises(DataError) as caught:
        reopen(store).refs.read_head()
    assert "--salvage" in (caught.value.hint or "")
    repair(store)
    assert reopen(store).refs.read_head().target == "refs/heads/fix"
    assert labels(check(store)) == []


def test_head_that_names_a_branch_that_never_was_is_told(store):
    """One wrong byte makes another branch of the one that was checked out."""
    overwrite(store / "HEAD", b"ref: refs/heads/fiy\n")
    last = reopen(store).refs.read(RefName("refs/heads/fix")).short()
    assert [f.what for f in check(store).findings if f.what.startswith("HEAD")] == [
        f"HEAD points to an unborn branch (fiy), though its reflog ends at {last}"
    ]


@pytest.mark.parametrize("name", ["refs/heads/loose", "refs/heads/fix", "refs/tags/v1"])
def test_a_ref_file_is_mended_by_its_digits_or_its_reflog(store, name):
    """A digit that is none, an end that is missing, and nothing at all."""
    repository = reopen(store)
    oid = repository.refs.read(RefName(name))
    for data in (f"{str(oid)[:40]}~{str(oid)[41:]}\n".encode(), f"{str(oid)[:40]}".encode()):
        overwrite(store / name, data)
        assert labels(check(store)) == ["ref"]
        repair(store)
        assert (store / name).read_bytes() == f"{oid}\n".encode()
    overwrite(store / name, b"")
    repair(store)
    if name.startswith("refs/heads/"):
        assert reopen(store).refs.read(RefName(name)) == oid
    else:
        assert labels(check(store)) == ["ref"]


def test_a_ref_with_a_wrong_digit_is_told_from_one_whose_object_is_lost(store):
    """The first one gets its value back; the second one keeps it, for what is imported again."""
    repository = reopen(store)
    oid = repository.refs.read(RefName("refs/heads/loose"))
    for digit in (0, 20, 63):
        wrong = list(str(oid))
        wrong[digit] = "0" if wrong[digit] != "0" else "1"
        overwrite(store / "refs/heads/loose", "".join(wrong).encode() + b"\n")
        (store / "logs/refs/heads/loose").unlink(missing_ok=True)
        repair(store)
        assert reopen(store).refs.read(RefName("refs/heads/loose")) == oid
    lost = b"5e" * 32 + b"\n"
    overwrite(store / "refs/heads/loose", lost)
    assert "no value is known" in " ".join(f.what for f in repair(store).findings)
    assert (store / "refs/heads/loose").read_bytes() == lost


def test_a_reflog_keeps_the_lines_that_check(store):
    """What is between them goes to the lost files."""
    repository = reopen(store)
    for oid in list(refs_of(store).values())[:3]:
        with repository.ref_transaction("move") as refs:
            refs.update(RefName("refs/heads/loose"), oid)
    path = store / "logs/refs/heads/loose"
    lines = path.read_bytes().splitlines(keepends=True)
    flip(path, len(lines[0]) + 5)
    assert labels(check(store)) == ["reflog"]
    repair(store)
    assert path.read_bytes() == b"".join(lines[:1] + lines[2:])
    assert labels(check(store)) == []


@pytest.mark.parametrize("name", ["shallow", "tombstones"])
def test_a_list_is_refused_named_and_written_anew(store, name):
    """No byte of it can be wrong unseen, and none keeps the store from being mended."""
    path = store / name
    data = path.read_bytes()
    for offset in (0, 9, 25, 33, len(data) // 2, len(data) - 40, len(data) - 1):
        flip(path, offset)
        found = check(store)
        assert "corrupt" in labels(found), offset
        assert [f.where for f in found.findings if f.label == "corrupt"] == [name]
        repair(store)
        assert labels(check(store)) in ([], ["broken link", "missing"]), offset
        overwrite(path, data)
    overwrite(path, data[: len(data) // 2])
    repair(store)
    assert "corrupt" not in labels(check(store))
