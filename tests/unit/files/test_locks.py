"""Kernel locks: who waits, who does not, and what dies with its holder."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from tapegit.errors import LockedError, StorageError, UnsafePathError
from tapegit.files.locks import Lock, find_holder

HOLD = """
import sys, time
from pathlib import Path
from tapegit.files.locks import Lock
with getattr(Lock(Path(sys.argv[1])), sys.argv[2])():
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def path(tmp_path):
    """Give the path of a lock file that does not exist yet."""
    return tmp_path / "lock"


@pytest.fixture
def hold(path):
    """Give a function that lets another process hold the lock; it returns the process."""
    started = []

    def start(how="exclusive"):
        process = subprocess.Popen(
            [sys.executable, "-c", HOLD, str(path), how], stdout=subprocess.PIPE
        )
        started.append(process)
        assert process.stdout.readline() == b"held\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()


def test_an_exclusive_lock_excludes_and_names_its_holder(path, hold):
    """Who waits too long hears which process holds the lock, and gets exit code 11."""
    process = hold()
    for how in ("shared", "exclusive"):
        with pytest.raises(LockedError) as caught, getattr(Lock(path), how)(timeout_s=0.05):
            pass
        assert caught.value.fields["holder"] == process.pid
        assert str(process.pid) in caught.value.message
        assert caught.value.exit_code == 11


def test_shared_locks_go_together(path, hold):
    """Any number share; none of them lets an exclusive one in."""
    hold("shared")
    with Lock(path).shared(timeout_s=0.05), Lock(path).shared(timeout_s=0.05):
        pass
    with pytest.raises(LockedError), Lock(path).exclusive(timeout_s=0.05):
        pass


def test_a_killed_holder_leaves_nothing_behind(path, hold):
    """SIGKILL frees the lock at once: there is no stale lock to remove."""
    process = hold()
    process.send_signal(signal.SIGKILL)
    process.wait()

    with Lock(path).exclusive(timeout_s=1):
        assert path.exists()


def test_who_waits_gets_the_lock_when_it_is_free(path):
    """Waiting ends soon after the holder leaves."""
    held = Lock(path).exclusive()
    held.acquire()
    timer = threading.Timer(0.1, held.release)
    timer.start()
    started = time.monotonic()
    with Lock(path).exclusive(timeout_s=5):
        assert time.monotonic() - started > 0.05
    timer.join()


def test_a_forked_child_neither_holds_nor_frees_the_lock(path):
    """A child of fork closes its copy; the parent goes on holding, also past the child's end."""
    with Lock(path).exclusive() as held:
        child = os.fork()
        if child == 0:
            held.release()
            os._exit(0)
        os.waitpid(child, 0)
        with pytest.raises(LockedError), Lock(path).exclusive(timeout_s=0.02):
            pass


def test_a_child_that_outlives_the_parent_does_not_keep_the_lock(path):
    """After release the lock is free although a program started meanwhile still runs."""
    with Lock(path).exclusive():
        process = subprocess.Popen(["sleep", "30"])
    try:
        with Lock(path).exclusive(timeout_s=0.05):
            pass
    finally:
        process.kill()
        process.wait()


def test_a_lock_file_that_was_removed_excludes_again(path):
    """Somebody removed the file against the rules: the next holders agree on the new one."""
    with Lock(path).exclusive():
        path.unlink()
        with Lock(path).exclusive(timeout_s=0.05), pytest.raises(LockedError):
            Lock(path).exclusive(timeout_s=0.05).acquire()


def test_the_holder_in_the_file_is_only_believed_while_it_lives(path):
    """A process id left by a crash, or rubbish, names nobody."""
    with Lock(path).exclusive():
        assert find_holder(path) == os.getpid()
    assert find_holder(path) is None
    for text in (b"4194304999\n", b"99999999999999999999999999\n", b"x\n", b"0\n", b"-1\n", b""):
        path.write_bytes(text)
        assert find_holder(path) is None
    assert find_holder(path.with_name("none")) is None


@pytest.mark.parametrize("make", ["link", "folder"])
def test_a_link_or_folder_in_the_place_of_the_lock_is_refused(path, make):
    """A lock is never taken on what a link leads to."""
    path.mkdir() if make == "folder" else path.symlink_to("elsewhere")
    with pytest.raises(UnsafePathError), Lock(path).exclusive(timeout_s=0.05):
        pass


def test_a_missing_folder_is_a_storage_error(tmp_path):
    """Where there is no store there is no lock."""
    with pytest.raises(StorageError), Lock(tmp_path / "none" / "lock").exclusive(timeout_s=0.05):
        pass


def test_a_file_system_without_locks_is_named(path, monkeypatch):
    """ENOLCK is an error that says what to do, and not a lock that excludes nobody."""
    import errno
    import fcntl

    monkeypatch.setattr(
        fcntl, "flock", lambda *_args: (_ for _ in ()).throw(OSError(errno.ENOLCK, "x"))
    )
    with pytest.raises(StorageError, match="no file locks") as caught, Lock(path).shared():
        pass
    assert "local disk" in caught.value.hint


def test_a_full_disk_stops_no_lock(path, monkeypatch):
    """The process id is for messages: who cannot write it holds the lock all the same."""
    from tapegit.files import syscalls

    monkeypatch.setattr(
        syscalls, "pwrite", lambda *_args: (_ for _ in ()).throw(OSError(28, "no space"))
    )
    with Lock(path).exclusive(), pytest.raises(LockedError):
        Lock(path).exclusive(timeout_s=0.02).acquire()
