"""`export` as a provider's request: the context of one turn, in the words of any interface.

The tape is read back from the turn to its beginning, or to the last compaction, and encoded.
System prompt, tools and parameters are those of the last request on the tape; transcripts
hardly hold any.

Source: tapes-export(1), "REQUESTS".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from tapegit.dialects.wire_table import WIRE_DIALECTS
from tapegit.dialects.writing.conversation import SpokenTurn, find_compaction, make_request
from tapegit.errors import FormatError, UserError
from tapegit.graph.selection import Selected
from tapegit.objects.oid import ObjectId
from tapegit.objects.rope_reader import read_content
from tapegit.porcelain.history.show import ShownTurn, iter_shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tapegit.dialects.exchange import Loss, Request
    from tapegit.graph.turns import TurnGraph
    from tapegit.objects.turn import Turn
    from tapegit.porcelain.export.export import Choice
    from tapegit.store.database import ObjectDatabase

REQUEST_FORMATS: Final = {
    "openai": "openai.chat@1",
    "openai-responses": "openai.responses@1",
    "anthropic": "anthropic.messages@1",
    "gemini": "gemini.generate@1",
    "ollama": "ollama.chat@1",
}
"""The interfaces, as a user names them, and their dialects."""


class RequestExport(NamedTuple):
    """A request's body, and what is to be said of it.

    Attributes:
        body: The body, JSON.
        losses: What the tape has and the body has not, in the order of the conversation.
        turn_count: How many turns were read for it.
        message_count: How many messages of the tape are in it.
        model: Who is asked, where the tape says so.
        has_asked: Whether a request was recorded, so that tools and parameters are known.
        redacted_count: How many secrets were replaced by placeholders.
    """

    body: bytes
    losses: tuple[Loss, ...]
    turn_count: int
    message_count: int
    model: str | None
    has_asked: bool
    redacted_count: int


def export_request(
    objects: ObjectDatabase, graph: TurnGraph, choice: Choice, form: str
) -> RequestExport:
    """Return the context of a turn as a body of one of `REQUEST_FORMATS`.

    Raises:
        UserError: A range was chosen, which is no context, or there are no messages.
        ObjectNotFoundError: An object is missing.
        DataError: An object is damaged.
    """
    if choice.tip is None:
        raise UserError("a request is made of one turn and what is before it, not of a range")
    shown = list(_iter_back(objects, graph, choice.tip))
    shown.reverse()
    asked = find_asked(objects, [each.turn for each, _ in shown])
    request = make_request((spoken for _, spoken in shown), asked)
    if not request.messages:
        raise UserError("nothing was said there that could be sent")
    encoded = WIRE_DIALECTS[REQUEST_FORMATS[form]].encode_request(request)
    redacted = (each.turn.redacted for each, _ in shown)
    return RequestExport(
        body=encoded.body,
        losses=encoded.losses,
        turn_count=len(shown),
        message_count=len(request.messages),
        model=request.model,
        has_asked=asked is not None,
        redacted_count=sum(count for each in redacted if each for _, count in each.rules),
    )


def verify_lossless(export: RequestExport) -> None:
    """Check that a request holds all that its tape does.

    Raises:
        UserError: Something is not carried, or secrets were replaced in it.
    """
    count = len(export.losses)
    if count:
        are = "part of it is" if count == 1 else "parts of it are"
        raise UserError(f"not exact: {count} {are} not carried", losses=count)
    if export.redacted_count:
        raise UserError(
            f"not exact: {export.redacted_count} secrets were replaced by placeholders",
            redacted=export.redacted_count,
        )


def _iter_back(
    objects: ObjectDatabase, graph: TurnGraph, tip: ObjectId
) -> Iterator[tuple[ShownTurn, SpokenTurn]]:
    """Yield the turns of a context, the newest first; a compaction is the last of them."""
    oid: ObjectId | None = tip
    while oid is not None:
        (shown,) = iter_shown(objects, (Selected(oid),))
        assert isinstance(shown, ShownTurn)
        turn = shown.turn
        is_silent = turn.role in {"session", "note"}
        parts = () if is_silent else tuple(shown.parts)
        spoken = SpokenTurn(turn.dialect, turn.role, parts, turn.model)
        yield shown, spoken
        oid = None
        if find_compaction(spoken) is None:
            oid = next(iter(graph.parents(shown.oid)), None)


def find_asked(objects: ObjectDatabase, turns: Sequence[Turn]) -> Request | None:
    """Return the newest request that was recorded with these turns and can be read."""
    for turn in reversed(turns):
        dialect = WIRE_DIALECTS.get(turn.dialect or "")
        if turn.call is None or turn.call.request is None or dialect is None:
            continue
        body = read_content(objects.find, ObjectId.parse(turn.call.request))
        try:
            return dialect.decode_request(body)
        except FormatError:
            continue
    return None
