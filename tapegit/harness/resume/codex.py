"""Codex: a rollout with which it goes on.

Items of the conversation, and what Codex keeps beside them to know what it has sent, are taken
as they are; the head gets the thread's new id and the working directory, and the records are
numbered anew. What Codex only shows or counts is left out. What another client said becomes
items of OpenAI's Responses interface.

Source: tapes-resume(1), "CLIENTS".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from tapegit.dialects.wire_table import WIRE_DIALECTS
from tapegit.dialects.writing.rows import (
    decode_json,
    decode_member,
    decode_row,
    decode_text,
    encode_row,
)
from tapegit.harness.codex import DIALECT
from tapegit.harness.resume.continuation import (
    Resume,
    Written,
    group_said,
    make_timed_uuid,
    order_arguments,
    translate,
)
from tapegit.harness.timestamps import format_timestamp

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tapegit.dialects.exchange import Loss
    from tapegit.harness.places import Surroundings
    from tapegit.harness.resume.continuation import Aim, Said

HEAD: Final = "session_meta"
KEPT_TYPES: Final = frozenset({"response_item", "compacted", "turn_context", "world_state"})
RUN: Final = "exec"


def write(said: Sequence[Said], aim: Aim) -> Written:
    """Return the rollout of a conversation."""
    rollout = _Rollout(said, aim)
    losses: list[Loss] = []
    for is_own, run in group_said(said):
        if is_own:
            for record in (record for each in run for record in each.records or ()):
                rollout.add_own(record)
        else:
            body, lost = translate(run, WIRE_DIALECTS["openai.responses@1"])
            losses += lost
            for item in decode_json(body)["input"]:
                rollout.add_item(item)
    return Written(b"".join(rollout.lines), tuple(losses))


class _Rollout:
    """The records of a rollout."""

    def __init__(self, said: Sequence[Said], aim: Aim) -> None:
        self._aim = aim
        self._stamp = format_timestamp(aim.time_ms)
        self._custom: set[str] = set()
        self.lines: list[bytes] = []
        self._add(self._stamp, HEAD, self._make_head(said))

    def _make_head(self, said: Sequence[Said]) -> dict[str, Any]:
        """Return the head of what is taken, or a new one, as that of a thread of its own."""
        records = (record for each in said for record in each.records or ())
        rows = (row for row in map(decode_row, records) if row is not None)
        heads = (row for row in rows if decode_text(row.get("type")) == HEAD)
        payload = decode_member(next(heads, {}).get("payload"))
        aim = self._aim
        head: dict[str, Any] = {
            "id": aim.session_id,
            "timestamp": self._stamp,
            "cwd": aim.directory,
            "originator": "codex_cli_rs",
            "cli_version": aim.version or "0.0.0",
            "source": "cli",
        }
        if not isinstance(payload, dict):
            return {"session_id": aim.session_id, **head}
        for name in ("forked_from_id", "parent_thread_id", "git"):
            payload.pop(name, None)
        own: dict[str, Any] = {name: head[name] for name in ("id", "timestamp", "cwd")}
        if "session_id" in payload:
            own["session_id"] = aim.session_id
        if "runtime_workspace_roots" in payload:
            own["runtime_workspace_roots"] = [aim.directory]
        return head | payload | own

    def add_own(self, record: bytes) -> None:
        """Add a record of Codex's, if it is one of the conversation."""
        row = decode_row(record)
        kind = decode_text(row.get("type")) if row is not None else None
        if row is None or kind not in KEPT_TYPES:
            return
        payload = decode_row(bytes(row.get("payload", b""))) or {}
        if decode_text(payload.get("type")) == "custom_tool_call":
            self._custom.add(decode_text(payload.get("call_id")) or "")
        row.pop("ordinal", None)
        stamp = row.pop("timestamp", self._stamp)
        row.pop("type")
        self._add(stamp, kind or "", row.pop("payload", {}), row)

    def add_item(self, item: dict[str, Any]) -> None:
        """Add an item of the conversation."""
        if item.get("type") == "function_call_output" and item.get("call_id") in self._custom:
            item["type"] = "custom_tool_call_output"
        self._add(self._stamp, "response_item", item)

    def _add(
        self, stamp: object, kind: str, payload: object, more: dict[str, Any] | None = None
    ) -> None:
        row = {"timestamp": stamp, "ordinal": len(self.lines), "type": kind, "payload": payload}
        self.lines.append(encode_row(row | (more or {})))


def place(aim: Aim, surroundings: Surroundings) -> tuple[str, str]:
    """Return Codex's folder, and the path of the rollout below it."""
    stamp = format_timestamp(aim.time_ms)
    day, time = stamp[:10], stamp[:19].replace(":", "-")
    folder = surroundings.folder("CODEX_HOME", ".codex")
    return folder, f"sessions/{day.replace('-', '/')}/rollout-{time}-{aim.session_id}.jsonl"


def command(aim: Aim, _written: Written, _path: Path) -> tuple[str, ...]:
    """Return what goes on; with `exec` first among the arguments it does so without a terminal."""
    if aim.arguments[:1] == (RUN,):
        prompt = order_arguments((), aim.prompt)
        return ("codex", RUN, *aim.arguments[1:], "resume", aim.session_id, *prompt)
    return ("codex", "resume", aim.session_id, *order_arguments(aim.arguments, aim.prompt))


CODEX_RESUME: Final = Resume("codex", DIALECT, "codex", write, place, command, make_timed_uuid)
