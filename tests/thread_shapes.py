"""The shape of what was recorded, as literals can state it: ref by ref, one word or two a turn."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tapegit.graph.turns import TurnGraph
from tapegit.recorder.calls.clients import UNKNOWN
from tapegit.redact.redactor import default_redactor
from tapegit.repository.init import init_store
from tapegit.repository.repository import Repository
from tapegit.wire.recording.calls import CallRecorder

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from tapegit.objects.oid import ObjectId
    from tapegit.objects.turn import Turn
    from tapegit.wire.capture import Captured, RecordingSummary

CLOCK_MS = 1_790_000_100_000


def make_store(folder: Path) -> Repository:
    """Return a new store whose clock stands still."""
    root = folder / ".tapes"
    if not root.exists():
        init_store(root)
    return Repository.open(root, clock=lambda: CLOCK_MS)


def record(
    repository: Repository, captured: Iterable[Captured], *, in_one: bool = False
) -> RecordingSummary:
    """Record what was captured, each value durable before the next, or all in one batch."""
    recorder = CallRecorder(repository, default_redactor())
    for value in captured:
        recorder.take(value, more=in_one)
    return recorder.finish()


def tape(repository: Repository, tip: ObjectId) -> list[tuple[ObjectId, Turn]]:
    """Return the turns of a tape, the first one first."""
    graph = TurnGraph(repository.objects)
    turns = []
    oid: ObjectId | None = tip
    while oid is not None:
        turn = graph.read_turn(oid)
        turns.append((oid, turn))
        parents = turn.parent_ids
        oid = parents[0] if parents else None
    return turns[::-1]


def describe(turn: Turn) -> str:
    """Return a turn in words: its role, how its call ended if not well, which attempt it was."""
    words = [turn.role]
    call = turn.call
    if call is not None and (call.outcome != "ok" or call.attempt is not None):
        words.append(str(call.outcome))
        words.append(f"#{call.attempt}")
    if turn.dialect == "tapes.wire@1" and turn.role == "event" and call is None:
        words.append((turn.summary or "").partition(" ")[0].rstrip(":"))
    return " ".join(words)


def shapes(repository: Repository) -> dict[str, list[str]]:
    """Return every tape, by its ref; of forks and side tapes the name's digits are left out."""
    found: dict[str, list[str]] = {}
    for ref in repository.refs.iter_refs("refs/sessions/"):
        _, _, harness, _, _, *rest = ref.name.split("/")
        if rest[0] in {"side", "forks"}:
            rest[-1] = "*"
        name = "/".join(rest)
        key = name if harness == UNKNOWN else f"{harness} {name}"
        turns = [describe(turn) for _, turn in tape(repository, ref.oid)]
        while key in found:
            key += "'"
        found[key] = turns
    return found
