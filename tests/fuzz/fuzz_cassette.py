"""Fuzz cassettes of recorded traffic, as YAML and as JSON."""

from __future__ import annotations

from tapegit.dialects.vcr.yaml_values import decode_yaml, iter_scalars
from tapegit.errors import TapesError
from tapegit.objects.verify import verify_object
from tests.fuzz.driver import run
from tests.recordings import Recordings

YAML = b"""\
---
interactions:
- request: &a
    body: '{"model":"m","messages":[{"role":"user","content":"hi
      there"}]}'
    headers: {content-type: [application/json], x-api-key: ["k"]}
    method: POST
    uri: https://h/v1/chat/completions?key=1
  response:
    body: {string: !!binary eyJpZCI6ImMxIiwiY2hvaWNlcyI6W3sibWVzc2FnZSI6eyJjb250ZW50IjoiYiJ9fV19}
    headers: {date: ['Thu, 01 Jan 2026 00:00:01 GMT'], content-encoding: [gzip]}
    status: {code: 200, message: OK}
- request: *a
  response: {status: 500, body: "data: {}\\n\\n", parsed_body: [1, 1.5, null, true]}
version: 1
"""
JSON = b"""\
{"version":1,"interactions":[{"request":{"method":"POST","url":"https://h/api/chat","body":"{\\"messages\\":\
[{\\"role\\":\\"user\\",\\"content\\":\\"a\\"}]}"},"response":{"status":200,"body":{"base64_string":"e30="}},\
"recorded_at":"2026-01-01T00:00:00Z"}]}"""
SEEDS = [YAML, JSON, YAML.replace(b"\n", b"\r\n"), b"interactions: []\nversion: 1\n"]


def target(data: bytes) -> None:
    """Take any bytes."""
    try:
        decode_yaml(data)
    except TapesError:
        pass
    else:
        text = data.decode()
        assert all(0 <= each.start <= each.end <= len(text) for each in iter_scalars(data))
    recordings = Recordings()
    try:
        recordings.add(data)
    except TapesError:
        return
    assert not recordings.add(data)
    for oid in recordings.objects.iter_oids():
        found = recordings.objects.find(oid)
        assert found is not None
        verify_object(found.kind, found.data)
        if found.kind == "turn":
            turn = recordings.line(oid)[-1]
            if turn.dialect is not None:
                recordings.parts(turn)


if __name__ == "__main__":
    run(target, SEEDS)
