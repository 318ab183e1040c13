"""A tape as `diff` sees it: one step for each turn, with what counts when two are compared.

A step says what was said by digests alone, so a tape of any length fits into memory; the parts
are decoded again for what is shown. Bookkeeping of a harness makes no step. Results that
follow one another are put in the order of their calls, as context ids do.

Source: tapes-diff(1), "WHAT IS COMPARED".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from tapegit.dialects.meaning.injected import dialect_name
from tapegit.dialects.meaning.projection import (
    MESSAGE_ROLES,
    canonical_json,
    clean_text,
    iter_items,
    strip_text,
)
from tapegit.dialects.parts import (
    Compaction,
    Failure,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    Unknown,
)
from tapegit.dialects.table import find_decoder
from tapegit.errors import FormatError
from tapegit.index.context import ContextChain
from tapegit.objects.kind import Kind
from tapegit.objects.oid import ObjectId, hash_content
from tapegit.objects.rope_reader import iter_content
from tapegit.objects.turn import decode_turn
from tapegit.porcelain.diff.settings import SettingsState, session_settings
from tapegit.store.database import object_not_found

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tapegit.dialects.meaning.projection import Item
    from tapegit.dialects.parts import AnyPart
    from tapegit.objects.kind import Object
    from tapegit.objects.turn import Turn
    from tapegit.porcelain.diff.settings import Settings
    from tapegit.store.database import ObjectDatabase

_CHUNK_COUNT: Final = 512
_DIGEST_SIZE_BYTES: Final = 16
_COMPACTED: Final = "compacted ("


class Step(NamedTuple):
    """One turn of a tape.

    Attributes:
        oid: The turn.
        number: Of the turn on its tape, from 0 for the leader; None before the leader.
        role: Of the turn.
        dialect: Of the turn, without its version.
        summary: Its line; empty where it has none.
        key: Equal where the same was said, or the same happened.
        items: Digests of what it says, one for each projected part; empty: it says nothing.
        context: The context id after it, from the base on; empty where it adds nothing to it.
        shape: Its role and the tools it calls.
        restarts: The context begins anew after it.
        thinking: A digest of what the model thought, where any of it is known.
        injected: A digest of what the harness put in; None: nothing.
        settings: Model, parameters and the like, as far as known.
        call: Where its request is, if that was recorded: see diff_requests.
    """

    oid: ObjectId
    number: int | None
    role: str
    dialect: str
    summary: str
    key: bytes
    items: tuple[bytes, ...]
    context: bytes
    shape: bytes
    restarts: bool
    thinking: bytes | None
    injected: bytes | None
    settings: Settings
    call: tuple[str, ObjectId, tuple[int, ...], tuple[int, ...]] | None

    @property
    def is_message(self) -> bool:
        """Whether it is part of the conversation."""
        return self.role in MESSAGE_ROLES

    @property
    def is_silent(self) -> bool:
        """Whether it says nothing that counts: it is compared with an equal, and never missed."""
        return not self.items


def read_steps(
    objects: ObjectDatabase, oids: Sequence[ObjectId], first_number: int
) -> Iterator[Step]:
    """Yield the steps of turns that follow one another.

    Args:
        objects: The store.
        oids: The turns, the first one first.
        first_number: The number of the first one; negative before the leader.

    Raises:
        ObjectNotFoundError: An object is missing.
        DataError: An object is damaged.
    """
    reader = _StepReader()
    for start in range(0, len(oids), _CHUNK_COUNT):
        chunk = oids[start : start + _CHUNK_COUNT]
        turns = list(_read_turns(objects, chunk))
        contents = objects.read_many(
            ObjectId.parse(piece.oid) for _, turn in turns for piece in turn.raw
        )
        for place, (oid, turn) in enumerate(turns):
            parts = list(iter_turn_parts(objects, turn, contents))
            number = first_number + start + place
            yield from reader.feed(oid, number if number >= 0 else None, turn, parts)
    yield from reader.finish()


def iter_turn_parts(
    objects: ObjectDatabase,
    turn: Turn,
    contents: Iterator[tuple[ObjectId, Object | None]] | None = None,
) -> Iterator[AnyPart]:
    """Yield the parts of a turn.

    Args:
        objects: The store.
        turn: The turn.
        contents: Gives the objects of its pieces; else they are read here.

    Raises:
        ObjectNotFoundError: An object is missing.
        DataError: An object is damaged.
    """
    decode = find_decoder(turn.dialect)
    pieces = _iter_pieces(objects, turn, contents)
    if decode is not None:
        yield from decode(pieces)
    elif turn.value is not None:
        yield Text(text=turn.value)
    else:
        for piece in pieces:
            raw = piece.decode("utf-8", "backslashreplace")
            yield Unknown(type=turn.dialect or "raw", raw=raw)


def _iter_pieces(
    objects: ObjectDatabase, turn: Turn, contents: Iterator[tuple[ObjectId, Object | None]] | None
) -> Iterator[bytes]:
    oids = [ObjectId.parse(piece.oid) for piece in turn.raw]
    for oid in oids:
        found = next(contents)[1] if contents is not None else objects.read(oid)
        if found is None:
            raise object_not_found(oid)
        if found.kind is Kind.BLOB:
            yield found.data
        else:
            yield from iter_content(objects.find, oid)


def _read_turns(
    objects: ObjectDatabase, oids: Iterable[ObjectId]
) -> Iterator[tuple[ObjectId, Turn]]:
    for oid, found in objects.read_many(oids):
        if found is None:
            raise object_not_found(oid)
        if found.kind is not Kind.TURN:
            raise FormatError(f"object '{oid}' is a {found.kind}, not a turn", where=str(oid))
        yield oid, decode_turn(found.data)


class _StepReader:
    """Makes steps of turns; results wait until the last one of their run has come."""

    def __init__(self) -> None:
        self._chain = ContextChain()
        self._state = SettingsState()
        self._numbers: dict[str, int] = {}
        self._call_count = 0
        self._run: list[tuple[int, Step, list[Item]]] = []

    def feed(
        self, oid: ObjectId, number: int | None, turn: Turn, parts: list[AnyPart]
    ) -> Iterator[Step]:
        """Take a turn; yield the steps that are finished."""
        self._state.take(turn, parts)
        items = list(iter_items(turn.dialect, turn.role, parts))
        data = [(item.role.encode() + b" " + item.data) for item in items]
        if turn.role not in MESSAGE_ROLES:
            data = _event_data(turn, parts)
            if not data and turn.role != "session":
                return
        elif is_opaque(parts):
            data = [_digest(part.type, part.raw) for part in parts if isinstance(part, Unknown)]
            data = data or ([_digest(turn.summary)] if turn.summary else [])
        step = self._make_step(oid, number, turn, parts, data)
        if items and all(item.is_result for item in items):
            self._run.append((self._number_of(items[0]), step, items))
            return
        yield from self.finish()
        if items:
            self._note_calls(items)
            step = step._replace(context=self._chain.add_items(items))
        elif turn.role == "event":
            self._chain.add(turn.dialect, turn.role, parts)
        yield step

    def finish(self) -> Iterator[Step]:
        """Yield the results that waited, in the order of their calls."""
        self._run.sort(key=lambda waiting: (waiting[0], waiting[1].key))
        for _, step, items in self._run:
            yield step._replace(context=self._chain.add_items(items))
        self._run.clear()

    def _note_calls(self, items: list[Item]) -> None:
        for item in items:
            if item.is_call:
                self._call_count += 1
                if item.call_id is not None:
                    self._numbers[item.call_id] = self._call_count

    def _number_of(self, item: Item) -> int:
        """Return the number of the call that a result answers; of none: after all calls."""
        return self._numbers.get(item.call_id or "", self._call_count + 1)

    def _make_step(
        self,
        oid: ObjectId,
        number: int | None,
        turn: Turn,
        parts: list[AnyPart],
        data: list[bytes],
    ) -> Step:
        items = tuple(hash_content(item)[:_DIGEST_SIZE_BYTES] for item in data)
        thinking = [part.text for part in parts if isinstance(part, Thinking) and part.text]
        names = [part.name for part in parts if isinstance(part, ToolCall)]
        injected = injected_texts(turn, parts)
        request = turn.call.request if turn.call is not None else None
        settings = session_settings(turn) if turn.role == "session" else self._state.current(turn)
        return Step(
            oid=oid,
            number=number,
            role=turn.role,
            dialect=dialect_name(turn.dialect),
            summary=turn.summary or "",
            key=_digest(turn.role, *map(bytes.hex, items)),
            items=items,
            context=b"",
            shape=_digest(turn.role, *names),
            restarts=any(isinstance(part, Compaction) and not part.is_partial for part in parts)
            and turn.role == "event",
            thinking=_digest(*thinking) if thinking else None,
            injected=_digest(*injected) if injected else None,
            settings=settings,
            call=(turn.dialect or "", ObjectId.parse(request), *_pieces_of(turn))
            if request is not None
            else None,
        )


def _pieces_of(turn: Turn) -> tuple[tuple[int, ...], tuple[int, ...]]:
    assert turn.call is not None
    return turn.call.system, turn.call.tools


def is_opaque(parts: Sequence[AnyPart]) -> bool:
    """Return whether nothing of a turn could be decoded, so that its records are compared."""
    return all(isinstance(part, Unknown) for part in parts)


def injected_texts(turn: Turn, parts: Iterable[AnyPart]) -> list[str]:
    """Return the blocks that a harness put into the texts of a user or a tool."""
    if turn.role not in {"user", "tool"}:
        return []
    name = dialect_name(turn.dialect)
    found = []
    for part in parts:
        if isinstance(part, Text | ToolResult):
            whole, kept = clean_text(part.text), strip_text(part.text, name)
            if len(kept) < len(whole):
                start = whole.find(kept) if kept else 0
                ends = (whole[:start].strip(), whole[start + len(kept) :].strip())
                found += [text for text in ends if text]
    return found


def _event_data(turn: Turn, parts: Iterable[AnyPart]) -> list[bytes]:
    """Return what counts of a turn that is no message: what happened, without counts and ids."""
    if turn.role == "session":
        return []
    if turn.role == "note":
        return [_digest(turn.key or "", turn.value or "", turn.about or "")]
    found = []
    for part in parts:
        if isinstance(part, Compaction):
            text = "" if part.text.startswith(_COMPACTED) else clean_text(part.text)
            found.append(_digest("compaction", str(part.is_partial), part.trigger or "", text))
        elif isinstance(part, Failure | Text):
            found.append(_digest("text", clean_text(part.text)))
        elif isinstance(part, ToolCall):
            found.append(_digest("call", part.name, canonical_json(part.arguments)))
        elif isinstance(part, ToolResult):
            found.append(_digest("result", clean_text(part.text), str(part.is_error)))
    return found


def _digest(*texts: str) -> bytes:
    joined = "\0".join(f"{len(text)} {text}" for text in texts)
    return hash_content(joined.encode("utf-8", "surrogatepass"))[:_DIGEST_SIZE_BYTES]
