"""Reading files whose names a stranger may have made."""

from __future__ import annotations

import errno
import os
import socket

import pytest

from tapegit.errors import FormatError, StorageError, UnsafePathError
from tapegit.files.safe_read import map_file, open_regular, read_file

READERS = (lambda path: read_file(path, size_max=1 << 22), lambda path: bytes(map_file(path)))


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize("size", [0, 1, 4096, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 3 << 20])
def test_a_file_is_read_whole(tmp_path, read, size):
    """All bytes come back, below, at and above the size of one read."""
    data = os.urandom(size)
    (tmp_path / "f").write_bytes(data)

    assert read(tmp_path / "f") == data


def test_a_file_of_the_largest_size_is_read_and_one_byte_more_is_refused(tmp_path):
    """The limit is exact, and the error says what it is."""
    (tmp_path / "f").write_bytes(b"x" * 11)
    assert len(read_file(tmp_path / "f", size_max=11)) == 11

    with pytest.raises(FormatError, match="larger than 10 bytes"):
        read_file(tmp_path / "f", size_max=10)


def test_an_endless_file_is_cut_off(tmp_path):
    """A sparse file of a terabyte costs neither time nor memory."""
    with open(tmp_path / "f", "wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(FormatError):
        read_file(tmp_path / "f", size_max=1000)


@pytest.mark.parametrize("read", READERS)
def test_a_missing_file_is_left_to_the_caller(tmp_path, read):
    """Absence, of the file or of a folder on the way, is a FileNotFoundError."""
    (tmp_path / "file").write_bytes(b"")
    for name in ("none", "none/none", "file/none"):
        with pytest.raises(FileNotFoundError):
            read(tmp_path / name)


@pytest.mark.parametrize("read", READERS)
@pytest.mark.timeout(5)
def test_what_is_no_plain_file_is_refused_at_once(tmp_path, read, monkeypatch):
    """A link, a folder, a FIFO, a socket and a device are named and never waited for."""
    (tmp_path / "target").write_bytes(b"secret")
    (tmp_path / "link").symlink_to("target")
    (tmp_path / "dangling").symlink_to("nowhere")
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "fifo")
    with socket.socket(socket.AF_UNIX) as server:
        monkeypatch.chdir(tmp_path)
        server.bind("socket")
        for name in ("link", "dangling", "loop", "folder", "fifo", "socket", "/dev/zero"):
            with pytest.raises(UnsafePathError) as caught:
                read(tmp_path / name)
            assert name in caught.value.message


def test_a_refusal_of_the_system_is_a_storage_error(tmp_path, monkeypatch):
    """EACCES and EMFILE have path and number."""
    monkeypatch.setattr(os, "open", lambda *_args: (_ for _ in ()).throw(OSError(24, "x")))
    with pytest.raises(StorageError) as caught:
        open_regular(tmp_path / "f")

    assert caught.value.fields["errno"] == errno.EMFILE
    assert "ulimit" in caught.value.hint


def test_a_failing_read_is_a_storage_error_and_leaks_nothing(tmp_path, monkeypatch):
    """EIO in the middle closes the file."""
    (tmp_path / "f").write_bytes(b"x")
    before = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
    monkeypatch.setattr(os, "read", lambda *_args: (_ for _ in ()).throw(OSError(5, "x")))
    with pytest.raises(StorageError):
        read_file(tmp_path / "f", size_max=10)
    monkeypatch.undo()

    after = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
    assert before == after
