"""Claude Code transcripts that never happened, in the shape of those that did.

Rules: a transcript is a pure function of (seed, scale). The kinds of record, their shares of the
bytes, the keys and their order, one content block per line under a shared message id, tool
output stored twice in a line and again in progress records, and signatures that nothing can
compress are those counted in real sessions; README.md compares the shares.
"""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from random import Random
from typing import TYPE_CHECKING, NamedTuple

from bench.material import Project, make_name

if TYPE_CHECKING:
    from collections.abc import Iterator

_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_START = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)


EDITS_PER_SESSION = 12
"""How far a project moves on between two sessions."""


class Scale(NamedTuple):
    """How large the parts of a transcript are; sizes in characters, 1.0 as in real sessions."""

    text: float = 1.0
    project_file_count: int = 160
    file_count: int = 40
    steps: int = 14
    progress: float = 1.0


FULL = Scale()
LEAN = Scale(text=0.12, project_file_count=12, file_count=6, steps=12, progress=0.15)
"""Many turns, few bytes: for what depends on the number of turns."""


class Session:
    """Writes one session record by record."""

    def __init__(self, seed: int, scale: Scale = FULL, *, project: int = 0, age: int = 0) -> None:
        self._random = Random(seed)
        self._scale = scale
        past = Random(project)
        self._project = Project(past, scale.project_file_count, age * EDITS_PER_SESSION)
        self._project.hand_to(self._random, scale.file_count)
        self._time = _START + timedelta(minutes=self._random.randrange(200_000))
        self._parent: str | None = None
        self._turn_uuid: str | None = None
        self.session_id = self._uuid()
        self._slug = f"{make_name(self._random)}-{make_name(self._random)}"

    def iter_lines(self, size: int | None = None, messages: int | None = None) -> Iterator[bytes]:
        """Yield records, each ending in a newline, until `size` bytes or `messages` messages."""
        written = count = 0
        while (size is None or written < size) and (messages is None or count < messages):
            for record in self._iter_exchange():
                line = (
                    json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
                )
                written += len(line)
                count += record["type"] == "user" or record.get("last_block", False)
                yield line

    def _uuid(self) -> str:
        text = f"{self._random.getrandbits(128):032x}"
        return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-a{text[17:20]}-{text[20:]}"

    def _id(self, prefix: str) -> str:
        return f"{prefix}_01" + "".join(self._random.choices(_BASE62, k=22))

    def _stamp(self, seconds: float) -> str:
        self._time += timedelta(seconds=self._random.expovariate(1 / seconds))
        return self._time.isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def _size(self, median: int, spread: float = 1.0) -> int:
        return max(12, int(median * self._scale.text * self._random.lognormvariate(0, spread)))

    def _envelope(self, kind: str, body: dict[str, object], parent: str | None = None) -> dict:
        uuid = self._uuid()
        record = {
            "parentUuid": parent or self._parent,
            "isSidechain": False,
            "userType": "external",
            "cwd": self._project.root,
            "sessionId": self.session_id,
            "version": "2.1.12",
            "gitBranch": self._project.branch,
            "slug": self._slug,
            "type": kind,
            **body,
            "uuid": uuid,
            "timestamp": self._stamp(4),
        }
        self._parent = uuid
        return record

    def _iter_exchange(self) -> Iterator[dict]:
        """Yield one prompt and all that follows until the model has nothing more to do."""
        prompt = self._project.make_prose(self._size(320))
        record = self._envelope("user", {"message": {"role": "user", "content": prompt}})
        record["todos"] = []
        record["permissionMode"] = "acceptEdits"
        self._turn_uuid = record["uuid"]
        yield self._snapshot()
        yield record
        for _ in range(self._random.randint(1, self._scale.steps * 2)):
            yield from self._iter_step()
        yield from self._iter_assistant([self._text_block(700)])
        yield self._envelope(
            "system",
            {"subtype": "turn_duration", "durationMs": self._random.randint(900, 300_000)},
        )

    def _snapshot(self) -> dict:
        message_id = self._uuid()
        backups = {
            path: {
                "backupFileName": f"{self._random.getrandbits(64):016x}@v{n + 1}",
                "version": n + 1,
                "backupTime": self._stamp(1),
            }
            for n, path in enumerate(list(self._project.files)[: self._random.randint(0, 4)])
        }
        return {
            "type": "file-history-snapshot",
            "messageId": message_id,
            "snapshot": {
                "messageId": message_id,
                "trackedFileBackups": backups,
                "timestamp": self._stamp(1),
            },
            "isSnapshotUpdate": False,
        }

    def _text_block(self, median: int) -> dict:
        return {"type": "text", "text": self._project.make_prose(self._size(median))}

    def _thinking_block(self) -> dict:
        signature = self._random.randbytes(max(96, self._size(680, 0.7)))
        return {
            "type": "thinking",
            "thinking": self._project.make_prose(self._size(420)),
            "signature": base64.b64encode(signature).decode(),
        }

    def _iter_assistant(self, blocks: list[dict]) -> Iterator[dict]:
        """Yield one message of the model, one record per content block, with growing usage."""
        random = self._random
        message_id, request_id = self._id("msg"), self._id("req")
        usage = {
            "input_tokens": random.randint(1, 12),
            "cache_creation_input_tokens": random.randint(80, 9_000),
            "cache_read_input_tokens": random.randint(12_000, 160_000),
            "cache_creation": {
                "ephemeral_5m_input_tokens": random.randint(80, 9_000),
                "ephemeral_1h_input_tokens": 0,
            },
            "output_tokens": random.randint(1, 12),
            "service_tier": "standard",
        }
        for index, block in enumerate(blocks):
            message = {
                "model": "claude-opus-4-5-20251101",
                "id": message_id,
                "type": "message",
                "role": "assistant",
                "content": [block],
                "stop_reason": None,
                "stop_sequence": None,
                "usage": dict(usage),
            }
            if index == len(blocks) - 1:
                message["usage"] = {**usage, "output_tokens": random.randint(20, 2_000)}
            yield self._envelope("assistant", {"message": message, "requestId": request_id})

    def _iter_step(self) -> Iterator[dict]:
        """Yield one message of the model that calls tools, their reports and their results."""
        random = self._random
        blocks = []
        if random.random() < 0.62:
            blocks.append(self._thinking_block())
        if random.random() < 0.36:
            blocks.append(self._text_block(170))
        calls = [self._make_call() for _ in range(random.choice((1, 1, 1, 1, 2, 3)))]
        blocks += [block for block, _, _ in calls]
        sources = {}
        for record in self._iter_assistant(blocks):
            block = record["message"]["content"][0]
            if block["type"] == "tool_use":
                sources[block["id"]] = record["uuid"]
            yield record
        for block, content, result in calls:
            yield from self._iter_progress(block, content)
            body = {
                "message": {
                    "role": "user",
                    "content": [
                        {"tool_use_id": block["id"], "type": "tool_result", "content": content}
                    ],
                },
            }
            record = self._envelope("user", body, parent=sources[block["id"]])
            record["toolUseResult"] = result
            record["sourceToolAssistantUUID"] = sources[block["id"]]
            yield record

    def _make_call(self) -> tuple[dict, str, object]:
        """Return a tool_use block, the text of its result and the structured result."""
        chance = self._random.random()
        if chance < 0.36:
            name, arguments, content, result = self._call_read()
        elif chance < 0.56:
            name, arguments, content, result = self._call_edit()
        elif chance < 0.62:
            name, arguments, content, result = self._call_write()
        else:
            name, arguments, content, result = self._call_bash()
        block = {"type": "tool_use", "id": self._id("toolu"), "name": name, "input": arguments}
        return block, content, result

    def _call_read(self) -> tuple[str, dict, str, object]:
        path = self._project.choose_path()
        lines = self._project.files[path]
        count = len(lines) if self._random.random() < 0.6 else self._size(90, 0.6)
        count = max(3, min(len(lines), int(count * min(1.0, self._scale.text * 2))))
        start = self._random.randrange(max(1, len(lines) - count))
        part = lines[start : start + count]
        content = "\n".join(f"{start + n + 1:6d}→{line}" for n, line in enumerate(part))
        file = {
            "filePath": path,
            "content": "\n".join(part),
            "numLines": len(part),
            "startLine": start + 1,
            "totalLines": len(lines),
        }
        return "Read", {"file_path": path}, content, {"type": "text", "file": file}

    def _call_edit(self) -> tuple[str, dict, str, object]:
        path = self._project.choose_path()
        before = self._project.files[path]
        original = "\n".join(before)[: int(20_000 * self._scale.text)]
        old, new, number = self._project.edit(path)
        old_text, new_text = "\n".join(old), "\n".join(new)
        patch = {
            "oldStart": number,
            "oldLines": len(old),
            "newStart": number,
            "newLines": len(new),
            "lines": [f"-{line}" for line in old] + [f"+{line}" for line in new],
        }
        after = self._project.files[path][max(0, number - 4) : number + len(new) + 3]
        content = f"The file {path} has been updated. Here's the result of running `cat -n`:\n"
        content += "\n".join(f"{number + n:6d}→{line}" for n, line in enumerate(after))
        result = {
            "filePath": path,
            "oldString": old_text,
            "newString": new_text,
            "originalFile": original,
            "structuredPatch": [patch],
            "userModified": False,
            "replaceAll": False,
        }
        arguments = {"file_path": path, "old_string": old_text, "new_string": new_text}
        return "Edit", arguments, content, result

    def _call_write(self) -> tuple[str, dict, str, object]:
        path = f"{self._project.root}/{make_name(self._random)}.py"
        lines = self._project.make_lines(self._size(110, 0.7))
        self._project.files[path] = lines
        text = "\n".join(lines)
        result = {
            "type": "create",
            "filePath": path,
            "content": text,
            "structuredPatch": [],
            "originalFile": None,
        }
        content = f"File created successfully at: {path}"
        return "Write", {"file_path": path, "content": text}, content, result

    def _call_bash(self) -> tuple[str, dict, str, object]:
        path = self._project.choose_path()
        output = self._project.make_output(self._size(30, 1.2))[:30_000]
        command = f"python -m pytest {path} -k {make_name(self._random)} 2>&1 | tail -50"
        arguments = {"command": command, "description": self._project.make_prose(20)[:60]}
        result = {"stdout": output, "stderr": "", "interrupted": False, "isImage": False}
        return "Bash", arguments, output, result

    def _iter_progress(self, block: dict, content: str) -> Iterator[dict]:
        """Yield progress records; those of a command repeat all of its output so far."""
        random = self._random
        if block["name"] != "Bash" or random.random() > 0.75 * self._scale.progress:
            return
        lines = content.split("\n")
        count = random.choice((1, 2, 3, 5, 9))
        for n in range(1, count + 1):
            full = "\n".join(lines[: len(lines) * n // count])
            data = {
                "type": "bash_progress",
                "output": full[-600:],
                "fullOutput": full,
                "elapsedTimeSeconds": n + 1,
                "totalLines": full.count("\n") + 1,
            }
            body = {
                "data": data,
                "toolUseID": f"bash-progress-{n}",
                "parentToolUseID": block["id"],
            }
            yield self._envelope("progress", body)
