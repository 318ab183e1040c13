"""Loose objects: durable when told so, healed when damaged, and no link is followed."""

from __future__ import annotations

import errno
import os

import pytest

from tapegit.errors import DataError, FormatError, StorageError, TapesError, UnsafePathError
from tapegit.files import syscalls
from tapegit.objects.kind import MIB, Kind
from tapegit.objects.oid import ObjectId, OidPrefix
from tapegit.store import loose
from tapegit.store.loose import LooseSource
from tests.packs import blob, oid_of

STORED = blob(b"some data " * 20)
OID = oid_of(STORED)


@pytest.fixture
def source(root):
    """Give the loose objects of the store."""
    return LooseSource(root / "objects", root / "tmp")


def fresh(source):
    """Return the same objects, as another process sees them."""
    return LooseSource(source.objects_dir, source.tmp_dir)


def spoil(source, change=lambda data: data[:-1]):
    """Damage the file of `STORED`."""
    path = source.path_of(OID)
    path.chmod(0o600)
    path.write_bytes(change(path.read_bytes()))


def test_a_file_is_whole_read_only_and_alone(source):
    """One file under its name, mode 0444, and nothing in tmp."""
    assert source.write(*STORED) == OID
    path = source.path_of(OID)
    assert path.stat().st_mode & 0o777 == 0o444
    assert path.parent.name + path.name == OID.hex()
    assert list(source.tmp_dir.iterdir()) == []


def test_writing_again_makes_it_young_and_writes_nothing(source, monkeypatch):
    """An object that exists is freshened, so that gc spares it."""
    source.write(*STORED)
    path = source.path_of(OID)
    os.utime(path, (1, 1))
    inode = path.stat().st_ino
    monkeypatch.setattr(syscalls, "open_new", lambda *_: pytest.fail("it wrote"))
    fresh(source).write(*STORED)
    assert path.stat().st_mtime > 1
    assert path.stat().st_ino == inode


@pytest.mark.parametrize(
    "change", [lambda data: data[:-1], lambda _: b"", lambda data: data[:-1] + b"\xff"]
)
def test_writing_heals_a_damaged_copy(source, change):
    """The good bytes at hand replace the bad ones on the disk."""
    source.write(*STORED)
    spoil(source, change)
    with pytest.raises(DataError):
        source.find(OID)
    fresh(source).write(*STORED)
    assert source.find(OID) == STORED


def test_damage_names_object_and_file(source):
    """Both are in the message, and the id is a field."""
    source.write(*STORED)
    spoil(source)
    with pytest.raises(DataError) as caught:
        source.find(OID)
    assert caught.value.fields["oid"] == OID
    assert str(OID) in str(caught.value)
    assert source.path_of(OID).name in str(caught.value)


def test_an_object_of_another_name_is_an_error(source):
    """A file that was renamed is not the object of its new name."""
    source.write(*STORED)
    other = ObjectId(b"\x11" * 32)
    source.path_of(OID).rename(source.path_of(other))
    with pytest.raises(DataError):
        source.find(other)


@pytest.mark.parametrize("make", ["link", "folder", "fifo", "dangling"])
def test_what_is_no_file_is_an_error_and_no_hang(source, make, tmp_path):
    """In the place of an object nothing but a plain file is read, or believed to be one."""
    path = source.path_of(OID)
    if make == "link":
        (tmp_path / "file").write_bytes(b"secret")
        path.symlink_to(tmp_path / "file")
    elif make == "folder":
        path.mkdir()
    elif make == "fifo":
        os.mkfifo(path)
    else:
        path.symlink_to("nowhere")
    for ask in (source.find, source.contains):
        with pytest.raises(UnsafePathError):
            ask(OID)


def test_a_folder_that_is_a_link_is_refused(source, tmp_path):
    """It would lead a writer out of the store."""
    folder = source.path_of(OID).parent
    folder.rmdir()
    (tmp_path / "elsewhere").mkdir()
    folder.symlink_to(tmp_path / "elsewhere")
    for ask in (source.find, source.contains):
        with pytest.raises(UnsafePathError):
            ask(OID)
    with pytest.raises(TapesError):
        source.write(*STORED)
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_missing_folder_is_made_again(source):
    """Somebody may have removed an empty one."""
    source.path_of(OID).parent.rmdir()
    assert source.find(OID) is None
    assert not source.contains(OID)
    source.write(*STORED)
    assert fresh(source).find(OID) == STORED


def test_names_of_strangers_are_passed_over(source):
    """They are neither listed nor in the way of a prefix."""
    source.write(*STORED)
    folder = source.path_of(OID).parent
    for name in (".DS_Store", "x" * 62, OID.hex()[2:].upper(), OID.hex()[2:] + "0", "tmp-1"):
        (folder / name).write_bytes(b"not ours")
    assert list(source.iter_oids()) == [OID]
    assert [entry.oid for entry in source.iter_entries()] == [OID]


