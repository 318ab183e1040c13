"""Files that are whole or not there."""

from __future__ import annotations

import errno
import os
import stat

import pytest

from tapegit.errors import StorageError
from tapegit.files import durable, syscalls
from tapegit.files.durable import (
    TemporaryFile,
    fsync_dir,
    make_directories,
    make_directory,
    replace_file,
    replace_file_cheaply,
    write_all,
)


@pytest.fixture
def tmp(tmp_path):
    """Give a folder for temporary files."""
    path = tmp_path / "tmp"
    path.mkdir()
    return path


def fail(monkeypatch, name, number, *, after=0):
    """Let a system call fail, after it worked a number of times."""
    real, calls = getattr(syscalls, name), []

    def failing(*args, **options):
        calls.append(args)
        if len(calls) > after:
            raise OSError(number, os.strerror(number))
        return real(*args, **options)

    monkeypatch.setattr(syscalls, name, failing)
    return calls


def test_a_published_file_holds_what_was_written(tmp, tmp_path):
    """A file gets its name with all its bytes, the mode asked for, and tmp is empty again."""
    with TemporaryFile(tmp, "obj", mode=0o444) as file:
        file.write(b"one")
        file.write(memoryview(b" two"))
        file.sync()
        assert file.publish_new(tmp_path / "name")

    assert (tmp_path / "name").read_bytes() == b"one two"
    assert stat.S_IMODE((tmp_path / "name").stat().st_mode) == 0o444
    assert os.listdir(tmp) == []


def test_publishing_never_replaces(tmp, tmp_path):
    """Where the name is taken the other file stays and this one vanishes."""
    (tmp_path / "name").write_bytes(b"old")
    with TemporaryFile(tmp, "obj") as file:
        file.write(b"new")
        file.sync()
        assert not file.publish_new(tmp_path / "name")

    assert (tmp_path / "name").read_bytes() == b"old"
    assert os.listdir(tmp) == []


@pytest.mark.parametrize("number", [errno.EPERM, errno.ENOTSUP, errno.EMLINK])
def test_a_file_system_without_hard_links_gets_a_rename(tmp, tmp_path, monkeypatch, number):
    """Where link is not known, the file still gets its name."""
    fail(monkeypatch, "link", number)
    with TemporaryFile(tmp, "obj") as file:
        file.write(b"x")
        file.sync()
        assert file.publish_new(tmp_path / "name")

    assert (tmp_path / "name").read_bytes() == b"x"
    assert os.listdir(tmp) == []


def test_publishing_asks_for_a_sync(tmp, tmp_path):
    """A file whose bytes are not synced cannot get its name: a programmer's mistake."""
    with TemporaryFile(tmp, "obj") as file:
        file.write(b"x")
        file.sync()
        file.write(b"y")
        with pytest.raises(AssertionError):
            file.publish_new(tmp_path / "name")


def test_a_file_left_alone_vanishes(tmp):
    """Leaving the context without a name removes the file, also after an error."""
    with TemporaryFile(tmp, "obj") as file:
        file.write(b"x")
    file.discard()
    with pytest.raises(KeyError), TemporaryFile(tmp, "obj"):
        raise KeyError

    assert os.listdir(tmp) == []


def test_a_lying_write_is_found_before_the_file_gets_a_name(tmp, monkeypatch):
    """A disk that says it stored what it did not is an error at the sync."""
    monkeypatch.setattr(syscalls, "write", lambda _fd, data: len(data))
    with TemporaryFile(tmp, "obj") as file:
        file.write(b"12345")
        with pytest.raises(StorageError, match="0 of 5 bytes") as caught:
            file.sync()

    assert caught.value.fields["errno"] == errno.EIO


def test_short_writes_are_continued(tmp, monkeypatch):
    """A system that takes one byte at a time gets them all."""
    real = syscalls.write
    monkeypatch.setattr(syscalls, "write", lambda fd, data: real(fd, data[:1]))
    with TemporaryFile(tmp, "obj") as file:
        file.write(b"12345")
        file.sync()
        assert file.path.read_bytes() == b"12345"


