"""The frame of every command: global options, unknown commands, and how a run ends."""

from __future__ import annotations

import errno
import os
import re
import signal
import subprocess
import sys

import click
import pytest

from tapegit.cli.app import App, pass_app
from tapegit.cli.git_words import HINTS
from tapegit.cli.table import ALIASES, COMMANDS
from tapegit.errors import IntegrityError


@pytest.fixture
def command(monkeypatch):
    """Give a function that lets `tapes version` do something else."""

    def replace(body):
        @click.command("version")
        @click.option("--json", "as_json", is_flag=True)
        @pass_app
        def stub(app, /, as_json):
            body(app)

        monkeypatch.setattr("tapegit.cli.version.command", stub)

    return replace


def test_help_lists_every_command_without_importing_one():
    """`tapes` with nothing else lists all commands and imports none of them."""
    script = (
        "import sys\nfrom tapegit.cli.main import cli\n"
        "try:\n    cli.main([])\nexcept SystemExit: pass\n"
        "loaded = [m for m in sys.modules if m.startswith('tapegit.cli.')]\n"
        "print(sorted(loaded), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )

    assert not [name for name in COMMANDS if f"  {name} " not in done.stdout]
    assert "cat_file" not in done.stderr


def test_help_of_the_program_and_of_a_command(tapes):
    """-h and --help work everywhere and end with 0."""
    assert tapes("-h").out == tapes("--help").out == tapes().out
    assert "Usage: tapes version" in tapes("version", "-h").out


def test_unknown_command_names_the_nearest(tapes):
    """A slip of the finger gets the commands that are near, and code 2."""
    result = tapes("verion", code=2)

    assert result.out == ""
    assert "'verion' is not a tapes command; the nearest: version" in result.err
    assert "hint: run 'tapes --help'" in result.err


def test_unknown_command_that_is_near_nothing(tapes):
    """Where nothing is near, nothing is proposed."""
    assert tapes("zzzz", code=2).err.startswith("tapes: error: 'zzzz' is not a tapes command\n")


def test_unknown_option_is_a_usage_error(tapes):
    """What click refuses has code 2 and our form, also as JSON."""
    assert tapes("version", "--nope", code=2).err.startswith("tapes: error: no such option")
    assert '"error":"usage","code":2' in tapes("version", "--json", "--nope", code=2).err


def test_version_option_is_the_version_command(tapes):
    """`tapes --version` says which of the programs of that name this is."""
    assert tapes("--version").out == tapes("version").out
    assert "tapegit" in tapes("--version").out


def test_directory_option_changes_where_a_command_runs(tapes, work):
    """-C may be repeated, each relative to the one before."""
    (work / "a" / "b").mkdir(parents=True)
    (work / "a" / "b" / "f").write_bytes(b"abc")

    assert tapes("-C", "a", "-C", "b", "hash-object", "f").oid


@pytest.mark.parametrize("closed", ["0<&-", "1>&-", "2>&-", "0<&- 1>&- 2>&-"])
def test_streams_that_were_closed_are_empty(store, work, closed):
    """A run without a standard stream fails at nothing and writes into no file of a store."""
    script = f"{sys.executable} -m tapegit hash-object -w --stdin {closed}"
    before = {path: path.stat().st_mtime_ns for path in store.rglob("*") if path.is_file()}
    process = subprocess.run(
        script, shell=True, cwd=work, input=b"x", capture_output=True, check=False
    )
    after = {path: path.stat().st_mtime_ns for path in store.rglob("*") if path.is_file()}

    assert process.returncode == 0, process.stderr
    assert process.stderr == b""
    assert {path for path in before if after[path] != before[path]} == set()


def test_directory_that_is_gone_is_an_error(tmp_path):
    """A working directory that was deleted is named as what is wrong."""
    script = (
        "import os, sys\nos.mkdir('gone')\nos.chdir('gone')\nos.rmdir('../gone')\n"
        "os.execv(sys.executable, [sys.executable, '-m', 'tapegit', 'status'])"
    )
    process = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, check=False
    )

    assert process.returncode == 36
    assert b"cannot find the working directory" in process.stderr
    assert b"Traceback" not in process.stderr


