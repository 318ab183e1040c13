"""Bodies of Anthropic's Messages interface: requests, messages, and responses that are no stream.

Pure: bytes in, values out. A block that has no part of its own is `Unknown`, with its bytes.

Source: tapesdialect-anthropic-messages(7).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tapegit.dialects.exchange import Message, Request, Response, Tool
from tapegit.dialects.parts import (
    AnyPart,
    Attachment,
    Compaction,
    Failure,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)
from tapegit.dialects.syntax.bodies import (
    Members,
    PartList,
    failure_text,
    is_null,
    read_body,
    read_members,
    read_object,
    unknown,
)
from tapegit.dialects.syntax.members import decode_string, iter_array, starts_with, text_of
from tapegit.objects.turn import Usage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tapegit.dialects.syntax.members import Json

NAME: Final = "anthropic.messages@1"
_NOT_PARAMETERS: Final = frozenset({"model", "messages", "system", "tools"})


def decode_request(body: bytes) -> Request:
    """Return what a request asks.

    Raises:
        FormatError: The body is no JSON object, or too large.
    """
    members = read_body(body, "request")
    parts = PartList("request")
    return Request(
        dialect=NAME,
        model=members.name("model"),
        system=parts.take(iter_content(members.get("system", b""))),
        tools=tuple(map(decode_tool, parts.counted(members.elements("tools")))),
        parameters={
            name: text_of(raw) for name, raw in members.items() if name not in _NOT_PARAMETERS
        },
        messages=tuple(_message(raw, parts) for raw in parts.counted(members.elements("messages"))),
    )


def decode_message(body: bytes) -> Message:
    """Return one element of `messages`.

    Raises:
        FormatError: The bytes are no JSON object, or too large.
    """
    return _message(read_object(body, "message"), PartList("message"))


def decode_response(body: bytes) -> Response:
    """Return what a body that is no stream answers.

    Raises:
        FormatError: The body is no JSON object, or too large.
    """
    members = read_body(body, "response")
    parts = PartList("response")
    if members.string("type") == "error":
        failure = Failure(text=failure_text(members.members("error")))
        return Response(dialect=NAME, parts=(failure,), is_complete=True)
    return Response(
        dialect=NAME,
        id=members.name("id"),
        model=members.name("model"),
        parts=parts.take(iter_content(members.get("content", b""))),
        stop=members.name("stop_reason"),
        usage=read_usage(members.members("usage")),
        is_complete=True,
    )


def decode_tool(raw: Json) -> Tool:
    """Return an element of `tools`."""
    members = read_members(raw)
    return Tool(
        name=members.name("name") or members.name("type") or "unnamed",
        raw=text_of(raw),
        description=members.string("description"),
        parameters=members.json("input_schema"),
    )


def _message(raw: Json, parts: PartList) -> Message:
    members = read_members(raw)
    role = members.name("role") or "unknown"
    taken = parts.take(iter_content(members.get("content", b"")))
    if role == "user" and any(isinstance(part, ToolResult) for part in taken):
        role = "tool"
    return Message(role=role, parts=taken)


def iter_content(raw: Json) -> Iterator[AnyPart]:
    """Yield the parts of what may be a string, a list of blocks, or something else."""
    if not len(raw) or is_null(raw):
        return
    text = decode_string(raw)
    if text is not None:
        yield Text(text=text)
    elif starts_with(memoryview(raw), "["):
        yield from map(decode_block, iter_array(raw))
    else:
        yield unknown("content", raw)


def decode_block(raw: Json) -> AnyPart:
    """Return the part that a block is."""
    text = decode_string(raw)
    if text is not None:
        return Text(text=text)
    members = read_members(raw)
    kind = members.name("type")
    make = _PART_MAKERS.get(kind or "")
    if make is None and kind is not None and kind.endswith("_tool_result"):
        make = _result
    part = make(members) if make is not None else None
    return part or unknown(kind, raw)


def _text(block: Members) -> AnyPart | None:
    text = block.string("text")
    return None if text is None else Text(text=text)


def _thinking(block: Members) -> AnyPart | None:
    signature = block.string("signature") or None
    text = block.string("thinking")
    if text is None and signature is None:
        return None
    return Thinking(text=text or "", is_signed=signature is not None, signature=signature)


def _redacted(block: Members) -> AnyPart | None:
    return Thinking(text="", is_redacted=True, signature=block.string("data") or None)


def _call(block: Members) -> AnyPart | None:
    name = block.string("name")
    if name is None:
        return None
    return ToolCall(name=name, arguments=block.json("input") or "{}", id=block.name("id"))


def _result(block: Members) -> AnyPart | None:
    texts: list[str] = []
    attachments: list[Attachment] = []
    content = block.get("content", b"")
    if starts_with(memoryview(content), "{"):
        texts.append(text_of(content))
    else:
        for part, raw in _iter_result_content(content):
            if isinstance(part, Text):
                texts.append(part.text)
            elif isinstance(part, Attachment):
                attachments.append(part)
            else:
                texts.append(text_of(raw))
    return ToolResult(
        text="\n".join(texts),
        is_error=block.flag("is_error"),
        call_id=block.name("tool_use_id"),
        attachments=tuple(attachments),
    )


def _iter_result_content(content: Json) -> Iterator[tuple[AnyPart, Json]]:
    text = decode_string(content) if len(content) else None
    if text is not None:
        yield Text(text=text), content
    for raw in iter_array(content):
        yield _result_block(raw), raw


def _result_block(raw: Json) -> AnyPart:
    """Return a block inside a result; a result inside a result is not looked into."""
    members = read_members(raw)
    if members.name("type") in _INSIDE_RESULTS:
        return decode_block(raw)
    text = decode_string(raw)
    return unknown(members.name("type"), raw) if text is None else Text(text=text)


def _attachment(block: Members) -> AnyPart | None:
    source = block.members("source")
    if not source:
        return None
    file_id = source.name("file_id")
    data = source.string("data")
    url = source.string("url") or (f"file:{file_id}" if file_id else None)
    if data is None and url is None:
        return None
    return Attachment(
        kind=block.name("type") or "attachment",
        media_type=source.name("media_type"),
        data=data,
        url=url,
    )


def _compaction(block: Members) -> AnyPart | None:
    return Compaction(text=block.string("content") or "")


_INSIDE_RESULTS: Final = frozenset({"text", "image", "document"})
_PART_MAKERS: Final[dict[str, Callable[[Members], AnyPart | None]]] = {
    "text": _text,
    "thinking": _thinking,
    "redacted_thinking": _redacted,
    "tool_use": _call,
    "server_tool_use": _call,
    "mcp_tool_use": _call,
    "tool_result": _result,
    "image": _attachment,
    "document": _attachment,
    "compaction": _compaction,
}


def read_usage(usage: Members) -> Usage | None:
    """Return the tokens that a `usage` tells of; None where it tells of none."""
    creation = usage.members("cache_creation")
    write_5m = creation.count("ephemeral_5m_input_tokens")
    details = usage.members("output_tokens_details")
    found = Usage(
        input=usage.count("input_tokens"),
        output=usage.count("output_tokens"),
        cache_read=usage.count("cache_read_input_tokens"),
        cache_write_5m=write_5m if creation else usage.count("cache_creation_input_tokens"),
        cache_write_1h=creation.count("ephemeral_1h_input_tokens"),
        reasoning=details.count("thinking_tokens"),
    )
    return None if found == Usage() else found
