"""Claude Code: a session file with which it goes on.

The rows of the conversation are taken as they are, but for the envelope: the session's id, the
working directory, and what each goes on from. They are one chain, in the order of the turns.
What another client said becomes rows as Claude Code writes them.

Source: tapes-resume(1), "CLIENTS".
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from tapegit.dialects.wire_table import WIRE_DIALECTS
from tapegit.dialects.writing.rows import decode_json, decode_row, decode_text, encode_row
from tapegit.harness.claude_code import DIALECT
from tapegit.harness.resume.continuation import (
    Resume,
    Written,
    group_said,
    make_uuid,
    order_arguments,
    translate,
)
from tapegit.harness.timestamps import format_timestamp
from tapegit.objects.oid import hash_content

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tapegit.dialects.exchange import Loss
    from tapegit.harness.places import Surroundings
    from tapegit.harness.resume.continuation import Aim, Said

KEPT_TYPES: Final = frozenset({"user", "assistant", "attachment"})
BOUNDARY: Final = "compact_boundary"
FOLDER_LENGTH_MAX: Final = 200

_NOT_PLAIN: Final = re.compile(r"[^A-Za-z0-9]")


def write(said: Sequence[Said], aim: Aim) -> Written:
    """Return the session file of a conversation."""
    rows = _Rows(aim)
    losses: list[Loss] = []
    for is_own, run in group_said(said):
        if is_own:
            for each in run:
                for record in each.records or ():
                    rows.add_own(record)
        else:
            body, lost = translate(run, WIRE_DIALECTS["anthropic.messages@1"])
            losses += lost
            rows.add_messages(body, run)
    return Written(b"".join(rows.lines), tuple(losses), rows.last)


class _Rows:
    """The rows of a file, each going on from the one before."""

    def __init__(self, aim: Aim) -> None:
        self._aim = aim
        self.last: str | None = None
        self._seen: set[str] = set()
        self._own: dict[str, Any] = {
            "isSidechain": False,
            "userType": "external",
            "cwd": aim.directory,
            "sessionId": aim.session_id,
            "version": aim.version or "2.0.0",
        }
        self.lines: list[bytes] = []

    def add_own(self, record: bytes) -> None:
        """Add a row of Claude Code's, if it is one of the conversation."""
        row = decode_row(record)
        if row is None:
            return  # no object: nothing that was said
        kind, subtype = decode_text(row.get("type")), decode_text(row.get("subtype"))
        is_boundary = kind == "system" and subtype == BOUNDARY
        if not is_boundary and kind not in KEPT_TYPES:
            return
        if kind != "attachment" and not is_boundary and "message" not in row:
            return
        row |= {"isSidechain": False}
        row.pop("agentId", None)
        self._add(row, decode_text(row.get("uuid")), is_first=is_boundary)

    def add_messages(self, body: bytes, run: Sequence[Said]) -> None:
        """Add what another client said, as the messages of a request."""
        messages: list[dict[str, Any]] = decode_json(body)["messages"]
        models = iter([each.model for each in run if each.role == "assistant"])
        model = self._aim.model
        time_ms = next((each.time_ms for each in run if each.time_ms is not None), None)
        for message in messages:
            if message["role"] == "system":
                message["role"] = "user"
            if message["role"] == "assistant":
                model = next(models, None) or model
                self._add_answer(message["content"], model, time_ms)
            else:
                self._add_new("user", {"role": "user", "content": message["content"]}, time_ms)

    def _add_answer(self, blocks: list[Any], model: str | None, time_ms: int | None) -> None:
        message_id = f"msg_{self._digits()[:24]}"
        stop = "tool_use" if any(block["type"] == "tool_use" for block in blocks) else "end_turn"
        for block in blocks:
            message = {
                "id": message_id,
                "type": "message",
                "role": "assistant",
                "model": model or "<synthetic>",
                "content": [block],
                "stop_reason": stop,
                "stop_sequence": None,
                "usage": {"input_tokens": 0, "output_tokens": 0},
            }
            self._add_new("assistant", message, time_ms)

    def _add_new(self, kind: str, message: dict[str, Any], time_ms: int | None) -> None:
        stamp = format_timestamp(time_ms if time_ms is not None else self._aim.time_ms)
        self._add({"type": kind, "message": message, "timestamp": stamp}, None, is_first=False)

    def _add(self, row: dict[str, Any], uuid: str | None, *, is_first: bool) -> None:
        if uuid is None or uuid in self._seen:
            uuid = make_uuid(bytes.fromhex(self._digits()))
        self._seen.add(uuid)
        chained = {"parentUuid": None if is_first else self.last}
        if is_first and self.last is not None:
            row["logicalParentUuid"] = self.last
        self.last = uuid
        whole = chained | self._own | row | self._own | chained | {"uuid": uuid}
        self.lines.append(encode_row(whole))

    def _digits(self) -> str:
        seed = f"{self._aim.session_id} {len(self.lines)}"
        return hash_content(seed.encode()).hex()[:32]


def place(aim: Aim, surroundings: Surroundings) -> tuple[str, str]:
    """Return Claude Code's folder, and the path of the session file below it."""
    folder = surroundings.folder("CLAUDE_CONFIG_DIR", ".claude")
    slug = _NOT_PLAIN.sub("-", aim.directory)
    if len(slug) > FOLDER_LENGTH_MAX:
        slug = f"{slug[:FOLDER_LENGTH_MAX]}-{hash_content(aim.directory.encode()).hex()[:6]}"
    return folder, f"projects/{slug}/{aim.session_id}.jsonl"


def command(aim: Aim, written: Written, path: Path) -> tuple[str, ...]:
    """Return what goes on; a name of a folder that was cut is not the client's own.

    Claude Code puts words of its own after a last record that is no answer, unless it is told
    which record to go on from, which it takes in print mode alone.
    """
    is_cut = len(path.parent.name) > FOLDER_LENGTH_MAX
    named = str(path) if is_cut else aim.session_id
    is_printing = not {"-p", "--print"}.isdisjoint(aim.arguments)
    at = ("--resume-session-at", written.last) if written.last and is_printing else ()
    return ("claude", "--resume", named, *at, *order_arguments(aim.arguments, aim.prompt))


CLAUDE_CODE_RESUME: Final = Resume(
    "claude-code",
    DIALECT,
    "claude",
    write,
    place,
    command,
    lambda digits, _time_ms: make_uuid(digits),
)
