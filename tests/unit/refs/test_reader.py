"""Reading refs: loose over packed, symbolic refs, HEAD, and what is damaged."""

from __future__ import annotations

import itertools
import os

import pytest

from tapegit.errors import (
    DataError,
    FormatError,
    IntegrityError,
    RefNotFoundError,
    TapesError,
    UnsafePathError,
)
from tapegit.refs.names import HEAD, RefName
from tapegit.refs.reader import Head
from tests.unit.refs.conftest import ONE, THREE, TWO

MAIN = RefName("refs/heads/main")


def test_a_loose_ref_goes_before_a_packed_one(refs):
    """The file of its own holds."""
    refs.set(MAIN, ONE)
    refs.pack_refs(prune=False)
    refs.set(MAIN, TWO)

    assert refs.value(MAIN) == TWO
    assert refs.all() == {MAIN: TWO}
    (refs.root / MAIN).unlink()
    assert refs.value(MAIN) == ONE


def test_a_broken_file_hides_the_packed_value_in_lists_too(refs):
    """What packed-refs has of a ref with a file is old: it is never shown for the damaged one."""
    refs.set(MAIN, ONE)
    refs.pack_refs(prune=False)
    refs.set(MAIN, TWO)
    (refs.root / MAIN).write_bytes(b"damaged")
    broken = []

    assert list(refs.iter_refs(on_broken=lambda name, _: broken.append(name))) == []
    assert broken == [MAIN]


def test_a_missing_ref_is_none_or_an_error(refs):
    """`find` gives None, `read` the error with the name."""
    assert refs.find(MAIN) is None
    with pytest.raises(RefNotFoundError) as caught:
        refs.read(MAIN)
    assert caught.value.fields["name"] == MAIN


def test_refs_are_listed_in_order_loose_and_packed_together(refs):
    """One ascending list, each name once, whatever is where."""
    for name in ("b", "d", "a/x"):
        refs.set(f"refs/heads/{name}", ONE)
    refs.pack_refs()
    for name in ("c", "b", "a/w"):
        refs.set(f"refs/heads/{name}", TWO)

    found = [(ref.name, ref.oid) for ref in refs.iter_refs()]
    assert found == [
        ("refs/heads/a/w", TWO),
        ("refs/heads/a/x", ONE),
        ("refs/heads/b", TWO),
        ("refs/heads/c", TWO),
        ("refs/heads/d", ONE),
    ]


@pytest.mark.parametrize(
    ("prefix", "names"),
    [
        ("refs/", ["refs/heads/a", "refs/heads/a-b", "refs/heads/b/c", "refs/tags/v"]),
        ("refs/heads/a", ["refs/heads/a", "refs/heads/a-b"]),
        ("refs/heads/b/", ["refs/heads/b/c"]),
        ("refs/tags/v", ["refs/tags/v"]),
        ("re", ["refs/heads/a", "refs/heads/a-b", "refs/heads/b/c", "refs/tags/v"]),
        ("", ["refs/heads/a", "refs/heads/a-b", "refs/heads/b/c", "refs/tags/v"]),
        ("refs/x", []),
        ("HEAD", []),
        ("refs/../", []),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_a_prefix_lists_what_begins_with_it(refs, prefix, names, packed):
    """A prefix means the same for loose and packed refs."""
    for name in ("heads/a", "heads/a-b", "heads/b/c", "tags/v"):
        refs.set(f"refs/{name}", ONE)
    if packed:
        refs.pack_refs()

    assert [ref.name for ref in refs.iter_refs(prefix)] == names


def test_strangers_below_refs_are_passed_over_and_can_be_heard_of(refs):
    """A file that is no ref name is no ref; `on_broken` names it."""
    refs.set(MAIN, ONE)
    refs.put("refs/heads/.DS_Store", b"x")
    refs.put("refs/Thumbs.db", b"x")
    broken = []
    found = list(refs.iter_refs(on_broken=lambda name, _error: broken.append(name)))

    assert [ref.name for ref in found] == [MAIN]
    assert sorted(broken) == ["refs/Thumbs.db", "refs/heads/.DS_Store"]
    assert [ref.name for ref in refs.iter_refs()] == [MAIN]


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"", FormatError),
        (b"\0" * 65, FormatError),
        (b"x" * (10 << 20), FormatError),
        (ONE.hex()[:32].encode() + b"\n", FormatError),
        (ONE.hex().encode().upper().replace(b"1", b"A") + b"\n", FormatError),
        (b"ref: HEAD\n", FormatError),
        (b"ref: ../../etc/passwd\n", FormatError),
        (b"ref: refs/heads/..\n", FormatError),
    ],
)
def test_a_damaged_ref_costs_itself_alone(refs, data, error):
    """It is an error by name; every other ref is read, and a list goes on if it may."""
    refs.set("refs/heads/good", ONE)
    refs.put("refs/heads/bad", data)

    with pytest.raises(error, match="refs/heads/bad"):
        refs.find(RefName("refs/heads/bad"))
    with pytest.raises(error):
        list(refs.iter_refs())
    broken = []
    found = list(refs.iter_refs(on_broken=lambda name, _error: broken.append(name)))
    assert [ref.name for ref in found] == ["refs/heads/good"]
    assert broken == ["refs/heads/bad"]


