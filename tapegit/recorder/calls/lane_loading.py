"""Lanes that are recorded already, read back from their turns: a session that goes on.

Rules: reads only. What cannot be read is an error; the caller then begins anew, and what it
records goes beside what is there.

Source: tapeswire(7), "Threading".
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Final

from tapegit.dialects.parts import Compaction
from tapegit.dialects.table import find_decoder
from tapegit.dialects.wire_parts import EVENTS, decode_answer, iter_values
from tapegit.dialects.wire_table import WIRE_DIALECTS
from tapegit.objects.oid import ObjectId
from tapegit.objects.rope_reader import iter_content
from tapegit.recorder.calls.lanes import Lane, main_ref
from tapegit.recorder.calls.message_keys import facts_of, key_of, read_message

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tapegit.graph.turns import TurnGraph
    from tapegit.objects.rope_reader import Find
    from tapegit.objects.turn import Turn
    from tapegit.recorder.calls.clients import Client
    from tapegit.recorder.calls.threads import Node
    from tapegit.refs.names import RefName
    from tapegit.refs.reader import Ref

    FindRef = Callable[[RefName], ObjectId | None]
    IterRefs = Callable[[str], Iterable[Ref]]

FORK_COUNT_MAX: Final = 64
"""Forks of a session that may be gone on with."""


def load_lane(
    client: Client, find_ref: FindRef, iter_refs: IterRefs, graph: TurnGraph, find: Find
) -> Lane | None:
    """Return the lane of a session or agent that is recorded already, or None.

    It has the main line, and the forks that left it.

    Args:
        client: Whose lane.
        find_ref: Gives what a ref holds.
        iter_refs: Gives the refs below a folder.
        graph: The turns of the store.
        find: Reads an object.

    Raises:
        ObjectNotFoundError: An object is missing.
        DataError: An object is damaged.
    """
    tip = find_ref(main_ref(client))
    if tip is None:
        return None
    lane, nodes = _load_line(client, tip, graph, find)
    for ref in islice(iter_refs(f"{lane.folder}/forks/"), FORK_COUNT_MAX):
        _add_fork(lane, nodes, ref, graph, find)
    return lane


def load_line(client: Client, tip: ObjectId, graph: TurnGraph, find: Find) -> Lane:
    """Return a line that is recorded already as a lane; raises as `load_lane` does."""
    return _load_line(client, tip, graph, find)[0]


def _load_line(
    client: Client, tip: ObjectId, graph: TurnGraph, find: Find
) -> tuple[Lane, dict[ObjectId, Node]]:
    """Return a lane, and for each turn the node that it is, or belongs to."""
    oids = list(_iter_back(graph, tip))
    oids.reverse()
    lane = Lane(client, oids[0], is_named=True)
    node = lane.thread.roots[0]
    nodes = {oids[0]: node}
    for oid in oids[1:]:
        nodes[oid] = node = _add_turn(lane, node, oid, graph.read_turn(oid), find)
    return lane, nodes


def _add_fork(
    lane: Lane, nodes: dict[ObjectId, Node], ref: Ref, graph: TurnGraph, find: Find
) -> None:
    """Lay a fork into the tree, where it left a line that is in it: others are of another lane."""
    oids: list[ObjectId] = []
    for oid in _iter_back(graph, ref.oid):
        if oid in nodes:
            break
        oids.append(oid)
    else:
        return
    node = nodes[oid]
    for fork_oid in reversed(oids):
        nodes[fork_oid] = node = _add_turn(lane, node, fork_oid, graph.read_turn(fork_oid), find)
    if node.tip == ref.oid and node.line is not lane.thread.main:
        node.line.fork_name = ref.name.rpartition("/")[2]


def _iter_back(graph: TurnGraph, tip: ObjectId) -> Iterator[ObjectId]:
    oid: ObjectId | None = tip
    while oid is not None:
        yield oid
        oid = next(iter(graph.parents(oid)), None)


def _add_turn(lane: Lane, node: Node, oid: ObjectId, turn: Turn, find: Find) -> Node:
    """Lay one turn of a line into the tree; return the node that it is, or belongs to."""
    thread = lane.thread
    data = b"".join(
        piece for raw in turn.raw for piece in iter_content(find, ObjectId.parse(raw.oid))
    )
    if turn.role == "session":
        thread.add_event(node, oid)  # the line goes on from another one
        return node
    lane.dialect = turn.dialect if turn.dialect != EVENTS else lane.dialect
    if turn.role == "event" and turn.call is None and turn.dialect != EVENTS:
        turn_role = "event"
    elif turn.role == "event":
        if turn.call is not None:
            _note_response(lane, node, turn, data)
        return _add_event(lane, node, oid, turn, data)
    else:
        turn_role = turn.role
    decode = find_decoder(turn.dialect)
    parts = list(decode([data])) if decode is not None else []
    facts = facts_of(turn.dialect or "", turn_role, parts)
    if turn_role != "assistant":
        return thread.add(node, key_of([facts]), turn_role, oid)
    thread.note_success(node)
    node = thread.add_answer(node, [facts], oid)
    if turn.call is not None:
        _note_response(lane, node, turn, data)
    return node


def _add_event(lane: Lane, node: Node, oid: ObjectId, turn: Turn, data: bytes) -> Node:
    thread = lane.thread
    decode = find_decoder(turn.dialect)
    parts = decode([data]) if decode is not None and turn.dialect == EVENTS else iter(())
    if any(isinstance(part, Compaction) for part in parts):
        return thread.add_root(node, oid)
    thread.add_event(node, oid)
    if turn.call is None and lane.dialect is not None:
        changed = list(iter_values(data))[1:]
        thread.note_changed(read_message(lane.dialect, value).key for value in changed)
    if turn.call is not None and turn.call.outcome != "ok":
        thread.note_failure(node)
        node.group = turn.call.group
    return node


def _note_response(lane: Lane, node: Node, turn: Turn, data: bytes) -> None:
    wire = WIRE_DIALECTS.get(turn.dialect or "")
    response = decode_answer(wire, data).id if wire is not None else None
    if response is not None:
        lane.by_response[response] = node
