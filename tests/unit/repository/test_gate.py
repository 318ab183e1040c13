"""The gate between writers and gc."""

from __future__ import annotations

import threading
import time

import pytest

from tapegit.errors import LockedError
from tapegit.files.locks import Lock
from tapegit.repository.gate import RemoverGate, WriterGate


@pytest.fixture
def root(tmp_path):
    """Give a folder with a place for locks."""
    (tmp_path / "locks").mkdir()
    return tmp_path


def test_writers_go_in_together(root):
    """Any number, and each as often as it likes."""
    one, other = WriterGate(root), WriterGate(root)
    with one, other, one, one:
        pass
    with RemoverGate(root, 0.05):
        pass


def test_gc_waits_until_the_last_writer_has_left(root):
    """While one is inside, gc gives up after its time and leaves the gate open."""
    gate = WriterGate(root)
    with gate:
        with gate:
            pass
        with pytest.raises(LockedError), RemoverGate(root, 0.05):
            pass
        with WriterGate(root):
            pass
    with RemoverGate(root, 0.05):
        pass


def test_writers_wait_while_gc_is_inside(root, monkeypatch):
    """And go in when it has left."""
    monkeypatch.setattr("tapegit.repository.gate.WRITER_TIMEOUT_S", 0.05)
    with RemoverGate(root, 0.05), pytest.raises(LockedError), WriterGate(root):
        pass
    with WriterGate(root):
        pass


def test_a_waiting_gc_keeps_new_writers_out(root):
    """So writers that overlap for ever do not starve it."""
    stop = threading.Event()

    def write(offset):
        time.sleep(offset)
        while not stop.is_set():
            with WriterGate(root):
                time.sleep(0.02)

    threads = [threading.Thread(target=write, args=(n * 0.005,)) for n in range(4)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(10):
            with RemoverGate(root, 30):
                pass
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def test_a_writer_that_is_inside_need_not_pass_the_turnstile_again(root, monkeypatch):
    """Else it would wait for gc, which waits for it."""
    gate = WriterGate(root)
    with gate, Lock(root / "locks/turnstile").exclusive():
        monkeypatch.setattr("tapegit.repository.gate.WRITER_TIMEOUT_S", 0.01)
        with gate:
            pass
        with pytest.raises(LockedError), WriterGate(root):
            pass
