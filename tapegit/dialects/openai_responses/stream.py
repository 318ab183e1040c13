"""Streams of OpenAI's Responses interface: events in, the items that they build out.

Most events say again what others have said. An item is what its `done` event says; until that
has come, what its deltas say. The last object of the response gives the rest.

Source: tapesdialect-openai-responses(7), "Streams".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from tapegit.dialects.openai_chat.parts import find_failure
from tapegit.dialects.openai_responses.parts import finish_response, iter_item
from tapegit.dialects.parts import AnyPart, Failure
from tapegit.dialects.syntax.bodies import Members, PartList, read_members, unknown
from tapegit.dialects.syntax.event_streams import Event, SseReader

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tapegit.dialects.exchange import Response

_ENDS: Final = frozenset(
    {"response.completed", "response.failed", "response.incomplete", "response.cancelled"}
)
_STATES: Final = frozenset({"response.created", "response.queued", "response.in_progress"})
# Where in its item the text of a delta goes: the list, the type there, the member.
_TARGETS: Final = {
    "response.output_text.delta": ("content", "output_text", "text"),
    "response.refusal.delta": ("content", "refusal", "refusal"),
    "response.reasoning_text.delta": ("content", "reasoning_text", "text"),
    "response.reasoning_summary_text.delta": ("summary", "summary_text", "text"),
}
_ARGUMENTS: Final = {
    "response.function_call_arguments.delta": "arguments",
    "response.mcp_call_arguments.delta": "arguments",
    "response.custom_tool_call_input.delta": "input",
}
_REPEATING: Final = frozenset(
    {
        *(name.removesuffix("delta") + "done" for name in (*_TARGETS, *_ARGUMENTS)),
        *("response.content_part.added", "response.content_part.done", "keepalive", "ping"),
        *("response.reasoning_summary_part.added", "response.reasoning_summary_part.done"),
        "response.output_text.annotation.added",
    }
)
_SERVER_CALLS: Final = (
    *("response.web_search_call.", "response.file_search_call.", "response.mcp_call."),
    *("response.code_interpreter_call.", "response.code_interpreter_call_code."),
    *("response.image_generation_call.", "response.mcp_list_tools."),
)


class _Item:
    """An item as it grows: what it began with, the texts that came since, or its end."""

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self.is_done = False
        self._texts: dict[tuple[str, int], tuple[str, str, list[str]]] = {}
        self._arguments: dict[str, list[str]] = {}

    def add_text(self, kind: str, event: Members) -> None:
        """Take a piece of a text."""
        key, part_type, member = _TARGETS[kind]
        place = event.count("summary_index" if key == "summary" else "content_index") or 0
        texts = self._texts.setdefault((key, place), (part_type, member, []))[2]
        texts.append(event.string("delta") or "")

    def add_arguments(self, kind: str, event: Members) -> None:
        """Take a piece of a call's arguments."""
        self._arguments.setdefault(_ARGUMENTS[kind], []).append(event.string("delta") or "")

    def parts(self) -> Iterator[AnyPart]:
        """Yield the parts that the item is by now."""
        if self.is_done or not (self._texts or self._arguments):
            yield from iter_item(self.raw)
            return
        item: dict[str, object] = {
            key: msgspec.Raw(bytes(raw)) for key, raw in read_members(self.raw).items()
        }
        for member, pieces in self._arguments.items():
            item[member] = "".join(pieces)
        lists: dict[str, list[dict[str, str]]] = {}
        for (key, _), (part_type, member, texts) in sorted(
            self._texts.items(), key=lambda entry: entry[0]
        ):
            lists.setdefault(key, []).append({"type": part_type, member: "".join(texts)})
        yield from iter_item(msgspec.json.encode({**item, **lists}))


class ResponsesStream:
    """Reads a streamed response."""

    def __init__(self) -> None:
        self._reader = SseReader()
        self._bounds = PartList("response")
        self._places: list[_Item | AnyPart] = []
        self._items: dict[int, _Item] = {}
        self._response = Members()
        self._is_ended = False

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes.

        Raises:
            FormatError: The response has more parts than one may have.
        """
        self._take_all(self._reader.feed(chunk))

    def finish(self) -> Response:
        """Return what has come, whole or cut."""
        self._take_all(self._reader.finish())
        if self._is_ended and not self._items:
            self._places[:0] = [
                _Item(bytes(raw)) for raw in self._bounds.counted(self._response.elements("output"))
            ]
        parts: list[AnyPart] = []
        for place in self._places:
            if isinstance(place, _Item):
                parts += self._bounds.take(place.parts())
            else:
                parts.append(place)
        response = finish_response(self._response, parts)
        if self._is_ended:
            return response
        return msgspec.structs.replace(response, is_complete=False, stop=None)

    def _take_all(self, events: Iterable[Event]) -> None:
        for event in events:
            if event.reason is not None:
                self._add(unknown(event.reason, event.data))
            elif event.data != b"[DONE]":
                self._take(event)

    def _take(self, event: Event) -> None:
        members = read_members(event.data)
        kind = members.name("type") or event.name or "event"
        if kind in _TARGETS:
            self._item_of(members).add_text(kind, members)
        elif kind in _ARGUMENTS:
            self._item_of(members).add_arguments(kind, members)
        elif kind == "response.output_item.added" and members.members("item"):
            self._item_of(members, bytes(members["item"]))
        elif kind == "response.output_item.done" and members.members("item"):
            item = self._item_of(members)
            item.raw, item.is_done = bytes(members["item"]), True
        elif (kind in _ENDS or kind in _STATES) and members.members("response"):
            self._response = members.members("response")
            self._is_ended = kind in _ENDS
        elif kind == "error":
            self._add(find_failure(members) or Failure(text=_error_text(members)))
        elif kind not in _REPEATING and not kind.startswith(_SERVER_CALLS):
            self._add(unknown(kind, event.data))

    def _item_of(self, members: Members, raw: bytes | None = None) -> _Item:
        index = members.count("output_index") or 0
        item = self._items.get(index)
        if item is None:
            item = _Item(raw or b'{"type":"message","role":"assistant"}')
            self._items[index] = item
            self._add(item)
        return item

    def _add(self, place: _Item | AnyPart) -> None:
        self._bounds.count()
        self._places.append(place)


def _error_text(members: Members) -> str:
    found = (members.name("code"), members.string("message"))
    return ": ".join(text for text in found if text) or "error"
