"""An open store, and transactions over objects and refs."""

from __future__ import annotations

import os
import stat
import time

import pytest

from tapegit.errors import (
    FormatError,
    LockedError,
    ObjectNotFoundError,
    StaleRefError,
    StorageError,
    UnsupportedVersionError,
)
from tapegit.files import syscalls
from tapegit.objects.kind import Kind, object_id
from tapegit.objects.oid import ObjectId
from tapegit.refs.names import RefName
from tapegit.repository.gate import RemoverGate
from tapegit.repository.repository import TAG_DEPTH_MAX, Repository
from tests.builders import make_tape, turn_data, write_blob, write_tag

MAIN = RefName("refs/heads/main")
SIDE = RefName("refs/heads/side")
BULK = pytest.mark.parametrize("bulk", [False, True])


def reopen(repository) -> Repository:
    """Return the store as another process sees it."""
    return Repository.open(repository.root)


class TestOpen:
    """Opening a store."""

    def test_a_store_of_the_future_is_refused_by_name(self, repository):
        """A feature or version that is not known is named."""
        for data, named in ((b"1\nrequires moon\n", "moon"), (b"2\n", "version 2")):
            (repository.root / "format").write_bytes(data)
            with pytest.raises(UnsupportedVersionError, match=named):
                reopen(repository)

    @pytest.mark.parametrize("data", [None, b"", b"x" * 5000, b"\0\n"])
    def test_a_missing_or_damaged_format_is_named(self, repository, data):
        """With the way to mend it."""
        path = repository.root / "format"
        path.unlink() if data is None else path.write_bytes(data)
        with pytest.raises(FormatError, match="format") as caught:
            reopen(repository)
        if data is None:
            assert "tapes init" in caught.value.hint

    def test_a_reader_creates_nothing(self, repository):
        """No lock, no file, no time changes."""
        make_tape(repository)
        before = {path: path.stat().st_mtime_ns for path in repository.root.rglob("*")}
        opened = reopen(repository)
        opened.refs.read_head()
        list(opened.refs.iter_refs())
        opened.objects.read(opened.refs.read(MAIN))
        assert {path: path.stat().st_mtime_ns for path in repository.root.rglob("*")} == before

    def test_settings_belong_to_the_store(self, repository):
        """They are read once, and a value is one of the store's."""
        (repository.root / "config").write_bytes(b"[gc]\nauto = 3\n")
        assert repository.config.integer("gc.auto") == 3
        assert repository.config is repository.config

    def test_the_clock_of_the_machine_is_taken_if_none_is_given(self, repository):
        """In milliseconds since the epoch."""
        assert abs(reopen(repository).clock() - time.time() * 1000) < 10_000

    def test_settings_are_read_when_asked_for(self, repository):
        """A damaged file of settings stops nobody who needs none."""
        (repository.root / "config").write_bytes(b"junk")
        assert reopen(repository).refs.read_head().oid is None


