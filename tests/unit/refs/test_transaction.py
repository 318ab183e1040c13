"""Moving refs: compare and swap, several as one, deletion, symbolic refs, reflogs."""
# ruff: noqa: PT012 - a transaction fails where its block ends

from __future__ import annotations

import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tapegit.errors import (
    InvalidNameError,
    LockedError,
    ObjectNotFoundError,
    StaleRefError,
    StorageError,
    UnsafePathError,
)
from tapegit.files import syscalls
from tapegit.files.locks import Lock
from tapegit.objects.oid import ZERO_OID
from tapegit.refs.names import HEAD, RefName
from tapegit.refs.store import ANY, RefStore
from tests.unit.refs.conftest import ONE, THREE, TWO, Refs, oid

MAIN = RefName("refs/heads/main")
TOPIC = RefName("refs/heads/topic/x")
SESSION = RefName("refs/sessions/h/1/file/main")
TAG = RefName("refs/tags/v1")


class TestCompareAndSwap:
    """Who expects another value moves nothing."""

    @pytest.mark.parametrize("packed", [False, True])
    @pytest.mark.parametrize(
        ("actual", "expected", "works"),
        [
            (None, None, True),
            (None, ZERO_OID, True),
            (None, ONE, False),
            (None, ANY, True),
            (ONE, ONE, True),
            (ONE, TWO, False),
            (ONE, None, False),
            (ONE, ZERO_OID, False),
            (ONE, ANY, True),
        ],
    )
    def test_each_pair(self, refs, packed, actual, expected, works):
        """Every combination of what is there and what was expected, loose and packed."""
        if actual is not None:
            refs.set(MAIN, actual)
        if packed:
            refs.pack_refs()
        if works:
            refs.set(MAIN, THREE, old=expected)
            assert refs.value(MAIN) == THREE
            return
        with pytest.raises(StaleRefError) as caught:
            refs.set(MAIN, THREE, old=expected)
        assert refs.value(MAIN) == actual
        assert caught.value.fields["actual"] == actual
        assert caught.value.exit_code == 20

    def test_one_wrong_expectation_stops_all(self, refs):
        """None of several refs moves, and no reflog says otherwise."""
        refs.set(MAIN, ONE)
        with pytest.raises(StaleRefError), refs.transaction("x") as transaction:
            transaction.update(MAIN, TWO, ONE)
            transaction.update(TOPIC, TWO, THREE)
        assert refs.all() == {MAIN: ONE}
        assert refs.log(MAIN) == [(ZERO_OID, ONE)]

    def test_verify_moves_nothing(self, refs):
        """A ref that is only verified stays, and stops the others if it is elsewhere."""
        refs.set(MAIN, ONE)
        with refs.transaction("x") as transaction:
            transaction.verify(MAIN, ONE)
            transaction.update(TOPIC, TWO)
        with pytest.raises(StaleRefError), refs.transaction("x") as transaction:
            transaction.verify(MAIN, None)
            transaction.update(TOPIC, THREE)
        assert refs.all() == {MAIN: ONE, TOPIC: TWO}

    def test_create_wants_nothing_there(self, refs):
        """Creating twice fails the second time."""
        with refs.transaction("x") as transaction:
            transaction.create(MAIN, ONE)
        with pytest.raises(StaleRefError), refs.transaction("x") as transaction:
            transaction.create(MAIN, TWO)


