"""The command that is recorded keeps terminal, signals and exit status."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import threading

import pytest

from tapegit.porcelain.recording.child import SignalsHeld

RUN = """
import os, sys
from tapegit.porcelain.recording.child import CommandNotRunError, SignalsHeld
with SignalsHeld() as held:
    try:
        code = held.run(sys.argv[1:], os.environ)
    except CommandNotRunError as error:
        print(error, file=sys.stderr)
        code = error.code
sys.exit(code)
"""
COUNT = """
import os, signal, sys
seen = []
signal.signal(signal.SIGINT, lambda *_: seen.append(1))
signal.signal(signal.SIGUSR1, lambda *_: (os.write(1, b"had %d\\n" % len(seen)), sys.exit(7)))
os.write(1, b"ready\\n")
while True:
    signal.pause()
"""
ECHO = """
import os, signal
signal.signal(signal.{name}, lambda *_: (os.write(1, b"got it\\n"), os._exit(3)))
os.write(1, b"ready\\n")
while True:
    signal.pause()
"""


def command(*words):
    """Return the command that runs another as `tapes record` does."""
    return [sys.executable, "-c", RUN, *words]


def read_masks(text):
    """Return the signals blocked and ignored, but for the two that are the C library's own."""
    return [int(line.split()[1], 16) & ~(3 << 31) for line in text.splitlines()]


def run(*words):
    """Run it to its end."""
    return subprocess.run(command(*words), capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("script", "code"), [("exit 0", 0), ("exit 5", 5), ("kill -TERM $$", 143), ("kill -9 $$", 137)]
)
def test_exit_status_is_the_commands(script, code):
    """A status is returned as it is, a signal as shells do."""
    assert run("sh", "-c", script).returncode == code


def test_command_that_is_not_there():
    """It is 127, and named."""
    done = run("no-such-command-of-anybody")

    assert done.returncode == 127
    assert done.stderr == ("cannot run 'no-such-command-of-anybody': there is no such command\n")


def test_command_that_cannot_be_run(tmp_path):
    """It is 126, and the reason is said."""
    path = tmp_path / "file"
    path.write_text("text")
    done = run(str(path))

    assert done.returncode == 126
    assert "permission denied" in done.stderr


def test_streams_and_folder_are_untouched(tmp_path):
    """Input, output, error and working directory are the command's own."""
    done = subprocess.run(
        command("sh", "-c", "cat; pwd; echo err >&2"),
        input="in\n",
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.stdout, done.stderr) == (f"in\n{tmp_path}\n", "err\n")


def test_signals_are_those_of_a_shells_child():
    """The command starts with as many signals blocked and ignored as without tapes."""
    words = ("sh", "-c", "grep -E '^Sig(Blk|Ign)' /proc/self/status")
    alone = subprocess.run(words, capture_output=True, text=True, check=False)
    if not alone.stdout:
        pytest.skip("there is no /proc")

    assert read_masks(run(*words).stdout) == read_masks(alone.stdout)


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGQUIT"])
def test_signal_to_this_process_is_passed_on(name):
    """What another process sends here is the command's."""
    with subprocess.Popen(
        command(sys.executable, "-c", ECHO.format(name=name)), stdout=subprocess.PIPE
    ) as process:
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(getattr(signal, name))
        assert process.stdout.read() == b"got it\n"
    assert process.returncode == 3


def test_stop_of_the_command_stops_this_process_too():
    """A shell sees a stopped job; when it goes on, so does the command."""
    with subprocess.Popen(command("sh", "-c", "kill -STOP $$; exit 4")) as process:
        _, status = os.waitpid(process.pid, os.WUNTRACED)
        assert os.WIFSTOPPED(status)
        process.send_signal(signal.SIGCONT)
        assert process.wait() == 4


def test_interrupt_from_the_terminal_comes_once():
    """Ctrl-C reaches the command from the terminal, and not a second time from here."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(sys.executable, command(sys.executable, "-c", COUNT))
    output = b""
    while b"ready" not in output:
        output += os.read(terminal, 1000)
    os.write(terminal, b"\x03")
    while b"^C" not in output:
        output += os.read(terminal, 1000)
    os.kill(pid, signal.SIGUSR1)
    while b"had" not in output:
        output += os.read(terminal, 1000)
    _, status = os.waitpid(pid, 0)
    os.close(terminal)

    assert b"had 1" in output
    assert os.waitstatus_to_exitcode(status) == 7


def test_a_thread_that_takes_the_signal_does_not_hide_the_end():
    """A thread that was there before, and holds no signals, may be given that of the child."""
    is_done = threading.Event()
    threads = [threading.Thread(target=is_done.wait) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(5):
            with SignalsHeld() as held:
                assert held.run(["sh", "-c", "exit 3"], os.environ) == 3
    finally:
        is_done.set()
        for thread in threads:
            thread.join()
