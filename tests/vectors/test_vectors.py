"""The vectors of fixtures/vectors/, in both directions, cut short and with rubbish after them."""

from __future__ import annotations

import pytest

from tapegit.errors import DataError
from tapegit.objects.kind import Kind, object_id
from tests.vectors.formats import FORMATS
from tests.vectors.vector import VECTORS_DIR, Vector, format_vector, iter_vectors

CASES = [(name, vector) for name in FORMATS for vector in iter_vectors(name)]
GOOD = [(name, vector) for name, vector in CASES if vector.expect == "ok"]
BAD = [(name, vector) for name, vector in CASES if vector.expect != "ok"]
# Cutting at every byte is for formats that know their end, and for bodies of sane size.
PREFIX_SIZE_MAX_BYTES = 4096
RUBBISH = (b"\0", b"x", b"\n", b"0", b" ", b"}")


def by_name(case: tuple[str, Vector] | object) -> str:
    """Return the id that pytest shows for a case."""
    return f"{case[0]}/{case[1].name}" if isinstance(case, tuple) else str(case)


def test_folders_all_have_a_format():
    """Every folder of vectors is run, and every format has at least one good case."""
    folders = {path.name for path in VECTORS_DIR.iterdir() if path.is_dir()}

    assert folders == set(FORMATS)
    assert {name for name, _ in GOOD} == folders


@pytest.mark.parametrize("case", CASES, ids=by_name)
def test_vector_states_its_case(case):
    """A vector says what it shows, and a failing one gives no value."""
    name, vector = case

    assert vector.headers["format"] == name
    assert vector.headers["about"]
    assert ("value" in vector.headers) <= (vector.expect == "ok")


@pytest.mark.parametrize("case", GOOD, ids=by_name)
def test_good_bytes_give_the_value(case):
    """Decoding gives the stated value, and the object its stated id."""
    name, vector = case
    if vector.has_direction("decode") and "value" in vector.headers:
        assert FORMATS[name].decode(vector.data) == vector.value
    kind = FORMATS[name].kind or vector.headers.get("kind")
    if kind is not None:
        assert object_id(Kind(kind), vector.data).hex() == vector.headers["oid"]


@pytest.mark.parametrize("case", GOOD, ids=by_name)
def test_value_gives_the_good_bytes(case):
    """Encoding the stated value gives exactly the bytes."""
    name, vector = case
    encode = FORMATS[name].encode
    if encode is None or not vector.has_direction("encode"):
        pytest.skip("this case is decoded only")

    assert encode(vector.value) == vector.data


@pytest.mark.parametrize("case", BAD, ids=by_name)
def test_bad_bytes_give_the_named_error(case):
    """Bytes that are wrong raise the error that the vector names, and nothing else."""
    name, vector = case

    with pytest.raises(DataError) as caught:
        FORMATS[name].decode(vector.data)

    assert vector.expect == caught.value.code_name


@pytest.mark.parametrize("case", GOOD, ids=by_name)
def test_prefixes_of_good_bytes_never_pass_for_the_whole(case):
    """Cut short anywhere, good bytes are a DataError, or at least another value."""
    name, vector = case
    if len(vector.data) > PREFIX_SIZE_MAX_BYTES or "value" not in vector.headers:
        pytest.skip("too large, or bytes of any kind")
    row = FORMATS[name]
    for size in range(len(vector.data)):
        if row.is_self_delimiting:
            with pytest.raises(DataError):
                row.decode(vector.data[:size])
        elif row.encode is not None:
            assert _decoded_or_none(name, vector.data[:size]) != vector.value


@pytest.mark.parametrize("case", GOOD, ids=by_name)
def test_rubbish_after_good_bytes_is_not_ignored(case):
    """With bytes after them, good bytes are a DataError where the format knows its end."""
    name, vector = case
    row = FORMATS[name]
    if not row.is_self_delimiting:
        pytest.skip("all bytes to the end belong to it")
    for rubbish in (*RUBBISH, vector.data):
        with pytest.raises(DataError):
            row.decode(vector.data + rubbish)


@pytest.mark.parametrize("case", GOOD, ids=by_name)
def test_good_bytes_fed_one_by_one_give_the_value(case):
    """A decoder that takes bytes as they come gives the same value byte by byte."""
    name, vector = case
    feed = FORMATS[name].feed
    if feed is None:
        pytest.skip("this decoder takes its bytes whole")

    assert feed(vector.data[i : i + 1] for i in range(len(vector.data))) == vector.value


def test_vector_files_round_trip(tmp_path):
    """A vector written by `format_vector` reads back with the same headers and body."""
    body = b"any\n\nbytes\xff"
    headers = {"format": "object", "about": "x", "expect": "ok"}
    folder = VECTORS_DIR / "object"
    assert folder.is_dir()
    path = tmp_path / "case.vector"
    path.write_bytes(format_vector(headers, body))
    from tests.vectors.vector import read_vector

    assert read_vector(path) == Vector("case", {"tapes-vector": "1", **headers}, body)


def _decoded_or_none(name: str, data: bytes) -> object:
    try:
        return FORMATS[name].decode(data)
    except DataError:
        return None