class TestSeveral:
    """Several refs move by one rename of packed-refs."""

    def test_all_of_them_move(self, refs):
        """New, moved and deleted refs, loose and packed ones, in one transaction."""
        for name, value in ((MAIN, ONE), (TOPIC, ONE), (TAG, ONE)):
            refs.set(name, value)
        refs.pack_refs()
        refs.set(TOPIC, TWO)
        with refs.transaction("x") as transaction:
            transaction.update(MAIN, THREE)
            transaction.delete(TOPIC, TWO)
            transaction.create(SESSION, TWO)
        assert refs.all() == {MAIN: THREE, SESSION: TWO, TAG: ONE}
        assert sorted(move.name for move in transaction.moves) == [MAIN, TOPIC, SESSION]

    def test_one_rename_carries_all(self, refs, monkeypatch):
        """At every moment all refs are old or all are new, as a reader sees them."""
        names = [RefName(f"refs/heads/{number}") for number in range(5)]
        for name in names:
            refs.set(name, ONE)
        seen = []
        for call in ("rename", "unlink", "fsync", "fsync_dir", "write", "rmdir", "mkdir"):
            real = getattr(syscalls, call)

            def watching(*args, real=real):
                seen.append(frozenset(refs.all().items()))
                result = real(*args)
                seen.append(frozenset(refs.all().items()))
                return result

            monkeypatch.setattr(syscalls, call, watching)
        with refs.transaction("x") as transaction:
            for name in names[:4]:
                transaction.update(name, TWO)
            transaction.delete(names[4])
            transaction.create(SESSION, TWO)
        before = frozenset((name, ONE) for name in names)
        after = frozenset([*((name, TWO) for name in names[:4]), (SESSION, TWO)])
        assert set(seen) == {before, after}
        assert seen == sorted(seen, key=lambda state: state == after)

    @pytest.mark.parametrize("call", ["open_new", "write", "fsync", "rename", "fdatasync"])
    def test_a_failure_moves_all_or_none(self, refs, monkeypatch, call):
        """Whichever system call fails, the refs are all old or all new, and tmp is clean."""
        refs.set(MAIN, ONE)
        refs.set(TOPIC, ONE)
        real = getattr(syscalls, call)
        for after in range(8):
            left = iter([True] * after)
            monkeypatch.setattr(
                syscalls,
                call,
                lambda *args, left=left: real(*args) if next(left, False) else _fail(),
            )
            try:
                with refs.transaction("x") as transaction:
                    transaction.update(MAIN, TWO)
                    transaction.update(TOPIC, TWO)
            except StorageError:
                assert len(set(refs.all().values())) == 1
            monkeypatch.undo()
            assert os.listdir(refs.root / "tmp") == []

    def test_one_transaction_changes_a_ref_once(self, refs):
        """A second change is an error, also through a symbolic ref."""
        with refs.transaction("x") as transaction:
            transaction.update(MAIN, ONE)
            with pytest.raises(InvalidNameError):
                transaction.delete(MAIN)
        with pytest.raises(InvalidNameError), refs.transaction("x") as transaction:
            transaction.update(MAIN, ONE)
            transaction.update(HEAD, TWO)

    def test_an_error_inside_the_context_moves_nothing(self, refs):
        """Leaving by an exception forgets the changes."""
        transaction = refs.transaction("x")
        with pytest.raises(KeyError), transaction:
            transaction.update(MAIN, ONE)
            raise KeyError
        assert refs.all() == {}


def _fail():
    raise OSError(28, "no space left")


class TestDelete:
    """Refs that go."""

    @pytest.mark.parametrize("packed", [False, True])
    def test_a_deleted_ref_is_gone_with_its_log_and_folders(self, refs, packed):
        """Nothing of it is left, so a ref may take the name of its folder."""
        refs.set(TOPIC, ONE)
        if packed:
            refs.pack_refs(prune=False)
        refs.remove(TOPIC)
        assert refs.all() == {}
        assert not (refs.root / "refs/heads/topic").exists()
        assert not (refs.root / "logs/refs/heads/topic").exists()
        refs.set("refs/heads/topic", TWO)
        assert refs.log("refs/heads/topic") == [(ZERO_OID, TWO)]

    def test_deleting_what_is_not_there_changes_nothing(self, refs):
        """Unless a value was expected."""
        refs.remove(MAIN)
        with pytest.raises(StaleRefError), refs.transaction("x") as transaction:
            transaction.delete(MAIN, ONE)

    def test_head_cannot_be_deleted(self, refs):
        """Deleting through HEAD deletes its branch; HEAD itself stays."""
        refs.set(MAIN, ONE)
        with pytest.raises(InvalidNameError), refs.transaction("x") as transaction:
            transaction.delete(HEAD, deref=False)
        refs.remove(HEAD)
        assert refs.all() == {}
        assert refs.read_head().target == MAIN

    def test_a_detached_head_cannot_be_deleted(self, refs):
        """It would leave a store without HEAD."""
        with refs.transaction("x") as transaction:
            transaction.detach_head(ONE)
        with pytest.raises(InvalidNameError):
            refs.remove(HEAD)


