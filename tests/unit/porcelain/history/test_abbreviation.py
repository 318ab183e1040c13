"""Short ids of long lists: the same as looked up one by one."""

from __future__ import annotations

import pytest

from tapegit.objects.kind import Kind
from tapegit.porcelain.history import abbreviation
from tapegit.porcelain.history.abbreviation import Abbreviator


@pytest.mark.parametrize("length", [4, 7, 8, 12, 64])
def test_ids_are_as_short_as_the_database_says(repository, monkeypatch, length):
    """Also after the first ones, and whether objects are loose or packed."""
    monkeypatch.setattr(abbreviation, "LOOKED_UP_COUNT_MAX", 3)
    with repository.transaction("test", bulk=True) as transaction:
        oids = [transaction.write(Kind.BLOB, b"packed %d" % n) for n in range(600)]
    with repository.transaction("test") as transaction:
        oids += [transaction.write(Kind.BLOB, b"loose %d" % n) for n in range(40)]
    shorten = Abbreviator(repository.objects, length)
    shortened = [shorten(oid) for oid in oids]
    assert shortened == [repository.objects.abbreviate(oid, length) for oid in oids]
    assert len(set(shortened)) == len(oids)
    if length == 4:
        assert {len(digits) for digits in shortened} > {4}
