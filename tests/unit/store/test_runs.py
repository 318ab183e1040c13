"""Turns read in one go: the same as read one by one, and nothing that is not as it should be."""

from __future__ import annotations

import pytest

from tapegit.errors import IntegrityError
from tapegit.objects.kind import Kind
from tapegit.objects.oid import ObjectId
from tapegit.store.runs import COUNT_MIN
from tests.builders import turn_data


@pytest.fixture
def turns(repository) -> list[ObjectId]:
    """Give the ids of turns in two packs, with merges, many blobs and parents elsewhere."""
    oids: list[ObjectId] = []
    for pack in range(2):
        with repository.transaction("test", bulk=True) as transaction:
            for number in range(300):
                raw = [transaction.write(Kind.BLOB, b"%d of %d" % (number, pack))]
                parents = dict.fromkeys([*oids[-1:], *oids[-7 : -6 - number % 2], *oids[:1]])
                data = turn_data(f"{pack} {number}", parents=parents, raw=raw)
                oids.append(transaction.write(Kind.TURN, data))
    return oids


def test_many_turns_are_those_read_one_by_one(repository, turns):
    """Whatever the order they are asked in, and whatever lies between them."""
    asked = [*turns[::3], *turns[::-1], ObjectId(bytes(32))]
    found = list(repository.objects.read_many(iter(asked)))
    assert [oid for oid, _ in found] == asked
    assert [each for _, each in found] == [repository.objects.find(oid) for oid in asked]


def test_turns_of_a_frame_are_read_in_one_go(repository, turns):
    """None is left to be read by itself, but those with a parent in another pack."""
    for reader in repository.objects.packs:
        wanted = sorted((reader.locate(oid), oid) for oid in turns if reader.locate(oid) >= 0)
        frame = reader.index.frame_of(wanted[0][0])
        found = reader.read_run(frame, wanted)
        assert len(found) == 300
        assert all(found) == (turns[0] in dict(wanted).values())
        few = wanted[: COUNT_MIN - 1]
        assert reader.read_run(frame, few) == [None] * len(few)


def test_turn_that_is_not_of_its_id_needs_a_closer_look(repository, turns):
    """Wrong bytes are noticed, and reported by the slow way."""
    (reader,) = (each for each in repository.objects.packs if each.locate(turns[0]) >= 0)
    oids = [oid for oid in turns if reader.locate(oid) >= 0]
    wanted = [(reader.locate(oid), oid) for oid in oids[:10]]
    wanted[4] = (wanted[4][0], ObjectId(bytes(32)))
    found = reader.read_run(reader.index.frame_of(wanted[0][0]), wanted)
    assert [each is None for each in found] == [place == 4 for place in range(10)]
    with pytest.raises(IntegrityError):
        reader.read_at(*wanted[4])


def test_walk_knows_where_a_parent_is(repository, turns):
    """What facts lead to is found without a search, and is the same."""
    packed = repository.objects.packed
    for oid in reversed(turns):
        facts = repository.objects.find_facts(oid)
        assert facts is not None
        for parent in facts.parents:
            reader, ordinal = packed.locate(parent)
            assert reader.locate(parent) == ordinal
