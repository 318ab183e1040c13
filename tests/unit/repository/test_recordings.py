"""Marks of recordings: who runs, who was killed, and what was lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from tapegit.errors import StorageError
from tapegit.repository.layout import RECORDINGS_NAME
from tapegit.repository.recordings import (
    KILLED,
    Loss,
    RecordingMark,
    forget_losses,
    iter_losses,
    name_recording,
)
from tests.builders import make_store


@pytest.fixture
def root(tmp_path):
    """Give a store."""
    return make_store(tmp_path / ".tapes")


def names(root):
    """Return what is in the folder."""
    return sorted(os.listdir(root / RECORDINGS_NAME))


def test_a_recording_that_ends_well_leaves_nothing(root):
    """Its mark is there while it runs, and tells of nothing."""
    assert list(iter_losses(root)) == []
    mark = RecordingMark(root, name_recording(1700, 5))
    mark.hold()
    assert names(root) == ["1700-5"]
    assert list(iter_losses(root)) == []
    forget_losses(root)
    assert names(root) == ["1700-5"]
    mark.end()
    mark.end()
    assert names(root) == []


def test_what_was_lost_is_told_after_the_end_and_until_it_is_forgotten(root):
    """The last count is the one that holds."""
    mark = RecordingMark(root, name_recording(1700, 5))
    mark.hold()
    mark.lose(2, "slow")
    assert list(iter_losses(root)) == []
    mark.lose(3, "very\nslow")
    mark.end()
    assert list(iter_losses(root)) == [Loss(1700, 3, "very slow")] == list(iter_losses(root))
    forget_losses(root)
    assert list(iter_losses(root)) == []
    assert names(root) == []


def test_a_mark_that_two_hold_is_held_until_both_are_gone(root):
    """The proxy was killed; its recorder still works."""
    first, second = (RecordingMark(root, "1700-5") for _ in range(2))
    first.hold()
    second.hold()
    first._held.release()
    assert list(iter_losses(root)) == []
    second._held.release()
    assert list(iter_losses(root)) == [Loss(1700, None, KILLED)]


def test_a_killed_recording_is_told(root):
    """With what it had written down, if anything."""
    program = (
        "import sys, time\nfrom pathlib import Path\n"
        "from tapegit.repository.recordings import RecordingMark\n"
        "mark = RecordingMark(Path(sys.argv[1]), sys.argv[2])\nmark.hold()\n"
        "if sys.argv[3] != '0': mark.lose(int(sys.argv[3]), 'slow')\n"
        "sys.stdout.write('on'); sys.stdout.flush(); time.sleep(60)\n"
    )
    for name, lost in (("1700-5", "0"), ("1800-6", "7")):
        process = subprocess.Popen(
            [sys.executable, "-c", program, str(root), name, lost], stdout=subprocess.PIPE
        )
        assert process.stdout.read(2) == b"on"
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()

    assert list(iter_losses(root)) == [Loss(1700, None, KILLED), Loss(1800, 7, "slow")]
    forget_losses(root)
    assert names(root) == []


def test_strangers_in_the_folder_are_passed_over(root):
    """And stay; a file of ours that cannot be read counts as one that says nothing."""
    folder = root / RECORDINGS_NAME
    folder.mkdir()
    (folder / "README").write_text("hello")
    (folder / "x-1.lost").write_text("5 calls: no\n")
    (folder / "1-1.lost").write_bytes(b"\xff" * 10)
    (folder / "2-1.lost").write_bytes(b"1" * 9999)
    (folder / "3-1.lost").mkdir()

    assert [loss.started_ms for loss in iter_losses(root)] == [1, 2, 3]
    assert {loss.calls for loss in iter_losses(root)} == {None}
    with pytest.raises(StorageError):
        forget_losses(root)
    (folder / "3-1.lost").rmdir()
    forget_losses(root)
    assert names(root) == ["README", "x-1.lost"]


def test_a_store_that_cannot_be_written_to_is_an_error_at_once(root):
    """Before anything is recorded."""
    (root / RECORDINGS_NAME).write_text("in the way")

    with pytest.raises(StorageError):
        RecordingMark(root, "1-1").hold()


def test_what_was_lost_on_a_full_disk_is_told_too(root):
    """There is room for it in the mark, which then stays; with room elsewhere that is used."""
    mark = RecordingMark(root, name_recording(1700, 5))
    mark.hold()
    (root / "tmp").rmdir()
    (root / "tmp").write_text("in the way")
    mark.lose(2, "no space")
    mark.lose(3, "é" * 2000)
    assert list(iter_losses(root)) == []
    mark.end()
    assert names(root) == ["1700-5"]
    (loss,) = iter_losses(root)
    assert (loss.calls, loss.reason[:100]) == (3, "é" * 100)
    assert list(iter_losses(root)) == [loss]
    forget_losses(root)
    assert names(root) == []

    other = RecordingMark(root, name_recording(1800, 5))
    other.hold()
    other.lose(1, "no space")
    (root / "tmp").unlink()
    (root / "tmp").mkdir()
    other.lose(2, "still none")
    other.end()
    assert names(root) == ["1800-5.lost"]
    assert list(iter_losses(root)) == [Loss(1800, 2, "still none")]