def test_a_write_that_takes_nothing_is_an_error(tmp, monkeypatch):
    """A write of zero bytes ends as EIO and not as an endless loop."""
    monkeypatch.setattr(syscalls, "write", lambda _fd, _data: 0)
    with TemporaryFile(tmp, "obj") as file, pytest.raises(OSError, match="stored nothing"):
        write_all(file.fd, b"x")


@pytest.mark.parametrize(
    ("call", "number"),
    [
        ("open_new", errno.EMFILE),
        ("write", errno.ENOSPC),
        ("fsync", errno.EIO),
        ("rename", errno.EROFS),
    ],
)
def test_a_failed_replacement_leaves_the_old_file(tmp, tmp_path, monkeypatch, call, number):
    """Whatever fails, the old bytes stay, tmp is empty and the error has path and number."""
    path = tmp_path / "file"
    path.write_bytes(b"old")
    fail(monkeypatch, call, number)

    with pytest.raises(StorageError) as caught:
        replace_file(path, b"new", tmp_dir=tmp)

    assert caught.value.fields["errno"] == number
    assert caught.value.hint
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp) == []


def test_a_failed_sync_is_not_tried_again(tmp, tmp_path, monkeypatch):
    """After fsync failed once the bytes are gone for good: no second fsync is believed."""
    calls = fail(monkeypatch, "fsync", errno.EIO)
    with pytest.raises(StorageError):
        replace_file(tmp_path / "file", b"new", tmp_dir=tmp)

    assert len(calls) == 1
    assert not (tmp_path / "file").exists()


def test_a_replacement_is_durable_and_a_cheap_one_is_not(tmp, tmp_path, monkeypatch):
    """The dear way syncs file and folder, the cheap one neither."""
    seen = []
    for name in ("fsync", "fsync_dir"):
        real = getattr(syscalls, name)
        monkeypatch.setattr(
            syscalls, name, lambda what, real=real, name=name: (seen.append(name), real(what))
        )
    replace_file_cheaply(tmp_path / "a", b"1", tmp_dir=tmp)
    assert seen == []

    replace_file(tmp_path / "a", b"22", tmp_dir=tmp)
    assert seen == ["fsync", "fsync_dir"]
    assert (tmp_path / "a").read_bytes() == b"22"


def test_tmp_is_made_again_where_somebody_removed_it(tmp_path):
    """A missing tmp folder is no reason to lose anything."""
    replace_file(tmp_path / "a", b"1", tmp_dir=tmp_path / "gone")

    assert (tmp_path / "a").read_bytes() == b"1"


@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOTSUP])
def test_a_file_system_that_cannot_sync_folders_is_taken_as_it_is(tmp_path, monkeypatch, number):
    """EINVAL and ENOTSUP mean that there is nothing to sync."""
    fail(monkeypatch, "fsync_dir", number)
    fsync_dir(tmp_path)


def test_any_other_failure_to_sync_a_folder_is_an_error(tmp_path, monkeypatch):
    """EIO of a folder is not passed over."""
    fail(monkeypatch, "fsync_dir", errno.EIO)
    with pytest.raises(StorageError, match="sync folder"):
        fsync_dir(tmp_path)


def test_folders_are_made_once_and_synced(tmp_path, monkeypatch):
    """Each missing folder is made and its parent synced; those that exist are left."""
    synced = []
    monkeypatch.setattr(syscalls, "fsync_dir", synced.append)
    make_directories(tmp_path / "a" / "b", root=tmp_path)
    make_directories(tmp_path / "a" / "b", root=tmp_path)

    assert synced == [tmp_path, tmp_path / "a"]
    assert not make_directory(tmp_path / "a")


def test_a_file_or_a_link_in_the_place_of_a_folder_is_an_error(tmp_path):
    """No folder is made through a link, and no file is taken for one."""
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "link").symlink_to(tmp_path)
    for name in ("file", "link"):
        with pytest.raises(StorageError):
            make_directory(tmp_path / name)


def test_every_writer_of_the_module_calls_syscalls_by_its_module():
    """A function imported by name could not be stood in for."""
    assert durable.syscalls is syscalls