class TestSymbolic:
    """Symbolic refs and HEAD."""

    def test_a_move_through_head_moves_its_branch(self, refs):
        """HEAD stays symbolic, and both reflogs tell."""
        refs.set(HEAD, ONE)
        refs.set(HEAD, TWO, old=ONE)
        assert refs.all() == {MAIN: TWO}
        assert refs.find_symbolic(HEAD) == MAIN
        assert refs.log(HEAD) == refs.log(MAIN) == [(ZERO_OID, ONE), (ONE, TWO)]

    def test_a_move_of_the_branch_is_in_the_log_of_head(self, refs):
        """As in git, when HEAD is on the branch, and only then."""
        refs.set(MAIN, ONE)
        refs.set(TOPIC, TWO)
        assert refs.log(HEAD) == [(ZERO_OID, ONE)]

    def test_switching_is_one_line_in_the_log_of_head(self, refs):
        """From one branch to another: the ids before and after."""
        refs.set(MAIN, ONE)
        refs.set(TOPIC, TWO)
        with refs.transaction("x") as transaction:
            transaction.set_symbolic(HEAD, TOPIC)
        assert refs.read_head() == (TOPIC, TWO)
        assert refs.log(HEAD)[-1] == (ONE, TWO)
        assert refs.log(MAIN) == [(ZERO_OID, ONE)]

    def test_detaching_leaves_the_branch(self, refs):
        """HEAD gets an id of its own."""
        refs.set(MAIN, ONE)
        with refs.transaction("x") as transaction:
            transaction.detach_head(TWO, ONE)
        assert refs.read_head() == (None, TWO)
        assert refs.all() == {MAIN: ONE}
        assert refs.log(HEAD)[-1] == (ONE, TWO)
        refs.set(HEAD, THREE)
        assert refs.read_head() == (None, THREE)
        assert refs.all() == {MAIN: ONE}

    def test_a_symbolic_ref_can_be_overwritten_itself(self, refs):
        """Without following it."""
        refs.set(MAIN, ONE)
        with refs.transaction("x") as transaction:
            transaction.set_symbolic(TOPIC, MAIN)
        refs.set(TOPIC, TWO, deref=False)
        assert refs.all() == {MAIN: ONE, TOPIC: TWO}
        assert refs.find_symbolic(TOPIC) is None

    def test_the_target_must_be_another_ref(self, refs):
        """Not itself, and not HEAD."""
        for target in (TOPIC, HEAD):
            with pytest.raises(InvalidNameError):
                refs.transaction("x").set_symbolic(TOPIC, target)

    def test_a_branch_may_be_made_and_switched_to_at_once(self, refs):
        """One transaction; HEAD comes last."""
        refs.set(MAIN, ONE)
        with refs.transaction("x") as transaction:
            transaction.create(TOPIC, TWO)
            transaction.set_symbolic(HEAD, TOPIC)
        assert refs.read_head() == (TOPIC, TWO)
        assert refs.log(HEAD)[-1] == (ONE, TWO)


