"""The recorder's end of the pipe: how what comes is gathered, and how often it is made durable."""

from __future__ import annotations

import io
import socket
import threading

import pytest

from tapegit.wire.capture import CapturedRequest
from tapegit.wire.spool import receiver
from tapegit.wire.spool.carrier import End, Start, encode_carried
from tapegit.wire.spool.receiver import FLUSH_COUNT_MAX, PipeReader, Receiver
from tests.file_recorder import FileRecorder


class CountingRecorder(FileRecorder):
    """Notes how much each flush made durable."""

    def __init__(self, path, fault=""):
        super().__init__(str(path), fault)
        self.sizes = []

    def flush(self):
        """Write it down."""
        self.sizes.append(len(self.lines))
        return super().flush()


def request(number, size):
    """Return a captured request."""
    return CapturedRequest(number, "s", 1, "POST", "/x", "http://h/x", (), b"x" * size, 5)


@pytest.fixture
def receive(tmp_path, monkeypatch):
    """Give a function that has requests received that are all there, and returns the flushes."""
    monkeypatch.setattr(receiver, "NICENESS", 0)  # it is this process that receives

    def receive(sizes):
        frames = [Start(""), *(request(n, size) for n, size in enumerate(sizes, 1)), End(0)]
        (tmp_path / "frames").write_bytes(b"".join(b"".join(encode_carried(f)) for f in frames))
        recorder = CountingRecorder(tmp_path / "taken")
        answers = io.BytesIO()
        with (tmp_path / "frames").open("rb") as source:
            Receiver(recorder, answers, None).receive(source)
        assert len((tmp_path / "taken").read_text().splitlines()) == len(sizes)
        return recorder.sizes

    return receive


def test_what_is_there_is_made_durable_together(receive, monkeypatch):
    """Up to a number of things; the rest is for the next time, or for the end."""
    monkeypatch.setattr(receiver, "FLUSH_AFTER_S", 60.0)
    count = 2 * FLUSH_COUNT_MAX + 9
    assert receive([10] * count) == [FLUSH_COUNT_MAX, FLUSH_COUNT_MAX, 9]


def test_large_bodies_do_not_pile_up(receive, monkeypatch):
    """What is taken is made durable as soon as it is as large as that."""
    monkeypatch.setattr(receiver, "FLUSH_AFTER_S", 60.0)
    monkeypatch.setattr(receiver, "FLUSH_SIZE_MAX_BYTES", 1000)
    assert receive([400, 400, 400, 1, 2000, 5]) == [3, 2, 1]


def test_nothing_waits_for_ever_while_more_keeps_coming(receive, monkeypatch):
    """Once the time is over each thing is made durable by itself."""
    monkeypatch.setattr(receiver, "FLUSH_AFTER_S", 0.0)
    assert receive([1, 1, 1])[:3] == [1, 1, 1]


def test_gathering_ends_with_the_pipe():
    """Whoever ends does not wait until the time is over; what had come is there, in order."""
    ours, theirs = socket.socketpair()

    def write():
        for number in range(50):
            ours.sendall(b"%03d" % number)
        ours.close()

    with theirs:
        writer = threading.Thread(target=write)
        writer.start()
        reader = PipeReader(theirs.fileno())
        reader.gather(60.0)
        writer.join(10)
        assert reader.read(151) == b"".join(b"%03d" % number for number in range(50))
        assert reader.read(1) == b""


def test_gathering_is_bounded(monkeypatch):
    """What is over the limit stays in the pipe, and so in the proxy, which counts it."""
    monkeypatch.setattr(receiver, "GATHER_SIZE_MAX_BYTES", 1)
    monkeypatch.setattr(receiver, "_READ_SIZE_BYTES", 10)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.sendall(b"0123456789abc")
        reader = PipeReader(theirs.fileno())
        reader.gather(0.1)
        assert theirs.recv(100) == b"abc"
        assert reader.read(10) == b"0123456789"
