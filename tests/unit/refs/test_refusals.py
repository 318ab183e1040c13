"""What the system refuses reaches the caller as one named error, and nothing is half done."""

from __future__ import annotations

import errno
import os

import pytest

from tapegit.errors import FormatError, StorageError
from tapegit.files import syscalls
from tapegit.files.trash import Trash
from tapegit.refs.names import RefName
from tests.unit.refs.conftest import ONE, TWO

MAIN = RefName("refs/heads/main")


def refuse(monkeypatch, owner, name, match, number=errno.EIO):
    """Let a call fail where its first argument ends in `match`."""
    real = getattr(owner, name)

    def refusing(*args, **options):
        if args and str(args[0]).endswith(match):
            raise OSError(number, os.strerror(number), str(args[0]))
        return real(*args, **options)

    monkeypatch.setattr(owner, name, refusing)


@pytest.mark.parametrize("name", ["lstat", "open"])
def test_a_ref_that_cannot_be_read_is_named(refs, monkeypatch, name):
    """The folder on the way, and the file."""
    refs.set(MAIN, ONE)
    refuse(monkeypatch, os, name, "refs/heads" if name == "lstat" else "heads/main")
    with pytest.raises(StorageError) as caught:
        refs.value(MAIN)
    assert caught.value.fields["errno"] == errno.EIO


@pytest.mark.parametrize(
    ("folder", "read"),
    [
        ("refs/heads", lambda refs: list(refs.iter_refs())),
        ("logs/refs", lambda refs: list(refs.iter_reflogs())),
    ],
)
def test_a_folder_that_cannot_be_listed_is_named(refs, monkeypatch, folder, read):
    """Nothing is left out in silence."""
    refs.set(MAIN, ONE)
    refuse(monkeypatch, os, "scandir", folder)
    with pytest.raises(StorageError, match=folder):
        read(refs)


def test_a_folder_that_vanished_is_empty(refs, monkeypatch):
    """Another process deleted the last ref in it."""
    refs.set(MAIN, ONE)
    refs.set("refs/heads/x/y", ONE)
    refuse(monkeypatch, os, "scandir", "heads/x", errno.ENOENT)
    assert [ref.name for ref in refs.iter_refs()] == [MAIN]


def test_packed_refs_that_cannot_be_read_is_named(refs, monkeypatch):
    """Its status, or its bytes."""
    refs.set(MAIN, ONE)
    refs.pack_refs()
    with monkeypatch.context() as patch:
        refuse(patch, os, "lstat", "packed-refs", errno.EACCES)
        with pytest.raises(StorageError):
            refs.value(MAIN)
    monkeypatch.setattr(os, "read", lambda *_args: (_ for _ in ()).throw(OSError(5, "x")))
    with pytest.raises(StorageError):
        refs.value(MAIN)


def test_packed_refs_that_vanished_is_no_packed_refs(refs, monkeypatch):
    """Between the look at it and opening it."""
    refs.set(MAIN, ONE)
    refs.pack_refs()
    refuse(monkeypatch, os, "open", "packed-refs", errno.ENOENT)
    assert refs.value(MAIN) is None


def test_packed_refs_is_read_whole_however_little_comes_at_a_time(refs, monkeypatch):
    """A system that gives a few bytes at a time gives them all."""
    refs.set(MAIN, ONE)
    refs.pack_refs()
    real = os.read
    monkeypatch.setattr(os, "read", lambda fd, size: real(fd, min(size, 50)))
    assert refs.value(MAIN) == ONE


def test_a_reflog_whose_end_cannot_be_read_is_named(refs, monkeypatch):
    """Whether its branch is lost is then not known."""
    refs.set(MAIN, ONE)
    (refs.root / MAIN).unlink()
    monkeypatch.setattr(os, "pread", lambda *_args: (_ for _ in ()).throw(OSError(5, "x")))
    with pytest.raises(StorageError):
        refs.read_head()


@pytest.mark.timeout(5)
def test_a_fifo_in_the_place_of_a_reflog_is_refused(refs):
    """By reader and writer, at once."""
    path = refs.logs.path(MAIN)
    path.parent.mkdir(parents=True)
    os.mkfifo(path)
    with pytest.raises(Exception, match=r"special file|plain file") as caught:
        refs.set(MAIN, ONE)
    assert caught.value.exit_code == 16


