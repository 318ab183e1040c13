"""Reading a pack file piece by piece: exactly what was asked for, or an error with its name."""

from __future__ import annotations

import errno
import os

import pytest

from tapegit.errors import StorageError, TruncatedError, UnsafePathError
from tapegit.store import pack_file
from tapegit.store.pack_file import PackFile, PackGoneError


@pytest.fixture
def path(tmp_path):
    """Give a file of ten bytes."""
    path = tmp_path / "pack-1.pack"
    path.write_bytes(b"0123456789")
    return path


def test_any_piece_can_be_read(path):
    """From the first byte to the last, and nothing at all."""
    with PackFile(path) as file:
        assert file.size_bytes == 10
        assert file.read(0, 10) == b"0123456789"
        assert file.read(8, 2) == b"89"
        assert file.read(10, 0) == b""
        for offset, size in ((0, 10), (8, 2), (10, 0)):
            buffer = bytearray(12)
            file.read_into(memoryview(buffer)[:size], offset)
            assert buffer == b"0123456789"[offset : offset + size].ljust(12, b"\0")


@pytest.mark.parametrize(("offset", "size"), [(0, 11), (10, 1), (1 << 62, 1), (5, 1 << 62)])
def test_what_is_beyond_the_end_is_truncated(path, offset, size):
    """Also by more than any file has; nothing is allocated for it."""
    with PackFile(path) as file, pytest.raises(TruncatedError, match=path.name):
        file.read(offset, size)


def test_a_file_that_became_shorter_is_truncated(path):
    """It was cut after it was opened."""
    with PackFile(path) as file:
        os.truncate(path, 4)
        assert file.read(0, 4) == b"0123"
        with pytest.raises(TruncatedError):
            file.read(0, 10)
        with pytest.raises(TruncatedError):
            file.read_into(memoryview(bytearray(10)), 0)


def test_short_reads_are_gone_on_with(path, monkeypatch):
    """However few bytes the system gives at a time."""
    real = os.pread
    monkeypatch.setattr(pack_file.os, "pread", lambda fd, size, at: real(fd, min(size, 3), at))
    into = os.preadv
    monkeypatch.setattr(pack_file.os, "preadv", lambda fd, views, at: into(fd, [views[0][:3]], at))
    buffer = bytearray(8)
    with PackFile(path) as file:
        assert file.read(1, 8) == b"12345678"
        file.read_into(memoryview(buffer), 1)
    assert buffer == b"12345678"


def test_a_disk_that_fails_is_an_error_with_its_number(path, monkeypatch):
    """Never a signal, never a traceback."""

    def fail(*_args):
        raise OSError(errno.EIO, "the disk")

    monkeypatch.setattr(pack_file.os, "pread", fail)
    monkeypatch.setattr(pack_file.os, "preadv", fail)
    with PackFile(path) as file:
        for read in (lambda: file.read(0, 1), lambda: file.read_into(memoryview(bytearray(1)), 0)):
            with pytest.raises(StorageError) as caught:
                read()
            assert caught.value.fields == {"path": path, "errno": errno.EIO}


def test_a_file_that_is_gone_is_told_from_one_that_cannot_be_read(tmp_path, path):
    """Gc may have folded it; a link is refused."""
    with pytest.raises(PackGoneError):
        PackFile(tmp_path / "nowhere")
    (tmp_path / "link").symlink_to(path)
    with pytest.raises(UnsafePathError):
        PackFile(tmp_path / "link")
