"""Bodies and streams of Ollama's interface: `/api/chat` and `/api/generate`.

Pure: bytes in, values out. A stream is JSON lines, each a piece of the answer; the last says
`done`. A response that is no stream is such a line alone.

Source: tapesdialect-ollama-chat(7).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tapegit.dialects.exchange import Message, Request, Response
from tapegit.dialects.openai_chat.parts import decode_tool, find_failure
from tapegit.dialects.parts import AnyPart, Attachment, Text, Thinking, ToolCall, ToolResult
from tapegit.dialects.syntax.bodies import (
    Members,
    PartList,
    read_body,
    read_members,
    read_object,
    unknown,
)
from tapegit.dialects.syntax.event_streams import Event, JsonLineReader
from tapegit.dialects.syntax.members import decode_string, text_of
from tapegit.objects.turn import Usage

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tapegit.dialects.syntax.members import Json

NAME: Final = "ollama.chat@1"
_NOT_PARAMETERS: Final = frozenset({"model", "messages", "tools", "system", "prompt", "images"})
_KNOWN: Final = ("message", "response", "thinking", "done")


def decode_request(body: bytes) -> Request:
    """Return what a request asks.

    Raises:
        FormatError: The body is no JSON object, or too large.
    """
    members = read_body(body, "request")
    parts = PartList("request")
    messages = [_message(raw, parts) for raw in parts.counted(members.elements("messages"))]
    prompt = members.string("system")
    system: list[AnyPart] = [Text(text=prompt)] if prompt else []
    first = 0
    while first < len(messages) and messages[first].role == "system":
        system += messages[first].parts
        first += 1
    asked = members.string("prompt")
    if asked is not None:
        taken = parts.take([Text(text=asked), *_iter_images(members)])
        messages.append(Message(role="user", parts=taken))
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
    stream = OllamaStream()
    stream.take_body(read_object(body, "response"))
    return stream.finish()


def _message(raw: Json, parts: PartList) -> Message:
    members = read_members(raw)
    role = members.name("role") or "unknown"
    if role == "tool":
        result = ToolResult(
            text=members.string("content") or "",
            call_id=members.name("tool_call_id"),
            name=members.name("tool_name") or members.name("name"),
            attachments=parts.take(_iter_images(members)),  # type: ignore[arg-type]
        )
        return Message(role="tool", parts=parts.take([result]))
    return Message(role=role, parts=parts.take(_iter_parts(members)))


def _iter_parts(message: Members) -> Iterator[AnyPart]:
    """Yield the parts of a message: the thought, the content, images, calls."""
    thought = message.string("thinking")
    if thought:
        yield Thinking(text=thought)
    content = message.string("content")
    if content:
        yield Text(text=content)
    yield from _iter_images(message)
    for raw in message.elements("tool_calls"):
        yield _call(raw)


def _iter_images(members: Members) -> Iterator[Attachment]:
    for raw in members.elements("images"):
        data = decode_string(raw)
        if data is not None:
            yield Attachment(kind="image", data=data)


def _call(raw: Json) -> AnyPart:
    members = read_members(raw)
    function = members.members("function")
    name = function.string("name")
    if name is None:
        return unknown("tool_call", raw)
    arguments = function.string("arguments") or function.json("arguments") or "{}"
    return ToolCall(name=name, arguments=arguments, id=members.name("id"))


class OllamaStream:
    """Reads a streamed response."""

    def __init__(self) -> None:
        self._reader = JsonLineReader()
        self._bounds = PartList("response")
        self._thoughts: list[str] = []
        self._texts: list[str] = []
        self._others: list[AnyPart] = []
        self._model: str | None = None
        self._stop: str | None = None
        self._usage: Usage | None = None
        self._is_complete = False

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes.

        Raises:
            FormatError: The response has more parts than one may have.
        """
        self._take_all(self._reader.feed(chunk))

    def finish(self) -> Response:
        """Return what has come, whole or cut."""
        self._take_all(self._reader.finish())
        parts: list[AnyPart] = []
        if self._thoughts:
            parts.append(Thinking(text="".join(self._thoughts)))
        if self._texts:
            parts.append(Text(text="".join(self._texts)))
        return Response(
            dialect=NAME,
            model=self._model,
            parts=(*parts, *self._others),
            stop=self._stop,
            usage=self._usage,
            is_complete=self._is_complete,
        )

    def _take_all(self, events: Iterable[Event]) -> None:
        for event in events:
            if event.reason is not None:
                self._add(unknown(event.reason, event.data))
            else:
                self.take_body(event.data)

    def take_body(self, data: bytes) -> None:
        """Take one line, or the body of a response that is no stream."""
        members = read_members(data)
        failure = find_failure(members)
        if failure is not None:
            self._is_complete = True
            self._add(failure)
        elif not any(name in members for name in _KNOWN):
            self._add(unknown("line", data))
        self._model = self._model or members.name("model")
        for part in (*_iter_parts(members.members("message")), *_iter_generated(members)):
            if isinstance(part, Thinking):
                self._thoughts.append(part.text)
            elif isinstance(part, Text):
                self._texts.append(part.text)
            else:
                self._add(part)
        if members.flag("done"):
            self._is_complete = True
            self._stop = members.name("done_reason")
            self._usage = read_usage(members)

    def _add(self, part: AnyPart) -> None:
        self._bounds.count()
        self._others.append(part)


def _iter_generated(members: Members) -> Iterator[AnyPart]:
    """Yield the parts of an answer of `/api/generate`."""
    thought = members.string("thinking")
    if thought:
        yield Thinking(text=thought)
    text = members.string("response")
    if text:
        yield Text(text=text)


def read_usage(members: Members) -> Usage | None:
    """Return the tokens that the last line tells of; None where it tells of none."""
    found = Usage(input=members.count("prompt_eval_count"), output=members.count("eval_count"))
    return None if found == Usage() else found
