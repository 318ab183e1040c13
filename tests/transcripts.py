"""Hypothesis: Claude Code transcripts with everything in them that an importer can trip over.

Small alphabets on purpose: few message ids, uuids and agents, so that records meet.
"""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

SESSION = "0b5a"
_uuids = st.sampled_from([f"u{n}" for n in range(12)])
_texts = st.sampled_from(["hello", "done", "", " ", "a\nb", "é", "<system-reminder>x", "\u202e"])
_times = st.sampled_from(["2026-01-01T00:00:00.000Z", "2026-01-01T00:00:01Z", "soon", None])


def _envelope(kind: str, body: dict[str, Any], extra: dict[str, Any]) -> dict[str, Any]:
    return {"type": kind, "sessionId": SESSION, **body, **extra}


@st.composite
def _extras(draw: Any) -> dict[str, Any]:
    extra: dict[str, Any] = {}
    if draw(st.integers(0, 9)):
        extra["uuid"] = draw(_uuids)
    extra["parentUuid"] = draw(st.none() | _uuids)
    side = draw(st.sampled_from(["", "", "", "", "agent", "side"]))
    if side:
        extra["isSidechain"] = True
    if side == "agent":
        extra["agentId"] = draw(st.sampled_from(["a1", "a2"]))
    time = draw(_times)
    if time is not None:
        extra["timestamp"] = time
    return extra


@st.composite
def messages(draw: Any) -> dict[str, Any]:
    """Give a message or an event."""
    extra = draw(_extras())
    kind = draw(st.sampled_from(["user", "assistant", "assistant", "result", "injected", "system"]))
    text = draw(_texts)
    if kind == "assistant":
        message = {"role": "assistant", "content": [{"type": "text", "text": text}]}
        if draw(st.integers(0, 5)):
            message["id"] = draw(st.sampled_from(["m1", "m2"]))
        return _envelope("assistant", {"message": message}, extra)
    if kind == "system":
        subtype = draw(st.sampled_from(["compact_boundary", "api_error", "turn_duration"]))
        return _envelope("system", {"subtype": subtype}, extra)
    content: Any = text
    if kind == "result":
        content = [{"type": "tool_result", "tool_use_id": "t", "content": text}]
    if kind == "injected":
        extra["sourceToolUseID"] = "t"
    return _envelope("user", {"message": {"role": "user", "content": content}}, extra)


_others = st.sampled_from(
    [
        {"type": "summary", "summary": "s", "leafUuid": "u1"},
        {"type": "file-history-snapshot", "snapshot": {}},
        {"type": "progress", "data": {"type": "hook"}, "uuid": "u3", "parentUuid": "u1"},
        {"type": "unheard-of"},
        7,
        "text",
        [{}],
    ]
)
_broken = st.sampled_from([b"{", b"}", b"nonsense", b'{"type":"user"', b"\xff", b"[1,2", b'"'])


@st.composite
def lines(draw: Any) -> bytes:
    """Give one line, most of the time a good one."""
    kind = draw(st.integers(0, 19))
    if kind == 0:
        return draw(_broken) + b"\n"
    if kind == 1:
        return draw(st.sampled_from([b"\n", b"  \n", b"\r\n", b"\t"]))
    values = [
        json.dumps(draw(messages() if draw(st.integers(0, 4)) else _others), ensure_ascii=False)
    ]
    if kind == 2:
        values.append(json.dumps(draw(messages() | _others)))
    if kind == 3:
        values.append("rubbish")
    glue = draw(st.sampled_from(["", " "]))
    end = draw(st.sampled_from(["\n", "\n", "\n", "\r\n"]))
    return (glue.join(values) + end).encode()


@st.composite
def transcripts(draw: Any, head_count_max: int = 2) -> bytes:
    """Give a whole transcript that is recognised by its first records."""
    head = draw(st.lists(_others, max_size=head_count_max))
    first = draw(messages())
    data = b"".join(json.dumps(record).encode() + b"\n" for record in (*head, first))
    data += b"".join(draw(st.lists(lines(), max_size=14)))
    if draw(st.booleans()):
        data = data.rstrip(b"\n")
    return draw(st.sampled_from([b"", b"", b"\xef\xbb\xbf"])) + data


@st.composite
def conversations(draw: Any) -> bytes:
    """Give a transcript whose prompts go back to earlier places now and then."""
    records = []
    for number in range(draw(st.integers(1, 14))):
        kind = draw(st.sampled_from(["user", "user", "assistant", "progress"]))
        back = draw(st.sampled_from([1, 1, 1, 2, 3, 5]))
        body: dict[str, Any] = {"data": {}}
        if kind == "user":
            body = {"message": {"content": f"prompt {number}"}}
        if kind == "assistant":
            text = [{"type": "text", "text": f"answer {number}"}]
            body = {"message": {"id": f"m{draw(st.integers(0, 3))}", "content": text}}
        extra = {"uuid": f"c{number}", "parentUuid": f"c{max(number - back, 0)}"}
        records.append(_envelope(kind, body, extra))
    records.append(_envelope("user", {"message": {"content": "last"}}, {"uuid": "last"}))
    return b"".join(json.dumps(record).encode() + b"\n" for record in records)
