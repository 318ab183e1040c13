"""What the requests of two turns asked besides the conversation, where the wire was recorded.

A request repeats all that was said before it, so its body is not read: of its rope only the
pieces count that hold the system prompt and the tools, and what stands between the messages.
Nodes that consecutive requests share are looked at once.

Source: tapes-diff(1), "SETTINGS".
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from tapegit.dialects.parts import Text
from tapegit.dialects.wire_table import WIRE_DIALECTS
from tapegit.errors import FormatError
from tapegit.objects.kind import Kind
from tapegit.objects.rope import decode_rope
from tapegit.porcelain.diff.json_values import NO_JSON, parse_json

if TYPE_CHECKING:
    from tapegit.objects.oid import ObjectId
    from tapegit.store.database import ObjectDatabase

Call = tuple[str, "ObjectId", tuple[int, ...], tuple[int, ...]]
"""Wire dialect, request, and which of its pieces hold the system prompt and the tools."""

VOLATILE: Final = frozenset(
    {
        "client_metadata",
        "metadata",
        "previous_response_id",
        "prompt_cache_key",
        "safety_identifier",
        "user",
    }
)
"""Parameters that name a run, a user or a place in a conversation."""
_IN_MESSAGES: Final = frozenset({"openai.chat@1", "ollama.chat@1"})
"""Dialects whose system prompt is a message: there it is a turn."""
_MESSAGE: Final = b"-0e-000"
"""What stands for a message: JSON, and in no text."""
_MESSAGES: Final = re.compile(rb"-0e-000(?:[ \t\r\n]*,[ \t\r\n]*-0e-000)+")
_BILLING: Final = "x-anthropic-billing-header:"
_CACHED_COUNT_MAX: Final = 50_000
_READ_SIZE_MAX_BYTES: Final = 16 << 20


class Asked(NamedTuple):
    """What a request asked: its instructions, the tools by name, and its parameters."""

    system: str
    tools: dict[str, Any]
    parameters: dict[str, Any]


class RequestReader:
    """Reads requests, and remembers what they share."""

    def __init__(self, objects: ObjectDatabase) -> None:
        self._objects = objects
        self._nodes: dict[tuple[ObjectId, tuple[int, ...]], bytes] = {}
        self._counts: dict[ObjectId, int] = {}
        self._asked: dict[bytes, Asked | None] = {}

    def read(self, call: Call) -> Asked | None:
        """Return what a request asked, or None where it cannot be told.

        Raises:
            ObjectNotFoundError: An object is missing.
            DataError: An object is damaged.
        """
        dialect, oid, system, tools = call
        body = self._outline(oid, tuple(sorted({*system, *tools})), is_first=True)
        body = _MESSAGES.sub(_MESSAGE, body)
        key = dialect.encode() + b" " + body
        if key not in self._asked:
            if len(self._asked) >= _CACHED_COUNT_MAX:
                self._asked.clear()
            self._asked[key] = _decode(dialect, body)
        return self._asked[key]

    def _outline(self, oid: ObjectId, kept: tuple[int, ...], *, is_first: bool) -> bytes:
        """Return the bytes below a node, with a number for each message.

        Args:
            oid: A blob or a rope.
            kept: Numbers of pieces that are kept as they are, counted from the node's first.
            is_first: It begins the body.
        """
        key = self._key(oid, kept, is_first=is_first)
        if key in self._nodes:
            return self._nodes[key]
        found = self._objects.read(oid)
        if found.kind is not Kind.BLOB:
            outline = self._outline_rope(oid, found.data, kept, is_first=is_first)
        elif is_first or 0 in kept or found.data[:1] not in (b"{", b'"', b"["):
            outline = found.data
        else:
            outline = _MESSAGE
        self._counts.setdefault(oid, 1)
        if len(self._nodes) >= _CACHED_COUNT_MAX:
            self._nodes.clear()
        self._nodes[self._key(oid, kept, is_first=is_first)] = outline
        return outline

    def _key(
        self, oid: ObjectId, kept: tuple[int, ...], *, is_first: bool
    ) -> tuple[ObjectId, tuple[int, ...]]:
        count = self._counts.get(oid)
        if count is not None:
            kept = tuple(number for number in kept if number < count)
        return oid, (-1, *kept) if is_first else kept

    def _outline_rope(
        self, oid: ObjectId, data: bytes, kept: tuple[int, ...], *, is_first: bool
    ) -> bytes:
        # A rope has at most 12 levels, so this recursion is bounded.
        pieces, count = [], 0
        for entry in decode_rope(data).entries:
            if entry.oid is None:
                pieces.append(entry.literal)
                count += 1
                continue
            below = tuple(number - count for number in kept if number >= count)
            pieces.append(self._outline(entry.oid, below, is_first=is_first and not count))
            count += self._counts[entry.oid]
        self._counts[oid] = count
        return b"".join(pieces)


def _decode(dialect: str, body: bytes) -> Asked | None:
    wire = WIRE_DIALECTS.get(dialect)
    if wire is None or len(body) > _READ_SIZE_MAX_BYTES:
        return None
    try:
        request = wire.decode_request(body)
    except FormatError:
        return None
    said = () if dialect in _IN_MESSAGES else request.system
    system = [part.text for part in said if isinstance(part, Text)]
    parameters = {"model": request.model} if request.model is not None else {}
    return Asked(
        "\n\n".join(text for text in system if not text.startswith(_BILLING)),
        {tool.name: _load(tool.raw) for tool in request.tools},
        parameters
        | {
            name: _load(value) for name, value in request.parameters.items() if name not in VOLATILE
        },
    )


def _load(text: str) -> Any:
    value = parse_json(text)
    return text if value is NO_JSON else value
