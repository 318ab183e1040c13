"""Turns: one message of a conversation, its parents, and where its raw bytes are.

A turn is canonical JSON. Ids inside these values are text, 64 lower-case hexadecimal digits,
as in the bytes; `Turn.parent_ids` gives them as ids. An absent key is None, or an empty tuple
where there may be several; unknown is never zero. Readers ignore keys they do not know;
`verify_turn` accepts them as long as they are canonical.

`decode_turn` is for readers: fast and typed, it does not prove that the bytes are canonical.
`verify_turn` is for whoever lets a turn into a store or checks one (`write`, fsck, unpack).

Source: tapesformat-turn(5).
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Final, Literal, NamedTuple

import msgspec

from tapegit.errors import FormatError
from tapegit.objects.canonical import (
    DECODE_ERRORS,
    INTEGER_MAX,
    decode_canonical,
    encode_canonical,
    has_empty,
    replace_surrogates,
    replace_surrogates_in_text,
    type_encoder,
)
from tapegit.objects.kind import SIZE_MAX_BYTES, Kind
from tapegit.objects.oid import ObjectId

SUMMARY_LENGTH_MAX: Final = 120
SUMMARY_SOURCE_LENGTH_MAX: Final = 1000
PARENT_COUNT_MAX: Final = 4096

Role = Literal["session", "system", "user", "assistant", "tool", "event", "note"]
Integer = Annotated[int, msgspec.Meta(ge=-INTEGER_MAX, le=INTEGER_MAX)]
Count = Annotated[int, msgspec.Meta(ge=0, le=INTEGER_MAX)]
Hex = Annotated[str, msgspec.Meta(min_length=64, max_length=64)]

_HEX = re.compile(r"[0-9a-f]{64}", re.ASCII)
# The others are for writers alone, and compiled when the first turn is written.
_DIALECT: Final = r"[a-z0-9][a-z0-9._-]{0,62}@[1-9][0-9]{0,8}"
_CONTROL: Final = "[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]"
_SPACE: Final = "[\t-\r\x1c-\x1f \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+"


class RawPiece(msgspec.Struct, frozen=True, omit_defaults=True):
    """One contiguous run of source bytes: a blob or a rope.

    `at` is given where the piece does not directly follow the one before it in the source:
    the number of its first record, relative to the last record of the previous turn.
    """

    oid: Hex
    at: Integer | None = None


class Usage(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Tokens of one assistant message; `input` does not count what came from a cache."""

    cache_read: Count | None = None
    cache_write_1h: Count | None = None
    cache_write_5m: Count | None = None
    input: Count | None = None
    output: Count | None = None
    reasoning: Count | None = None


