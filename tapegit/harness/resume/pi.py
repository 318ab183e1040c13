"""pi: a session with which it goes on.

Entries are taken as they are, but for what each goes on from: they are one line, in the order
of the turns. What another client said becomes messages as pi keeps them.

Source: tapes-resume(1), "CLIENTS".
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from tapegit.dialects.exchange import Request
from tapegit.dialects.losses import Losses
from tapegit.dialects.parts import Attachment, Text, ToolCall, ToolResult
from tapegit.dialects.writing.rows import decode_json, decode_row, decode_text, encode_row
from tapegit.harness.pi import DIALECT
from tapegit.harness.resume.continuation import (
    Resume,
    Written,
    add_all,
    find_provider,
    make_timed_uuid,
    order_arguments,
)
from tapegit.harness.timestamps import format_timestamp
from tapegit.objects.oid import hash_content

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tapegit.dialects.parts import AnyPart
    from tapegit.harness.places import Surroundings
    from tapegit.harness.resume.continuation import Aim, Said

VERSION: Final = 3
HEAD: Final = "session"
LEFT_OUT_TYPES: Final = frozenset({HEAD, "label", "session_info"})
_NO_COST: Final = dict.fromkeys(("input", "output", "cacheRead", "cacheWrite", "total"), 0)
_NO_USAGE: Final = dict.fromkeys(("input", "output", "cacheRead", "cacheWrite", "totalTokens"), 0)
_INTERFACES: Final = {
    "anthropic": "anthropic-messages",
    "google": "google-generative-ai",
    "openai": "openai-responses",
}


def write(said: Sequence[Said], aim: Aim) -> Written:
    """Return the session file of a conversation."""
    session = _Session(aim)
    add_all(session, said)
    return Written(b"".join(session.lines), tuple(session.losses.found))


class _Session:
    """The entries of a session, each going on from the one before."""

    def __init__(self, aim: Aim) -> None:
        self._aim = aim
        self._last: str | None = None
        self._seen: set[str] = set()
        self._names: dict[str | None, str] = {}
        self.losses = Losses(Request(dialect="other"), DIALECT)
        self.lines = [
            encode_row(
                {
                    "type": HEAD,
                    "version": VERSION,
                    "id": aim.session_id,
                    "timestamp": format_timestamp(aim.time_ms),
                    "cwd": aim.directory,
                }
            )
        ]

    def add_own(self, record: bytes) -> None:
        """Add an entry of pi's, if it is one of the conversation."""
        row = decode_row(record)
        if row is None or decode_text(row.get("type")) in {None, *LEFT_OUT_TYPES}:
            return
        self._add(row, decode_text(row.get("id")))

    def add_said(self, said: Said) -> None:
        """Add what another client said."""
        time_ms = said.time_ms if said.time_ms is not None else self._aim.time_ms
        parts = [part for part in said.parts if not isinstance(part, ToolResult)]
        if said.role == "assistant":
            self._add_answer(said, time_ms)
            return
        for part in said.parts:
            if isinstance(part, ToolResult):
                self._add_message(self._result(part), time_ms)
        content = self._blocks(parts)
        if content:
            self._add_message({"role": "user", "content": content}, time_ms)

    def _add_answer(self, said: Said, time_ms: int) -> None:
        content = self._blocks(said.parts)
        if not content:
            return
        provider = find_provider(said.model)
        has_calls = any(block["type"] == "toolCall" for block in content)
        message = {
            "role": "assistant",
            "content": content,
            "api": _INTERFACES[provider],
            "provider": provider,
            "model": said.model or self._aim.model or "unknown",
            "usage": _NO_USAGE | {"cost": _NO_COST},
            "stopReason": "toolUse" if has_calls else "stop",
        }
        self._add_message(message, time_ms)

    def _add_message(self, message: dict[str, Any], time_ms: int) -> None:
        entry = {"type": "message", "timestamp": format_timestamp(time_ms)}
        self._add({**entry, "message": {**message, "timestamp": time_ms}}, None)

    def _result(self, part: ToolResult) -> dict[str, Any]:
        return {
            "role": "toolResult",
            "toolCallId": self.losses.id_of_result(part) or "",
            "toolName": part.name or self._names.get(part.call_id, "unknown"),
            "content": self._blocks([Text(text=part.text), *part.attachments]),
            "isError": part.is_error,
        }

    def _blocks(self, parts: Sequence[AnyPart]) -> list[dict[str, Any]]:
        made = (self._block(part) for part in parts)
        return [block for block in made if block is not None]

    def _block(self, part: AnyPart) -> dict[str, Any] | None:
        if isinstance(part, Text):
            return {"type": "text", "text": part.text} if part.text else None
        if isinstance(part, ToolCall):
            call_id = self.losses.id_of_call(part)
            self._names[call_id] = part.name
            arguments = decode_json(part.arguments)
            if not isinstance(arguments, dict):
                self.losses.add("arguments", part.name)
                arguments = {"input": part.arguments}
            return {"type": "toolCall", "id": call_id, "name": part.name, "arguments": arguments}
        if isinstance(part, Attachment) and part.kind == "image" and part.data and part.media_type:
            return {"type": "image", "data": part.data, "mimeType": part.media_type}
        self.losses.add_part(part)
        return None

    def _add(self, row: dict[str, Any], own_id: str | None) -> None:
        entry_id = own_id
        if entry_id is None or entry_id in self._seen:
            seed = f"{self._aim.session_id} {len(self.lines)}"
            entry_id = hash_content(seed.encode()).hex()[:8]
        self._seen.add(entry_id)
        kind = row.pop("type")
        chained = {"type": kind, "id": entry_id, "parentId": self._last}
        self.lines.append(encode_row(chained | row | chained))
        self._last = entry_id


def place(aim: Aim, surroundings: Surroundings) -> tuple[str, str]:
    """Return pi's folder, and the path of the session file below it."""
    folder = surroundings.folder("PI_CODING_AGENT_DIR", ".pi/agent")
    slug = re.sub(r"[/\\:]", "-", aim.directory.removeprefix("/"))
    stamp = re.sub("[:.]", "-", format_timestamp(aim.time_ms))
    return folder, f"sessions/--{slug}--/{stamp}_{aim.session_id}.jsonl"


def command(aim: Aim, _written: Written, path: Path) -> tuple[str, ...]:
    """Return what goes on."""
    return ("pi", "--session", str(path), *order_arguments(aim.arguments, aim.prompt))


PI_RESUME: Final = Resume("pi", DIALECT, "pi", write, place, command, make_timed_uuid)
