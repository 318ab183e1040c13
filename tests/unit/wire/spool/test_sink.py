"""The spool and the process behind it: what arrives, what is lost, and who says so."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tapegit.errors import RedactionError, TapesError
from tapegit.repository.recordings import KILLED, iter_losses
from tapegit.wire.capture import CapturedFrames, CapturedRequest, CapturedResponse
from tapegit.wire.spool.sink import Spool
from tests.builders import make_store
from tests.peers import End, post, proxied, run, serving, until


@pytest.fixture
def root(tmp_path):
    """Give a store."""
    return make_store(tmp_path / ".tapes")


@pytest.fixture
def make(tmp_path, root):
    """Give a function that makes a spool with a recorder that writes to a file."""

    def make(fault="", **options):
        command = [sys.executable, "-m", "tests.file_recorder", str(tmp_path / "taken"), str(root)]
        command += [fault] if fault else []
        options.setdefault("root", root)
        return Spool(command, clock=lambda: 1700, **options)

    return make


@pytest.fixture
def taken(tmp_path):
    """Give a function that returns the lines a recorder wrote."""

    def read():
        path = tmp_path / "taken"
        return path.read_text().splitlines() if path.exists() else []

    return read


def request(number, size=10):
    """Return a captured request."""
    return CapturedRequest(
        number, "s", 1, "POST", "/x", "http://h/x", (("a", "b"),), b"x" * size, 5
    )


def response(number, size=20, status=200):
    """Return a captured response."""
    return CapturedResponse(number, "ok", status, (), b"y" * size, 6, 7)


def names(root):
    """Return what tells of recordings in a store."""
    return sorted(os.listdir(root / "recordings"))


def drive(spool, act):
    """Run something on an event loop between the start and the end of a spool."""
    spool.start()
    run(act())
    return spool.finish()


def test_everything_arrives_in_order(make, taken, root):
    """Small and large, and sockets as messages; nothing is left in the store."""
    spool = make()

    async def act():
        for number in range(1, 40):
            spool.take(request(number, size=number * 20_000))
            spool.take(response(number, status=101 if number == 39 else 200))
        spool.take(CapturedFrames(39, True, b"\x81\x03abc\x81", 8))
        spool.take(CapturedFrames(39, True, b"\x02de", 8))
        spool.take(CapturedFrames(39, False, b"", 9, "client_gone"))
        assert names(root) == [f"1700-{os.getpid()}"]

    summary = drive(spool, act)

    lines = [
        line
        for number in range(1, 40)
        for line in (f"CapturedRequest {number} {number * 20_000}", f"CapturedResponse {number} 20")
    ]
    lines += ["CapturedMessage 39 3", "CapturedMessage 39 2", "CapturedClose 39 0"]
    assert taken() == lines
    assert (summary.sessions, summary.calls, summary.lost) == (1, 39, 0)
    assert summary.redacted == (("rule", 2),)
    assert names(root) == []
    assert spool.lost == 0


def test_what_is_taken_is_durable_soon(make, taken):
    """It does not wait for more to come."""
    spool = make()

    async def act():
        spool.take(request(1))
        spool.take(response(1))
        await until(lambda: len(taken()) == 2)

    assert drive(spool, act).lost == 0


def test_a_recorder_that_cannot_start_is_an_error_before_anything_starts(make, root):
    """With what it says; and nothing is left of it."""
    for spool in (make("mute"), Spool(["/nonexistent"], root=root, clock=lambda: 1)):
        with pytest.raises(TapesError, match="nothing can be recorded: "):
            spool.start()
        assert names(root) == []
    with pytest.raises(RedactionError, match="recorded: rules do not load") as caught:
        make("mute").start()
    assert caught.value.hint == "install them\nor not"


def test_fault_of_a_recorder_is_said_without_its_words(root):
    """They may hold what was to be redacted; the store gets them no more than the terminal."""
    script = (
        "import sys; print('{\"ready\":true}', flush=True);"
        " sys.stdin.buffer.read(50); raise KeyError('sk-ant-canary')"
    )
    spool = Spool([sys.executable, "-c", script], root=root, clock=lambda: 1700)

    async def act():
        for number in (1, 2):
            spool.take(request(number))
            await until(lambda n=number: spool.lost >= n)

    summary = drive(spool, act)
    (loss,) = iter_losses(root)
    for text in (summary.reason, loss.reason, spool.reason):
        assert "canary" not in text
        assert "recorder ended: a fault of its own (KeyError)" in text


def test_a_recorder_that_dies_is_started_once_more(make, taken, root):
    """What it had not taken is lost, counted, and written down; what comes after is recorded."""
    spool = make("dies:5")

    async def act():
        for number in (1, 2):
            spool.take(request(number))
            spool.take(response(number))
            await until(lambda n=number: len(taken()) == 2 * n)
        spool.take(request(3))
        await until(lambda: spool.lost == 1)
        spool.take(response(3))  # nobody knows its request any more
        spool.take(request(4))
        spool.take(response(4))
        await until(lambda: len(taken()) == 6)
        assert "out of paper" in spool.reason

    summary = drive(spool, act)

    assert taken()[4:] == ["CapturedRequest 4 10", "CapturedResponse 4 20"]
    assert summary.lost == 1
    assert (summary.sessions, summary.calls, summary.redacted) == (1, 3, (("rule", 4),))
    (loss,) = iter_losses(root)
    assert (loss.started_ms, loss.calls) == (1700, 1)
    assert "out of paper" in loss.reason


def test_what_recorders_had_taken_that_both_died_is_in_the_summary(make, taken):
    """Nobody is left to say it at the end."""
    spool = make("dies:3")

    async def act():
        for number, lines in ((1, 2), (2, 2), (3, 4), (4, 4)):
            spool.take(request(number))
            spool.take(response(number))
            await until(lambda n=lines: len(taken()) == n)
            await until(lambda n=number: spool.lost == n // 2)

    summary = drive(spool, act)

    assert (summary.sessions, summary.calls, summary.lost) == (1, 2, 2)


def test_a_recorder_that_dies_twice_is_given_up(make, taken, root):
    """Traffic goes on; each exchange from then on is counted as lost."""
    spool = make("dies:1")

    async def act():
        for number in range(1, 8):
            spool.take(request(number))
            await until(lambda n=number: spool.lost >= n)
            spool.take(response(number))
        await asyncio.sleep(0.05)

    summary = drive(spool, act)

    assert taken() == []
    assert summary.lost == 7
    assert next(iter_losses(root)).calls == 7


def test_what_cannot_be_recorded_is_lost_and_told(make, taken, root):
    """The recorder itself says so: a full disk."""
    spool = make("refuses:3")

    async def act():
        for number in (1, 2, 3):
            spool.take(request(number))
            spool.take(response(number))
        await until(lambda: spool.lost == 2)

    summary = drive(spool, act)

    assert taken() == ["CapturedRequest 1 10", "CapturedResponse 1 20"]
    assert summary.lost == 2
    assert next(iter_losses(root)).calls == 2


def test_memory_has_a_limit(make, root):
    """What finds no room is lost; what had found some is recorded."""
    spool = make("late:0.2", memory_size_max_bytes=3_000_000)

    async def act():
        for number in range(1, 20):
            spool.take(request(number, size=1_000_000))
        assert 10 < spool.lost < 19
        assert spool.reason == "the recorder is too slow"
        await asyncio.sleep(0)

    summary = drive(spool, act)

    assert summary.lost == next(iter_losses(root)).calls
    assert 10 < summary.lost < 19


def test_a_recorder_that_never_ends_is_ended(make, root):
    """After a while; what it had not taken is lost."""
    spool = make("stuck")

    async def act():
        spool.take(request(1))
        spool.take(response(1))
        await asyncio.sleep(0.01)

    spool.start()
    run(act())
    assert spool._child is not None
    os.kill(spool._child.process.pid, signal.SIGSTOP)
    summary = spool.finish(timeout_s=0.3)

    assert summary.lost == 1
    assert next(iter_losses(root)).calls == 1


PROXY = """
import asyncio, sys, time
from pathlib import Path
from tapegit.wire.proxy.server import Proxy
from tapegit.wire.proxy.routes import make_upstreams
from tapegit.wire.spool.sink import Spool

