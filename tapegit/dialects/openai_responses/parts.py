"""Bodies of OpenAI's Responses interface: requests, items, and responses that are no stream.

Pure: bytes in, values out. An item that has no part of its own is `Unknown`, with its bytes.
What the model said in items that follow one another is one message.

Source: tapesdialect-openai-responses(7).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tapegit.dialects.exchange import Message, Request, Response
from tapegit.dialects.openai_chat.parts import SYSTEM_ROLES, decode_tool, find_failure
from tapegit.dialects.parts import (
    AnyPart,
    Attachment,
    Compaction,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)
from tapegit.dialects.syntax.bodies import (
    Members,
    PartList,
    is_null,
    read_body,
    read_members,
    read_object,
    unknown,
)
from tapegit.dialects.syntax.data_urls import attachment_of
from tapegit.dialects.syntax.members import decode_string, starts_with, text_of
from tapegit.objects.turn import Usage

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tapegit.dialects.syntax.members import Json

NAME: Final = "openai.responses@1"
_NOT_PARAMETERS: Final = frozenset(
    {"model", "input", "tools", "instructions", "previous_response_id"}
)
_TEXTS: Final = frozenset({"input_text", "output_text", "text", "summary_text", "reasoning_text"})
_OUTPUT_ENDS: Final = ("_call_output", "tool_search_output")
_RESULT_MEMBERS: Final = ("output", "outputs", "results", "result", "tools", "error")


def decode_request(body: bytes) -> Request:
    """Return what a request asks.

    Raises:
        FormatError: The body is no JSON object, or too large.
    """
    members = read_body(body, "request")
    parts = PartList("request")
    prompt = members.string("input")
    if prompt is not None:
        messages = [Message(role="user", parts=parts.take([Text(text=prompt)]))]
    else:
        items = (_message(raw, parts) for raw in parts.counted(members.elements("input")))
        messages = list(_join(items))
    return Request(
        dialect=NAME,
        model=members.name("model"),
        system=parts.take(_iter_instructions(members.get("instructions", b""))),
        tools=tuple(map(decode_tool, parts.counted(members.elements("tools")))),
        parameters={
            name: text_of(raw) for name, raw in members.items() if name not in _NOT_PARAMETERS
        },
        messages=tuple(messages),
        previous=members.name("previous_response_id"),
    )


def decode_message(body: bytes) -> Message:
    """Return one element of `input`.

    Raises:
        FormatError: The bytes are no JSON object, or too large.
    """
    return _message(read_object(body, "item"), PartList("item"))


def decode_response(body: bytes) -> Response:
    """Return what a body that is no stream answers.

    Raises:
        FormatError: The body is no JSON object, or too large.
    """
    members = read_body(body, "response")
    parts = PartList("response")
    taken = [
        part
        for raw in parts.counted(members.elements("output"))
        for part in parts.take(iter_item(raw))
    ]
    return finish_response(members, taken)


def finish_response(members: Members, parts: Iterable[AnyPart]) -> Response:
    """Return a response of parts, with what its own object says of it."""
    failure = find_failure(members)
    reason = members.members("incomplete_details").name("reason")
    status = members.name("status")
    return Response(
        dialect=NAME,
        id=members.name("id"),
        model=members.name("model"),
        parts=(*parts, failure) if failure else tuple(parts),
        stop=reason or status,
        usage=read_usage(members.members("usage")),
        is_complete=failure is not None or status not in {None, "in_progress", "queued"},
    )


def _iter_instructions(raw: Json) -> Iterator[AnyPart]:
    text = decode_string(raw) if len(raw) else None
    if text is not None:
        yield Text(text=text)
    elif len(raw) and not is_null(raw):
        yield unknown("instructions", raw)


def _join(messages: Iterable[Message]) -> Iterator[Message]:
    """Yield messages, those of the assistant that follow one another as one."""
    parts: list[AnyPart] = []
    for message in messages:
        if message.role == "assistant":
            parts += message.parts
            continue
        if parts:
            yield Message(role="assistant", parts=tuple(parts))
            parts = []
        yield message
    if parts:
        yield Message(role="assistant", parts=tuple(parts))


def _message(raw: Json, parts: PartList) -> Message:
    members = read_members(raw)
    role = members.name("role")
    taken = parts.take(iter_item(raw))
    if role is None:
        kind = members.name("type") or ""
        is_result = len(taken) == 1 and isinstance(taken[0], ToolResult)
        is_event = kind in _EVENTS
        role = "tool" if is_result else "event" if is_event else "assistant"
    return Message(role="system" if role in SYSTEM_ROLES else role, parts=taken)


def iter_item(raw: Json) -> Iterator[AnyPart]:
    """Yield the parts of an item of `input` or `output`."""
    members = read_members(raw)
    kind = members.name("type")
    if kind == "message" or (kind is None and members.name("role") is not None):
        yield from iter_content(members.get("content", b""))
    elif kind == "reasoning":
        yield _reasoning(members)
    elif kind in {"compaction", "compaction_summary", "context_compaction"}:
        yield Compaction(text=members.string("summary") or "")
    elif kind is not None and kind.endswith(_OUTPUT_ENDS):
        yield _result(members)
    elif kind is not None and kind.endswith("_call"):
        yield from _iter_call(kind, members, raw)
    else:
        yield unknown(kind or "item", raw)


def iter_content(raw: Json) -> Iterator[AnyPart]:
    """Yield the parts of content: a string, a list, or something else."""
    text = decode_string(raw) if len(raw) else None
    if text is not None:
        yield Text(text=text)
    elif starts_with(memoryview(raw), "["):
        yield from map(_content_part, Members(content=raw).elements("content"))
    elif len(raw) and not is_null(raw):
        yield unknown("content", raw)


def _content_part(raw: Json) -> AnyPart:
    members = read_members(raw)
    kind = members.name("type")
    text = members.string("refusal" if kind == "refusal" else "text")
    if (kind in _TEXTS or kind == "refusal") and text is not None:
        return Text(text=text, is_refusal=kind == "refusal")
    part: AnyPart | None = None
    file_id = members.name("file_id")
    if kind == "input_image":
        part = attachment_of("image", members.string("image_url"), file_id)
    elif kind == "input_file":
        url = members.string("file_data") or members.string("file_url")
        part = attachment_of("document", url, file_id)
    return part or unknown(kind, raw)


def _reasoning(members: Members) -> Thinking:
    texts = [
        text
        for key in ("summary", "content")
        for raw in members.elements(key)
        if (text := read_members(raw).string("text")) is not None
    ]
    signature = members.string("encrypted_content") or None
    return Thinking(text="\n\n".join(texts), is_signed=signature is not None, signature=signature)


def _iter_call(kind: str, members: Members, raw: Json) -> Iterator[AnyPart]:
    """Yield a call; of one that the provider itself answered, what came of it too."""
    call_id = members.name("call_id") or members.name("id")
    name = members.string("name") or kind.removesuffix("_call")
    arguments = members.string("arguments")
    if arguments is None:
        arguments = members.string("input")  # of a custom tool: text, not JSON
    if arguments is None:
        arguments = members.json("action") or members.json("operation")
    if arguments is None and members.members("arguments"):
        arguments = members.json("arguments")
    if arguments is None and kind not in _ANSWERED_BY_CLIENT:
        arguments = text_of(raw)
    yield ToolCall(name=name, arguments=arguments or "{}", id=call_id)
    if kind in _ANSWERED_BY_CLIENT:
        return
    found = [text for key in _RESULT_MEMBERS if (text := _json_or_text(members, key))]
    failed = members.json("error") is not None or members.name("status") == "failed"
    yield ToolResult(
        text="\n".join(found) or members.name("status") or "", call_id=call_id, is_error=failed
    )


def _json_or_text(members: Members, key: str) -> str | None:
    return members.string(key) or members.json(key)


def _result(members: Members) -> ToolResult:
    texts: list[str] = []
    attachments: list[Attachment] = []
    raw = members.get("output", members.get("tools", b""))
    if members.name("type") == "tool_search_output" or starts_with(memoryview(raw), "{"):
        texts.append(text_of(raw))
    else:
        for part in iter_content(raw):
            if isinstance(part, Attachment):
                attachments.append(part)
            else:
                texts.append(part.text if isinstance(part, Text) else getattr(part, "raw", ""))
    return ToolResult(
        text="\n".join(texts),
        call_id=members.name("call_id") or members.name("id"),
        is_error=members.name("status") == "failed",
        attachments=tuple(attachments),
    )


_ANSWERED_BY_CLIENT: Final = frozenset(
    {
        *("function_call", "custom_tool_call", "local_shell_call", "shell_call"),
        *("computer_call", "apply_patch_call", "tool_search_call"),
    }
)
_EVENTS: Final = frozenset(
    {
        *("compaction", "compaction_summary", "context_compaction", "additional_tools"),
        *("item_reference", "compaction_trigger"),
    }
)


def read_usage(usage: Members) -> Usage | None:
    """Return the tokens that a `usage` tells of; None where it tells of none."""
    details = usage.members("input_tokens_details")
    cached, written = details.count("cached_tokens"), details.count("cache_write_tokens")
    given = usage.count("input_tokens")
    found = Usage(
        input=None if given is None else max(given - (cached or 0) - (written or 0), 0),
        output=usage.count("output_tokens"),
        cache_read=cached,
        cache_write_5m=written,
        reasoning=usage.members("output_tokens_details").count("reasoning_tokens"),
    )
    return None if found == Usage() else found
