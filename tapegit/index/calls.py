"""Calls of models: what was spent, once for each, however many tapes have the answer.

A call is known by the provider's id of its answer, where the source states one: in a
transcript and on the wire it is the same. Else copies have in common what the source says of
the message; or the harness's own id of it, where later states of a file say more of a message. Two
turns of one call, which a harness wrote in two pieces, are one: the larger usage counts, because
a provider counts up.

Source: tapesformat-index(5), "Calls".
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Final, NamedTuple

from tapegit.dialects.meaning.injected import dialect_name
from tapegit.dialects.meaning.stated_ids import StatedId, find_response_id, iter_message_ids
from tapegit.objects.kind import Kind
from tapegit.objects.oid import ObjectId, hash_content
from tapegit.objects.rope_reader import iter_content

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from tapegit.index.context import ContextId
    from tapegit.objects.turn import Turn, Usage
    from tapegit.store.database import ObjectDatabase

USAGE_NAMES: Final = (
    "input",
    "output",
    "cache_read",
    "cache_write_5m",
    "cache_write_1h",
    "reasoning",
)
KEY_SIZE_BYTES: Final = 16
OWN_IDS: Final = frozenset({"gemini-cli"})
"""Dialects whose records are written again with more in them, and have ids unlike all others."""
MADE_UP: Final = "<"
"""Begins the name of a model that is none."""
TURN_BATCH_COUNT: Final = 4096
"""Turns whose raw bytes are looked for together."""


class ModelCall(NamedTuple):
    """One call of a model; what is not known is None.

    Attributes:
        key: What it has in common with its copies.
        turn: The turn that has the answer.
        time_ms: When.
        model: Which.
        usage: Tokens, in the order of `USAGE_NAMES`.
        is_stated: The key is made of the provider's id.
        context: The context id after the answer, where it may be needed to find its copies.
        is_timed: The turn says how long the answer took.
    """

    key: bytes
    turn: ObjectId
    time_ms: int | None
    model: str | None
    usage: tuple[int | None, ...]
    is_stated: bool = False
    context: ContextId | None = None
    is_timed: bool = False


def merge_calls(calls: Iterable[ModelCall]) -> dict[bytes, ModelCall]:
    """Return one call for each key: of several the one that spent the most.

    Of equal ones it is one that says how long it took, else the one whose turn has the largest id.
    """
    merged: dict[bytes, ModelCall] = {}
    for call in calls:
        other = merged.get(call.key)
        if other is None or _weight(call) > _weight(other):
            merged[call.key] = call
    return merged


def join_calls(
    calls: Iterable[ModelCall],
    written: Mapping[ObjectId, ContextId],
    recorded: Mapping[ObjectId, ContextId],
) -> list[ModelCall]:
    """Return calls of which those that a transcript and the wire both have share a key.

    Where no provider's id says so, they are one call if they have one context.

    Args:
        calls: Of both.
        written: The contexts of the answers in the transcript.
        recorded: The contexts of the answers on the wire.
    """
    calls = list(calls)
    keys = {written[call.turn]: call.key for call in calls if call.turn in written}
    return [
        call._replace(key=keys.get(recorded[call.turn], call.key))
        if call.turn in recorded and call.turn not in written
        else call
        for call in calls
    ]


def sum_usage(usages: Iterable[Sequence[int | None]]) -> tuple[int | None, ...]:
    """Return sums of tokens by kind; None for a kind that no call says anything of."""
    sums: list[int | None] = [None] * len(USAGE_NAMES)
    for usage in usages:
        for place, count in enumerate(usage):
            if count is not None:
                sums[place] = (sums[place] or 0) + count
    return tuple(sums)


def iter_calls(
    objects: ObjectDatabase, line: Iterable[tuple[ObjectId, Turn]]
) -> Iterator[ModelCall]:
    """Yield the calls that turns are the answers of; only those that say what was spent.

    A message that a harness made up itself is none: its model has no name but "<synthetic>".

    Raises:
        ObjectNotFoundError: Raw bytes are missing.
        DataError: They are damaged.
    """
    spent = ((oid, turn) for oid, turn in line if _is_spent(turn))
    while batch := list(islice(spent, TURN_BATCH_COUNT)):
        wanted = [piece_ids(turn) for _, turn in batch]
        pieces = iter_pieces(objects, [oid for oids in wanted for oid in oids])
        for (oid, turn), oids in zip(batch, wanted, strict=True):
            yield _make_call(oid, turn, list(islice(pieces, len(oids))))


def _is_spent(turn: Turn) -> bool:
    return turn.usage is not None and not (turn.model or "").startswith(MADE_UP)


def piece_ids(turn: Turn) -> list[ObjectId]:
    """Return what holds the answer of a turn: its recorded response, or its raw bytes."""
    if turn.call is not None and turn.call.response is not None:
        return [ObjectId.parse(turn.call.response)]
    return [ObjectId.parse(piece.oid) for piece in turn.raw]


def iter_pieces(objects: ObjectDatabase, oids: list[ObjectId]) -> Iterator[bytes]:
    """Yield what each blob or rope stands for, in order.

    Raises:
        ObjectNotFoundError: One is missing.
        DataError: One is damaged.
    """
    for oid, found in objects.read_many(oids):
        if found is not None and found.kind is Kind.BLOB:
            yield found.data
        else:
            yield b"".join(iter_content(objects.find, oid))


def _make_call(oid: ObjectId, turn: Turn, pieces: list[bytes]) -> ModelCall:
    assert turn.usage is not None
    counts = tuple(getattr(turn.usage, name) for name in USAGE_NAMES)
    stated = _find_answer_id(turn, pieces)
    key = _said_key(oid, turn, turn.usage) if stated is None else _stated_key(stated)
    is_stated = stated is not None and stated.kind == "message"
    is_timed = turn.duration_ms is not None or turn.ttft_ms is not None
    return ModelCall(key, oid, turn.time, turn.model, counts, is_stated, is_timed=is_timed)


def _find_answer_id(turn: Turn, pieces: list[bytes]) -> StatedId | None:
    if turn.call is not None and turn.call.response is not None:
        found = find_response_id(turn.dialect, b"".join(pieces))
        return None if found is None else StatedId("message", found)
    wanted = "record" if dialect_name(turn.dialect) in OWN_IDS else "message"
    ids = iter_message_ids(turn.dialect, pieces)
    return next((each for each in ids if each.kind == wanted), None)


def _stated_key(stated: StatedId) -> bytes:
    text = f"{stated.kind}\n{stated.value}"
    return hash_content(text.encode("utf-8", "surrogatepass"))[:KEY_SIZE_BYTES]


def _said_key(oid: ObjectId, turn: Turn, usage: Usage) -> bytes:
    """Return what a message has in common with its copies in forks and resumed sessions.

    Those have other ids, because what is before them differs; time, model, tokens and first
    line are the source's. Without a time only the very same turn is a copy.
    """
    if turn.time is None:
        return oid[:KEY_SIZE_BYTES]
    counts = tuple(getattr(usage, name) for name in USAGE_NAMES)
    said = (turn.time, turn.model, turn.stop, turn.summary, turn.tools, counts)
    return hash_content(repr(said).encode("utf-8", "surrogatepass"))[:KEY_SIZE_BYTES]


def _weight(call: ModelCall) -> tuple[int, bool, bytes]:
    return sum(count or 0 for count in call.usage), call.is_timed, call.turn
