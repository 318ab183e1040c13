"""Many objects, asked for by name."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapegit.errors import FormatError, StorageError, UserError
from tapegit.objects.kind import Kind
from tapegit.objects.oid import ObjectId
from tapegit.porcelain.plumbing.batch import (
    NAME_SIZE_MAX_BYTES,
    Answer,
    Batch,
    iter_line_batches,
    parse_format,
)

OID = ObjectId(b"\x01" * 32)


class Pieces(io.RawIOBase):
    """A stream that gives what arrives in pieces of given sizes."""

    def __init__(self, data: bytes, sizes: list[int]) -> None:
        self._data = io.BytesIO(data)
        self._sizes = iter(sizes)

    def read1(self, _size: int) -> bytes:
        """Return the next piece."""
        return self._data.read(next(self._sizes, -1))


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("%(objectname)", str(OID)),
        ("%(objecttype)/%(objectsize)", "turn/9"),
        ("%(deltabase)", "0" * 64),
        ("<%(rest)>", "<more>"),
        ("plain", "plain"),
        ("", ""),
        ("100% %(objectsize", "100% %(objectsize"),
        ("%s %(objecttype) %% %d", "%s turn %% %d"),
    ],
)
def test_format_expands_atoms_and_keeps_the_rest(form, text):
    """Atoms are replaced; a percent sign that begins none is itself."""
    assert parse_format(form).expand(OID, Kind.TURN, 9, "more").decode() == text


def test_format_refuses_unknown_atoms():
    """A slip is an error that lists what there is."""
    with pytest.raises(UserError, match=r"%\(objectsize:disk\)") as raised:
        parse_format("%(objectsize:disk)")

    assert "%(objectsize)" in raised.value.hint


@given(st.binary(max_size=60), st.lists(st.integers(1, 7)), st.sampled_from([b"\n", b"\0"]))
def test_lines_are_the_same_however_they_arrive(data, sizes, end):
    """Cutting the input anywhere gives the same lines in the same order."""
    batches = list(iter_line_batches(Pieces(data, sizes), end=end))
    lines = [line for batch in batches for line in batch]

    expected = data.split(end)
    assert lines == (expected[:-1] if expected[-1] == b"" else expected)
    assert all(batches)


def test_a_file_of_ids_is_one_batch(tmp_path):
    """As many as are read ahead together arrive together, so each frame is read once for all."""
    path = tmp_path / "ids"
    path.write_bytes(f"{OID}\n".encode() * 8192)
    with path.open("rb") as stream:
        assert [len(batch) for batch in iter_line_batches(stream)] == [8192]


def test_an_error_comes_after_the_answers_before_it():
    """Answers are written many at a time, yet none is lost where reading ends."""
    batch = Batch(None, OID.parse, parse_format("%(rest)"), with_data=False, on_damaged=print)

    def iter_answers():
        for number in range(200_000):
            yield Answer(b"", b"%d" % number, OID)
        raise StorageError("the disk is gone", path="/", errno=5)

    pieces = []
    with pytest.raises(StorageError):
        pieces.extend(batch.iter_output(iter_answers()))
    assert b"".join(pieces).split() == [b"%d" % number for number in range(200_000)]
    assert 1 < len(pieces) < 100


def test_a_line_without_end_is_refused():
    """No name is so long: memory stays bounded."""
    stream = io.BytesIO(b"x" * (2 * NAME_SIZE_MAX_BYTES))

    with pytest.raises(FormatError):
        list(iter_line_batches(stream))
