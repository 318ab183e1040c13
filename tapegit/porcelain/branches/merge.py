"""`merge`: bring the conclusion of another tape into the one that is checked out.

Rules: nothing is joined but what the user says: a turn of role `user` whose parents are both
tips. The conversation goes on along the first parent; the other one is where the words come
from.

Source: tapes-merge(1).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from tapegit.dialects.parts import Text
from tapegit.dialects.syntax.lines import first_line
from tapegit.dialects.table import find_decoder
from tapegit.dialects.tapes.message import DIALECT, encode_message
from tapegit.errors import NonFastForwardError, RefNotFoundError, UserError
from tapegit.graph.ancestry import is_ancestor
from tapegit.graph.walk import iter_first_parents
from tapegit.objects.kind import Kind
from tapegit.objects.oid import ObjectId
from tapegit.objects.rope_reader import iter_content
from tapegit.objects.turn import RawPiece, Turn, clean_summary, encode_turn
from tapegit.porcelain.secrets.redaction import load_redactor
from tapegit.refs.names import HEAD, RefName

if TYPE_CHECKING:
    from tapegit.graph.turns import TurnGraph
    from tapegit.repository.repository import Repository

UP_TO_DATE: Final = "up-to-date"
FAST_FORWARD: Final = "fast-forward"
MERGED: Final = "merged"
SEARCH_COUNT_MAX: Final = 10_000


class Merged(NamedTuple):
    """What a merge did.

    Attributes:
        what: One of UP_TO_DATE, FAST_FORWARD and MERGED.
        before: Where HEAD was; None if it was unborn.
        after: Where it is.
        branch: What moved; None for a detached HEAD.
    """

    what: str
    before: ObjectId | None
    after: ObjectId
    branch: RefName | None


def find_answer(repository: Repository, graph: TurnGraph, oid: ObjectId) -> str:
    """Return the last answer of a tape that has words.

    Raises:
        RefNotFoundError: None of its turns has.
    """
    for count, turn_oid in enumerate(iter_first_parents(graph, oid)):
        turn = graph.read_turn(turn_oid)
        if turn.role == "assistant" and (text := _read_text(repository, turn)):
            return text
        if count == SEARCH_COUNT_MAX:
            break
    raise RefNotFoundError(
        f"the tape of '{oid.short()}' has no answer with words to bring over",
        hint="-m says what the merge is to say",
        name=str(oid),
    )


def _read_text(repository: Repository, turn: Turn) -> str:
    decode = find_decoder(turn.dialect)
    if decode is None:
        return ""
    pieces = (
        piece
        for raw in turn.raw
        for piece in iter_content(repository.objects.find, ObjectId.parse(raw.oid))
    )
    return "\n\n".join(part.text for part in decode(pieces) if isinstance(part, Text)).strip()


def plan(
    repository: Repository, graph: TurnGraph, oid: ObjectId, *, is_forced: bool = False
) -> str:
    """Return what a merge of a turn comes to; `is_forced` makes a turn of a fast-forward.

    Raises:
        ObjectNotFoundError: A turn on the way is missing.
        DataError: One is damaged.
    """
    head = repository.refs.read_head()
    if head.oid is None:
        return FAST_FORWARD
    if is_ancestor(graph, oid, head.oid):
        return UP_TO_DATE
    if not is_forced and is_ancestor(graph, head.oid, oid):
        return FAST_FORWARD
    return MERGED


def fast_forward(repository: Repository, oid: ObjectId, shown: str) -> Merged:
    """Let the branch that is checked out go on to a turn that descends from it."""
    head = repository.refs.read_head()
    with repository.ref_transaction(f"merge {shown}: Fast-forward") as refs:
        refs.update(head.target or HEAD, oid, head.oid, is_fast_forward=True)
    return Merged(FAST_FORWARD, head.oid, oid, head.target)


def merge(repository: Repository, oid: ObjectId, text: str, shown: str) -> Merged:
    """Write the turn that has both parents, and move the branch to it.

    Raises:
        UserError: The text is empty.
        NonFastForwardError: HEAD is unborn.
        StaleRefError: Somebody else moved the branch meanwhile.
    """
    head = repository.refs.read_head()
    if head.oid is None:
        raise NonFastForwardError("HEAD is unborn: there is nothing to merge with", name=HEAD)
    clean = load_redactor(repository.config).redact_text(text.strip())
    if not clean:
        raise UserError("a merge that says nothing is not made", hint="-m says it")
    raw = encode_message([Text(text=clean)])
    with repository.transaction(message=f"merge {shown}: Merge made") as transaction:
        piece = transaction.write(Kind.BLOB, raw)
        turn = Turn(
            role="user",
            dialect=DIALECT,
            time=repository.clock(),
            parents=(str(head.oid), str(oid)),
            raw=(RawPiece(str(piece)),),
            summary=clean_summary(first_line(clean) or "") or None,
        )
        new = transaction.write(Kind.TURN, encode_turn(turn))
        transaction.update_ref(head.target or HEAD, new, head.oid, is_fast_forward=True)
    return Merged(MERGED, head.oid, new, head.target)
