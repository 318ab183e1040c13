"""Fuzz sessions of every harness but Claude Code, as lines and as documents."""

from __future__ import annotations

from tapegit.harness.codex import CODEX
from tapegit.harness.gemini_cli import GEMINI_CLI
from tapegit.harness.pi import PI
from tapegit.objects.verify import verify_object
from tapegit.recorder.sources.source import record_source
from tests.fuzz.driver import run
from tests.recordings import Recordings

CODEX_LINES = b"""\
{"timestamp":"2026-01-02T03:04:05Z","type":"session_meta","payload":{"id":"s","cwd":"/","git":{"branch":"b"}}}
{"timestamp":"t","type":"response_item","payload":{"type":"message","role":"user","content":[{"text":"a"}]}}
{"timestamp":"t","type":"turn_context","payload":{"model":"m"}}
{"timestamp":"t","type":"event_msg","payload":{"type":"agent_reasoning","text":"hm"}}
{"timestamp":"t","type":"event_msg","payload":{"type":"token_count","info":{"total_token_usage":{"a":1},\
"last_token_usage":{"input_tokens":3,"output_tokens":1}}}}
{"timestamp":"t","type":"response_item","payload":{"type":"reasoning","summary":[{"text":"hm"}]}}
{"timestamp":"t","type":"response_item","payload":{"type":"function_call","name":"f",\
"arguments":"{\\"command\\":[\\"bash\\",\\"-lc\\",\\"ls\\"]}","call_id":"c"}}
{"timestamp":"t","type":"response_item","payload":{"type":"function_call_output","call_id":"c",\
"output":"{\\"output\\":\\"a\\",\\"metadata\\":{\\"exit_code\\":1}}"}}
{"timestamp":"t","type":"event_msg","payload":{"type":"thread_rolled_back","num_turns":1}}
""".splitlines(keepends=True)
PI_LINES = b"""\
{"type":"session","id":"s","timestamp":"2026-01-02T03:04:05Z","cwd":"/","parentSession":"/x/t_p.jsonl"}
{"type":"message","id":"a","parentId":null,"timestamp":"t","message":{"role":"user","content":"a"}}
{"type":"message","id":"b","parentId":"a","timestamp":"t","message":{"role":"assistant","stopReason":"stop",\
"content":[{"type":"text","text":"x"},{"type":"toolCall","name":"f","arguments":{"path":"/x"}}],"usage":{"input":1}}}
{"type":"label","id":"c","parentId":"a","timestamp":"t","label":"x"}
{"type":"compaction","id":"d","parentId":"c","timestamp":"t","summary":"s","tokensBefore":9}
""".splitlines(keepends=True)
GEMINI_LINES = b"""\
{"sessionId":"s","projectHash":"h","startTime":"2026-01-02T03:04:05Z"}
{"id":"a","timestamp":"t","type":"user","content":[{"text":"a"}]}
{"id":"b","timestamp":"t","type":"gemini","content":"x","thoughts":[{"subject":"s"}],"tokens":{"input":3},\
"toolCalls":[{"id":"t","name":"f","args":{},"result":[{"functionResponse":{"response":{"output":"o"}}}]}]}
{"$rewindTo":"a"}
{"$set":{"messages":[{}]}}
""".splitlines(keepends=True)
DOCUMENT = b"""\
{
  "sessionId": "s", "projectHash": "h", "lastUpdated": "2026-01-02T03:04:05Z",
  "messages": [
    {
      "id": "a", "timestamp": "t", "type": "user", "content": "a"
    },
    {"id": "b", "timestamp": "t", "type": "gemini", "content": ["x", 1]}
  ]
}"""
SWE_AGENT = b"""\
{"environment":"e","trajectory":[{"execution_time":0.5}],"info":{"swe_agent_version":"1"},"history":[
{"role":"user","content":"x\\nISSUE:\\na","agent":"main","is_demo":true},
{"role":"assistant","content":"a","thinking_blocks":[{"type":"thinking","thinking":"t","signature":"s"}],\
"tool_calls":[{"id":"c","function":{"name":"f","arguments":"{}"}}]},{"role":"tool","content":"r","tool_call_ids":["c"]}]}"""
MINI_SWE_AGENT = b"""\
{"info":{"mini_version":"2"},"trajectory_format":"mini-swe-agent-1.1","messages":[
{"role":"user","content":"a"},{"object":"response","output":[{"type":"function_call","call_id":"c","name":"f",\
"arguments":"{}"}],"usage":{"input_tokens":3}},{"type":"function_call_output","call_id":"c","output":"r"},
{"role":"exit","content":"d","extra":{"exit_status":"Submitted","timestamp":1.5}}]}"""
OPENCODE = b"""\
{"info":{"id":"s","version":"1","time":{"updated":5}},"messages":[
{"info":{"role":"user"},"parts":[{"type":"text","text":"a","synthetic":true},{"type":"compaction"}]},
{"info":{"role":"assistant","error":{"name":"MessageAbortedError","data":{}},"tokens":{"cache":{"read":1}}},"parts":[
{"type":"reasoning","text":"r","metadata":{"a":{"signature":"s"}}},{"type":"tool","tool":"f","callID":"c",\
"state":{"status":"completed","input":{"filePath":"/a"},"output":"o","attachments":[{"mime":"image/png","url":"u"}]}}]}]}"""
SEEDS = [b"".join(lines) for lines in (CODEX_LINES, PI_LINES, GEMINI_LINES)]
SEEDS += [*CODEX_LINES, *PI_LINES, *GEMINI_LINES, DOCUMENT, SWE_AGENT]
SEEDS += [MINI_SWE_AGENT, OPENCODE]


def target(data: bytes) -> None:
    """Take any bytes."""
    recordings = Recordings()
    recordings.add(data)
    for harness in (CODEX, PI, GEMINI_CLI):
        source = record_source(harness, [data], recordings.objects.write)
        assert source.size_bytes == len(data)
        if source.tapes and not source.redacted:
            assert recordings.rebuild(source) == data
    for oid in recordings.objects.iter_oids():
        found = recordings.objects.find(oid)
        assert found is not None
        verify_object(found.kind, found.data)
        if found.kind == "turn":
            recordings.parts(recordings.line(oid)[-1])


if __name__ == "__main__":
    run(target, SEEDS)
