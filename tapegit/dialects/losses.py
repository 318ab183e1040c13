"""What an encoder of requests could not carry, and what all encoders decide alike.

Rules: nothing is left out without a `Loss`; an unknown part is carried where the request is of
the encoder's own dialect, as it stands. A call of the provider's own tool (its result is in the
same message) cannot be sent back as one of the client's.

Source: tapesdialect-anthropic-messages(7), "Losses".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from tapegit.dialects.exchange import Loss
from tapegit.dialects.parts import (
    AnyPart,
    Attachment,
    Compaction,
    Failure,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    Unknown,
)
from tapegit.dialects.syntax.json_records import read_document

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tapegit.dialects.exchange import Message, Request

COMMON_PARAMETERS: Final = frozenset({"max_tokens", "temperature", "top_p", "stream"})
_KINDS: Final = {
    Text: "text",
    Thinking: "thinking",
    ToolCall: "tool_call",
    ToolResult: "tool_result",
    Attachment: "attachment",
    Failure: "error",
    Compaction: "compaction",
    Unknown: "unknown",
}


class Losses:
    """What has been lost so far, and the ids of calls that have none of their own."""

    def __init__(self, request: Request, dialect: str) -> None:
        self.is_same = request.dialect == dialect
        self.found: list[Loss] = []
        self.message: int | None = None
        self._waiting: list[str] = []
        self._made = 0

    def add(self, kind: str, detail: str) -> None:
        """Note that something is not carried."""
        self.found.append(Loss(kind=kind, detail=detail[:200], message=self.message))

    def add_part(self, part: AnyPart) -> None:
        """Note that a part is not carried."""
        found = (getattr(part, key, None) for key in ("type", "name", "kind", "text"))
        self.add(_KINDS[type(part)], next(filter(None, found), ""))

    def raw_of(self, unknown: Unknown) -> msgspec.Raw | None:
        """Return an unknown part as JSON, where it can go back as it came; else note it."""
        raw = object_of(unknown.raw) if self.is_same else None
        if raw is None:
            self.add_part(unknown)
        return raw

    def client_parts(self, message: Message) -> Iterator[AnyPart]:
        """Yield the parts of a message, but calls that the provider answered itself."""
        own: set[str | None] = set()
        if message.role == "assistant":
            own = {part.call_id for part in message.parts if isinstance(part, ToolResult)}
        for part in message.parts:
            is_result = isinstance(part, ToolResult) and message.role == "assistant"
            if is_result or (isinstance(part, ToolCall) and part.id in own):
                self.add_part(part)
            else:
                yield part

    def id_of_call(self, call: ToolCall) -> str:
        """Return a call's id; one is made for a call without."""
        if call.id is not None:
            return call.id
        self._made += 1
        self._waiting.append(f"call_{self._made}")
        return self._waiting[-1]

    def id_of_result(self, result: ToolResult) -> str | None:
        """Return the id of the call that a result answers, without one the oldest without."""
        if result.call_id is not None:
            return result.call_id
        return self._waiting.pop(0) if self._waiting else None

    def parameters(self, request: Request) -> dict[str, object]:
        """Return the parameters that go along: all of the same dialect's, else the common."""
        self.message = None
        carried: dict[str, object] = {}
        for name, value in request.parameters.items():
            if self.is_same or name in COMMON_PARAMETERS:
                carried[name] = msgspec.Raw(value.encode())
            else:
                self.add("parameter", name)
        return carried


def object_of(text: str) -> msgspec.Raw | None:
    """Return text as JSON if it is an object, or None."""
    document = read_document(text.encode("utf-8", "replace"))
    if document is None or not document.lstrip().startswith(b"{"):
        return None
    return msgspec.Raw(document)
