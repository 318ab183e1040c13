"""Tapes that what is recorded goes on from: a replay that was left for the model itself.

The first request of a conversation is laid along each of them. Where one has the beginning of
it, the tape of the conversation is a branch of that one: its leader has the last turn that both
have as its parent, and only what is new follows.

Source: tapeswire(7), "GOING ON FROM A TAPE".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tapegit.recorder.threads import How

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from tapegit.objects.oid import ObjectId
    from tapegit.recorder.clients import Client
    from tapegit.recorder.lanes import Lane
    from tapegit.recorder.threads import Node, Unit

    LoadLine = Callable[[Client, ObjectId], Lane | None]


class Origin(NamedTuple):
    """A tape as a lane of its own, and the message that a conversation goes on from."""

    lane: Lane
    node: Node


class Origins:
    """The tapes that may be gone on from.

    Args:
        tips: The last turn of each; nothing after it is gone on from.
        load: Reads a tape; it raises nothing, and gives None for one that cannot be read.
    """

    def __init__(
        self,
        tips: Iterable[ObjectId] = (),
        load: LoadLine = lambda *_: None,
    ) -> None:
        self._tips = tuple(tips)
        self._load = load

    def __bool__(self) -> bool:
        return bool(self._tips)

    def find(
        self, client: Client, units: Sequence[Unit], text_of: Callable[[Unit], str]
    ) -> Origin | None:
        """Return what a conversation goes on from: of several the longest, None where nothing.

        Args:
            client: Whose it is.
            units: The messages of its request.
            text_of: Gives all that a message says, without blanks.
        """
        best: tuple[tuple[bool, int], Origin] | None = None
        for tip in self._tips:
            lane = self._load(client, tip)
            if lane is None:
                continue
            place = lane.thread.locate(units, text_of)
            rank = (place.how is not How.COMPACTED, place.first)
            if (place.first or place.how is How.COMPACTED) and (best is None or rank > best[0]):
                best = rank, Origin(lane, place.node)
        return best[1] if best is not None else None