class TestReflogs:
    """Which moves are written down."""

    def test_a_line_has_time_person_and_reason(self, refs):
        """As handed in."""
        with refs.transaction("because") as transaction:
            transaction.create(MAIN, ONE)
        (entry,) = refs.read_reflog(MAIN)
        assert entry == (ZERO_OID, ONE, 1000, "tester", "because")

    def test_sessions_have_lines_only_of_moves_that_leave_turns_behind(self, refs):
        """Not of their beginning and not of fast-forwards."""
        refs.set(SESSION, ONE)
        refs.set(SESSION, TWO, is_fast_forward=True)
        assert refs.log(SESSION) == []
        refs.set(SESSION, THREE, is_fast_forward=False)
        refs.set(SESSION, ONE)
        assert refs.log(SESSION) == [(TWO, THREE), (THREE, ONE)]

    def test_tags_have_none(self, refs):
        """A tag is not meant to move."""
        refs.set(TAG, ONE)
        refs.set(TAG, TWO)
        assert refs.log(TAG) == []

    def test_a_move_to_the_same_value_is_none(self, refs):
        """Nothing is written, and nobody is told of a move."""
        refs.set(MAIN, ONE)
        with refs.transaction("x") as transaction:
            transaction.update(MAIN, ONE)
        assert transaction.moves == []
        assert len(refs.log(MAIN)) == 1

    def test_a_torn_line_is_cut_away_by_the_next(self, refs):
        """What a crash left of a line does not stay in the middle."""
        refs.set(MAIN, ONE)
        log = refs.logs.path(MAIN)
        whole = log.read_bytes()
        for torn in (whole[:50], whole[:-1], b"\0" * 100, b"\0" * 60 + b"\n"):
            log.write_bytes(whole + torn)
            refs.set(MAIN, TWO)
            assert refs.log(MAIN) == [(ZERO_OID, ONE), (ONE, TWO)]
            refs.set(MAIN, ONE)
            log.write_bytes(whole)

    @pytest.mark.parametrize("fault", ["full", "lying", "unsynced"])
    def test_a_line_that_cannot_be_written_stops_the_move(self, refs, monkeypatch, fault):
        """The disk is full, or says it stored what it did not, or cannot sync: log and ref stay."""
        refs.set(MAIN, ONE)
        real = syscalls.write

        def write(fd, data):
            if b"\t" not in bytes(data):
                return real(fd, data)
            real(fd, data[:9])
            return len(data) if fault == "lying" else _fail()

        if fault == "unsynced":
            monkeypatch.setattr(syscalls, "fdatasync", lambda _fd: _fail())
        else:
            monkeypatch.setattr(syscalls, "write", write)
        with pytest.raises(StorageError):
            refs.set(MAIN, TWO)
        monkeypatch.undo()
        assert refs.value(MAIN) == ONE
        assert refs.log(MAIN) == [(ZERO_OID, ONE)]

    def test_a_line_that_is_taken_in_parts_is_completed(self, refs, monkeypatch):
        """A system that takes one byte at a time gets the whole line."""
        real = syscalls.write
        monkeypatch.setattr(syscalls, "write", lambda fd, data: real(fd, data[:1]))
        refs.set(MAIN, ONE)
        refs.set(MAIN, TWO)
        assert refs.log(MAIN) == [(ZERO_OID, ONE), (ONE, TWO)]

    def test_a_line_taken_in_parts_is_whole(self, refs, monkeypatch):
        """A system may take a few bytes at a time; the move is as ever."""
        refs.set(MAIN, ONE)
        real = syscalls.write
        monkeypatch.setattr(syscalls, "write", lambda fd, data: real(fd, data[:9]))
        refs.set(MAIN, TWO)
        assert refs.log(MAIN) == [(ZERO_OID, ONE), (ONE, TWO)]

    def test_entries_can_be_dropped_and_the_rest_rewritten(self, refs):
        """What is left has the others' values, and with `rewrite` hangs together."""
        for value in (ONE, TWO, THREE):
            refs.set(MAIN, value)
        assert refs.expire_reflog(MAIN, lambda entry: entry.new != TWO) == 1
        assert refs.log(MAIN) == [(ZERO_OID, ONE), (TWO, THREE)]
        refs.set(MAIN, ONE)
        assert refs.expire_reflog(MAIN, lambda entry: entry.old != TWO, rewrite=True) == 1
        assert refs.log(MAIN) == [(ZERO_OID, ONE), (ONE, ONE)]
        assert refs.expire_reflog(MAIN, lambda _entry: True) == 0

    def test_a_log_in_the_way_of_a_folder_gives_way(self, refs):
        """Logs of refs long gone stop no new ref."""
        refs.set("refs/heads/a", ONE)
        (refs.root / "refs/heads/a").unlink()
        refs.set("refs/heads/a/b", TWO)
        assert refs.log("refs/heads/a/b") == [(ZERO_OID, TWO)]
        (refs.root / "refs/heads/a/b").unlink()
        refs.set("refs/heads/a", ONE)
        assert refs.log("refs/heads/a") == [(ZERO_OID, ONE)]

    def test_a_link_in_the_place_of_a_log_is_refused(self, refs, tmp_path_factory):
        """Nothing outside is appended to."""
        outside = tmp_path_factory.mktemp("outside") / "file"
        outside.write_bytes(b"")
        refs.logs.path(MAIN).parent.mkdir(parents=True)
        refs.logs.path(MAIN).symlink_to(outside)
        refs.set("refs/heads/x", ONE)
        with pytest.raises(UnsafePathError):
            refs.set(MAIN, ONE)
        assert outside.read_bytes() == b""