def test_a_link_on_the_way_to_a_reflog_is_refused(refs, tmp_path_factory):
    """Nothing is written outside."""
    outside = tmp_path_factory.mktemp("outside")
    (refs.root / "logs/refs").mkdir()
    (refs.root / "logs/refs/heads").symlink_to(outside)
    with pytest.raises(Exception, match="link") as caught:
        refs.set(MAIN, ONE)
    assert caught.value.exit_code == 16
    assert os.listdir(outside) == []


@pytest.mark.parametrize("number", [errno.EACCES, errno.EPERM, errno.EROFS])
def test_a_ref_that_cannot_be_removed_stays(refs, monkeypatch, number):
    """The deletion is an error, and the ref and its log can still be read."""
    refs.set(MAIN, ONE)
    refuse(monkeypatch, syscalls, "unlink", MAIN, number)
    with pytest.raises(StorageError, match="remove"):
        refs.remove(MAIN)
    monkeypatch.undo()
    assert refs.value(MAIN) == ONE
    refs.remove(MAIN)
    assert refs.all() == {}


def test_a_log_that_cannot_be_removed_stops_no_new_ref(refs, monkeypatch):
    """The ref is gone; the error says what is left; the name can be used again."""
    refs.set(MAIN, ONE)
    refuse(monkeypatch, syscalls, "unlink", f"logs/{MAIN}", errno.EACCES)
    with pytest.raises(StorageError):
        refs.remove(MAIN)
    monkeypatch.undo()
    assert refs.value(MAIN) is None
    refs.set(MAIN, TWO)
    assert refs.value(MAIN) == TWO


def test_folders_of_a_deleted_ref_that_cannot_go_stay(refs, monkeypatch):
    """They are no obstacle to anything."""
    refs.set("refs/heads/a/b", ONE)
    monkeypatch.setattr(syscalls, "rmdir", lambda _path: (_ for _ in ()).throw(OSError(13, "x")))
    refs.remove("refs/heads/a/b")
    monkeypatch.undo()
    assert refs.all() == {}
    refs.set("refs/heads/a", TWO)
    assert refs.value("refs/heads/a") == TWO


def test_lists_go_on_past_a_symbolic_ref_that_leads_in_a_circle(refs):
    """It is heard of; without a listener it is an error."""
    refs.set(MAIN, ONE)
    refs.put("refs/heads/a", b"ref: refs/heads/b\n")
    refs.put("refs/heads/b", b"ref: refs/heads/a\n")
    broken = []
    found = list(refs.iter_refs(on_broken=lambda name, _error: broken.append(name)))
    assert [ref.name for ref in found] == [MAIN]
    assert sorted(broken) == ["refs/heads/a", "refs/heads/b"]
    with pytest.raises(Exception, match="circle"):
        list(refs.iter_refs())


def test_a_broken_file_hides_the_older_value_in_packed_refs(refs):
    """A list that goes on must not show what the ref no longer holds."""
    refs.set(MAIN, ONE)
    refs.pack_refs()
    refs.put(MAIN, b"junk")
    broken = []
    found = list(refs.iter_refs(on_broken=lambda name, _error: broken.append(name)))
    assert found == []
    assert broken == [MAIN]
    with pytest.raises(FormatError):
        refs.value(MAIN)


def test_sound_lines_of_a_damaged_log_can_be_read(refs):
    """For reports and repair."""
    for value in (ONE, TWO, ONE):
        refs.set(MAIN, value)
    path = refs.logs.path(MAIN)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0] + lines[1].replace(b"2", b"3") + lines[2])
    assert [entry.new for entry in refs.read_sound_reflog(MAIN)] == [ONE, ONE]
    with pytest.raises(Exception, match="line 2"):
        refs.read_reflog(MAIN)


def test_a_trash_that_cannot_be_used_is_named(tmp_path, monkeypatch):
    """Listing, throwing away, restoring, emptying."""
    (tmp_path / "a").mkdir()
    (tmp_path / "a/b").write_bytes(b"x")
    Trash(tmp_path).open_batch(1000).put(tmp_path / "a/b")
    for owner, name, act in (
        (os, "listdir", lambda trash: trash.find("a/b")),
        (syscalls, "rename", lambda trash: trash.restore("a/b")),
        (syscalls, "rename", lambda trash: trash.open_batch(2000).put(tmp_path / "a")),
        (syscalls, "unlink", lambda trash: trash.expire(before_ms=5000)),
        (syscalls, "rmdir", lambda trash: trash.expire(before_ms=5000)),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(owner, name, lambda *_args: (_ for _ in ()).throw(OSError(5, "x")))
            with pytest.raises(StorageError):
                act(Trash(tmp_path))
