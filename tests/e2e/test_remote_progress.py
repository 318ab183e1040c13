"""How far a push, a fetch, a pull and a clone have come, and what `--quiet` leaves unsaid."""

from __future__ import annotations

import contextlib
import os
import pty
import subprocess
import sys

from tests.builders import make_tape


def test_nothing_is_shown_where_no_person_looks(tapes, chain, other, server):
    """Into a pipe only lines are written, each whole."""
    said = [
        tapes("push", "origin", "main").err,
        other("fetch").err,
        other("pull").err,
        tapes("clone", server.path, "copy").err,
    ]
    assert all("\r" not in text and "\x1b" not in text for text in said)


def test_progress_can_be_asked_for(tapes, chain, other, server):
    """Each stage has its line, which is gone in the end."""
    pushed = tapes("push", "--progress", "origin", "main").err
    for stage in ("looking for secrets: 0% (0/4 turns)", "writing: 100% (4/4 turns)", "sending: "):
        assert f"\r{stage}" in pushed
    assert pushed.rindex("\r\x1b[K") < pushed.index("To ")
    fetched = other("fetch", "--progress").err
    assert "\rreceiving: 0.0 MB" in fetched
    assert "\rverifying: 1 turns" in fetched
    assert "\rreceiving" in tapes("clone", "--progress", server.path, "copy").err
    assert "\r" not in other("pull", "--no-progress").err


def test_quiet_says_only_what_went_wrong(tapes, chain, other, server, repository):
    """Nothing is said of what was done; a ref that was refused is named."""
    assert tapes("push", "-q", "origin", "main").err.count("\n") == 2  # who can read it, once
    assert other("fetch", "-q").err == ""
    assert tapes("clone", "-q", server.path, "copy").err == ""
    assert tapes("push", "-q", "origin", "main").err == ""
    assert other("pull", "-q").out == ""
    make_tape(repository, 1, name="refs/heads/main", label="else")
    refused = tapes("push", "-q", "origin", "main", code=21)
    assert "! [rejected]" in refused.err


def test_a_terminal_is_shown_it(chain, tapes, server):
    """Without an option it is shown where standard error is a terminal."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "tapegit", "push", "origin", "main"],
        cwd=tapes.cwd,
        stdin=subprocess.DEVNULL,
        stderr=theirs,
    ) as process:
        os.close(theirs)
        shown = b""
        with contextlib.suppress(OSError):  # how the end of a terminal is told
            while data := os.read(ours, 4096):
                shown += data
    os.close(ours)
    assert process.returncode == 0
    assert b"\rwriting: 100% (4/4 turns)" in shown
