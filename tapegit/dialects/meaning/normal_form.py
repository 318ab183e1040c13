"""Requests without what two runs of one conversation differ in, by each dialect's own paths.

Left out are marks of caches, signatures and what names a run or a user; ids of calls are renamed
in the order in which they come, where a dialect has ids and nowhere else: texts, arguments and
results stay as they are. Keys are sorted. Whether the answer is to be a stream does not count.

Source: tapes-replay(1), "MATCHING".
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Json = dict[str, Any]

_ERRORS: Final = (msgspec.DecodeError, RecursionError, UnicodeError)
_NUMBERED: Final = re.compile(rb"\[REDACTED:([a-z0-9-]{1,60}):[0-9]{1,9}\]")
_BILLING: Final = "x-anthropic-billing-header:"
_STREAM: Final = ("stream", "stream_options")
_OPENAI_RUN: Final = (
    *("client_metadata", "metadata", "prompt_cache_key", "safety_identifier", "user"),
)


class _Names:
    """New names for ids, in the order in which they come."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}

    def rename(self, holder: Json, key: str) -> None:
        """Rename the id that an object holds, if it does."""
        value = holder.get(key)
        if isinstance(value, str):
            holder[key] = self._names.setdefault(value, f"#{len(self._names) + 1}")


def normalise(dialect: str | None, body: bytes) -> bytes | None:
    """Return the normal form of a request's body, or None where it is no JSON object.

    Args:
        dialect: Of the wire; a body of another one has its keys sorted.
        body: Without secrets.
    """
    try:
        value = msgspec.json.decode(body)
        if not isinstance(value, dict):
            return None
        change = _CHANGES.get(dialect or "")
        if change is not None:
            change(value, _Names())
        encoded = msgspec.json.encode(value, order="sorted")
    except _ERRORS:
        return None
    return _NUMBERED.sub(rb"[REDACTED:\1]", encoded)


def _anthropic(body: Json, names: _Names) -> None:
    _drop(body, "metadata", "cache_control", *_STREAM)
    for number, block in enumerate(_objects(body, "system")):
        _drop(block, "cache_control")
        text = block.get("text")
        if number == 0 and isinstance(text, str) and text.startswith(_BILLING):
            block["text"] = _BILLING
    for tool in _objects(body, "tools"):
        _drop(tool, "cache_control")
    for message in _objects(body, "messages"):
        for block in _objects(message, "content"):
            _anthropic_block(block, names)


def _anthropic_block(block: Json, names: _Names) -> None:
    kind = block.get("type")
    _drop(block, "cache_control")
    if kind == "thinking":
        _drop(block, "signature")
    elif kind == "redacted_thinking":
        _drop(block, "data")
    elif isinstance(kind, str) and kind.endswith("tool_use"):
        names.rename(block, "id")
    names.rename(block, "tool_use_id")
    for inner in _objects(block, "content"):
        _drop(inner, "cache_control")


def _chat(body: Json, names: _Names) -> None:
    _drop(body, *_OPENAI_RUN, *_STREAM)
    for tool in _objects(body, "tools"):
        _drop(tool, "cache_control")
    for message in _objects(body, "messages"):
        _drop(message, "cache_control")
        for part in _objects(message, "content"):
            _drop(part, "cache_control")
        for call in _objects(message, "tool_calls"):
            names.rename(call, "id")
        names.rename(message, "tool_call_id")


def _responses(body: Json, names: _Names) -> None:
    # `previous_response_id` says where the conversation is: it stays.
    _drop(body, *_OPENAI_RUN, *_STREAM)
    for item in _objects(body, "input"):
        _drop(item, "encrypted_content", "internal_chat_message_metadata_passthrough")
        if item.get("type") != "item_reference":
            _drop(item, "id")
        names.rename(item, "call_id")


def _gemini(body: Json, names: _Names) -> None:
    for content in _objects(body, "contents"):
        for part in _objects(content, "parts"):
            _drop(part, "thoughtSignature")
            for key in ("functionCall", "functionResponse"):
                call = part.get(key)
                if isinstance(call, dict):
                    names.rename(call, "id")


def _ollama(body: Json, names: _Names) -> None:
    _drop(body, "keep_alive", *_STREAM)
    for message in _objects(body, "messages"):
        for call in _objects(message, "tool_calls"):
            names.rename(call, "id")
        names.rename(message, "tool_call_id")


def _objects(holder: Json, key: str) -> Iterator[Json]:
    """Yield the objects in what may be an array, or one object, or something else."""
    value = holder.get(key)
    for each in value if isinstance(value, list) else (value,):
        if isinstance(each, dict):
            yield each


def _drop(holder: Json, *keys: str) -> None:
    for key in keys:
        holder.pop(key, None)


_CHANGES: Final[dict[str, Callable[[Json, _Names], None]]] = {
    "anthropic.messages@1": _anthropic,
    "openai.chat@1": _chat,
    "openai.responses@1": _responses,
    "gemini.generate@1": _gemini,
    "ollama.chat@1": _ollama,
}