class TestTransaction:
    """Objects, then refs."""

    @BULK
    def test_objects_and_refs_are_there_afterwards(self, repository, bulk):
        """For another process too."""
        with repository.transaction("test", bulk=bulk) as transaction:
            blob = transaction.write(Kind.BLOB, b"x" * 100)
            turn = transaction.write(Kind.TURN, turn_data("hello", raw=(blob,)))
            transaction.update_ref(MAIN, turn, None)
        seen = reopen(repository)
        assert seen.refs.read(MAIN) == turn
        assert seen.objects.read(blob).data == b"x" * 100
        assert [move.name for move in transaction.moves] == [MAIN]
        assert os.listdir(repository.root / "tmp") == []

    @BULK
    def test_bytes_of_any_size_are_stored(self, repository, bulk):
        """As one blob, or as a rope that gives the bytes back."""
        from tapegit.objects.rope_reader import read_content

        body = (
            b'{"messages":[' + b",".join([b'"%03d%s"' % (n, b"m" * 90) for n in range(99)]) + b"]}"
        )
        with repository.transaction("test", bulk=bulk) as transaction:
            empty = transaction.write_bytes(b"")
            small = transaction.write_bytes(b"hello")
            large = transaction.write_bytes(body)
        objects = reopen(repository).objects
        assert empty == object_id(Kind.BLOB, b"")
        assert small == object_id(Kind.BLOB, b"hello")
        assert objects.read_header(large).kind is Kind.ROPE
        assert read_content(objects.find, large) == body

    @BULK
    def test_a_second_time_writes_nothing(self, repository, bulk):
        """What is stored is recognised."""

        def run():
            with repository.transaction("test", bulk=bulk) as transaction:
                transaction.update_ref(MAIN, transaction.write(Kind.TURN, turn_data()))

        run()
        files = {path for path in repository.root.rglob("*") if path.is_file()}
        run()
        assert {path for path in repository.root.rglob("*") if path.is_file()} == files

    @BULK
    def test_an_error_inside_moves_no_ref(self, repository, bulk):
        """And leaves nothing in tmp."""
        with pytest.raises(KeyError), repository.transaction("test", bulk=bulk) as transaction:
            _write_and_fail(transaction)
        assert reopen(repository).refs.find(MAIN) is None
        assert os.listdir(repository.root / "tmp") == []
        with repository.transaction("test", bulk=bulk):
            pass

    @BULK
    def test_a_ref_that_is_elsewhere_stops_the_refs(self, repository, bulk):
        """Compare and swap, with the gate open again afterwards."""
        with pytest.raises(StaleRefError), repository.transaction("x", bulk=bulk) as transaction:
            _write_and_update(transaction, old=ObjectId(b"1" * 32))
        assert reopen(repository).refs.find(MAIN) is None
        with RemoverGate(repository.root, 0.05):
            pass

    @BULK
    @pytest.mark.parametrize("call", ["write", "fsync", "open_new", "fsync_dir"])
    def test_a_full_disk_moves_no_ref(self, repository, monkeypatch, bulk, call):
        """The error is one of ours; what was stored before is there; a retry works."""
        old = write_blob(repository, b"before")

        def fail(*_args):
            raise OSError(28, "no space left on device")

        monkeypatch.setattr(syscalls, call, fail)
        with pytest.raises(StorageError), repository.transaction("x", bulk=bulk) as transaction:
            _write_and_update(transaction)
        monkeypatch.undo()
        seen = reopen(repository)
        assert seen.refs.find(MAIN) is None
        assert seen.objects.read(old).data == b"before"
        assert os.listdir(repository.root / "tmp") == []
        with repository.transaction("x", bulk=bulk) as transaction:
            _write_and_update(transaction)
        assert reopen(repository).refs.find(MAIN) is not None

    @BULK
    def test_nothing_names_an_object_before_it_is_durable(self, repository, monkeypatch, bulk):
        """Every sync of objects comes before the rename of the ref."""
        events = []
        for call in ("fsync", "fsync_dir", "rename", "link"):
            real = getattr(syscalls, call)
            monkeypatch.setattr(
                syscalls,
                call,
                lambda *args, real=real, call=call: (events.append((call, args)), real(*args))[1],
            )
        with repository.transaction("x", bulk=bulk) as transaction:
            _write_and_update(transaction)
        moved = [n for n, (call, args) in enumerate(events) if args[-1] == repository.root / MAIN]
        stored = [
            n
            for n, (call, args) in enumerate(events)
            if call == "fsync_dir" and "objects" in str(args[0])
        ]
        assert max(stored) < min(moved)

    def test_a_transaction_that_cannot_begin_leaves_the_gate_open(self, repository, monkeypatch):
        """Whatever fails first."""

        def fail(*_args, **_options):
            raise KeyError

        monkeypatch.setattr(repository.objects, "begin_batch", fail)
        with pytest.raises(KeyError), repository.transaction("x"):
            pass
        with RemoverGate(repository.root, 0.05):
            pass

    def test_gc_is_kept_out_while_it_is_open(self, repository):
        """From before the first object until after the last ref."""
        with repository.transaction("x"):
            with pytest.raises(LockedError), RemoverGate(repository.root, 0.02):
                pass
            with repository.transaction("inner"):
                pass
            with pytest.raises(LockedError), RemoverGate(repository.root, 0.02):
                pass
        with RemoverGate(repository.root, 0.02):
            pass

    def test_a_deletion_can_be_part_of_it(self, repository):
        """Refs go and come together."""
        make_tape(repository, 1)
        with repository.transaction("x") as transaction:
            turn = transaction.write(Kind.TURN, turn_data("new"))
            transaction.update_ref(SIDE, turn, None)
            transaction.delete_ref(MAIN)
        assert {ref.name: ref.oid for ref in repository.refs.iter_refs()} == {SIDE: turn}

    def test_the_newest_recording_is_noted_last(self, repository):
        """LATEST follows the ref; after an error it stays."""
        name = RefName("refs/sessions/x/1/file/main")
        with repository.transaction("x") as transaction:
            transaction.update_ref(name, transaction.write(Kind.TURN, turn_data()))
            transaction.set_latest(name)
        assert repository.refs.find_latest() == name

    def test_objects_are_read_only_files(self, repository):
        """Nobody writes to them again."""
        oid = write_blob(repository, b"x")
        path = repository.root / "objects" / oid.hex()[:2] / oid.hex()[2:]
        assert stat.S_IMODE(path.stat().st_mode) == 0o444


def _write_and_update(transaction, old=None):
    transaction.update_ref(MAIN, transaction.write(Kind.TURN, turn_data("one")), old)


def _write_and_fail(transaction):
    _write_and_update(transaction)
    raise KeyError


class TestRefs:
    """Refs of a repository know its objects."""

    def test_a_ref_cannot_name_what_is_not_there(self, repository):
        """Before anything is written."""
        with pytest.raises(ObjectNotFoundError), repository.ref_transaction("x") as transaction:
            transaction.update(MAIN, ObjectId(b"1" * 32))
        assert repository.refs.find(MAIN) is None

    def test_moving_a_ref_waits_for_gc(self, repository, monkeypatch):
        """The object could vanish between the look and the move."""
        oid = write_blob(repository, b"x")
        monkeypatch.setattr("tapegit.repository.gate.WRITER_TIMEOUT_S", 0.02)
        transaction = repository.ref_transaction("x")
        transaction.update(MAIN, oid)
        with RemoverGate(repository.root, 0.02), pytest.raises(LockedError):
            transaction.commit()

    def test_tags_are_peeled_to_their_end(self, repository):
        """Tags of tags; what is no tag peels to nothing."""
        blob = write_blob(repository, b"x")
        tag = write_tag(repository, blob)
        outer = write_tag(repository, tag, "v2")
        assert repository.peel_tag(outer) == repository.peel_tag(tag) == blob
        assert repository.peel_tag(blob) is None
        assert repository.peel_tag(ObjectId(b"1" * 32)) is None

    def test_tags_nested_without_end_are_not_followed(self, repository):
        """A chain that is longer than any real one has no end."""
        oid = write_blob(repository, b"x")
        for number in range(TAG_DEPTH_MAX):
            oid = write_tag(repository, oid, f"v{number}")
        assert repository.peel_tag(oid) is None
