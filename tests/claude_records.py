"""Records of Claude Code for tests: as short as they can be, with defaults that chain."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]


def user(text: Any, uuid: str | None = None, parent: str | None = None, **more: Any) -> Json:
    """Return a prompt."""
    return _record("user", uuid, parent, {"message": {"content": text}, **more})


def assistant(
    text: str,
    message_id: str | None = None,
    uuid: str | None = None,
    parent: str | None = None,
    **more: Any,
) -> Json:
    """Return one block of an answer."""
    message: Json = {"content": [{"type": "text", "text": text}]}
    if message_id is not None:
        message["id"] = message_id
    return _record("assistant", uuid, parent, {"message": message, **more})


def call(
    name: str, message_id: str, uuid: str | None = None, parent: str | None = None, **values: Any
) -> Json:
    """Return a call of a tool."""
    block = {"type": "tool_use", "id": f"t-{name}", "name": name, "input": values}
    return _record("assistant", uuid, parent, {"message": {"id": message_id, "content": [block]}})


def result(content: Any, uuid: str | None = None, parent: str | None = None, **more: Any) -> Json:
    """Return what a tool gave back."""
    block = {"type": "tool_result", "tool_use_id": "t", "content": content, **more}
    return _record("user", uuid, parent, {"message": {"content": [block]}})


def system(subtype: str, uuid: str | None = None, **more: Any) -> Json:
    """Return a record of the harness itself."""
    return _record("system", uuid, None, {"subtype": subtype, **more})


def extra(kind: str = "progress", uuid: str | None = None) -> Json:
    """Return a record that makes no turn."""
    return _record(kind, uuid, None, {"data": {}})


def _record(kind: str, uuid: str | None, parent: str | None, more: Json) -> Json:
    record: Json = {"type": kind, "sessionId": "s"}
    if uuid is not None:
        record["uuid"] = uuid
    if parent is not None:
        record["parentUuid"] = parent
    return record | more
