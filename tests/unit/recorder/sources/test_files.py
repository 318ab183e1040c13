"""Files to record: compressed ones stand for what they hold."""

from __future__ import annotations

import pytest
import zstandard

from tapegit.errors import TranscriptError
from tapegit.recorder.sources.files import SourceFile

DATA = b'{"a":1}\n' * 100_000


def read(path) -> bytes:
    """Return what a file stands for."""
    with SourceFile(str(path)) as file:
        return b"".join(file.iter_chunks())


@pytest.mark.parametrize("threads", [0, 1])
def test_compressed_file_stands_for_what_it_holds(tmp_path, threads):
    """One frame or several, with or without a stated size."""
    path = tmp_path / "a.jsonl.zst"
    compressor = zstandard.ZstdCompressor(write_content_size=bool(threads))
    path.write_bytes(compressor.compress(DATA[:1000]) + compressor.compress(DATA[1000:]))
    assert read(path) == DATA


def test_file_that_only_looks_like_one_is_refused(tmp_path):
    """The magic number, and nothing that follows from it."""
    path = tmp_path / "a.zst"
    path.write_bytes(b"\x28\xb5\x2f\xfd" + b"\xff" * 100)
    with pytest.raises(TranscriptError):
        read(path)


@pytest.mark.parametrize("end", [-1, -20, 6])
def test_file_that_is_cut_off_is_refused(tmp_path, end):
    """Half a frame is an error, whatever came out of it."""
    path = tmp_path / "a.zst"
    path.write_bytes(zstandard.compress(DATA)[:end])
    with pytest.raises(TranscriptError) as caught:
        read(path)
    assert caught.value.fields["reason"] == "it is compressed, and damaged"


def test_file_that_expands_without_end_comes_in_small_pieces(tmp_path):
    """A frame that holds a thousand times its size never needs as much memory."""
    path = tmp_path / "a.zst"
    path.write_bytes(zstandard.compress(bytes(1 << 28)))
    with SourceFile(str(path)) as file:
        sizes = [len(chunk) for chunk in file.iter_chunks()]
    assert sum(sizes) == 1 << 28
    assert max(sizes) <= 1 << 26
