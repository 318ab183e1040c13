"""Sections and turns as those who write pages take them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from tapegit.objects.turn import Turn


class Spawn(NamedTuple):
    """The call that spawned an agent."""

    call_id: str
    oid: str
    number: int


class Section(NamedTuple):
    """What a section is, to the writer."""

    name: str
    oids: list[str]
    first: int = 0
    parent: str | None = None
    spawn: Spawn | None = None
    elsewhere: tuple[tuple[str, str], ...] = ()


class Shown(NamedTuple):
    """A turn with its parts."""

    oid: str
    turn: Turn
    parts: list[object]


class Each(NamedTuple):
    """A turn and where it is."""

    section: Section
    number: int
    shown: Shown
