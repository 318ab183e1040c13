"""What an index states of turns, compared with the turns."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapegit.formats.packindex import LEADER_BIT, PackIndex
from tapegit.objects.kind import Kind
from tapegit.objects.turn import Call, Turn, encode_turn
from tests import packs
from tests.builders import make_store
from tests.unit.upkeep.damage import check, ids, labels, overwrite


def make_turns(seed, count=14):
    """Return turns with any number of parents each, whose times run backwards now and then."""
    rng = random.Random(seed)
    turns, oids = [], []
    for _ in range(count):
        parents = rng.sample(oids, min(len(oids), rng.choice([0, 1, 1, 1, 2, 3])))
        turns.append(
            packs.turn(
                *parents,
                role="user" if parents else "session",
                time=rng.choice([None, packs.TIME_MS + rng.randrange(-1000, 1000), -5]),
                summary=f"{len(oids)} of {seed}",
            )
        )
        oids.append(packs.oid_of(turns[-1]))
    return turns


@given(seed=st.integers(0, 1000), first=st.integers(0, 14), shuffled=st.booleans())
def test_facts_of_a_writer_are_right(tmp_path_factory, seed, first, shuffled):
    """Several parents, parents in another pack or later in this one, times that run backwards."""
    root = make_store(tmp_path_factory.mktemp("facts") / ".tapes")
    turns = make_turns(seed)
    parts = [turns[:first], turns[first:]]
    for part in parts:
        if shuffled:
            random.Random(seed).shuffle(part)
        if part:
            packs.write_pack(root, part)

    assert labels(check(root)) == []


@pytest.mark.parametrize("table", ["turn_generations", "turn_dates", "turn_parents", "leader"])
def test_each_wrong_fact_is_found(store, table):
    """One number of one turn, in an index that is sound in itself."""
    made = packs.write_pack(store, make_turns(3))
    whole = made.index_path.read_bytes()
    index = PackIndex(memoryview(whole), where="x")
    turn = next(n for n in range(14) if 0 < index.turn_parents[n] < LEADER_BIT)
    name = "turn_generations" if table == "leader" else table
    column = getattr(index, name)
    body = bytearray(whole[:-32])
    start = whole.index(bytes(column))
    width = column.itemsize
    value = column[turn]
    if table == "leader":
        value ^= LEADER_BIT
    elif table == "turn_parents":
        value = next(n for n in range(1, 15) if n not in (value, index.positions[turn] + 1))
    else:
        value += 1
    body[start + turn * width : start + (turn + 1) * width] = value.to_bytes(
        width, "little", signed=table == "turn_dates"
    )
    overwrite(made.index_path, bytes(body) + packs.hash_content(bytes(body)))

    result = check(store)

    assert labels(result) == ["corrupt"]
    assert result.code == 4


def call_turn(request, response):
    """Return a turn with a call that names two objects, the second as a string elsewhere too."""
    call = Call(request=str(request), response=str(response), url=str(response))
    return packs.Object(Kind.TURN, encode_turn(Turn(role="assistant", call=call)))


@pytest.mark.parametrize("where", ["loose", "packed"])
def test_request_and_response_of_a_call_are_links(store, repository, where):
    """They keep what they name, and must name content; other strings are no links."""
    body, answer, other = packs.blob(b"request"), packs.blob(b"answer"), packs.turn()
    good = call_turn(packs.oid_of(body), packs.oid_of(answer))
    bad = call_turn(packs.oid_of(body), packs.oid_of(other))
    nowhere = call_turn(packs.oid_of(body), "7" * 64)
    objects = [body, answer, other, good, bad, nowhere]
    if where == "packed":
        packs.write_pack(store, objects)
    else:
        for found in objects:
            repository.objects.write(*found)
    for name, found in (("good", good), ("bad", bad), ("nowhere", nowhere)):
        overwrite(store / f"refs/heads/{name}", f"{packs.oid_of(found)}\n".encode())

    result = check(store)

    assert ids(result, "broken link") == {packs.oid_of(bad), packs.oid_of(nowhere)}
    assert {str(oid) for oid in ids(result, "missing")} == {"7" * 64}
    assert ids(result, "dangling") == set()


def test_turn_that_needs_one_object_as_two_kinds_is_broken(store):
    """It cannot be both a turn and content."""
    other = packs.turn()
    oid = packs.oid_of(other)
    bad = packs.turn(oid, raw=(oid,))
    packs.write_pack(store, [other, bad])

    assert ids(check(store), "broken link") == {packs.oid_of(bad)}
