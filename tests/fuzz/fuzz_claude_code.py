"""Fuzz transcripts of Claude Code."""

from __future__ import annotations

from tapegit.harness.table import find_harness
from tapegit.objects.verify import verify_object
from tapegit.recorder.sources.source import recognise, record_source
from tapegit.store.memory import MemorySource
from tests.fuzz.driver import run

LINES = b"""\
{"type":"user","sessionId":"s","uuid":"1","cwd":"/","version":"2","timestamp":"2026-01-02T03:04:05.678Z",\
"message":{"role":"user","content":"hello"}}
{"type":"assistant","sessionId":"s","uuid":"2","parentUuid":"1","message":{"id":"m","role":"assistant",\
"model":"x","content":[{"type":"text","text":"a"},{"type":"tool_use","name":"Bash","input":{"command":"l"}}],\
"usage":{"input_tokens":1,"output_tokens":2}}}
{"type":"assistant","sessionId":"s","uuid":"3","parentUuid":"2","message":{"id":"m","role":"assistant",\
"content":[{"type":"thinking","thinking":"hm"}],"stop_reason":"end_turn"}}
{"type":"user","sessionId":"s","uuid":"4","parentUuid":"3","message":{"role":"user","content":\
[{"type":"tool_result","tool_use_id":"t","content":"ok","is_error":true}]}}
{"type":"system","subtype":"compact_boundary","sessionId":"s","uuid":"5","parentUuid":"4",\
"compactMetadata":{"trigger":"auto","preTokens":9}}
{"type":"summary","summary":"x","leafUuid":"5"}
{"type":"user","sessionId":"s","agentId":"a","isSidechain":true,"uuid":"6","message":{"content":1}}
""".splitlines(keepends=True)
SEEDS = [b"".join(LINES), *LINES, LINES[0] + LINES[1], b"".join(reversed(LINES))]
HARNESS = find_harness(LINES[0])


def target(data: bytes) -> None:
    """Take any bytes."""
    recognise([data])
    ids = []
    for chunks in ([data], [data[at : at + 7] for at in range(0, len(data), 7)]):
        store = MemorySource()

        def write(kind, content, store=store):
            verify_object(kind, content)
            return store.write(kind, content)

        recorded = record_source(HARNESS, chunks, write)
        assert recorded.size_bytes == len(data)
        ids.append(sorted(store.iter_oids()))
    assert ids[0] == ids[1]


if __name__ == "__main__":
    run(target, SEEDS)