def test_entries_have_time_and_size(source):
    """In ms since the epoch, and in bytes of the file."""
    source.write(*STORED)
    path = source.path_of(OID)
    os.utime(path, ns=(0, 1_700_000_000_123_000_000))
    (entry,) = source.iter_entries()
    assert entry == (OID, 1_700_000_000_123, path.stat().st_size)


def test_what_is_larger_than_its_kind_is_not_written(source):
    """The error comes before any file."""
    with pytest.raises(FormatError):
        source.write(Kind.TURN, bytes(MIB + 1))
    assert list(source.iter_oids()) == []


@pytest.mark.parametrize("name", ["open_new", "write", "fsync", "link", "fsync_dir"])
def test_a_failing_system_call_acknowledges_nothing(source, monkeypatch, name):
    """The error has the number of the system's, and tmp is clean."""

    def fail(*_args):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(syscalls, name, fail)
    with pytest.raises(StorageError) as caught:
        source.write(*STORED)
    assert caught.value.fields["errno"] == errno.EIO
    assert list(source.tmp_dir.iterdir()) == []
    monkeypatch.undo()
    assert fresh(source).find(OID) in (None, STORED)


def test_a_write_that_lies_is_found_before_the_name_is_given(source, monkeypatch):
    """A system that says it wrote and did not is caught by the size of the file."""
    monkeypatch.setattr(syscalls, "write", lambda _fd, data: len(data))
    with pytest.raises(StorageError, match="arrived"):
        source.write(*STORED)
    assert not source.contains(OID)


def test_short_writes_are_gone_on_with(source, monkeypatch):
    """However few bytes the system takes at a time."""
    real = syscalls.write
    monkeypatch.setattr(syscalls, "write", lambda fd, data: real(fd, data[:3]))
    source.write(*STORED)
    assert fresh(source).find(OID) == STORED


def test_a_file_system_without_hard_links_will_do(source, monkeypatch):
    """The name is then given by renaming."""

    def refuse(*_args):
        raise OSError(errno.EPERM, "no links here")

    monkeypatch.setattr(syscalls, "link", refuse)
    source.write(*STORED)
    assert fresh(source).find(OID) == STORED


def test_a_copy_whose_time_cannot_be_set_is_written_anew(source, monkeypatch):
    """Gc would not know that it is needed."""
    source.write(*STORED)

    def refuse(*_args):
        raise OSError(errno.EPERM, "not yours")

    monkeypatch.setattr(syscalls, "utime", refuse)
    inode = source.path_of(OID).stat().st_ino
    fresh(source).write(*STORED)
    assert source.path_of(OID).stat().st_ino != inode


def test_a_batch_syncs_each_folder_once(source, monkeypatch):
    """And the folder of what another writer made just now."""
    source.write(*STORED)
    synced = []
    real = syscalls.fsync_dir
    monkeypatch.setattr(syscalls, "fsync_dir", lambda path: synced.append(path) or real(path))
    batch = fresh(source).begin_batch()
    batch.write(*STORED)
    oids = [batch.write(Kind.BLOB, b"%d" % number) for number in range(300)]
    assert synced == []
    batch.commit()
    assert len(synced) == len(set(synced)) == len({oid[0] for oid in [*oids, OID]})


def test_listings_follow_the_folder(source):
    """A listing that was kept is not used after the folder changed."""
    same = [blob(b"%d" % number) for number in range(3000)]
    first, second = [one for one in same if oid_of(one)[0] == OID[0]][:2]
    prefix = OidPrefix(oid_of(second).hex()[:12])
    source.write(*first)
    assert source.match_prefix(prefix) == []
    os.utime(source.path_of(OID).parent, (1, 1))
    source.match_prefix(prefix)
    source.write(*second)
    assert source.match_prefix(prefix) == [oid_of(second)]
    assert source.find_neighbours(oid_of(first)) == [oid_of(second)]


def test_a_folder_that_cannot_be_looked_into_is_an_error_of_ours(source, monkeypatch):
    """Its number is that of the system; a file in the place of all folders is a miss."""

    def refuse(*_args):
        raise PermissionError(errno.EACCES, "not yours")

    with monkeypatch.context() as patch:
        patch.setattr(loose.os, "lstat", refuse)
        for ask in (source.find, source.contains):
            with pytest.raises(StorageError) as caught:
                ask(OID)
            assert caught.value.fields["errno"] == errno.EACCES
    nowhere = LooseSource(source.tmp_dir / "file" / "objects", source.tmp_dir)
    (source.tmp_dir / "file").write_bytes(b"")
    assert nowhere.find(OID) is None
    assert not nowhere.contains(OID)
