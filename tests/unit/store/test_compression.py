"""Frames compressed side by side: in order, bounded in number, and each a good frame."""

from __future__ import annotations

import pytest

from tapegit.formats import zstd
from tapegit.objects.kind import MIB, Kind
from tapegit.store.compression import FrameCompressor, count_threads
from tapegit.store.section_writer import FrameContent


def make_frames(count):
    """Return frames of all kinds, small and large."""
    kinds = [Kind.BLOB, Kind.ROPE, Kind.TURN, Kind.TAG]
    return [
        FrameContent(kinds[n % 4], b"%d " % n * (MIB if n % 10 == 0 else 100), n + 1)
        for n in range(count)
    ]


@pytest.mark.parametrize("cold", [False, True])
@pytest.mark.parametrize("threads", [1, 2, 5])
def test_frames_come_back_in_the_order_they_went_in(cold, threads):
    """Whatever their size, with their kind, size and count."""
    frames = make_frames(30)
    compressor = FrameCompressor(cold=cold, threads=threads)
    done = []
    for frame in frames:
        compressor.put(frame)
        done += compressor.take()
        assert len(compressor._queue) <= threads
    done += compressor.take(all_of_them=True)
    compressor.close()
    assert [(f.kind, f.content_size, f.record_count) for f in done] == [
        (f.kind, len(f.content), f.record_count) for f in frames
    ]
    for before, after in zip(frames, done, strict=True):
        content = zstd.decompress(after.compressed, size_max=4 * MIB, where="here")
        assert content == before.content


def test_closing_drops_what_is_in_flight():
    """A writer that gives up waits for nothing but what is being compressed just now."""
    compressor = FrameCompressor(cold=True, threads=2)
    for frame in make_frames(50):
        compressor.put(frame)
    compressor.close()
    assert list(compressor.take(all_of_them=True)) == []
    compressor.close()


def test_at_least_one_thread_and_not_too_many():
    """Whatever the machine says."""
    assert 1 <= count_threads() <= 8