def test_directory_option_of_no_directory_is_a_usage_error(tapes):
    """A directory that is not there is named."""
    assert "cannot change to 'nope'" in tapes("-C", "nope", "version", code=2).err


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        (IntegrityError("hash differs"), 32, "tapes: error: hash differs\n"),
        (KeyboardInterrupt(), 130, ""),
        (click.exceptions.Exit(1), 1, ""),
        (BrokenPipeError(), 141, ""),
        (MemoryError(), 36, "tapes: error: out of memory\n"),
        (
            OSError(errno.ENOSPC, "", "f"),
            36,
            "tapes: error: cannot access 'f': No space left on device\n",
        ),
        (SystemExit(7), 7, ""),
    ],
)
def test_every_end_has_its_code(command, tapes, error, code, text):
    """Whatever a command raises is turned into text and code in one place."""

    def fail(_app):
        raise error

    command(fail)

    assert text == tapes("version", code=code).err


def test_a_mistake_of_the_program_keeps_its_traceback(command, tapes):
    """An error that is none of ours is not dressed up: its traceback is the report."""

    def fail(_app):
        raise ZeroDivisionError

    command(fail)

    with pytest.raises(ZeroDivisionError):
        tapes("version")


def test_output_before_an_error_is_written(command, tapes):
    """What was printed before a failure still comes out."""

    def fail(app: App):
        app.terminal.record("first")
        raise IntegrityError("then broken")

    command(fail)

    result = tapes("version", code=32)
    assert result.out == "first\n"


def test_closed_pipe_ends_quietly():
    """A reader that goes away gets no traceback and no message."""
    reader, writer = os.pipe()
    os.close(reader)
    process = subprocess.run(
        [sys.executable, "-m", "tapegit", "help", "--all"],
        stdout=writer,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(writer)

    assert process.returncode == 141
    assert process.stderr == b""


def test_full_disk_under_standard_output_is_an_error():
    """Output that could not be written is never taken for success."""
    if not os.path.exists("/dev/full"):
        pytest.skip("no /dev/full on this system")
    with open("/dev/full", "wb") as full:
        process = subprocess.run(
            [sys.executable, "-m", "tapegit", "version"],
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
        )

    assert process.returncode == 36
    assert process.stderr.startswith(b"tapes: error: ")


def test_interrupt_ends_with_130():
    """Control-C ends a command that waits, without a traceback."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tapegit", "hash-object", "--stdin"],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdin is not None
    process.stdin.write(b"x" * 200_000)
    process.stdin.flush()  # has come back, so most of it has been read and the command is running
    process.send_signal(signal.SIGINT)
    _, err = process.communicate()

    assert process.returncode == 130
    assert err == b""


def test_color_is_for_terminals_unless_asked_for(command, tapes, monkeypatch):
    """A pipe gets no colours; --color=always gives them even so, whatever NO_COLOR says."""
    seen = []
    command(lambda app: seen.append(app.terminal.color))

    tapes("version")
    tapes("--color", "always", "version")
    tapes("--color", "never", "version")

    assert seen == [False, True, False]


def test_completion_lists_commands_by_prefix(run_tapes):
    """The shell is offered the commands that begin with a word, as with any click program."""
    asked = {"_TAPES_COMPLETE": "bash_complete", "COMP_WORDS": "tapes hash", "COMP_CWORD": "1"}

    assert run_tapes(env=asked).lines == ["plain,hash-object"]
    assert "_TAPES_COMPLETE" in run_tapes(env={"_TAPES_COMPLETE": "zsh_source"}).out


@pytest.mark.parametrize("word", HINTS)
def test_a_word_of_git_is_answered_with_what_was_meant(tapes, word):
    """It is no command, and every command that its hint names is one."""
    assert word not in COMMANDS.keys() | ALIASES.keys()
    result = tapes(word, code=2)
    assert f"'{word}' is not a tapes command\nhint: " in result.err
    assert set(re.findall(r"'tapes ([a-z-]+)", HINTS[word])) <= COMMANDS.keys()


def test_a_name_with_line_ends_makes_no_line_of_ours(tapes, store):
    """What comes after a line end in it stands to the right of where our words begin."""
    err = tapes("show", "a\nhint do evil", code=12).err
    assert "\n  hint do evil'\n" in err


def test_an_empty_directory_is_where_we_are(run_tapes):
    """As for git; and its short names of options mean the same."""
    assert run_tapes("-C", "", "-P", "-v").lines == run_tapes("--version").lines
    assert run_tapes("-p", "version").lines == run_tapes("--version").lines
