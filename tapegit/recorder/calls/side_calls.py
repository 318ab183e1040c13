"""Calls beside the conversation: titles, probes, suggestions, told from what they ask.

Source: tapeswire(7), "Side calls".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tapegit.recorder.calls.endpoints import ANTHROPIC, CALL, PROBE, SUGGESTION, TITLE

if TYPE_CHECKING:
    from tapegit.recorder.calls.endpoints import Endpoint
    from tapegit.recorder.calls.request_bodies import RequestBody

_TITLE_MARKS: Final = (
    b"Generate a concise, sentence-case title",
    b"You are a title generator",
    b"Please write a 5-10 word title",
    b"Analyze if this message indicates a new conversation topic",
    b"generate a short title",
)
_SUGGESTION_MARKS: Final = (b"[SUGGESTION MODE",)
_LOOKED_AT_BYTES: Final = 1 << 16


def side_kind(endpoint: Endpoint, body: RequestBody) -> str | None:
    """Return the kind of a side call, or None for a call of the conversation."""
    if endpoint.kind != CALL:
        return endpoint.kind
    fields = body.fields
    has_tools = any(True for _ in fields.elements("tools"))
    if not has_tools:
        rest = b"".join(
            bytes(fields[key])[:_LOOKED_AT_BYTES]
            for key in ("system", "instructions", "messages", "input")
            if key in fields
        )
        if any(mark in rest for mark in _TITLE_MARKS):
            return TITLE
        if _asks_for_title(body):
            return TITLE
    last = body.elements[-1] if body.elements else None
    if last is not None:
        said = body.data[last.start : min(last.end, last.start + _LOOKED_AT_BYTES)]
        if any(mark in said for mark in _SUGGESTION_MARKS):
            return SUGGESTION
    if (
        endpoint.dialect == ANTHROPIC
        and fields.count("max_tokens") == 1
        and len(body.elements) == 1
    ):
        return PROBE
    return None


def _asks_for_title(body: RequestBody) -> bool:
    schema = body.fields.members("output_config").members("format").members("schema")
    return set(schema.members("properties")) == {"title"}
