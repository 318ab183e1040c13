"""A turn with other raw bytes in the place of its own: the sibling that an amendment makes.

What a turn says besides its bytes is a function of these. So the records of both are read
again, the old ones as a check: only a field that reads from them as the turn has it is taken
from the new ones.

Source: tapes-amend(1), "WHAT IS WRITTEN".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from tapegit.dialects.syntax.json_records import RecordReader
from tapegit.dialects.wire_parts import iter_parts
from tapegit.dialects.wire_table import WIRE_DIALECTS
from tapegit.harness.table import HARNESSES
from tapegit.objects.kind import Kind, format_framing
from tapegit.objects.oid import hash_framed
from tapegit.objects.turn import Turn, change_turn, clean_summary, decode_turn
from tapegit.recorder.calls.message_keys import facts_of
from tapegit.recorder.calls.turns import TOOL_COUNT_MAX
from tapegit.recorder.sources.threader import Threader

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tapegit.harness.facts import Harness
    from tapegit.objects.oid import ObjectId


class _Read(NamedTuple):
    """What a turn says besides its bytes."""

    summary: str | None
    tools: tuple[str, ...]


def amend_turn(turn: Turn, before: Sequence[bytes], after: Sequence[bytes], text: str) -> Turn:
    """Return a turn with the summary and tools of other bytes, its raw still the old one.

    Args:
        turn: As it is.
        before: Its raw pieces.
        after: Those that replace them.
        text: What was put in: it gives the summary where the records do not.
    """
    known = _read_again(turn, before)
    again = _read_again(turn, after)
    summary = turn.summary
    if known is not None and again is not None and known.summary == turn.summary:
        summary = again.summary
    elif turn.summary is not None:
        summary = clean_summary(text) or None
    tools = turn.tools
    if known is not None and again is not None and known.tools == turn.tools:
        tools = again.tools
    return change_turn(turn, summary=summary, tools=tools)


def _read_again(turn: Turn, pieces: Sequence[bytes]) -> _Read | None:
    """Return what pieces say in the place of those of a turn, or None if that is not known."""
    if turn.dialect in WIRE_DIALECTS:
        parts = tuple(iter_parts(WIRE_DIALECTS[turn.dialect], pieces))
        facts = facts_of(turn.dialect, turn.role, parts)
        tools = tuple(dict.fromkeys(facts.tools))[:TOOL_COUNT_MAX]
        return _Read(clean_summary(facts.summary or "") or None, tools)
    harness = next((each for each in HARNESSES if each.dialect == turn.dialect), None)
    made = _read_records(harness, pieces, turn.role) if harness is not None else None
    return _Read(made.summary, made.tools) if made is not None else None


def _read_records(harness: Harness, pieces: Sequence[bytes], role: str) -> Turn | None:
    """Return the turn of a role that these records alone make, or None if not exactly one."""
    written: list[Turn] = []

    def write(kind: Kind, data: bytes) -> ObjectId:
        if kind is Kind.TURN:
            written.append(decode_turn(data))
        return hash_framed(format_framing(kind, len(data)), data)

    threader = Threader(harness, write)
    reader: RecordReader[Any] = RecordReader(harness.decode, is_whole=False)
    for piece in pieces:
        for record in reader.feed(piece):
            threader.add(record)
    for record in reader.finish():
        threader.add(record)
    threader.finish()
    found = [turn for turn in written if turn.role == role]
    return found[0] if len(found) == 1 else None
