"""What git's http helper says of a push."""

from __future__ import annotations

import pytest

from tapegit.remote.git_push import parse_outcome

NAME = "refs/tapes/heads/main"


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("ok {}", None),
        ("ok {} up to date", None),
        ("error {} hook declined", "hook declined"),
        ("error {}", "refused"),
        ('error {} "say \\"no\\"\\tand \\\\ \\303\\251"', 'say "no"\tand \\ é'),
        ('error {} "\\033]0;x\\a\\b"', "?]0;x??"),
        ('error {} "\\9"', "\\9"),
    ],
)
def test_an_outcome_is_the_ref_and_the_reason(said, reason):
    """Without the quotes of git, and without what a terminal would obey."""
    assert parse_outcome(said.format(NAME).encode()) == (NAME, reason)


@pytest.mark.parametrize("said", ["", "option refname refs/x", "\x00", 'okay refs/x "'])
def test_other_lines_are_of_no_ref(said):
    """As those that say more of the one before."""
    assert parse_outcome(said.encode()) == ("", None)
