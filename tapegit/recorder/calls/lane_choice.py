"""Which lane a request without the name of a session goes on in.

One goes on where an answer is in it that was given there, with the same calls; or where the
same messages wait for another attempt; or where there was nothing yet but calls beside a
conversation.

Source: tapeswire(7), "Scopes and lanes".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tapegit.recorder.calls.clients import Client
    from tapegit.recorder.calls.lanes import Lane
    from tapegit.recorder.calls.threads import Node, Unit
    from tapegit.refs.names import RefName


class Sender(NamedTuple):
    """What tells requests apart besides their messages."""

    client: Client
    connection: int
    dialect: str | None


class _Rank(NamedTuple):
    """How well a request fits a lane; the higher the better."""

    depth: int
    is_free: bool
    is_same_connection: bool
    number: int


class UnnamedLanes:
    """The lanes of a scope whose clients gave them no name, in the order of their beginning.

    Those in which a request that repeats no answer can go on are known apart: a proxy has many
    lanes, and of these few.
    """

    def __init__(self) -> None:
        self._lanes: dict[Lane, int] = {}
        self._waiting: dict[Lane, None] = {}
        self._count = 0

    def __iter__(self) -> Iterator[Lane]:
        return iter(self._lanes)

    def add(self, lane: Lane) -> None:
        """Take a lane that begins."""
        self._count += 1
        self._lanes[lane] = self._count
        self._waiting[lane] = None

    def note_failure(self, lane: Lane) -> None:
        """Note that another attempt may come in a lane, if it is one of these."""
        if lane in self._lanes:
            self._waiting[lane] = None

    def keep_newest(self, count: int) -> None:
        """Forget all but so many."""
        for lane in list(self._lanes)[: max(len(self._lanes) - count, 0)]:
            self._drop(lane)

    def drop_ref(self, name: RefName) -> None:
        """Forget the lane of a ref."""
        for lane in [each for each in self._lanes if each.main_ref == name]:
            self._drop(lane)

    def _drop(self, lane: Lane) -> None:
        del self._lanes[lane]
        self._waiting.pop(lane, None)

    def iter_numbered(self, *, is_first: bool) -> Iterator[tuple[int, Lane]]:
        """Yield lanes with their numbers; for a request that repeats no answer, where it can be."""
        if not is_first:
            yield from ((number, lane) for lane, number in self._lanes.items())
            return
        self._waiting = {
            lane: None for lane in self._waiting if lane.thread.failing or not lane.is_begun
        }
        yield from ((self._lanes[lane], lane) for lane in self._waiting)


def choose_lane(lanes: UnnamedLanes, sender: Sender, units: Sequence[Unit]) -> Lane | None:
    """Return the lane of a request, or None where it begins one."""
    answers = {unit.key for unit in units if unit.role == "assistant"}
    call_ids = frozenset(each for unit in units for each in unit.call_ids)
    is_first = bool(units) and not (answers or call_ids)
    best: tuple[_Rank, Lane] | None = None
    for number, lane in lanes.iter_numbered(is_first=is_first):
        thread = lane.thread
        if lane.client.harness != sender.client.harness:
            continue
        is_same = lane.connection == sender.connection
        rank: _Rank | None = None
        if not units or not lane.is_begun:
            rank = _Rank(0, not lane.is_begun, is_same, number)
        elif lane.dialect == sender.dialect and (thread.failing or thread.knows(answers, call_ids)):
            rank = _rank(lane, units, number, is_same=is_same)
        if rank is not None and (best is None or rank > best[0]):
            best = rank, lane
    return best[1] if best is not None else None


def _rank(lane: Lane, units: Sequence[Unit], number: int, *, is_same: bool) -> _Rank | None:
    """Return how well a request fits, or None where it does not at all."""
    place = lane.thread.locate(units, lambda _: "")
    node = place.node
    is_retry = node.failures > 0 and place.first == len(units)
    if (node.answer is None and not is_retry) or _has_other_calls(node, units):
        return None
    return _Rank(node.depth, not node.children and not node.pending, is_same, number)


def _has_other_calls(node: Node, units: Sequence[Unit]) -> bool:
    """Return whether an answer on the way made calls, and the request has others in its place."""
    by_key = {unit.key: unit.call_ids for unit in units if unit.call_ids}
    return any(
        each.call_ids and each.call_ids.isdisjoint(by_key.get(each.key, each.call_ids))
        for each in node.iter_back()
    )
