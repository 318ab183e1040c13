"""Responses that a later request names, for a server that has not heard of them.

A request of the Responses interface may say `previous_response_id` instead of the conversation.
Where a tape gave that response nobody else knows it: before such a request goes to a model, the
conversation takes the place of the id.

Rules: in memory; nothing here stores or sends anything.

Source: tapes-replay(1), "GOING ON".
"""

from __future__ import annotations

import json
from typing import Any, Final, NamedTuple

from tapegit.wire.replay.replies import split_events, unframe_event

DIALECT: Final = "openai.responses"
PREVIOUS: Final = "previous_response_id"
ROOT_COUNT_MAX: Final = 32
"""Responses that go on from none and that none went on from: clients that send whole conversations
never name one, and each of their requests is large."""


class _Given(NamedTuple):
    """A response that was given: what it goes on from, what was asked, what it said."""

    previous: str | None
    asked: list[Any]
    said: list[Any]


class Chain:
    """The responses of the Responses interface that a tape has given in this replay."""

    def __init__(self) -> None:
        self._given: dict[str, _Given] = {}
        self._roots: dict[str, None] = {}

    def note(self, dialect: str | None, request: bytes, answer: bytes) -> None:
        """Note that a request got this answer, a stream or whole; others are passed over."""
        if dialect is None or not dialect.startswith(DIALECT):
            return
        asked = _read(request)
        name, said = _read_answer(answer)
        if asked is None or name is None:
            return
        previous = asked.get(PREVIOUS)
        if isinstance(previous, str):
            self._roots.pop(previous, None)
        else:
            previous = None
            self._roots[name] = None
            if len(self._roots) > ROOT_COUNT_MAX:
                oldest = next(iter(self._roots))
                del self._roots[oldest]
                self._given.pop(oldest, None)
        self._given[name] = _Given(previous, _items(asked.get("input")), said)

    def expand(self, request: bytes) -> bytes:
        """Return a request with the whole conversation, if a response of the tape is named."""
        asked = _read(request)
        name = asked.get(PREVIOUS) if asked is not None else None
        if asked is None or not isinstance(name, str) or name not in self._given:
            return request
        before: list[Any] = []
        while name is not None and (given := self._given.get(name)) is not None:
            before = [*given.asked, *given.said, *before]
            name = given.previous
        del asked[PREVIOUS]
        asked["input"] = [*before, *_items(asked.get("input"))]
        return json.dumps(asked, ensure_ascii=False).encode("utf-8", "surrogatepass")


def _read(data: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _items(value: object) -> list[Any]:
    """Return the items of an input, which may be one text."""
    if isinstance(value, str):
        return [{"type": "message", "role": "user", "content": value}]
    return value if isinstance(value, list) else []


def _read_answer(answer: bytes) -> tuple[str | None, list[Any]]:
    """Return the id of a response and the items that it has."""
    whole = _read(answer)
    if whole is not None:
        name = whole.get("id")
        return (name if isinstance(name, str) else None), _items(whole.get("output"))
    name, said, output = None, [], []
    for event in split_events(answer):
        value = _read(_payload(event)) or {}
        response = value.get("response")
        if isinstance(response, dict):
            name, output = response.get("id") or name, _items(response.get("output"))
        elif value.get("type") == "response.output_item.done":
            said.append(value.get("item"))
    return name, output or said


def _payload(event: bytes) -> bytes:
    payload, _ = unframe_event(event)
    return payload
