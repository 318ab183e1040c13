"""The vectors of fixtures/vectors/, in both directions, cut short and with rubbish after them."""

from __future__ import annotations

import pytest

from tapegit.errors import DataError
from tapegit.objects.kind import Kind, object_id
from tapegit.store.index_builder import build_index
from tests.vectors.formats import FORMATS, PackBytes, VectorFormat
from tests.vectors.vector import VECTORS_DIR, Vector, format_vector, iter_vectors, read_vector

# Cutting at every byte is for bodies of sane size.
PREFIX_SIZE_MAX_BYTES = 4096
CASES = [(name, vector) for name in FORMATS for vector in iter_vectors(name)]
GOOD = [(name, vector) for name, vector in CASES if vector.expect == "ok"]
BAD = [(name, vector) for name, vector in CASES if vector.expect != "ok"]
DECODED = [case for case in GOOD if case[1].has_direction("decode")]
ENCODED = [case for case in GOOD if case[1].has_direction("encode") and FORMATS[case[0]].encode]
DELIMITED = [case for case in DECODED if FORMATS[case[0]].is_self_delimiting]
OPEN_ENDED = [case for case in ENCODED if case in DECODED and case not in DELIMITED]
CHECKED = [case for case in DECODED if FORMATS[case[0]].is_checked]
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


@pytest.mark.parametrize("case", DECODED, ids=by_name)
def test_good_bytes_give_the_value(case):
    """Decoding gives the stated value, and the object its stated id."""
    name, vector = case
    expected = vector.value if "value" in vector.headers else None

    assert FORMATS[name].decode(vector.data, vector.headers) == expected
    kind = FORMATS[name].kind or (name == "object" and vector.headers["kind"])
    if kind:
        assert object_id(Kind(kind), vector.data).hex() == vector.headers["oid"]


@pytest.mark.parametrize("case", ENCODED, ids=by_name)
def test_value_gives_the_good_bytes(case):
    """Encoding the stated value gives exactly the bytes."""
    name, vector = case

    assert FORMATS[name].encode(vector.value) == vector.data


@pytest.mark.parametrize("case", BAD, ids=by_name)
def test_bad_bytes_give_the_named_error(case):
    """Bytes that are wrong raise the error that the vector names, and nothing else."""
    name, vector = case

    with pytest.raises(DataError) as caught:
        FORMATS[name].decode(vector.data, vector.headers)

    assert vector.expect == caught.value.code_name


@pytest.mark.parametrize("case", DELIMITED, ids=by_name)
def test_prefixes_of_good_bytes_are_errors(case):
    """Cut short at any byte, bytes that know their end are a DataError."""
    name, vector = case
    data = vector.data[:PREFIX_SIZE_MAX_BYTES]
    for size in range(len(data)):
        with pytest.raises(DataError):
            FORMATS[name].decode(data[:size], vector.headers)


@pytest.mark.parametrize("case", OPEN_ENDED, ids=by_name)
def test_prefixes_of_good_bytes_never_pass_for_the_whole(case):
    """Cut short at any byte, other bytes are a DataError or mean something else."""
    name, vector = case
    for size in range(len(vector.data)):
        found = _decoded_or_none(vector, FORMATS[name], vector.data[:size])
        assert found != vector.value


@pytest.mark.parametrize("case", DELIMITED, ids=by_name)
def test_rubbish_after_good_bytes_is_not_ignored(case):
    """With bytes after them, bytes that know their end are a DataError."""
    name, vector = case
    for rubbish in (*RUBBISH, vector.data):
        with pytest.raises(DataError):
            FORMATS[name].decode(vector.data + rubbish, vector.headers)


@pytest.mark.parametrize("case", CHECKED, ids=by_name)
def test_flipped_bits_never_give_another_value(case):
    """With any byte changed, checked bytes are a DataError or mean the same."""
    name, vector = case
    data = vector.data
    step = 1 + len(data) // PREFIX_SIZE_MAX_BYTES
    for place in range(0, len(data), step):
        for bit in (1, 0x80):
            changed = bytearray(data)
            changed[place] ^= bit
            found = _decoded_or_none(vector, FORMATS[name], bytes(changed))
            assert found is None or found == vector.value


@pytest.mark.parametrize("name", [v.name for v in iter_vectors("packindex") if v.expect == "ok"])
def test_index_of_a_pack_is_the_one_in_its_vector(name):
    """Building the index of a pack gives, byte for byte, the index of the same name."""
    pack = read_vector(VECTORS_DIR / "pack" / f"{name}.vector")
    index = read_vector(VECTORS_DIR / "packindex" / f"{name}.vector")

    assert build_index(PackBytes(pack.data)).encode() == index.data


def test_vector_files_round_trip(tmp_path):
    """A vector written by `format_vector` reads back with the same headers and body."""
    body = b"any\n\nbytes\xff"
    headers = {"format": "object", "about": "x", "expect": "ok"}
    path = tmp_path / "case.vector"
    path.write_bytes(format_vector(headers, body))
    assert read_vector(path) == Vector("case", {"tapes-vector": "1", **headers}, body)


def _decoded_or_none(vector: Vector, row: VectorFormat, data: bytes) -> object:
    try:
        return row.decode(data, vector.headers)
    except DataError:
        return None