class TestNames:
    """Names that are in the way of one another."""

    @pytest.mark.parametrize("packed", [False, True])
    @pytest.mark.parametrize(
        ("existing", "new"),
        [
            ("refs/heads/a", "refs/heads/a/b"),
            ("refs/heads/a/b", "refs/heads/a"),
            ("refs/heads/a/b/c", "refs/heads/a"),
            ("refs/heads/a", "refs/heads/a/b/c"),
            ("refs/heads/main", "refs/heads/Main"),
            ("refs/heads/Dir/x", "refs/heads/dir/y"),
            ("refs/heads/straße", "refs/heads/STRASSE"),
            ("refs/heads/É", "refs/heads/é"),
        ],
    )
    def test_a_collision_is_refused_and_names_the_other(self, refs, packed, existing, new):
        """Folder against ref, and names that some file system takes for one."""
        refs.set(existing, ONE)
        if packed:
            refs.pack_refs()
        with pytest.raises(InvalidNameError, match="collides"):
            refs.set(new, TWO)
        assert refs.all() == {existing: ONE}

    @pytest.mark.parametrize(
        ("one", "other"),
        [("refs/heads/a", "refs/heads/a/b"), ("refs/heads/x", "refs/heads/X")],
    )
    def test_two_new_names_collide_too(self, refs, one, other):
        """Within one transaction."""
        with pytest.raises(InvalidNameError), refs.transaction("x") as transaction:
            transaction.create(RefName(one), ONE)
            transaction.create(RefName(other), ONE)
        assert refs.all() == {}

    @pytest.mark.parametrize(
        ("existing", "new"),
        [
            ("refs/heads/a-b", "refs/heads/a"),
            ("refs/heads/a.b", "refs/heads/a/b"),
            ("refs/heads/x/y", "refs/heads/x/z"),
            ("refs/heads/v1", "refs/tags/V1"),
        ],
    )
    def test_neighbours_are_no_collision(self, refs, existing, new):
        """What only looks alike may be made."""
        refs.set(existing, ONE)
        refs.set(new, TWO)
        assert refs.all() == {existing: ONE, new: TWO}

    def test_an_empty_folder_gives_way(self, refs):
        """Folders that deleted refs left, or nobody used, are no refs."""
        (refs.root / "refs/heads/a/b/c").mkdir(parents=True)
        refs.set("refs/heads/a", ONE)
        assert refs.value("refs/heads/a") == ONE

    def test_a_file_of_a_stranger_in_the_way_is_an_error(self, refs):
        """A folder with a file in it that is no ref is not deleted."""
        refs.put("refs/heads/a/.keep", b"precious")
        with pytest.raises(StorageError):
            refs.set("refs/heads/a", ONE)
        assert (refs.root / "refs/heads/a/.keep").exists()

    def test_no_ref_is_written_through_a_link(self, refs, tmp_path_factory):
        """A folder that is a link leads out of the store."""
        outside = tmp_path_factory.mktemp("outside")
        (refs.root / "refs/heads/way").symlink_to(outside)
        with pytest.raises(UnsafePathError):
            refs.set("refs/heads/way/x", ONE)
        assert os.listdir(outside) == []


class TestRepair:
    """Refs that are damaged."""

    @pytest.mark.parametrize("data", [b"", b"junk", b"ref: refs/heads/none..\n"])
    def test_a_broken_ref_can_be_overwritten_and_deleted(self, refs, data):
        """Whoever expects nothing of it repairs it; who expects a value hears of the damage."""
        refs.set("refs/heads/good", ONE)
        refs.put(TOPIC, data)
        refs.set(TOPIC, TWO)
        assert refs.value(TOPIC) == TWO
        refs.put(TOPIC, data)
        refs.remove(TOPIC)
        assert refs.all() == {"refs/heads/good": ONE}

    def test_a_broken_head_stops_no_recording(self, refs):
        """Other refs move; only the log of HEAD gets no line."""
        (refs.root / "HEAD").write_bytes(b"")
        refs.set(MAIN, ONE)
        assert refs.value(MAIN) == ONE
        with refs.transaction("x") as transaction:
            transaction.set_symbolic(HEAD, MAIN)
        assert refs.read_head() == (MAIN, ONE)


