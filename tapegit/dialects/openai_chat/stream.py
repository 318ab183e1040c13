"""Streams of OpenAI's Chat Completions interface: chunks in, the message that they build out.

Only the first choice is built; chunks of others are `Unknown`. Parts come in the order of
tapesdialect-openai-chat(7), whatever came first.

Source: tapesdialect-openai-chat(7), "Streams".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tapegit.dialects.exchange import Response
from tapegit.dialects.openai_chat.parts import (
    NAME,
    THOUGHTS,
    find_failure,
    iter_content,
    read_usage,
)
from tapegit.dialects.parts import AnyPart, Text, Thinking, ToolCall
from tapegit.dialects.syntax.bodies import Members, PartList, is_null, read_members, unknown
from tapegit.dialects.syntax.event_streams import Event, SseReader

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


class _Call:
    """A call as it grows."""

    def __init__(self, call_id: str | None) -> None:
        self.id = call_id
        self.name = ""
        self.arguments: list[str] = []

    def part(self) -> ToolCall:
        """Return the part that the call is by now."""
        return ToolCall(name=self.name, arguments="".join(self.arguments) or "{}", id=self.id)


class ChatStream:
    """Reads a streamed response."""

    def __init__(self) -> None:
        self._reader = SseReader()
        self._bounds = PartList("response")
        self._thoughts: list[str] = []
        self._texts: list[str] = []
        self._refusals: list[str] = []
        self._calls: list[_Call] = []
        self._call_at: dict[int, _Call] = {}
        self._others: list[AnyPart] = []
        self._first = Members()
        self._usage = Members()
        self._stop: str | None = None
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
        return Response(
            dialect=NAME,
            id=self._first.name("id"),
            model=self._first.name("model"),
            parts=tuple(self._iter_parts()),
            stop=self._stop,
            usage=read_usage(self._usage),
            is_complete=self._is_complete,
        )

    def _iter_parts(self) -> Iterator[AnyPart]:
        if self._thoughts:
            yield Thinking(text="".join(self._thoughts))
        if self._texts:
            yield Text(text="".join(self._texts))
        if self._refusals:
            yield Text(text="".join(self._refusals), is_refusal=True)
        for call in self._calls:
            yield call.part()
        yield from self._others

    def _take_all(self, events: Iterable[Event]) -> None:
        for event in events:
            if event.reason is not None:
                self._add(unknown(event.reason, event.data))
            elif event.data == b"[DONE]":
                self._is_complete = True
            else:
                self._take(event)

    def _take(self, event: Event) -> None:
        chunk = read_members(event.data)
        failure = find_failure(chunk)
        if failure is not None:
            self._add(failure)
        elif "choices" not in chunk and "usage" not in chunk:
            self._add(unknown(chunk.name("object") or event.name or "event", event.data))
        if not self._first.name("id"):
            self._first = Members(
                {key: bytes(chunk[key]) for key in ("id", "model") if key in chunk}
            )
        if not is_null(chunk.get("usage", b"null")):
            self._usage = chunk.members("usage")
        for raw in chunk.elements("choices"):
            choice = read_members(raw)
            if choice.count("index"):
                self._add(unknown("choice", raw))
            else:
                self._take_choice(choice)

    def _take_choice(self, choice: Members) -> None:
        stop = choice.name("finish_reason")
        if stop is not None:
            self._stop = stop
            self._is_complete = True
        delta = choice.members("delta") or choice.members("message")
        for key in THOUGHTS:
            thought = delta.string(key)
            if thought:
                self._thoughts.append(thought)
                break
        for part in iter_content(delta.get("content", b"")):
            if isinstance(part, Text):
                self._texts.append(part.text)
            elif isinstance(part, Thinking):
                self._thoughts.append(part.text)
            else:
                self._add(part)
        refusal = delta.string("refusal")
        if refusal:
            self._refusals.append(refusal)
        for raw in delta.elements("tool_calls"):
            self._take_call(read_members(raw))
        if "function_call" in delta and not is_null(delta["function_call"]):
            self._take_call(Members(function=delta["function_call"]))

    def _take_call(self, fragment: Members) -> None:
        call_id = fragment.name("id")
        index = fragment.count("index")
        function = fragment.members("function") or fragment.members("custom")
        call = self._call_at.get(index or 0)
        # A host that numbers no calls, or all of them 0, begins another with another id.
        if call is None or (call_id is not None and call_id != call.id):
            call = _Call(call_id)
            self._bounds.count()
            self._calls.append(call)
            self._call_at[index or 0] = call
        call.name = call.name or function.string("name") or ""
        arguments = function.string("arguments") or function.string("input")
        if arguments is None and function.members("arguments"):
            arguments = function.json("arguments")  # some hosts send an object, at once
        call.arguments.append(arguments or "")

    def _add(self, part: AnyPart) -> None:
        self._bounds.count()
        self._others.append(part)