@pytest.mark.timeout(5)
def test_no_link_and_no_special_file_is_read_as_a_ref(refs, tmp_path_factory):
    """A link, a link on the way and a FIFO are refused at once; a folder is no ref."""
    outside = tmp_path_factory.mktemp("outside")
    (outside / "x").write_bytes(ONE.hex().encode() + b"\n")
    (refs.root / "refs/heads/link").symlink_to(outside / "x")
    (refs.root / "refs/heads/way").symlink_to(outside)
    (refs.root / "refs/heads/folder").mkdir()
    os.mkfifo(refs.root / "refs/heads/fifo")

    for name in ("link", "way/x", "fifo"):
        with pytest.raises(UnsafePathError):
            refs.find(RefName(f"refs/heads/{name}"))
    assert refs.find(RefName("refs/heads/folder")) is None


def test_a_chain_of_symbolic_refs_is_followed(refs):
    """A ref five steps away is found, one six steps away is an error."""
    refs.put("refs/heads/0", ONE.hex().encode() + b"\n")
    for number in range(1, 7):
        refs.put(f"refs/heads/{number}", b"ref: refs/heads/%d\n" % (number - 1))

    assert refs.find(RefName("refs/heads/5")) == ONE
    with pytest.raises(IntegrityError, match="too deep"):
        refs.find(RefName("refs/heads/6"))


@pytest.mark.timeout(5)
@pytest.mark.parametrize("chain", ["aa", "aba", "abca"])
def test_a_circle_of_symbolic_refs_is_an_error_that_names_it(refs, chain):
    """No circle hangs; the error shows the way round and how to break it."""
    for one, other in itertools.pairwise(chain):
        refs.put(f"refs/heads/{one}", f"ref: refs/heads/{other}\n".encode())

    with pytest.raises(IntegrityError, match="circle") as caught:
        refs.find(RefName("refs/heads/a"))
    assert " -> ".join(f"refs/heads/{part}" for part in chain) in caught.value.message
    assert "symbolic-ref" in caught.value.hint


def test_a_symbolic_ref_to_nothing_is_left_out_of_lists(refs):
    """What leads nowhere is no ref yet."""
    refs.put("refs/heads/to-none", b"ref: refs/heads/none\n")
    refs.put("refs/heads/to-one", b"ref: refs/heads/one\n")
    refs.set("refs/heads/one", ONE)

    found = {ref.name: ref for ref in refs.iter_refs()}
    assert sorted(found) == ["refs/heads/one", "refs/heads/to-one"]
    assert found["refs/heads/to-one"].target == "refs/heads/one"
    assert found["refs/heads/to-one"].oid == ONE


class TestHead:
    """Where HEAD is."""

    def test_a_branch_that_never_was_is_unborn(self, refs):
        """A new store is on a branch without an id."""
        assert refs.read_head() == Head(MAIN, None)

    def test_a_branch_is_named_with_its_id(self, refs):
        """HEAD follows its branch."""
        refs.set(MAIN, ONE)
        assert refs.read_head() == Head(MAIN, ONE)

    def test_a_detached_head_holds_its_own_id(self, refs):
        """HEAD without a branch."""
        with refs.transaction("x") as transaction:
            transaction.detach_head(TWO)
        assert refs.read_head() == Head(None, TWO)

    def test_a_branch_that_its_reflog_knows_is_lost_and_not_unborn(self, refs):
        """The error says where the branch was and how it comes back."""
        refs.set(MAIN, ONE)
        refs.set(MAIN, TWO)
        (refs.root / MAIN).unlink()

        for read in (refs.read_head, lambda: refs.read(MAIN)):
            with pytest.raises(IntegrityError) as caught:
                read()
            assert caught.value.fields["oid"] == TWO
            assert f"tapes update-ref {MAIN} {TWO}" in caught.value.hint
        assert [(ref.name, ref.oid) for ref in refs.iter_lost()] == [(MAIN, TWO)]
        refs.set(MAIN, TWO)
        assert refs.read_head() == Head(MAIN, TWO)

    def test_a_branch_that_was_deleted_is_unborn(self, refs):
        """Deleting removes the reflog, so nothing is lost."""
        refs.set(MAIN, ONE)
        refs.remove(MAIN)
        assert refs.read_head() == Head(MAIN, None)

    def test_a_deletion_that_a_crash_interrupted_is_no_loss(self, refs):
        """A reflog that ends with the deletion does not say that the ref must exist."""
        refs.set(MAIN, ONE)
        log = refs.logs.path(MAIN)
        kept = log.read_bytes()
        refs.remove(MAIN)
        from tapegit.formats.reflog import ReflogEntry, encode_line
        from tapegit.objects.oid import ZERO_OID

        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_bytes(kept + encode_line(ReflogEntry(ONE, ZERO_OID, 1, "", "")))
        assert refs.read_head() == Head(MAIN, None)

    def test_a_missing_head_is_an_error(self, refs):
        """A store has a HEAD."""
        (refs.root / "HEAD").unlink()
        with pytest.raises(IntegrityError, match="HEAD is missing"):
            refs.read_head()

    def test_a_circle_through_head_is_an_error(self, refs):
        """HEAD cannot be what a ref points to."""
        refs.put(MAIN, b"ref: refs/heads/main\n")
        with pytest.raises(IntegrityError, match="circle"):
            refs.read_head()


