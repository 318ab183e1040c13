"""Requests of one growing conversation, as an agent sends them: each repeats all before it."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING

from bench.material import Project

if TYPE_CHECKING:
    from collections.abc import Iterator

SYSTEM_SIZE = 12_000
TOOL_COUNT = 16
TEXT_SIZE = 420


def iter_calls(count: int, seed: int = 5) -> Iterator[tuple[bytes, bytes]]:
    """Yield (request, response) of each call; `cache_control` moves on with every request."""
    luck = random.Random(seed)
    project = Project(luck, file_count=8)
    head = {
        "model": "claude-opus-4-5-20251101",
        "max_tokens": 32_000,
        "system": [{"type": "text", "text": project.make_prose(SYSTEM_SIZE)}],
    }
    tools = [
        {"name": f"tool_{n}", "description": project.make_prose(900), "input_schema": {}}
        for n in range(TOOL_COUNT)
    ]
    messages: list[str] = []
    for _ in range(count):
        prompt = {"type": "text", "text": project.make_prose(TEXT_SIZE)}
        marked = json.dumps(
            {"role": "user", "content": [{**prompt, "cache_control": {"type": "ephemeral"}}]}
        )
        yield _join(head, [*messages, marked], tools), _make_response(project)
        messages.append(json.dumps({"role": "user", "content": [prompt]}))
        answer = {"type": "text", "text": project.make_prose(TEXT_SIZE)}
        messages.append(json.dumps({"role": "assistant", "content": [answer]}))


def _join(head: dict, messages: list[str], tools: list[dict]) -> bytes:
    text = json.dumps(head)[:-1]
    return f'{text}, "messages": [{", ".join(messages)}], "tools": {json.dumps(tools)}}}'.encode()


def _make_response(project: Project) -> bytes:
    events = [
        {"type": "content_block_delta", "index": 0, "delta": {"text": project.make_prose(60)}}
        for _ in range(6)
    ]
    return b"".join(
        b"event: content_block_delta\ndata: %s\n\n" % json.dumps(event).encode() for event in events
    )
