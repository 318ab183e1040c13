"""Starting a pager."""

from __future__ import annotations

import os
import sys

import pytest

from tapegit.ui.pager import start_pager


@pytest.mark.parametrize("command", ["", "cat", "/no/such/pager"])
def test_start_pager_returns_none_where_there_is_none(command):
    """Empty, `cat` and a program that does not exist all mean: no pager."""
    assert start_pager({"TAPES_PAGER": command}) is None


def test_start_pager_runs_without_a_shell_and_secured(tmp_path):
    """The words of the setting are arguments, nothing in them is run, and LESSSECURE is set."""
    script = tmp_path / "pager.py"
    script.write_text(
        "import os, sys\n"
        f"out = open({str(tmp_path / 'seen')!r}, 'w')\n"
        "print(sys.argv[1:], os.environ['LESSSECURE'], os.environ['LESS'], file=out)\n"
        "print(sys.stdin.read(), file=out)\n"
    )
    command = f"{sys.executable} {script} '; touch {tmp_path}/evil' $(id)"
    pager = start_pager({**os.environ, "TAPES_PAGER": command})
    assert pager is not None

    pager.stream.write(b"hello")
    pager.close()

    seen = (tmp_path / "seen").read_text()
    assert f"['; touch {tmp_path}/evil', '$(id)'] 1 FRX" in seen
    assert "hello" in seen
    assert not (tmp_path / "evil").exists()


def test_close_passes_over_a_pager_that_was_quit():
    """A reader who has seen enough is no failure, though data is left over."""
    pager = start_pager({**os.environ, "TAPES_PAGER": f"{sys.executable} -c pass"})
    assert pager is not None
    pager.stream.write(b"buffered")
    pager._process.wait()

    pager.close()

    assert pager._process.returncode == 0
