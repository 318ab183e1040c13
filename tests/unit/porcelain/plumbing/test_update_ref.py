"""Sessions of `update-ref --stdin`, and that all of a transaction happens or nothing."""

from __future__ import annotations

import pytest

from tapegit.errors import FormatError, StaleRefError
from tapegit.porcelain.plumbing.ref_commands import RefCommand
from tapegit.porcelain.plumbing.update_ref import apply_commands, run_session
from tapegit.refs.names import RefName
from tests.builders import make_tape

MAIN = RefName("refs/heads/main")
NEW = RefName("refs/heads/new")


@pytest.mark.parametrize(
    "verbs",
    [
        ["start", "start"],
        ["start", "prepare", "prepare"],
        ["start", "commit", "commit"],
        ["start", "abort", "prepare"],
        ["start", "commit", "abort"],
    ],
    ids=" ".join,
)
def test_verbs_out_of_place_are_refused(repository, verbs):
    """A transaction is opened once, prepared once and closed once."""
    with pytest.raises(FormatError):
        list(run_session(repository, [RefCommand(verb) for verb in verbs], message="test"))


def test_an_open_transaction_is_forgotten_at_the_end_of_the_input(repository):
    """Who says `start` must say `commit`: what is not committed has not happened."""
    chain = make_tape(repository, 2)
    commands = [RefCommand("start"), RefCommand("create", NEW, chain[0], None)]

    assert list(run_session(repository, commands, message="test")) == ["start: ok"]
    assert repository.refs.find(NEW) is None


def test_one_stale_value_stops_all(repository):
    """If one ref is not where it was expected, no ref of the transaction moves."""
    chain = make_tape(repository, 3)
    commands = [
        RefCommand("create", NEW, chain[0], None),
        RefCommand("update", MAIN, chain[1], chain[0]),
    ]

    with pytest.raises(StaleRefError) as raised:
        apply_commands(repository, commands, message="test")

    assert raised.value.fields["name"] == MAIN
    assert repository.refs.find(NEW) is None
    assert repository.refs.find(MAIN) == chain[2]
