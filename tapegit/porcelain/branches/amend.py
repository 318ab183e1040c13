"""`amend`: another text in one part of a turn, as a sibling that the branch goes to.

Rules: nothing that was recorded changes. The sibling has the parents of the turn; the branch
that is checked out moves to it, and what followed stays where its reflog and the session say.

Source: tapes-amend(1).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tapegit.dialects.parts import ToolResult
from tapegit.dialects.table import find_decoder
from tapegit.dialects.writing.answer_editing import is_streamed, replace_in_stream
from tapegit.dialects.writing.conversation import WITHIN_ANSWERS
from tapegit.dialects.writing.editing import is_editable, part_kind, part_text, replace_part
from tapegit.errors import AmbiguousRevisionError, RefNotFoundError, UserError
from tapegit.graph.ancestry import count_ahead_behind, is_ancestor
from tapegit.objects.kind import Kind
from tapegit.objects.oid import ObjectId
from tapegit.objects.rope_reader import iter_content
from tapegit.objects.turn import (
    RawPiece,
    change_call,
    change_turn,
    decode_turn,
    encode_turn,
    verify_turn,
)
from tapegit.porcelain.secrets.redaction import load_redactor
from tapegit.recorder.amended import amend_turn
from tapegit.recorder.sources.runs import write_bytes
from tapegit.refs.names import HEAD, RefName

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tapegit.dialects.parts import AnyPart
    from tapegit.dialects.table import Decode
    from tapegit.dialects.writing.editing import Edited
    from tapegit.graph.turns import TurnGraph
    from tapegit.objects.turn import Turn
    from tapegit.repository.repository import Repository


class Amendable(NamedTuple):
    """A part of a turn that may be replaced.

    Attributes:
        oid: The turn.
        turn: Decoded.
        pieces: Its raw bytes.
        decode: What reads them.
        number: Of the part, from 0.
        part: As it is.
        text: Its text.
    """

    oid: ObjectId
    turn: Turn
    pieces: tuple[bytes, ...]
    decode: Decode
    number: int
    part: AnyPart
    text: str


class Amended(NamedTuple):
    """What an amendment did.

    Attributes:
        oid: The new turn.
        before: The turn it stands beside.
        branch: What moved; None for a detached HEAD.
        left_count: How many turns followed and are no longer on the branch.
        thinking_count: How many signed thinking parts went.
        secret_count: How many secrets in the new text were replaced.
    """

    oid: ObjectId
    before: ObjectId
    branch: RefName | None
    left_count: int
    thinking_count: int
    secret_count: int


def find_amendable(
    repository: Repository, graph: TurnGraph, oid: ObjectId, number: int | None
) -> Amendable:
    """Return the part of a turn that is meant; with no number the only one there is.

    Raises:
        UserError: HEAD does not reach the turn, or it has no such part.
        AmbiguousRevisionError: It has several parts that may be meant.
    """
    _verify_on_branch(repository, graph, oid)
    turn = decode_turn(repository.objects.read(oid).data)
    decode = find_decoder(turn.dialect)
    if decode is None or not turn.raw:
        what = f"of the dialect '{turn.dialect}'" if turn.dialect else "without raw bytes"
        raise UserError(
            f"turn '{oid.short()}' is {what}: no part of it can be replaced",
            hint="'tapes log' shows the turns around it",
        )
    pieces = tuple(_read_piece(repository, piece) for piece in turn.raw)
    parts = list(decode(pieces))
    if number is None:
        number = _find_only(oid, parts)
    if number >= len(parts):
        raise RefNotFoundError(
            f"turn '{oid.short()}' has {len(parts)} parts, counted from 0",
            hint=f"'tapes show {oid.short()}' shows them",
            name=f"{oid}:part/{number}",
        )
    return Amendable(oid, turn, pieces, decode, number, parts[number], part_text(parts[number]))


def _verify_on_branch(repository: Repository, graph: TurnGraph, oid: ObjectId) -> None:
    head = repository.refs.read_head()
    shown = oid.short()
    if head.oid is None:
        raise RefNotFoundError(
            "no branch is checked out that could move to the amended turn",
            hint=f"'tapes switch -c <name> {shown}' lets one begin there",
            name=HEAD,
        )
    if not is_ancestor(graph, oid, head.oid):
        where = head.target.short if head.target is not None else HEAD
        raise UserError(
            f"turn '{shown}' is not on '{where}'",
            hint=f"'tapes switch -c <name> {shown}' lets a branch begin there",
        )


def _find_only(oid: ObjectId, parts: Sequence[AnyPart]) -> int:
    """Return the number of the only part that a user would replace."""
    numbers = [number for number, part in enumerate(parts) if is_editable(part)]
    if len(numbers) == 1:
        return numbers[0]
    if not numbers:
        raise UserError(
            f"turn '{oid.short()}' has no part that can be replaced",
            hint="a prompt, an answer, a tool's result and the arguments of a call can",
        )
    candidates = [f"{oid.short()}:part/{number}  {_describe(parts[number])}" for number in numbers]
    listed = "\n  ".join(candidates)
    raise AmbiguousRevisionError(
        f"turn '{oid.short()}' has {len(numbers)} parts that can be replaced:\n  {listed}",
        hint=f"name one of them: 'tapes amend {oid.short()}:part/{numbers[0]}'",
        text=str(oid),
        candidates=candidates,
    )


def _describe(part: AnyPart) -> str:
    line = part_text(part).strip().partition("\n")[0]
    kind = part_kind(part)
    return f"{kind.replace('_', ' ')}: {line[:60]}"


def amend(
    repository: Repository, graph: TurnGraph, found: Amendable, text: str, shown: str
) -> Amended:
    """Write the sibling and move the branch to it; `shown` is how the user named the turn.

    Raises:
        UserError: The text is what it was, or no JSON where it must be.
        FormatError: The records do not hold the part in a way that can be written.
        StaleRefError: Somebody else moved the branch meanwhile.
    """
    redactor = load_redactor(repository.config)
    clean = redactor.redact_text(text)
    if clean == found.text:
        raise UserError(
            f"part {found.number} of turn '{found.oid.short()}' is the same already",
            hint="nothing was changed",
        )
    edited = _edit(found, clean)
    head = repository.refs.read_head()
    assert head.oid is not None, "it was asked for before the text was"
    left = count_ahead_behind(graph, head.oid, found.oid)[0]
    draft = amend_turn(found.turn, found.pieces, edited.pieces, clean)
    message = f"amend: part {found.number} of {shown}"
    with repository.transaction(message=message) as transaction:
        raw = []
        for piece, before, after in zip(found.turn.raw, found.pieces, edited.pieces, strict=True):
            if after:
                oid = piece.oid if after == before else str(write_bytes(transaction.write, after))
                raw.append(RawPiece(oid, piece.at))
        data = encode_turn(_answer_anew(change_turn(draft, raw=tuple(raw)), found.turn))
        verify_turn(data)
        new = transaction.write(Kind.TURN, data)
        transaction.update_ref(head.target or HEAD, new, head.oid)
    return Amended(new, found.oid, head.target, left, edited.thinking_count, int(clean != text))


def _edit(found: Amendable, text: str) -> Edited:
    turn = found.turn
    is_result = isinstance(found.part, ToolResult) and turn.dialect in WITHIN_ANSWERS
    is_answer = turn.role == "assistant" and not is_result
    if is_answer and turn.dialect is not None and is_streamed(turn.dialect, found.pieces):
        return replace_in_stream(turn.dialect, found.pieces, found.number, text)
    return replace_part(found.pieces, found.decode, found.number, text, is_answer=is_answer)


def _answer_anew(turn: Turn, before: Turn) -> Turn:
    """Return a turn whose call has its raw bytes as the response, if it had them before.

    So a replay answers with the new words.
    """
    call = turn.call
    if call is None or len(turn.raw) != 1 or len(before.raw) != 1:
        return turn
    if call.response != before.raw[0].oid:
        return turn
    return change_turn(turn, call=change_call(call, response=turn.raw[0].oid))


def _read_piece(repository: Repository, piece: RawPiece) -> bytes:
    return b"".join(iter_content(repository.objects.find, ObjectId.parse(piece.oid)))