upstream, root, taken = sys.argv[1:]
command = [sys.executable, "-m", "tests.file_recorder", taken, root]
spool = Spool(command, root=Path(root), clock=lambda: 1700)
spool.start()

async def main():
    urls = make_upstreams({"anthropic": upstream})
    proxy = Proxy(urls, spool.take, scope="run", clock=lambda: time.time_ns() // 1_000_000)
    print(await proxy.start(), flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""


def start_proxy(upstream_port, root, taken):
    """Start a proxy in a process of its own; return it and its port."""
    process = subprocess.Popen(
        [sys.executable, "-c", PROXY, f"http://127.0.0.1:{upstream_port}", str(root), str(taken)],
        stdout=subprocess.PIPE,
    )
    return process, int(process.stdout.readline())


@pytest.mark.parametrize("moment", ["idle", "in the request", "in the response"])
def test_a_killed_proxy_leaves_what_had_come(moment, root, tmp_path, taken):
    """The recorder finishes it, and writes down how much had no end; both connections end."""

    async def script(end):
        count = 0
        while True:
            await end.message()
            count += 1
            if count == 3:
                await end.send(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\npart")
                await end.rest()
                return
            await end.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    async def scenario():
        async with serving(script) as (port, _):
            process, proxy_port = await asyncio.to_thread(
                start_proxy, port, root, tmp_path / "taken"
            )
            client = await End.open(proxy_port)
            for _ in range(2):
                await client.send(post(b"{}"))
                assert (await client.message()).body == b"ok"
            if moment == "in the response":
                await client.send(post(b"{}"))
                await client.reader.readuntil(b"part")
            elif moment == "in the request":
                await client.send(post(b"0123456789")[:-5])
            await until(lambda: len(taken()) >= (5 if moment == "in the response" else 4))
            process.send_signal(signal.SIGKILL)
            process.wait()
            process.stdout.close()
            await client.rest()
            await client.close()
            await until(lambda: list(iter_losses(root)) != [])

    run(scenario())
    assert len(taken()) == (5 if moment == "in the response" else 4)
    (loss,) = iter_losses(root)
    assert loss.calls == (1 if moment == "in the response" else 0)
    assert loss.reason == "the proxy was killed"


def find_child(pid):
    """Return the only child of a process, or None where the system does not tell."""
    try:
        return int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])
    except OSError:
        return None


def test_proxy_and_recorder_killed_are_told_at_the_next_start(root, tmp_path):
    """Nobody was left to count."""

    async def scenario():
        async with proxied(lambda end: end.rest()) as world:
            process, _ = await asyncio.to_thread(
                start_proxy, world.upstream_port, root, tmp_path / "taken"
            )
            child = find_child(process.pid)
            if child is None:
                process.kill()
                pytest.skip("this system does not list a process's children")
            assert list(iter_losses(root)) == []
            os.kill(child, signal.SIGSTOP)
            process.kill()
            os.kill(child, signal.SIGKILL)
            process.wait()
            process.stdout.close()
            await until(lambda: list(iter_losses(root)) != [])

    run(scenario())
    (loss,) = iter_losses(root)
    assert (loss.started_ms, loss.calls, loss.reason) == (1700, None, KILLED)


def test_traffic_is_not_held_up_by_a_recorder_that_stands_still(make):
    """It is stopped, and everything passes."""
    spool = make(memory_size_max_bytes=1_000_000)
    spool.start()
    assert spool._child is not None
    pid = spool._child.process.pid
    os.kill(pid, signal.SIGSTOP)

    async def script(end):
        while True:
            await end.message()
            await end.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    async def scenario():
        async with proxied(script, sink=spool.take) as world:
            client = await world.connect()
            for _ in range(50):
                await client.send(post(b"x" * 100_000))
                assert (await client.message()).body == b"ok"
            await client.close()
        assert spool.lost > 10

    run(scenario())
    os.kill(pid, signal.SIGCONT)
    summary = spool.finish()
    assert summary.calls + summary.lost == 50
