"""Gemini CLI: a session file with which it goes on.

Messages are taken as they are, each as it was written last. A result stands in the call it
belongs to, and nowhere else: Gemini CLI writes it a second time as a message of the user, and
sends both when it resumes. What another client said becomes messages as Gemini CLI keeps them.

Source: tapes-resume(1), "CLIENTS".
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Any, Final

from tapegit.dialects.exchange import Request
from tapegit.dialects.losses import Losses
from tapegit.dialects.parts import Attachment, Text, Thinking, ToolCall, ToolResult
from tapegit.dialects.writing.rows import decode_json, encode_row
from tapegit.harness.gemini_cli import DIALECT
from tapegit.harness.resume.continuation import Resume, Written, add_all, make_uuid, order_arguments
from tapegit.harness.timestamps import format_timestamp
from tapegit.objects.oid import hash_content

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from tapegit.dialects.parts import AnyPart
    from tapegit.harness.places import Surroundings
    from tapegit.harness.resume.continuation import Aim, Said

CONTEXT: Final = ("<session_context>", "<hook_context>")
NOT_SENT: Final = ("/", "?")
"""A message of the user that begins so is left out when Gemini CLI resumes."""
INTRODUCTION: Final = "The user says:\n"
PROMPT_OPTIONS: Final = frozenset({"-p", "--prompt", "-i", "--prompt-interactive"})
SLUG_COUNT_MAX: Final = 1000

_NO_WORD: Final = re.compile("[^a-z0-9]+")


def write(said: Sequence[Said], aim: Aim) -> Written:
    """Return the session file of a conversation."""
    session = _Session(aim)
    add_all(session, said)
    return Written(b"".join(session.iter_lines()), tuple(session.losses.found))


class _Session:
    """The messages of a session while they are put together."""

    def __init__(self, aim: Aim) -> None:
        self._aim = aim
        self._messages: dict[str, dict[str, Any]] = {}
        self._calls: dict[str, dict[str, Any]] = {}
        self._answers: dict[frozenset[str], str] = {}
        self._made = 0
        self.losses = Losses(Request(dialect="other"), DIALECT)

    def iter_lines(self) -> Iterable[bytes]:
        """Yield the lines of the file, the head first."""
        stamp = format_timestamp(self._aim.time_ms)
        yield encode_row(
            {
                "sessionId": self._aim.session_id,
                "projectHash": _hash(self._aim.directory),
                "startTime": stamp,
                "lastUpdated": stamp,
                "kind": "main",
            }
        )
        yield from map(encode_row, self._messages.values())

    def add_own(self, record: bytes) -> None:
        """Add a record of Gemini CLI's: a message, or all of them anew."""
        row = decode_json(record)
        if not isinstance(row, dict):
            return
        change = row.get("$set")
        anew = change.get("messages") if isinstance(change, dict) else row.get("messages")
        if isinstance(anew, list):
            self._messages.clear()
            self._calls.clear()
            self._answers.clear()
            for message in anew:
                self._add_message(message)
        else:
            self._add_message(row)

    def _add_message(self, row: object) -> None:
        if not isinstance(row, dict) or not isinstance(row.get("id"), str):
            return
        kind, content = row.get("type"), row.get("content")
        if kind == "gemini":
            _keep_calls(row)
            self._add(row)
            self._calls |= {call["id"]: call for call in row.get("toolCalls", ())}
        elif kind == "user" and content is not None:
            parts = _list_parts(content)
            answered = frozenset(_list_answered(parts))
            if answered and answered <= self._calls.keys():
                self._answer(parts)
            elif answered:
                self._messages.pop(self._answers.get(answered, ""), None)
                self._answers[answered] = row["id"]
                self._add(row)
            elif not str(parts[0].get("text", "") if parts else "").startswith(CONTEXT):
                self._add(row)

    def _answer(self, parts: Iterable[dict[str, Any]]) -> None:
        """Put results into their calls, each with what follows it."""
        call: dict[str, Any] | None = None
        for part in parts:
            answered = part.get("functionResponse")
            if isinstance(answered, dict):
                call = self._calls.get(answered.get("id", ""))
                if call is not None:
                    call["result"] = []
            if call is not None:
                call["result"].append(part)

    def add_said(self, said: Said) -> None:
        """Add what another client said."""
        for part in said.parts:
            if isinstance(part, ToolResult):
                self._answer_said(part)
        time_ms = said.time_ms if said.time_ms is not None else self._aim.time_ms
        parts = [part for part in said.parts if not isinstance(part, ToolResult)]
        content = [block for part in parts if (block := self._block(part)) is not None]
        message: dict[str, Any] = {"id": self._make_id(), "timestamp": format_timestamp(time_ms)}
        if said.role == "assistant":
            calls = [self._call(part) for part in parts if isinstance(part, ToolCall)]
            if not content and not calls:
                return
            message |= {"type": "gemini", "content": content, "thoughts": [], "tokens": None}
            message["model"] = said.model or self._aim.model or "unknown"
            if calls:
                message["toolCalls"] = calls
                self._calls |= {call["id"]: call for call in calls}
        elif content:
            if str(content[0].get("text", "")).lstrip().startswith((*NOT_SENT, *CONTEXT)):
                content.insert(0, {"text": INTRODUCTION})
            message |= {"type": "user", "content": content}
        else:
            return
        self._add(message)

    def _call(self, part: ToolCall) -> dict[str, Any]:
        arguments = decode_json(part.arguments)
        if not isinstance(arguments, dict):
            self.losses.add("arguments", part.name)
            arguments = {"input": part.arguments}
        call = {"id": self.losses.id_of_call(part), "name": part.name, "args": arguments}
        return {**call, "status": "success", "timestamp": format_timestamp(self._aim.time_ms)}

    def _answer_said(self, part: ToolResult) -> None:
        call = self._calls.get(self.losses.id_of_result(part) or "")
        if call is None:
            self.losses.add_part(part)
            return
        call["status"] = "error" if part.is_error else "success"
        response = {"error" if part.is_error else "output": part.text}
        answered = {"id": call["id"], "name": call["name"], "response": response}
        attached = [block for each in part.attachments if (block := self._block(each)) is not None]
        call["result"] = [{"functionResponse": answered}, *attached]

    def _block(self, part: AnyPart) -> dict[str, Any] | None:
        if isinstance(part, Text):
            return {"text": part.text} if part.text else None
        if isinstance(part, Attachment) and part.data and part.media_type:
            return {"inlineData": {"mimeType": part.media_type, "data": part.data}}
        is_empty = isinstance(part, Thinking) and not part.text and not part.signature
        if not isinstance(part, ToolCall) and not is_empty:
            self.losses.add_part(part)
        return None

    def _add(self, message: dict[str, Any]) -> None:
        self._messages[message["id"]] = message

    def _make_id(self) -> str:
        self._made += 1
        seed = f"{self._aim.session_id} {self._made}"
        return make_uuid(bytes.fromhex(hash_content(seed.encode()).hex()[:32]))


