"""Content codings are undone under a limit, and what cannot be is told with its reason."""

from __future__ import annotations

import gzip
import tracemalloc
import zlib

import brotli
import pytest

from tapegit.formats.zstd import compress
from tapegit.wire.http import codings
from tapegit.wire.http.codings import undo_codings

BODY = b"data: what the model said\n\n" * 2000


def bare_deflate(data):
    """Return what some servers send for `deflate`: without the header of zlib."""
    coder = zlib.compressobj(wbits=-15)
    return coder.compress(data) + coder.flush()


CODERS = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": brotli.compress,
    "zstd": compress,
}


@pytest.mark.parametrize("name", CODERS)
def test_coding_is_undone(name):
    """Every coding that a client accepts gives the body again, and is noted."""
    decoded = undo_codings(CODERS[name](BODY), name)
    assert decoded == (BODY, name, None)


def test_bare_deflate_is_undone():
    """What is called deflate and is not zlib is read too."""
    assert undo_codings(bare_deflate(BODY), "deflate").data == BODY


def test_several_codings_are_undone_from_the_last():
    """A body that was coded twice is decoded twice."""
    decoded = undo_codings(gzip.compress(brotli.compress(BODY)), "br, GZIP")
    assert decoded == (BODY, "br, gzip", None)


def test_members_of_gzip_follow_one_another():
    """A stream that was flushed as several members is whole."""
    assert undo_codings(gzip.compress(BODY) + gzip.compress(b"end"), "gzip").data == BODY + b"end"


@pytest.mark.parametrize("header", [None, "", "identity"])
def test_body_without_coding_is_itself(header):
    """Nothing is noted where nothing was undone."""
    assert undo_codings(BODY, header) == (BODY, None, None)


def test_unknown_coding_gives_nothing():
    """Nobody could look for secrets in it."""
    assert undo_codings(b"\x01\x02", "dcb") == (b"", "dcb", "unknown coding")


@pytest.mark.parametrize("name", CODERS)
def test_body_that_was_cut_gives_what_had_come(name):
    """The beginning of a compressed stream can be read."""
    body = b"".join(b"data: %d %d\n\n" % (number, number * 7919 % 10007) for number in range(9000))
    coded = CODERS[name](body)
    decoded = undo_codings(coded[: len(coded) * 3 // 4], name)
    assert body.startswith(decoded.data)
    assert decoded.reason in {None, "damaged coding"}
    if name != "zstd":
        assert decoded.data


@pytest.mark.parametrize("name", CODERS)
def test_damaged_body_is_told(name):
    """Bytes that are in no coding raise nothing."""
    decoded = undo_codings(b"\xde\xad\xbe\xef" * 64, name)
    assert decoded.reason == "damaged coding"


@pytest.mark.parametrize("name", CODERS)
def test_bomb_is_stopped_at_the_limit(name, monkeypatch):
    """A few bytes that would be a hundred MiB never are in memory."""
    monkeypatch.setattr(codings, "BODY_SIZE_MAX_BYTES", 1 << 20)
    bomb = CODERS[name](bytes(100 << 20))
    tracemalloc.start()
    decoded = undo_codings(bomb, name)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert decoded == (b"", name, "too large")
    assert peak < 24 << 20


def test_more_codings_than_anyone_needs_are_refused():
    """A list without an end costs nothing."""
    assert undo_codings(b"x", ",".join(["gzip"] * 50)).reason == "unknown coding"
