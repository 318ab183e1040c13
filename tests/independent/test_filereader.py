"""The pages of the small files are enough to read them: second readers agree on every vector."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

from tests.independent.filereader import READERS, BadFileError
from tests.vectors.vector import iter_vectors

SOURCE = Path(__file__).with_name("filereader.py")
CASES = [(name, vector) for name in READERS for vector in iter_vectors(name)]


def by_name(case):
    """Return the id that pytest shows for a case."""
    return f"{case[0]}/{case[1].name}"


def is_good(vector):
    """Tell whether its bytes are to be read."""
    return vector.expect == "ok" and vector.has_direction("decode")


def read(name, vector, data=None):
    """Read a vector by the second reader of its format."""
    of_pack = (vector.headers["pack"], int(vector.headers["count"])) if name == "cruft" else ()
    return READERS[name](vector.data if data is None else data, *of_pack)


def test_the_second_readers_share_no_code():
    """They import the standard library and blake3 alone."""
    names = {
        alias.name if isinstance(node, ast.Import) else node.module
        for node in ast.walk(ast.parse(SOURCE.read_text()))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }

    assert names - set(sys.stdlib_module_names) == {"blake3"}


@pytest.mark.parametrize("case", [each for each in CASES if is_good(each[1])], ids=by_name)
def test_the_second_reader_gives_the_value(case):
    """What a page says of good bytes is what they are in the vector."""
    name, vector = case

    assert read(name, vector) == vector.value


@pytest.mark.parametrize("case", [each for each in CASES if each[1].expect != "ok"], ids=by_name)
def test_the_second_reader_refuses_bad_bytes(case):
    """What the program refuses, a page says to refuse."""
    name, vector = case

    with pytest.raises(BadFileError):
        read(name, vector)


@pytest.mark.parametrize("name", ["cruft", "tombstones"])
def test_the_second_reader_refuses_a_changed_byte(name):
    """Every byte of a file with a checksum counts."""
    (page,) = (each for each in iter_vectors(name) if each.name == "page")
    for offset in range(len(page.data)):
        damaged = bytearray(page.data)
        damaged[offset] ^= 1
        with pytest.raises(BadFileError):
            read(name, page, bytes(damaged))