class Call(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One request to a model and what came back, as captured on the wire.

    `request` and `response` are ids of blobs or ropes with the bodies, content coding undone
    (`*_coding` says which it was). Headers are (name, value) pairs in wire order, allow-listed.
    `system` and `tools` are numbers of pieces of the request rope, counted from 0 along its
    leaves. Attempts of one call share a `group`; `attempt` counts them from 1.
    """

    attempt: Count | None = None
    ended_ms: Integer | None = None
    first_byte_ms: Integer | None = None
    group: str | None = None
    method: str | None = None
    outcome: Literal["ok", "error", "client_gone", "upstream_cut"] | None = None
    request: Hex | None = None
    request_coding: str | None = None
    request_headers: tuple[tuple[str, str], ...] = ()
    response: Hex | None = None
    response_coding: str | None = None
    response_headers: tuple[tuple[str, str], ...] = ()
    started_ms: Integer | None = None
    status: Count | None = None
    system: tuple[Count, ...] = ()
    tools: tuple[Count, ...] = ()
    url: str | None = None


class CodeRepository(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """The user's code repository, as the source states it."""

    branch: str | None = None
    commit: str | None = None
    remote: str | None = None


class Session(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What the source says of a session; all ids are the harness's own."""

    agent: str | None = None
    command: tuple[str, ...] = ()
    cwd: str | None = None
    harness: str | None = None
    id: str | None = None
    name: str | None = None
    parent: str | None = None
    repository: CodeRepository | None = None
    tool_use: str | None = None
    version: str | None = None


class Redacted(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """How many secrets were replaced, as (rule, count), and the version of the rule set."""

    rules: tuple[tuple[str, Count], ...] = ()
    version: Count | None = None


class Turn(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One turn; see tapesformat-turn(5) for each field."""

    about: Hex | None = None
    call: Call | None = None
    dialect: str | None = None
    duration_ms: Count | None = None
    key: str | None = None
    model: str | None = None
    parents: tuple[Hex, ...] = ()
    provider: str | None = None
    raw: tuple[RawPiece, ...] = ()
    redacted: Redacted | None = None
    role: Role
    session: Session | None = None
    stop: str | None = None
    summary: str | None = None
    time: Integer | None = None
    tools: tuple[str, ...] = ()
    ttft_ms: Count | None = None
    usage: Usage | None = None
    value: str | None = None

    @property
    def parent_ids(self) -> tuple[ObjectId, ...]:
        """The parents as ids, in order.

        Raises:
            FormatError: One is not 64 lower-case hexadecimal digits.
        """
        return tuple(_object_id(hex_) for hex_ in self.parents)


class Subject(msgspec.Struct, frozen=True):
    """The two fields that `log --oneline` shows."""

    role: str
    summary: str | None = None


class _CallLinks(msgspec.Struct, frozen=True):
    request: Hex | None = None
    response: Hex | None = None


class _RawLinks(msgspec.Struct, frozen=True):
    oid: Hex


class _TurnLinks(msgspec.Struct, frozen=True):
    role: Role
    parents: tuple[Hex, ...] = ()
    raw: tuple[_RawLinks, ...] = ()
    call: _CallLinks | None = None


class _TurnStep(msgspec.Struct, frozen=True):
    role: Role
    parents: tuple[Hex, ...] = ()
    time: Integer | None = None


class TurnStep(NamedTuple):
    """Where a turn stands in its chain: what the index of a pack keeps of it."""

    parents: tuple[ObjectId, ...]
    time_ms: int | None
    is_leader: bool


class TurnLinks(NamedTuple):
    """The ids that a turn needs: of turns, and of blobs or ropes."""

    parents: tuple[ObjectId, ...]
    contents: tuple[ObjectId, ...]


_turn_decoder: Final = msgspec.json.Decoder(Turn)
_subject_decoder: Final = msgspec.json.Decoder(Subject)
_links_decoder: Final = msgspec.json.Decoder(_TurnLinks)
_step_decoder: Final = msgspec.json.Decoder(_TurnStep)


def decode_turn(data: bytes) -> Turn:
    """Return the turn that these bytes hold; keys that are not known are ignored.

    Raises:
        FormatError: They hold none. (Bytes that are not canonical may pass: see `verify_turn`.)
    """
    try:
        return _turn_decoder.decode(data)
    except DECODE_ERRORS as error:
        raise FormatError(f"turn cannot be decoded: {error}", where="turn") from error


def decode_subject(data: bytes) -> Subject:
    """Return role and summary alone, as fast as can be.

    Raises:
        FormatError: The bytes hold no turn.
    """
    try:
        return _subject_decoder.decode(data)
    except DECODE_ERRORS as error:
        raise FormatError(f"turn cannot be decoded: {error}", where="turn") from error


def decode_links(data: bytes) -> TurnLinks:
    """Return the ids that a turn needs: its parents, its raw pieces, its request and response.

    Raises:
        FormatError: The bytes hold no turn.
    """
    try:
        turn = _links_decoder.decode(data)
    except DECODE_ERRORS as error:
        raise FormatError(f"turn cannot be decoded: {error}", where="turn") from error
    contents = [piece.oid for piece in turn.raw]
    if turn.call is not None:
        contents += [hex_ for hex_ in (turn.call.request, turn.call.response) if hex_]
    return TurnLinks(
        tuple(_object_id(hex_) for hex_ in turn.parents),
        tuple(_object_id(hex_) for hex_ in contents),
    )


def decode_step(data: bytes) -> TurnStep:
    """Return a turn's parents, its own time, and whether it is a leader.

    Raises:
        FormatError: The bytes hold no turn.
    """
    try:
        turn = _step_decoder.decode(data)
    except DECODE_ERRORS as error:
        raise FormatError(f"turn cannot be decoded: {error}", where="turn") from error
    parents = tuple([_object_id(hex_) for hex_ in turn.parents])
    return TurnStep(parents, turn.time, turn.role == "session")


def encode_turn(turn: Turn) -> bytes:
    """Return the turn's data: canonical, and verified as a reader would.

    Surrogates are joined or replaced by U+FFFD; parts of which nothing is known are left out.

    Raises:
        FormatError: The turn breaks a rule of tapesformat-turn(5).
    """
    try:
        data = type_encoder.encode(turn)
    except UnicodeEncodeError:
        data = b"{}"
    if has_empty(data):
        builtins = replace_surrogates(msgspec.to_builtins(turn))
        data = encode_canonical(_without_empty(builtins), where="turn")
    verify_turn(data)
    return data


def verify_turn(data: bytes) -> Turn:
    """Check every rule of a turn and return it decoded.

    Raises:
        FormatError: A rule is broken; the message says which.
    """
    if len(data) > SIZE_MAX_BYTES[Kind.TURN]:
        raise FormatError(f"turn of {len(data)} bytes is too large", where="turn")
    turn = decode_turn(data)
    # A turn of known keys alone is canonical if it comes back the same: that is the fast way.
    if type_encoder.encode(turn) != data or has_empty(data):
        decode_canonical(data, where="turn")
    _verify_ids(turn)
    _verify_fields(turn)
    return turn


def change_turn(turn: Turn, **fields: Any) -> Turn:
    """Return a turn with other values in some fields."""
    return msgspec.structs.replace(turn, **fields)


def change_call(call: Call, **fields: Any) -> Call:
    """Return a call with other values in some fields."""
    return msgspec.structs.replace(call, **fields)


def clean_summary(text: str) -> str:
    """Return text as one line of at most 120 characters, fit to be a turn's summary.

    Runs of white space become one space, control characters go, and what is too long ends
    in an ellipsis. The result may be empty: such a turn has no summary. Only the first 1,000
    characters after leading white space are looked at.
    """
    start = re.match(_SPACE, text)
    head = text[start.end() if start else 0 :][:SUMMARY_SOURCE_LENGTH_MAX]
    head = replace_surrogates_in_text(head)
    line = re.sub(_CONTROL, "", re.sub(_SPACE, " ", head)).strip(" ")
    if len(line) > SUMMARY_LENGTH_MAX:
        return line[: SUMMARY_LENGTH_MAX - 1].rstrip(" ") + "\u2026"
    return line


def _object_id(hex_: str) -> ObjectId:
    if not _HEX.fullmatch(hex_):
        raise FormatError(f"turn names '{hex_[:80]}', which is no object id", where="turn")
    return ObjectId.fromhex(hex_)


def _without_empty(value: Any) -> Any:
    # The depth is that of the classes above, so this recursion is bounded.
    if not isinstance(value, dict):
        return value
    kept = {key: _without_empty(item) for key, item in value.items()}
    return {key: item for key, item in kept.items() if item not in ({}, [], ())}


def _verify_ids(turn: Turn) -> None:
    call = turn.call
    named = [*turn.parents, *(piece.oid for piece in turn.raw)]
    named += [hex_ for hex_ in (turn.about, call and call.request, call and call.response) if hex_]
    for hex_ in named:
        _object_id(hex_)
    if len(turn.parents) > 1 and len(set(turn.parents)) != len(turn.parents):
        raise FormatError("turn names a parent twice", where="turn")
    if len(turn.parents) > PARENT_COUNT_MAX:
        raise FormatError(f"turn has more than {PARENT_COUNT_MAX} parents", where="turn")


def _verify_fields(turn: Turn) -> None:
    if turn.summary is not None:
        if not 1 <= len(turn.summary) <= SUMMARY_LENGTH_MAX:
            raise FormatError(
                f"summary is not of 1 to {SUMMARY_LENGTH_MAX} characters", where="turn"
            )
        # What these are is never printable, and most summaries are.
        if not turn.summary.isprintable() and re.search(_CONTROL, turn.summary):
            raise FormatError("summary holds a control character", where="turn")
    if turn.dialect is not None and not re.fullmatch(_DIALECT, turn.dialect, re.ASCII):
        raise FormatError(f"no dialect: '{turn.dialect[:80]}'", where="turn")
    if turn.raw and turn.dialect is None:
        raise FormatError("turn has raw but no dialect", where="turn")
    if (turn.about is None) != (turn.key is None) or (turn.key is None and turn.value is not None):
        raise FormatError("note lacks one of about and key", where="turn")
    if turn.about is not None and turn.role != "note":
        raise FormatError(f"turn of role {turn.role} has the fields of a note", where="turn")
