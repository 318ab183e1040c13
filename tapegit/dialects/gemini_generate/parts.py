"""Bodies of Gemini's generateContent interface, whole or as a stream of such bodies.

Pure: bytes in, values out. A part that has none of its own here is `Unknown`, with its bytes.
The model's name is in the URL of a request, not in its body.

Source: tapesdialect-gemini-generate(7).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tapegit.dialects.exchange import Message, Request, Response, Tool
from tapegit.dialects.openai_chat.parts import find_failure
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
    is_null,
    read_body,
    read_members,
    read_object,
    unknown,
)
from tapegit.dialects.syntax.members import text_of
from tapegit.objects.turn import Usage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tapegit.dialects.syntax.members import Json

NAME: Final = "gemini.generate@1"
_SYSTEM: Final = ("systemInstruction", "system_instruction")
_SIGNATURES: Final = ("thoughtSignature", "thought_signature")
_NOT_PARAMETERS: Final = frozenset({"contents", "tools", *_SYSTEM})
_ROLES: Final = {"model": "assistant", "function": "tool"}


def decode_request(body: bytes) -> Request:
    """Return what a request asks.

    Raises:
        FormatError: The body is no JSON object, or too large.
    """
    members = read_body(body, "request")
    parts = PartList("request")
    return Request(
        dialect=NAME,
        system=parts.take(iter_content(either(members, *_SYSTEM))),
        tools=tuple(
            tool for raw in members.elements("tools") for tool in parts.counted(_iter_tools(raw))
        ),
        parameters={
            name: text_of(raw) for name, raw in members.items() if name not in _NOT_PARAMETERS
        },
        messages=tuple(_message(raw, parts) for raw in parts.counted(members.elements("contents"))),
    )


def decode_message(body: bytes) -> Message:
    """Return one element of `contents`.

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
    answer = Answer(members)
    return Response(
        dialect=NAME,
        id=answer.id,
        model=answer.model,
        parts=parts.take(answer.iter_parts()),
        stop=answer.stop,
        usage=read_usage(members.members("usageMetadata")),
        is_complete=True,
    )


class Answer:
    """One body of a response, whole or of a stream."""

    def __init__(self, members: Members) -> None:
        candidates = list(members.elements("candidates"))
        self._first = read_members(candidates[0]) if candidates else Members()
        self._others = candidates[1:]
        self.failure = find_failure(members)
        self.id = members.name("responseId")
        self.model = members.name("modelVersion")
        blocked = members.members("promptFeedback").name("blockReason")
        if blocked is not None and not candidates:
            self.failure = Failure(text=f"blocked: {blocked}")
        self.stop = self._first.name("finishReason") or blocked

    def iter_parts(self) -> Iterator[AnyPart]:
        """Yield the parts of the first candidate, other candidates unknown, and the error."""
        yield from iter_content(self._first.get("content", b""))
        for raw in self._others:
            yield unknown("candidate", raw)
        if self.failure is not None:
            yield self.failure


def either(members: Members, *names: str) -> Json:
    """Return the first of some members that is there; the interface takes two spellings."""
    return next((members[name] for name in names if name in members), b"")


def _iter_tools(raw: Json) -> Iterator[Tool]:
    """Yield the functions of an element of `tools`, or a tool of the provider's own."""
    members = read_members(raw)
    declared = Members(list=either(members, "functionDeclarations", "function_declarations"))
    is_declaring = False
    for function in declared.elements("list"):
        is_declaring = True
        found = read_members(function)
        names = ("parametersJsonSchema", "parameters_json_schema", "parameters")
        schema = Members(schema=either(found, *names)).json("schema") or None
        yield Tool(
            name=found.name("name") or "unnamed",
            raw=text_of(function),
            description=found.string("description"),
            parameters=schema,
        )
    if not is_declaring:
        yield Tool(name=next(iter(members), "unnamed")[:256], raw=text_of(raw))


def _message(raw: Json, parts: PartList) -> Message:
    role = read_members(raw).name("role") or "user"
    taken = parts.take(iter_content(raw))
    if role == "user" and any(isinstance(part, ToolResult) for part in taken):
        role = "tool"
    return Message(role=_ROLES.get(role, role), parts=taken)


def iter_content(raw: Json) -> Iterator[AnyPart]:
    """Yield the parts of a content."""
    for part in read_members(raw).elements("parts"):
        yield _part(part)


def _part(raw: Json) -> AnyPart:
    members = read_members(raw)
    signature = Members(raw=either(members, *_SIGNATURES)).string("raw")
    text = members.string("text")
    if text is not None:
        if members.flag("thought"):
            return Thinking(text=text, is_signed=bool(signature), signature=signature)
        return Text(text=text, signature=signature)
    call = read_members(either(members, "functionCall", "function_call"))
    if call.string("name") is not None:
        return ToolCall(
            name=call.string("name") or "",
            arguments=call.json("args") or "{}",
            id=call.name("id"),
            signature=signature,
        )
    result = read_members(either(members, "functionResponse", "function_response"))
    if result:
        return _result(result)
    kind = next((name for name in members if name not in _SIGNATURES), "part")
    return _other(members) or unknown(kind[:256], raw)


def _result(result: Members) -> ToolResult:
    response = result.members("response")
    text = result.json("response") or ""
    is_error = False
    if len(response) == 1:
        key = next(iter(response))
        only = response.string(key)
        if key in {"output", "error"} and only is not None:
            text, is_error = only, key == "error"
    attachments = []
    for raw in result.elements("parts"):
        part = _other(read_members(raw))
        if isinstance(part, Attachment):
            attachments.append(part)
    return ToolResult(
        text=text,
        is_error=is_error,
        call_id=result.name("id"),
        name=result.name("name"),
        attachments=tuple(attachments),
    )


def _other(members: Members) -> AnyPart | None:
    inline = read_members(either(members, "inlineData", "inline_data"))
    if inline.string("data") is not None:
        media_type = inline.name("mimeType") or inline.name("mime_type")
        return Attachment(kind=_kind(media_type), media_type=media_type, data=inline.string("data"))
    file = read_members(either(members, "fileData", "file_data"))
    url = file.string("fileUri") or file.string("file_uri")
    if url is not None:
        media_type = file.name("mimeType") or file.name("mime_type")
        return Attachment(kind=_kind(media_type), media_type=media_type, url=url)
    code = members.get("executableCode")
    if code is not None and not is_null(code):
        call_id = read_members(code).name("id")
        return ToolCall(name="code_execution", arguments=text_of(code), id=call_id)
    outcome = members.members("codeExecutionResult")
    if outcome:
        return ToolResult(
            text=outcome.string("output") or "",
            is_error=outcome.name("outcome") not in {None, "OUTCOME_OK"},
            call_id=outcome.name("id"),
            name="code_execution",
        )
    return None


def _kind(media_type: str | None) -> str:
    family = (media_type or "").partition("/")[0]
    return family if family in {"image", "audio", "video"} else "document"


def read_usage(usage: Members) -> Usage | None:
    """Return the tokens that a `usageMetadata` tells of; None where it tells of none."""
    prompt = usage.count("promptTokenCount")
    tool = usage.count("toolUsePromptTokenCount") or 0
    cached = usage.count("cachedContentTokenCount")
    answer = usage.count("candidatesTokenCount")
    thoughts = usage.count("thoughtsTokenCount")
    output = None if answer is None and thoughts is None else (answer or 0) + (thoughts or 0)
    found = Usage(
        input=None if prompt is None else max(prompt - (cached or 0), 0) + tool,
        output=output,
        cache_read=cached,
        reasoning=thoughts,
    )
    return None if found == Usage() else found