class TestPackRefs:
    """Loose refs into packed-refs."""

    def test_everything_is_packed_and_still_there(self, refs):
        """The same refs before and after, and no files left."""
        names = {f"refs/heads/{n}/x": oid(n + 1) for n in range(9)} | {TAG: THREE}
        for name, value in names.items():
            refs.set(name, value)
        assert refs.pack_refs() == 10
        assert refs.all() == names
        assert os.listdir(refs.root / "refs/heads") == []
        assert refs.pack_refs() == 0

    def test_without_all_only_tags_and_packed_refs_are_packed(self, refs):
        """As git does."""
        refs.set(MAIN, ONE)
        refs.set(TAG, ONE)
        assert refs.pack_refs(all=False) == 1
        assert (refs.root / MAIN).exists()
        refs.pack_refs()
        refs.set(MAIN, TWO)
        assert refs.pack_refs(all=False) == 1
        assert not (refs.root / MAIN).exists()

    def test_symbolic_and_broken_refs_stay_loose(self, refs):
        """What cannot be in packed-refs is left alone."""
        refs.set(MAIN, ONE)
        refs.put(TOPIC, b"junk")
        with refs.transaction("x") as transaction:
            transaction.set_symbolic(RefName("refs/heads/alias"), MAIN)
        assert refs.pack_refs() == 1
        assert (refs.root / TOPIC).read_bytes() == b"junk"
        assert refs.find_symbolic(RefName("refs/heads/alias")) == MAIN

    def test_tags_get_the_end_of_their_chain(self, refs):
        """A peel line saves readers a look at the object."""
        refs._peel = lambda value: THREE if value == ONE else None
        refs.set(TAG, ONE)
        refs.set("refs/tags/v2", TWO)
        refs.pack_refs()
        assert [(ref.name, ref.peeled) for ref in refs.iter_refs("refs/tags/")] == [
            (TAG, THREE),
            ("refs/tags/v2", None),
        ]


def test_a_target_that_is_no_object_is_refused(tmp_path, refs):
    """The function handed in decides, before anything is written."""

    def verify(_name, value):
        if value == TWO:
            raise ObjectNotFoundError("no")

    store = RefStore(refs.root, lambda: 0, "", verify_target=verify)
    with pytest.raises(ObjectNotFoundError), store.transaction("x") as transaction:
        transaction.update(MAIN, ONE)
        transaction.update(TOPIC, TWO)
    assert refs.all() == {}


def test_the_guard_is_around_verifying_and_moving(refs):
    """Gc is kept out from the look at the object until the ref names it."""
    events = []

    class Guard:
        def __enter__(self):
            events.append("in")

        def __exit__(self, *_error):
            events.append("out")

    store = RefStore(
        refs.root,
        lambda: 0,
        "",
        verify_target=lambda _name, _oid: events.append("look"),
        guard=Guard(),
    )
    with store.transaction("x") as transaction:
        transaction.update(MAIN, ONE)
        assert events == []
    assert events == ["in", "look", "out"]


def test_a_held_lock_stops_a_move_with_the_lock_named(refs, monkeypatch):
    """Exit code 11 after the wait; nothing is written."""
    monkeypatch.setattr("tapegit.files.locks.time.monotonic", iter(range(0, 10**6, 20)).__next__)
    with Lock(refs.root / "locks/refs").exclusive(), pytest.raises(LockedError):
        refs.set(MAIN, ONE)
    assert refs.all() == {}


NAMES = [RefName(f"refs/heads/{name}") for name in ("a", "b", "c/d", "c/e")]
changes = st.dictionaries(st.sampled_from(NAMES), st.none() | st.integers(1, 4), min_size=1)


@given(st.lists(st.tuples(changes, st.booleans(), st.booleans()), max_size=8))
@settings(max_examples=40)
def test_refs_are_a_dictionary(tmp_path_factory, rounds):
    """After any transactions and packings, refs hold what a dictionary would, and so do logs."""
    root = tmp_path_factory.mktemp("refs")
    for name in ("refs/heads", "logs", "tmp", "locks"):
        (root / name).mkdir(parents=True)
    (root / "HEAD").write_bytes(b"ref: refs/heads/a\n")
    refs = Refs(root, lambda: 0, "")
    model: dict[str, object] = {}
    for change, pack, prune in rounds:
        with refs.transaction("x") as transaction:
            for name, number in change.items():
                if number is None:
                    transaction.delete(name, model.get(name, ANY))
                else:
                    transaction.update(name, oid(number), model.get(name))
        for name, number in change.items():
            model.pop(name, None)
            if number is not None:
                model[name] = oid(number)
        if pack:
            refs.pack_refs(prune=prune)
        assert refs.all() == model
        assert {name: refs.logs.find_last(RefName(name)) for name in model} == model
    assert os.listdir(root / "tmp") == []
