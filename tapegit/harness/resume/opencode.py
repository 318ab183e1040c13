"""OpenCode: a session as its export has it, which it takes in and goes on with.

Messages are taken as they are, but for ids, the session's and the directory; each id is new and
in order, as OpenCode sorts by them. A result stands in the call it belongs to. What another
client said becomes messages as OpenCode exports them.

Source: tapes-resume(1), "CLIENTS".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from tapegit.dialects.exchange import Request
from tapegit.dialects.losses import Losses
from tapegit.dialects.parts import Attachment, Text, Thinking, ToolCall, ToolResult
from tapegit.dialects.writing.rows import decode_json, encode_row
from tapegit.harness.opencode import DIALECT
from tapegit.harness.resume.continuation import (
    Resume,
    Written,
    add_all,
    find_provider,
    order_arguments,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tapegit.dialects.parts import AnyPart
    from tapegit.harness.places import Surroundings
    from tapegit.harness.resume.continuation import Aim, Said

RUN: Final = "run"
AGENT: Final = "build"
FILE_TYPES: Final = frozenset(
    {"application/pdf", "image/gif", "image/jpeg", "image/png", "image/webp"}
)
OLDER_MS: Final = 60_000
"""Ids are made as if so long ago, so that all that OpenCode adds comes after them."""
_DIGITS: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_TIME_BITS: Final = 48
_NO_TOKENS: Final = {"input": 0, "output": 0, "reasoning": 0, "cache": {"read": 0, "write": 0}}


def make_id(digits: bytes, time_ms: int) -> str:
    """Return the id of a session: newer ones come first."""
    moment = time_ms * 0x1000 & (1 << _TIME_BITS) - 1
    inverted = moment ^ (1 << _TIME_BITS) - 1
    return f"ses_{inverted:012x}{_letters(digits)}"


def _letters(digits: bytes) -> str:
    return "".join(_DIGITS[digit % len(_DIGITS)] for digit in digits[:14])


def write(said: Sequence[Said], aim: Aim) -> Written:
    """Return the export of a conversation."""
    session = _Session(aim)
    add_all(session, said)
    data = encode_row({"info": session.info, "messages": session.messages})
    return Written(data, tuple(session.losses.found))


class _Session:
    """A session while its messages are put together."""

    def __init__(self, aim: Aim) -> None:
        self._aim = aim
        self._count = 0
        self._prompt: str | None = None
        self._calls: dict[str, dict[str, Any]] = {}
        self.losses = Losses(Request(dialect="other"), DIALECT)
        self.messages: list[dict[str, Any]] = []
        self.info: dict[str, Any] = {
            "id": aim.session_id,
            "slug": f"tapes-{aim.session_id[-8:].lower()}",
            "projectID": "global",
            "directory": aim.directory,
            "title": "Goes on from a tape",
            "version": aim.version or "1.0.0",
            "time": {"created": aim.time_ms, "updated": aim.time_ms},
        }

    def add_own(self, record: bytes) -> None:
        """Add a message of OpenCode's."""
        message = decode_json(record)
        info = message.get("info") if isinstance(message, dict) else None
        parts = message.get("parts") if isinstance(message, dict) else None
        if not isinstance(info, dict) or not isinstance(parts, list):
            return
        if isinstance(info.get("path"), dict):
            info["path"]["cwd"] = self._aim.directory
        self._add(info, [part for part in parts if isinstance(part, dict)])

    def add_said(self, said: Said) -> None:
        """Add what another client said."""
        for part in said.parts:
            if isinstance(part, ToolResult):
                self._answer(part)
        parts = [part for part in said.parts if not isinstance(part, ToolResult)]
        made = [block for part in parts if (block := self._part(part)) is not None]
        if not made:
            return
        time_ms = said.time_ms if said.time_ms is not None else self._aim.time_ms
        if said.role == "assistant":
            self._add_answer(said, made, time_ms)
            return
        info = {"role": "user", "time": {"created": time_ms}, "agent": AGENT}
        model = {"providerID": self._provider(said), "modelID": self._model(said)}
        self._add({**info, "model": model}, made)

    def _add_answer(self, said: Said, made: list[dict[str, Any]], time_ms: int) -> None:
        has_calls = any(part["type"] == "tool" for part in made)
        reason = "tool-calls" if has_calls else "stop"
        info = {
            "role": "assistant",
            "mode": AGENT,
            "agent": AGENT,
            "path": {"cwd": self._aim.directory, "root": "/"},
            "cost": 0,
            "tokens": _NO_TOKENS,
            "modelID": self._model(said),
            "providerID": self._provider(said),
            "time": {"created": time_ms, "completed": time_ms},
            "finish": reason,
        }
        end = {"type": "step-finish", "reason": reason, "tokens": _NO_TOKENS, "cost": 0}
        self._add(info, [{"type": "step-start"}, *made, end])

    def _model(self, said: Said) -> str:
        return said.model or self._aim.model or "unknown"

    def _provider(self, said: Said) -> str:
        return find_provider(self._model(said))

    def _answer(self, result: ToolResult) -> None:
        """Put a result into its call."""
        call = self._calls.pop(result.call_id or "", None)
        if call is None:
            self.losses.add_part(result)
            return
        times = {"start": self._aim.time_ms, "end": self._aim.time_ms}
        state = {"input": call["state"].get("input", {}), "time": times}
        if result.is_error:
            call["state"] = {"status": "error", **state, "error": result.text}
        else:
            more = {"output": result.text, "title": call["tool"], "metadata": {}}
            call["state"] = {"status": "completed", **state, **more}
        for attachment in result.attachments:
            self.losses.add_part(attachment)

    def _part(self, part: AnyPart) -> dict[str, Any] | None:
        if isinstance(part, Text):
            return {"type": "text", "text": part.text} if part.text else None
        if isinstance(part, ToolCall):
            arguments = decode_json(part.arguments)
            if not isinstance(arguments, dict):
                self.losses.add("arguments", part.name)
                arguments = {"input": part.arguments}
            call_id = self.losses.id_of_call(part)
            state = {"status": "pending", "input": arguments, "raw": ""}
            return {"type": "tool", "tool": part.name, "callID": call_id, "state": state}
        if isinstance(part, Attachment) and part.data and part.media_type in FILE_TYPES:
            url = f"data:{part.media_type};base64,{part.data}"
            return {"type": "file", "mime": part.media_type, "url": url}
        if not isinstance(part, Thinking) or part.text or part.signature:
            self.losses.add_part(part)
        return None

    def _add(self, info: dict[str, Any], parts: list[dict[str, Any]]) -> None:
        message_id = self._make_id("msg")
        info |= {"id": message_id, "sessionID": self._aim.session_id}
        if info.get("role") == "user":
            self._prompt = message_id
        elif self._prompt is not None:
            info["parentID"] = self._prompt
        for part in parts:
            part |= {
                "id": self._make_id("prt"),
                "sessionID": self._aim.session_id,
                "messageID": message_id,
            }
            state = part.get("state")
            is_open = isinstance(state, dict) and state.get("status") in {"pending", "running"}
            if part.get("type") == "tool" and is_open:
                self._calls[str(part.get("callID"))] = part
        self.messages.append({"info": info, "parts": parts})

    def _make_id(self, kind: str) -> str:
        self._count += 1
        moment = (self._aim.time_ms - OLDER_MS) * 0x1000 + self._count
        suffix = self._aim.session_id[-14:]
        return f"{kind}_{moment & (1 << _TIME_BITS) - 1:012x}{suffix}"


def place(aim: Aim, _surroundings: Surroundings) -> tuple[str, str]:
    """Return where the file goes: nowhere of OpenCode's, which keeps sessions in a database."""
    return "", f"resume-{aim.session_id}.json"


def command(aim: Aim, _written: Written, _path: Path) -> tuple[str, ...]:
    """Return what goes on; with `run` first among the arguments it does so without a terminal."""
    if aim.arguments[:1] == (RUN,):
        prompt = order_arguments((), aim.prompt)
        return ("opencode", RUN, "-s", aim.session_id, *aim.arguments[1:], *prompt)
    prompt = ("--prompt", aim.prompt) if aim.prompt is not None else ()
    return ("opencode", "-s", aim.session_id, *prompt, *aim.arguments)


OPENCODE_RESUME: Final = Resume(
    "opencode",
    DIALECT,
    "opencode",
    write,
    place,
    command,
    make_id,
    take_in=lambda path: ("opencode", "import", str(path)),
    give_out=lambda session_id: ("opencode", "export", session_id),
)
