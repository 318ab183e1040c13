"""What a message says, as far as it takes to know it again when it is sent again.

A key is like what counts for the context id, but more lenient with what a model said: clients
join its texts, cut them, and drop blanks. It is never stored.

Source: tapeswire(7), "Threading"; tapescontext(7), "Projection".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from tapegit.dialects.exchange import Message
from tapegit.dialects.meaning.injected import dialect_name, strip_blocks
from tapegit.dialects.meaning.part_summary import summarize_parts
from tapegit.dialects.meaning.projection import iter_items
from tapegit.dialects.parts import Compaction, Text, ToolCall, Unknown
from tapegit.dialects.syntax.bodies import read_object
from tapegit.dialects.syntax.lines import first_line
from tapegit.dialects.syntax.members import decode_string, text_of
from tapegit.dialects.wire_parts import without_defaults
from tapegit.dialects.wire_table import WIRE_DIALECTS
from tapegit.errors import FormatError
from tapegit.objects.oid import hash_content

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tapegit.dialects.parts import AnyPart

_ROLES: Final = {
    "user": "user",
    "assistant": "assistant",
    "model": "assistant",
    "tool": "tool",
    "function": "tool",
    "system": "system",
    "developer": "system",
    "event": "event",
}
KEY_SIZE_BYTES: Final = 16


class MessageFacts(NamedTuple):
    """What is known of one message.

    Attributes:
        role: Of the turn that it becomes.
        texts: Of a message of the model: what it says, without blanks.
        items: What else counts of it.
        call_ids: The ids of the calls in it.
        summary: Its line, not yet cleaned.
        tools: Names of the tools that it calls.
        key: Of the message alone.
        is_compaction: It stands for messages that are no longer sent.
    """

    role: str
    texts: str = ""
    items: tuple[bytes, ...] = ()
    call_ids: tuple[str, ...] = ()
    summary: str | None = None
    tools: tuple[str, ...] = ()
    key: bytes = b""
    is_compaction: bool = False


NO_FACTS: Final = MessageFacts("user", key=b"-")


def decode_any_message(dialect: str, piece: bytes) -> Message:
    """Return a message, or what stands in its place: a string, or something unreadable."""
    text = decode_string(piece)
    if text is not None:
        return Message(role="user", parts=(Text(text=text),))
    try:
        read_object(piece, "message")
        return WIRE_DIALECTS[dialect].decode_message(piece)
    except FormatError:
        return Message(role="user", parts=(Unknown(type="message", raw=text_of(piece)),))


def read_message(dialect: str, piece: bytes) -> MessageFacts:
    """Return what is known of a message of a request."""
    message = decode_any_message(dialect, piece)
    return facts_of(dialect, _ROLES.get(message.role, "user"), message.parts)


def facts_of(dialect: str, role: str, parts: Sequence[AnyPart]) -> MessageFacts:
    """Return what is known of a message of these parts."""
    projected = role if role in {"user", "assistant", "tool"} else "user"
    said = ""
    if role == "assistant":
        said = "".join("".join(p.text.split()) for p in parts if isinstance(p, Text))
        counted: Iterable[AnyPart] = [
            without_defaults(part) if isinstance(part, ToolCall) else part
            for part in parts
            if not isinstance(part, Text)
        ]
    else:
        counted = parts
    summary = summarize_parts(parts)
    line = _prompt_line(dialect, parts) if role in {"user", "system"} else None
    facts = MessageFacts(
        role,
        said,
        tuple(item.data for item in iter_items(dialect, projected, counted)),
        tuple(part.id for part in parts if isinstance(part, ToolCall) and part.id),
        line or summary.headline or ", ".join(summary.labels) or summary.fallback,
        summary.tools,
        is_compaction=any(isinstance(part, Compaction) for part in parts),
    )
    return facts._replace(key=_make_key([facts]))


def key_of(messages: Sequence[MessageFacts]) -> bytes:
    """Return the key of one message, or of several of the model that are one."""
    return messages[0].key if len(messages) == 1 else _make_key(messages)


def _make_key(messages: Sequence[MessageFacts]) -> bytes:
    said = "".join(message.texts for message in messages)
    fields = [messages[0].role.encode(), said.encode("utf-8", "surrogatepass")]
    fields += [item for message in messages for item in message.items]
    return hash_content(b"\0".join(fields))[:KEY_SIZE_BYTES]


def _prompt_line(dialect: str, parts: Iterable[AnyPart]) -> str | None:
    """Return the first line that the harness did not put there."""
    name = dialect_name(dialect)
    for part in parts:
        line = first_line(strip_blocks(part.text, name)) if isinstance(part, Text) else None
        if line:
            return line
    return None