def _keep_calls(row: dict[str, Any]) -> None:
    """Leave calls of a message that are no objects with an id out of it."""
    if "toolCalls" in row:
        calls = row["toolCalls"] if isinstance(row["toolCalls"], list) else []
        is_call = (isinstance(each, dict) and isinstance(each.get("id"), str) for each in calls)
        row["toolCalls"] = [each for each, is_one in zip(calls, is_call, strict=True) if is_one]


def _list_parts(content: object) -> list[dict[str, Any]]:
    """Return the parts of a message's content."""
    parts = content if isinstance(content, list) else [content]
    texts = ({"text": part} if isinstance(part, str) else part for part in parts)
    return [part for part in texts if isinstance(part, dict)]


def _list_answered(parts: Iterable[dict[str, Any]]) -> list[str]:
    """Return the ids of the calls that a message answers."""
    answered = (part.get("functionResponse") for part in parts)
    ids = (each.get("id") for each in answered if isinstance(each, dict))
    return [each if isinstance(each, str) else "" for each in ids]


def place(aim: Aim, surroundings: Surroundings) -> tuple[str, str]:
    """Return Gemini CLI's folder, and the path of the session file below it."""
    folder = f"{surroundings.folder('GEMINI_CLI_HOME', '')}/.gemini".replace("//", "/")
    stamp = format_timestamp(aim.time_ms)[:16].replace(":", "-")
    name = f"session-{stamp}-{aim.session_id[:8]}.jsonl"
    return folder, f"tmp/{_find_slug(aim.directory, folder, surroundings)}/chats/{name}"


def _find_slug(directory: str, folder: str, surroundings: Surroundings) -> str:
    """Return the name of a project's folder: as it is registered, or as it would be."""
    registry = decode_json(surroundings.read(f"{folder}/projects.json") or "{}")
    found = registry.get("projects") if isinstance(registry, dict) else None
    projects = found if isinstance(found, dict) else {}

    def is_free(slug: object) -> bool:
        marks = (f"{folder}/{base}/{slug}/.project_root" for base in ("tmp", "history"))
        owners = (surroundings.read(mark) for mark in marks)
        return all(owner is None or owner.strip() == directory for owner in owners)

    registered = projects.get(directory)
    if isinstance(registered, str) and "/" not in registered and is_free(registered):
        return registered
    base = directory.rpartition("/")[2].lower()
    slug = _NO_WORD.sub("-", base).strip("-") or "project"
    taken = {name for path, name in projects.items() if path != directory}
    names = (slug, *(f"{slug}-{count}" for count in range(1, SLUG_COUNT_MAX)))
    return next((name for name in names if name not in taken and is_free(name)), slug)


def _hash(directory: str) -> str:
    return hashlib.sha256(directory.encode("utf-8", "surrogateescape")).hexdigest()


def command(aim: Aim, _written: Written, _path: Path) -> tuple[str, ...]:
    """Return what goes on; the prompt is that of `-p` or `-i` where this is the last argument."""
    resumed = ("gemini", "--resume", aim.session_id)
    if aim.prompt is not None and aim.arguments and aim.arguments[-1] in PROMPT_OPTIONS:
        name = {"-p": "--prompt", "-i": "--prompt-interactive"}
        option = name.get(aim.arguments[-1], aim.arguments[-1])
        return (*resumed, *aim.arguments[:-1], f"{option}={aim.prompt}")
    return (*resumed, *order_arguments(aim.arguments, aim.prompt))


GEMINI_CLI_RESUME: Final = Resume(
    "gemini-cli",
    DIALECT,
    "gemini",
    write,
    place,
    command,
    lambda digits, _time_ms: make_uuid(digits),
)
