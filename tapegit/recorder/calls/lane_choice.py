"""Which lane a request without the name of a session goes on in.

One goes on where an answer is in it that was given there, with the same calls; or where the
same messages wait for another attempt; or where there was nothing yet but calls beside a
conversation.

Source: tapeswire(7), "Scopes and lanes".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tapegit.recorder.calls.clients import Client
    from tapegit.recorder.calls.lanes import Lane
    from tapegit.recorder.calls.threads import Node, Unit


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


def choose_lane(lanes: Iterable[Lane], sender: Sender, units: Sequence[Unit]) -> Lane | None:
    """Return the lane of a request, or None where it begins one."""
    answers = {unit.key for unit in units if unit.role == "assistant"}
    call_ids = frozenset(each for unit in units for each in unit.call_ids)
    is_first = bool(units) and not (answers or call_ids)
    best: tuple[_Rank, Lane] | None = None
    for number, lane in enumerate(lanes):
        thread = lane.thread
        if is_first and not thread.failing and thread.main.tip != lane.leader:
            continue  # nothing is in the request that could have been given there
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
