"""A store, what resolves revisions in it, and a small graph."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from tapegit.graph.resolve import Resolver
from tapegit.graph.turns import TurnGraph
from tapegit.refs.names import RefName
from tests.builders import make_repo, make_tape
from tests.command import TIME_MS


class Place(NamedTuple):
    """A store with its resolver, and the warnings that the resolver gave."""

    repository: object
    resolver: Resolver
    warnings: list

    def write_ref(self, name, oid, message="test"):
        """Move a ref, with the time of all tests."""
        with self.repository.refs.transaction(message) as transaction:
            transaction.update(RefName.parse(name), oid)

    def switch(self, name, message="test"):
        """Let HEAD be another branch."""
        with self.repository.refs.transaction(message) as transaction:
            transaction.set_symbolic(RefName.parse("HEAD"), RefName.parse(name))


@pytest.fixture
def place(tmp_path):
    """Give an empty store."""
    repository = make_repo(tmp_path / ".tapes")
    warnings = []
    graph = TurnGraph(repository.objects)
    resolver = Resolver(
        repository.objects,
        repository.refs,
        graph,
        clock=lambda: TIME_MS,
        warn=warnings.append,
    )
    return Place(repository, resolver, warnings)


@pytest.fixture
def tape(place):
    """Give the ids of five turns, oldest first; `refs/heads/main` is at the last."""
    return make_tape(place.repository, 5)
