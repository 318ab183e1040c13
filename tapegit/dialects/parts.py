"""What a message consists of, whatever dialect it was written in.

Decoders of dialects return these; `show`, `diff`, `search` and exports work on them. A part
holds the source's own text and values: nothing is shortened, cleaned or escaped here. What a
decoder does not understand is an `Unknown` part with its exact bytes.

Source: tapesglossary(7), "Terms".
"""

from __future__ import annotations

import msgspec


class Part(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True, tag_field="part"):
    """What all parts share: the number of the record they are in, counted from 1 in the turn."""

    record: int = 1


class Text(Part, frozen=True, tag="text"):
    """Text of a message; `injected` says that the harness put it there, not the user.

    It `is_refusal` where the provider says that the model would not answer. A `signature` is
    what a provider wants back with the part, as the wire has it.
    """

    text: str
    injected: bool = False
    is_refusal: bool = False
    signature: str | None = None


class Thinking(Part, frozen=True, tag="thinking"):
    """What the model thought; the text may be empty where only a signature was given."""

    text: str
    is_signed: bool = False
    is_redacted: bool = False
    signature: str | None = None


class ToolCall(Part, frozen=True, tag="tool_call"):
    """A call of a tool; `arguments` is JSON as the source has it."""

    name: str
    arguments: str
    id: str | None = None
    signature: str | None = None


class ToolResult(Part, frozen=True, tag="tool_result"):
    """What a call gave back: its text, and what else it held (images, documents)."""

    text: str
    is_error: bool = False
    call_id: str | None = None
    name: str | None = None
    attachments: tuple[Attachment, ...] = ()


class Attachment(Part, frozen=True, tag="attachment"):
    """An image or a document, by its type and size; `data` is base64 as in the source."""

    kind: str
    media_type: str | None = None
    data: str | None = None
    url: str | None = None


class Failure(Part, frozen=True, tag="error"):
    """An error of the provider or the harness."""

    text: str


class Compaction(Part, frozen=True, tag="compaction"):
    """The place where a context was shortened; `text` is what the harness says of it.

    Where it is partial, only some old results went, and the rest stayed as it was. Where it is
    a summary, the text is what the model goes on from.
    """

    text: str
    is_partial: bool = False
    is_summary: bool = False
    trigger: str | None = None
    tokens_before: int | None = None


class Unknown(Part, frozen=True, tag="unknown"):
    """A record or block that the decoder has no part for: its type, and its bytes as text."""

    type: str
    raw: str


AnyPart = Text | Thinking | ToolCall | ToolResult | Attachment | Failure | Compaction | Unknown


def part_members(part: AnyPart) -> dict[str, object]:
    """Return a part as the members of a JSON object; `part` says which kind it is."""
    members: dict[str, object] = msgspec.to_builtins(part)
    return members