class TestPacked:
    """The packed-refs file under a reader."""

    def test_a_damaged_file_is_an_error_for_what_is_not_loose(self, refs):
        """A wrong hash is named; loose refs are still read."""
        refs.set("refs/heads/packed", ONE)
        refs.pack_refs()
        refs.set("refs/heads/loose", TWO)
        path = refs.root / "packed-refs"
        path.write_bytes(path.read_bytes().replace(b"1111", b"1112", 1))

        assert refs.value("refs/heads/loose") == TWO
        with pytest.raises(DataError, match="checksum"):
            refs.value("refs/heads/packed")
        broken = []
        found = list(refs.iter_refs(on_broken=lambda name, _error: broken.append(name)))
        assert [ref.name for ref in found] == ["refs/heads/loose"]
        assert broken == ["packed-refs"]

    def test_a_file_that_another_process_replaced_is_read_again(self, refs):
        """A reader that is open for long sees each new file."""
        for value in (ONE, TWO, THREE):
            refs.set(MAIN, value)
            refs.pack_refs()
            assert refs.find(MAIN) == value

    def test_a_name_that_is_none_is_left_out_and_heard_of(self, refs):
        """A sealed file with a wrong name in it costs that name."""
        from tapegit.formats.packedrefs import EMPTY_FILE, PackedRef, PackedRefs

        records = {name: PackedRef(name, ONE) for name in ("refs/heads/ok", "refs/heads/x.lock")}
        (refs.root / "packed-refs").write_bytes(PackedRefs(EMPTY_FILE).splice(records))
        broken = []
        found = list(refs.iter_refs(on_broken=lambda name, _error: broken.append(name)))

        assert [ref.name for ref in found] == ["refs/heads/ok"]
        assert broken == ["refs/heads/x.lock"]

    def test_a_link_in_its_place_is_refused(self, refs):
        """packed-refs is a plain file."""
        (refs.root / "packed-refs").symlink_to("elsewhere")
        with pytest.raises(UnsafePathError):
            refs.find(MAIN)

    def test_a_large_file_is_refused_before_it_is_read(self, refs):
        """A sparse file of a terabyte costs nothing."""
        with open(refs.root / "packed-refs", "wb") as file:
            file.truncate(1 << 40)
        with pytest.raises(FormatError, match="larger"):
            refs.find(MAIN)


class TestLatest:
    """The newest recording, which may be lost at any time."""

    NAME = RefName("refs/sessions/x/1/file/main")

    def test_what_was_noted_is_found(self, refs):
        """A recorder's note leads to its ref."""
        refs.set(self.NAME, ONE)
        refs.set_latest(self.NAME)
        assert refs.find_latest() == self.NAME

    @pytest.mark.parametrize(
        "data", [b"", b"\0" * 40, b"ref: refs/x\n", b"ref: refs/sessions/x/2/a\n", b"11\n"]
    )
    def test_whatever_is_wrong_with_it_counts_as_not_known(self, refs, data):
        """LATEST is derived, so it never is an error."""
        refs.set(self.NAME, ONE)
        (refs.root / "LATEST").write_bytes(data)
        assert refs.find_latest() is None

    def test_a_link_counts_as_not_known(self, refs):
        """The same for what is no file."""
        (refs.root / "LATEST").symlink_to("HEAD")
        assert refs.find_latest() is None


def test_reflogs_are_listed_whether_their_refs_exist_or_not(refs):
    """Gc finds every reflog."""
    refs.set(MAIN, ONE)
    (refs.root / MAIN).unlink()
    (refs.root / "logs/stranger").write_bytes(b"x")

    assert list(refs.iter_reflogs()) == [HEAD, MAIN]


def test_every_error_of_a_reader_is_one_of_ours(refs):
    """A folder that may not be entered is a named error."""
    if os.geteuid() == 0:
        pytest.skip("root may enter every folder")
    (refs.root / "refs/heads").chmod(0)
    try:
        with pytest.raises(TapesError):
            refs.find(MAIN)
    finally:
        (refs.root / "refs/heads").chmod(0o700)
