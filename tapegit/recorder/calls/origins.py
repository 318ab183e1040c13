"""Tapes that what is recorded goes on from: those of a replay, or of the branch checked out.

The first request of a conversation is laid along each of them. Where one has the beginning of
it, the tape of the conversation is a branch of that one: its leader has the last turn that both
have as its parent, and only what is new follows.

Source: tapeswire(7), "GOING ON FROM A TAPE".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tapegit.recorder.calls.threads import How

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from tapegit.objects.oid import ObjectId
    from tapegit.recorder.calls.clients import Client
    from tapegit.recorder.calls.lanes import Lane
    from tapegit.recorder.calls.threads import Node, Unit

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
        are_replayed: The client runs again what is on them: whatever goes on from them is a
            session of its own, and may do so with its first request.

    Attributes:
        are_replayed: The same.
    """

    def __init__(
        self,
        tips: Iterable[ObjectId] = (),
        load: LoadLine = lambda *_: None,
        *,
        are_replayed: bool = False,
    ) -> None:
        self._tips = tuple(tips)
        self._load = load
        self.are_replayed = are_replayed

    def find(
        self, client: Client, units: Sequence[Unit], text_of: Callable[[Unit], str]
    ) -> Origin | None:
        """Return what a conversation goes on from: of several the longest, None where nothing.

        Args:
            client: Whose it is.
            units: The messages of its request.
            text_of: Gives all that a message says, without blanks.
        """
        if not self.are_replayed and all(unit.role != "assistant" for unit in units):
            return None  # what repeats no answer begins anew
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
