"""The conversation that turns hold, as one request: what a harness would send after them.

Pure: turns in, a `Request` out, for the encoder of any wire dialect. Events, leaders and notes
are no messages; a compaction begins the conversation anew, with its summary where it has one.
What a request holds besides messages is taken from the last one that was recorded.

Source: tapes-export(1), "REQUESTS".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from tapegit.dialects.exchange import Message, Request
from tapegit.dialects.meaning.projection import MESSAGE_ROLES
from tapegit.dialects.parts import Compaction, Text, ToolResult

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tapegit.dialects.parts import AnyPart


WITHIN_ANSWERS: Final = frozenset({"gemini-cli@1", "opencode@1"})
"""Of clients that write results into the answer which calls for them."""


class SpokenTurn(NamedTuple):
    """What of a turn counts: its dialect with the version, its role, its parts, its model."""

    dialect: str | None
    role: str
    parts: tuple[AnyPart, ...]
    model: str | None = None


def split_results(turn: SpokenTurn) -> tuple[SpokenTurn, ...]:
    """Return a turn, and after it the results which its client wrote into it.

    A result in an answer of any other dialect is the provider's own, and stays there.
    """
    if turn.dialect not in WITHIN_ANSWERS or turn.role != "assistant":
        return (turn,)
    results = tuple(part for part in turn.parts if isinstance(part, ToolResult))
    if not results:
        return (turn,)
    rest = tuple(part for part in turn.parts if not isinstance(part, ToolResult))
    return turn._replace(parts=rest), turn._replace(role="tool", parts=results, model=None)


def find_compaction(turn: SpokenTurn) -> Compaction | None:
    """Return the compaction that a turn is, if only what comes after it is sent from then on."""
    if turn.role != "event":
        return None
    whole = (part for part in turn.parts if isinstance(part, Compaction) and not part.is_partial)
    return next(whole, None)


def make_request(turns: Iterable[SpokenTurn], asked: Request | None = None) -> Request:
    """Return the conversation of turns as a request.

    Its dialect is that of all its turns and of `asked`, and empty where they differ: then
    nothing goes along that only one provider would take back. Without `asked`, what is said by
    the system before anything else is the system prompt.

    Args:
        turns: Each the parent of the next.
        asked: The last request that was recorded with them.
    """
    messages: list[Message] = []
    dialects = {asked.dialect} if asked is not None else set()
    model = asked.model if asked is not None else None
    for turn in turns:
        compaction = find_compaction(turn)
        if compaction is not None:
            text = Text(text=compaction.text, injected=True)
            messages = [Message(role="user", parts=(text,))] if compaction.is_summary else []
        if turn.role in MESSAGE_ROLES or turn.role == "system":
            dialects.add(turn.dialect or "")
            split = split_results(turn)
            messages += (Message(role=each.role, parts=each.parts) for each in split)
        if turn.role == "assistant" and turn.model and not turn.model.startswith("<"):
            model = turn.model
    dialect = dialects.pop() if len(dialects) == 1 else ""
    if asked is None:
        system, messages = _split_system(messages)
        return Request(dialect=dialect, model=model, system=system, messages=tuple(messages))
    return Request(
        dialect=dialect,
        model=model,
        system=asked.system,
        tools=asked.tools,
        parameters=asked.parameters,
        messages=tuple(messages),
    )


def _split_system(messages: list[Message]) -> tuple[tuple[AnyPart, ...], list[Message]]:
    """Return the parts of the system messages that come first, and the messages after them."""
    count = 0
    while count < len(messages) and messages[count].role == "system":
        count += 1
    first = tuple(part for message in messages[:count] for part in message.parts)
    return first, messages[count:]
