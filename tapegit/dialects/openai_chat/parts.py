"""Bodies of OpenAI's Chat Completions interface, as OpenAI and many others speak it.

Pure: bytes in, values out. What has no part of its own is `Unknown`, with its bytes.

Source: tapesdialect-openai-chat(7).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tapegit.dialects.exchange import Message, Request, Response, Tool
from tapegit.dialects.parts import (
    AnyPart,
    Attachment,
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
from tapegit.dialects.syntax.data_urls import attachment_of
from tapegit.dialects.syntax.members import decode_string, iter_array, starts_with, text_of
from tapegit.objects.turn import Usage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tapegit.dialects.syntax.members import Json

NAME: Final = "openai.chat@1"
SYSTEM_ROLES: Final = frozenset({"system", "developer"})
THOUGHTS: Final = ("reasoning_content", "reasoning")
_NOT_PARAMETERS: Final = frozenset({"model", "messages", "tools"})


def decode_request(body: bytes) -> Request:
    """Return what a request asks.

    Raises:
        FormatError: The body is no JSON object, or too large.
    """
    members = read_body(body, "request")
    parts = PartList("request")
    messages = [_message(raw, parts) for raw in parts.counted(members.elements("messages"))]
    system: list[AnyPart] = []
    first = 0
    while first < len(messages) and messages[first].role == "system":
        system += messages[first].parts
        first += 1
    return Request(
        dialect=NAME,
        model=members.name("model"),
        system=tuple(system),
        tools=tuple(map(decode_tool, parts.counted(members.elements("tools")))),
        parameters={
            name: text_of(raw) for name, raw in members.items() if name not in _NOT_PARAMETERS
        },
        messages=tuple(messages[first:]),
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
    failure = find_failure(members)
    if failure is not None:
        return Response(dialect=NAME, parts=(failure,), is_complete=True)
    taken: list[AnyPart] = []
    stop = None
    for number, raw in enumerate(parts.counted(members.elements("choices"))):
        choice = read_members(raw)
        if number:
            taken.append(unknown("choice", raw))
            continue
        taken += parts.take(iter_parts(choice.members("message")))
        stop = choice.name("finish_reason")
    return Response(
        dialect=NAME,
        id=members.name("id"),
        model=members.name("model"),
        parts=tuple(taken),
        stop=stop,
        usage=read_usage(members.members("usage")),
        is_complete=True,
    )


def find_failure(members: Members) -> Failure | None:
    """Return the error that a response or an event tells of, if it does."""
    error = members.get("error")
    if error is None or is_null(error):
        return None
    return Failure(text=decode_string(error) or failure_text(members.members("error")))


def decode_tool(raw: Json) -> Tool:
    """Return an element of `tools`."""
    members = read_members(raw)
    function = members.members("function") or members
    return Tool(
        name=function.name("name") or members.name("type") or "unnamed",
        raw=text_of(raw),
        description=function.string("description"),
        parameters=function.json("parameters"),
    )


def _message(raw: Json, parts: PartList) -> Message:
    members = read_members(raw)
    role = members.name("role") or "unknown"
    if role in {"tool", "function"}:
        return Message(role="tool", parts=parts.take([_result(members)]))
    role = "system" if role in SYSTEM_ROLES else role
    return Message(role=role, parts=parts.take(iter_parts(members)))


def iter_parts(message: Members) -> Iterator[AnyPart]:
    """Yield the parts of a message: thoughts, then content, then calls."""
    for key in THOUGHTS:
        thought = message.string(key)
        if thought:
            yield Thinking(text=thought)
            break
    yield from iter_content(message.get("content", b""))
    refusal = message.string("refusal")
    if refusal:
        yield Text(text=refusal, is_refusal=True)
    for raw in message.elements("tool_calls"):
        yield _call(raw)
    function = message.members("function_call")
    if function:
        yield _function_call(function, None)


def iter_content(raw: Json) -> Iterator[AnyPart]:
    """Yield the parts of content: a string that is not empty, a list, or something else."""
    text = decode_string(raw) if len(raw) else ""
    if text is not None:
        if text:
            yield Text(text=text)
    elif starts_with(memoryview(raw), "["):
        yield from map(_content_part, iter_array(raw))
    elif not is_null(raw):
        yield unknown("content", raw)


def _content_part(raw: Json) -> AnyPart:
    members = read_members(raw)
    kind = members.name("type")
    text = members.string("refusal" if kind == "refusal" else "text")
    if text is not None and kind in {"text", "refusal"}:
        return Text(text=text, is_refusal=kind == "refusal")
    part: AnyPart | None = None
    if kind == "image_url":
        url = members.members("image_url").string("url") or members.string("image_url")
        part = attachment_of("image", url)
    elif kind == "input_audio":
        audio = members.members("input_audio")
        kind_of = audio.name("format")
        media_type = f"audio/{kind_of}" if kind_of else None
        part = Attachment(kind="audio", media_type=media_type, data=audio.string("data"))
    elif kind == "file":
        file = members.members("file")
        file_id = file.name("file_id")
        part = attachment_of("document", file.string("file_data"), file_id)
    elif kind == "thinking":
        texts = [read_members(inner).string("text") for inner in members.elements("thinking")]
        part = Thinking(text="".join(filter(None, texts)))
    return part or unknown(kind, raw)


def _call(raw: Json) -> AnyPart:
    members = read_members(raw)
    kind = members.name("type")
    function = members.members("function")
    if kind == "custom":
        custom = members.members("custom")
        name, arguments = custom.string("name"), custom.string("input")
        if name is not None and arguments is not None:
            return ToolCall(name=name, arguments=arguments, id=members.name("id"))
    if function.string("name") is None:
        return unknown(f"tool_call/{kind}" if kind else "tool_call", raw)
    return _function_call(function, members.name("id"))


def _function_call(function: Members, call_id: str | None) -> ToolCall:
    arguments = function.string("arguments")
    if arguments is None:
        arguments = function.json("arguments")  # some hosts send an object
    return ToolCall(name=function.string("name") or "", arguments=arguments or "{}", id=call_id)


def _result(message: Members) -> ToolResult:
    texts = []
    attachments = []
    for part in iter_content(message.get("content", b"")):
        if isinstance(part, Attachment):
            attachments.append(part)
        else:
            texts.append(part.text if isinstance(part, Text) else getattr(part, "raw", ""))
    return ToolResult(
        text="\n".join(texts),
        call_id=message.name("tool_call_id"),
        name=message.name("name"),
        attachments=tuple(attachments),
    )


def read_usage(usage: Members) -> Usage | None:
    """Return the tokens that a `usage` tells of; None where it tells of none."""
    details = usage.members("prompt_tokens_details")
    cached, written = details.count("cached_tokens"), details.count("cache_write_tokens")
    if cached is None:
        cached = usage.count("prompt_cache_hit_tokens")
    prompt = usage.count("prompt_tokens")
    found = Usage(
        input=None if prompt is None else max(prompt - (cached or 0) - (written or 0), 0),
        output=usage.count("completion_tokens"),
        cache_read=cached,
        cache_write_5m=written,
        reasoning=usage.members("completion_tokens_details").count("reasoning_tokens"),
    )
    return None if found == Usage() else found
