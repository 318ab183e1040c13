"""Moves of refs as text and JSON."""

from __future__ import annotations

from typing import NamedTuple

from tapegit.formats.reflog import ReflogEntry
from tapegit.objects.oid import ZERO_OID, ObjectId
from tapegit.ui.reflog import format_entry, reflog_members

NEW = ObjectId(b"\x01" * 32)


class Move(NamedTuple):
    """A move, as porcelain gives it."""

    name: str
    number: int
    entry: ReflogEntry


MOVE = Move("refs/heads/main", 2, ReflogEntry(ZERO_OID, NEW, 1_750_000_000_000, "", "import: x"))


def test_format_entry_has_git_s_form():
    """A move is shown as `<id> <ref>@{<number>}: <message>`, or with a time."""
    assert "".join(map(str, format_entry(MOVE, "0101010", "main"))) == "0101010 main@{2}: import: x"
    assert (
        "".join(map(str, format_entry(MOVE, "0101010", "main", date="short")))
        == "0101010 main@{2025-06-15}: import: x"
    )


def test_reflog_members_leave_out_an_unknown_actor():
    """A move by nobody known has no `who` with a value."""
    members = reflog_members(MOVE)

    assert members["who"] is None
    assert (members["number"], members["new"], members["time"]) == (
        2,
        str(NEW),
        1_750_000_000_000,
    )
