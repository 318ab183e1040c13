"""The page of tapes in git is enough: a second writer makes the same commits."""

from __future__ import annotations

import pytest
from blake3 import blake3

from tests.independent.gitwriter import write_meta, write_session, write_turn
from tests.vectors.vector import iter_vectors


def split(vector, name):
    """Return the fields of each item of a header."""
    return [item.split(" ") for item in vector.headers.get(name, "").split("; ") if item]


@pytest.mark.parametrize("vector", iter_vectors("git"), ids=lambda vector: vector.name)
def test_the_second_writer_makes_the_same_commit(vector):
    """Commit, tree and subject of turns, sessions and of the ref meta."""
    data = vector.data
    parents = [(commit, int(time)) for commit, time in split(vector, "parents")]
    if vector.headers["what"] == "turn":
        oid = blake3(b"turn %d\0" % len(data) + data).hexdigest()
        found = write_turn(data, oid, parents, map(tuple, split(vector, "content")))
    elif vector.headers["what"] == "session":
        found = write_session(data, vector.headers["folder"], parents)
    else:
        found = write_meta(data)

    assert dict(zip(("commit", "tree", "subject"), found, strict=True)) == vector.value
