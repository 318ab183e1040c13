"""The cache of frames: bounded by bytes, and the one used last is never the one to go."""

from __future__ import annotations

from array import array

from tapegit.store.frames import DecodedFrame, FrameCache


def make_frame(size):
    """Return a frame of so many bytes."""
    return DecodedFrame(bytes(size), array("Q"), 1, 0)


def test_records_are_cut_by_their_offsets():
    """Ordinals count from the first of the frame."""
    frame = DecodedFrame(b"....abcde", array("Q", [4, 5, 5, 9]), 1, 100)
    assert [frame.record(ordinal) for ordinal in (100, 101, 102)] == [b"a", b"", b"bcde"]


def test_the_least_recently_used_goes_first():
    """A frame that was asked for stays longer."""
    cache = FrameCache(300)
    for number in range(3):
        cache.put((0, number), make_frame(100))
    assert cache.find((0, 0)) is not None
    cache.put((0, 3), make_frame(100))
    assert [cache.find((0, number)) is not None for number in range(4)] == [True, False, True, True]
    assert cache.size_bytes == 300


def test_a_frame_larger_than_all_room_is_kept_alone():
    """Whoever reads one object of it usually wants the next."""
    cache = FrameCache(300)
    cache.put((0, 0), make_frame(100))
    cache.put((0, 1), make_frame(1000))
    assert len(cache) == 1
    assert cache.find((0, 1)) is not None
    cache.put((0, 2), make_frame(10))
    assert cache.find((0, 1)) is None
    assert cache.size_bytes == 10


def test_frames_of_two_packs_are_told_apart():
    """The key is pack and number."""
    cache = FrameCache()
    one, two = make_frame(1), make_frame(2)
    cache.put((1, 0), one)
    cache.put((2, 0), two)
    assert cache.find((1, 0)) is one
    assert cache.find((2, 0)) is two
    assert cache.find((3, 0)) is None


def test_a_cache_shrinks_to_the_frame_used_last():
    """What is let go makes room for a while; the limit stays."""
    cache = FrameCache(300)
    for number in range(3):
        cache.put((0, number), make_frame(100))
    cache.shrink(200)
    assert [(0, number) in cache for number in range(3)] == [False, True, True]
    cache.shrink(0)
    assert [(0, number) in cache for number in range(3)] == [False, False, True]
    assert cache.size_bytes == 100
    assert cache.size_max == 300
