"""Cassettes: conversations that are told apart, states that grow, and secrets that do not stay."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from tapegit.dialects.parts import Text, ToolCall, ToolResult
from tapegit.errors import TranscriptError
from tapegit.objects.kind import Kind
from tapegit.objects.oid import ObjectId
from tapegit.objects.rope_reader import read_content
from tapegit.objects.turn import decode_turn
from tapegit.recorder.sources.source import recognise
from tapegit.recorder.sources.tape_records import is_document_turn
from tapegit.redact.rule import MIXED
from tests.recordings import Recordings
from tests.sources import FIXTURES, SHARED

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tapegit.objects.turn import Turn

FOLDER = FIXTURES / "vcr"
CHAT = "https://api.example.com/v1/chat/completions"
TOKEN = "ghp_" + MIXED[:36].decode()
KEY = MIXED[100:140].decode()


def said(text: str, number: int = 0) -> dict[str, Any]:
    """Return a response of Chat Completions."""
    message = {"role": "assistant", "content": text}
    return {"id": f"r{number}", "choices": [{"message": message, "finish_reason": "stop"}]}


def exchange(body: Any, answer: Any, *, uri: str = CHAT, status: int = 200, **more: Any) -> Any:
    """Return an interaction as vcrpy writes it; bodies that are no text or bytes become JSON."""
    request, response = (
        each if isinstance(each, str | bytes) else json.dumps(each) for each in (body, answer)
    )
    return {
        "request": {"method": "POST", "uri": uri, "headers": more.get("sent", {}), "body": request},
        "response": {
            "status": {"code": status, "message": "OK"},
            "headers": more.get("got", {}),
            "body": {"string": response},
        },
    }


def ask(*texts: str, **more: Any) -> dict[str, Any]:
    """Return a request whose messages are the user's and the model's by turns."""
    roles = ("user", "assistant")
    messages = [{"role": roles[n % 2], "content": text} for n, text in enumerate(texts)]
    return {"model": "m", "messages": messages, **more}


def cassette(*interactions: Any) -> bytes:
    """Return a cassette as YAML."""
    return yaml.safe_dump({"interactions": list(interactions), "version": 1}).encode()


def main_tip(recordings: Recordings) -> ObjectId:
    """Return the newest turn of the only session."""
    (tip,) = (oid for name, oid in recordings.refs.items() if name.endswith("/file/main"))
    return tip


def lines_of(recordings: Recordings) -> list[list[str | None]]:
    """Return the lines of a cassette: each a list of summaries after the leader."""
    tip = main_tip(recordings)
    document = recordings.line(tip)[-1]
    return [[turn.summary for turn in recordings.line(oid)[1:]] for oid in document.parent_ids]


def record(data: bytes) -> Recordings:
    """Return what was recorded of a cassette."""
    recordings = Recordings()
    assert recordings.add(data)
    return recordings


def turns_of(recordings: Recordings) -> list[Turn]:
    """Return all turns, in no order."""
    found = [recordings.objects.find(oid) for oid in recordings.objects.iter_oids()]
    return [decode_turn(each.data) for each in found if each and each.kind is Kind.TURN]


def whole(recordings: Recordings) -> bytes:
    """Return the file that the newest turn names."""
    tip = next(oid for name, oid in recordings.refs.items() if name.endswith("/file/main"))
    piece = recordings.line(tip)[-1].raw[0]
    assert piece.at == 0
    return read_content(recordings.objects.find, ObjectId.parse(piece.oid))


def iter_cassettes() -> Iterator[Path]:
    """Yield the real cassettes."""
    yield from (path for path in sorted(FOLDER.iterdir()) if path.suffix != ".tsv")
    yield from sorted(SHARED.glob("vcr/**/*.yaml"))


@pytest.mark.parametrize("path", list(iter_cassettes()), ids=lambda path: path.stem[-40:])
def test_real_cassette_comes_back(path):
    """The newest turn names the exact bytes, and every turn can be read."""
    data = path.read_bytes()
    recordings = record(data)
    assert not recordings.add(data)
    tip = main_tip(recordings)
    if recordings.line(tip)[-1].redacted is None:
        assert whole(recordings) == data
    for turn in turns_of(recordings):
        if turn.dialect is not None:
            recordings.parts(turn)


@pytest.mark.parametrize("name", ["anthropic-tools", "chat-tools", "responses", "two-providers"])
def test_call_of_a_real_cassette_is_answered_at_most_once_and_in_order(name):
    """Nothing is dropped or doubled: results name calls that came before."""
    recordings = record((FOLDER / f"{name}.yaml").read_bytes())
    tip = main_tip(recordings)
    for oid in recordings.line(tip)[-1].parent_ids:
        calls: list[str | None] = []
        answered: list[str | None] = []
        for turn in recordings.line(oid)[1:]:
            parts = recordings.parts(turn)
            answered += [part.call_id for part in parts if isinstance(part, ToolResult)]
            assert set(answered) <= set(calls)
            calls += [part.id for part in parts if isinstance(part, ToolCall)]
        assert len(set(calls)) == len(calls)
        assert answered == [call for call in calls if call in answered]


def test_same_cassette_as_json_says_the_same():
    """The turns of the calls are those of the YAML; the files differ."""
    one, other = (record((FOLDER / f"ollama.{end}").read_bytes()) for end in ("yaml", "json"))
    assert lines_of(one) == lines_of(other)


def test_request_that_holds_an_answer_goes_on():
    """Two calls of one conversation are one line."""
    recordings = record(
        cassette(exchange(ask("a"), said("b", 1)), exchange(ask("a", "b", "c"), said("d", 2)))
    )
    assert lines_of(recordings) == [["a", "b", "c", "d"]]


def test_request_without_an_answer_begins_another_conversation():
    """The same prompt twice is two lines, which have nothing but the leader in common."""
    recordings = record(
        cassette(
            exchange(ask("a"), said("b", 1)),
            exchange(ask("a"), said("x", 2)),
            exchange(ask("a", "x", "y"), said("z", 3)),
            exchange(ask("a", "b", "c"), said("d", 4)),
        )
    )
    assert lines_of(recordings) == [["a", "b", "c", "d"], ["a", "x", "y", "z"]]


def test_each_conversation_has_a_name():
    """The first has the main ref, through the turn of the file; the others are lines."""
    recordings = record(
        cassette(
            exchange(ask("a"), said("b")),
            exchange(ask("x"), said("y")),
            exchange("", "", uri="https://example.com/z"),
        )
    )
    named = {
        name.rpartition("/file/")[2]: [turn.summary for turn in recordings.line(oid)[1:]]
        for name, oid in recordings.refs.items()
    }
    file = "cassette: 3 exchanges, 2 calls"
    assert named == {"main": ["a", "b", file], "lines/2": ["x", "y"], "lines/3": ["POST /z 200"]}


def test_other_dialect_is_another_conversation():
    """A conversation that another provider goes on with begins anew there."""
    gemini = "https://g.example.com/v1/models/m:generateContent"
    contents = [{"role": "user", "parts": [{"text": text}]} for text in ("a",)]
    answer = {"candidates": [{"content": {"role": "model", "parts": [{"text": "b"}]}}]}
    recordings = record(
        cassette(
            exchange(ask("a"), said("b")), exchange({"contents": contents}, answer, uri=gemini)
        )
    )
    assert lines_of(recordings) == [["a", "b"], ["a", "b"]]


def test_response_that_a_request_names_is_what_it_goes_on_from():
    """Where the provider keeps the conversation, the request has its new messages alone."""
    uri = "https://api.example.com/v1/responses"

    def answer(number: int, text: str) -> dict[str, Any]:
        content = [{"type": "output_text", "text": text}]
        output = [{"type": "message", "role": "assistant", "content": content}]
        return {
            "id": f"resp_{number}",
            "object": "response",
            "status": "completed",
            "output": output,
        }

    recordings = record(
        cassette(
            exchange({"input": "a", "model": "m"}, answer(1, "b"), uri=uri),
            exchange({"input": "x", "model": "m"}, answer(2, "y"), uri=uri),
            exchange({"input": "c", "previous_response_id": "resp_1"}, answer(3, "d"), uri=uri),
        )
    )
    assert lines_of(recordings) == [["a", "b", "c", "d"], ["x", "y"]]
    prompts = [turn for turn in turns_of(recordings) if turn.role == "user"]
    parts = [part for turn in prompts for part in recordings.parts(turn)]
    assert {part.text for part in parts if isinstance(part, Text)} == {"a", "c", "x"}


def test_failure_is_an_event_and_the_next_attempt_follows_it():
    """What failed is no answer, and what was asked is there once."""
    recordings = record(
        cassette(
            exchange(ask("a"), {"error": {"message": "busy"}}, status=429),
            exchange(ask("a"), said("b")),
        )
    )
    assert lines_of(recordings) == [["a", "POST /v1/chat/completions 429: busy", "b"]]
    tip = main_tip(recordings)
    _, _, failed, answer, _ = recordings.line(tip)
    assert (failed.role, answer.role) == ("event", "assistant")
    assert failed.call is not None
    assert (failed.call.outcome, failed.call.status) == ("error", 429)


def test_other_exchanges_are_a_line_of_events():
    """What is no call of a model is beside the conversations."""
    recordings = record(
        cassette(
            exchange("", "<html>", uri="https://example.com/a"),
            exchange(ask("a"), said("b")),
            exchange({"input": "x"}, {"data": []}, uri="https://example.com/v1/embeddings"),
            exchange(ask("a"), b"\xff\xfe", uri="https://example.com/picture"),
        )
    )
    conversation, others = lines_of(recordings)
    assert conversation == ["a", "b"]
    assert others == ["POST /a 200", "POST /v1/embeddings 200", "POST /picture 200"]


def test_call_says_what_was_sent():
    """Model, tokens, bodies, and the headers that are kept; no key among them."""
    answer = {**said("b"), "usage": {"prompt_tokens": 3, "completion_tokens": 2}}
    packed = gzip.compress(json.dumps(answer).encode(), mtime=0)
    sent = {"authorization": [f"Bearer {KEY}"], "user-agent": ["x/1"], "cookie": ["a=b"]}
    got = {"content-encoding": ["gzip"], "date": ["Thu, 01 Jan 2026 00:00:01 GMT"]}
    data = cassette(exchange(ask("a"), packed, sent=sent, got=got, uri=CHAT + f"?key={KEY}"))
    recordings = record(data)
    tip = main_tip(recordings)
    turn = recordings.line(tip)[-2]
    call = turn.call
    assert call is not None
    assert (turn.model, turn.time, turn.stop) == ("m", 1767225601000, "stop")
    assert call.request_headers == (("user-agent", "x/1"),)
    assert call.response_coding == "gzip"
    assert call.response is not None
    assert (
        json.loads(read_content(recordings.objects.find, ObjectId.parse(call.response))) == answer
    )
    assert (turn.duration_ms, call.started_ms) == (None, None)
    for oid in recordings.objects.iter_oids():
        found = recordings.objects.find(oid)
        assert found is not None
        assert KEY.encode() not in found.data


def test_cassette_that_grows_is_one_session():
    """Exchanges that are added extend it; each state can be given back."""
    first = exchange(ask("a"), said("b", 1))
    more = [exchange(ask("x"), said("y", 2)), exchange(ask("a", "b", "c"), said("d", 3))]
    recordings = Recordings()
    states = [cassette(first, *more[:count]) for count in range(3)]
    for state in states:
        assert recordings.add(state)
    tip = main_tip(recordings)
    newest = recordings.line(tip)[-1]
    first_line, before, second = newest.parent_ids
    assert [t.summary for t in recordings.line(first_line)[1:]] == ["a", "b", "c", "d"]
    assert [t.summary for t in recordings.line(second)[1:]] == ["x", "y"]
    assert recordings.line(before)[-1].summary == "cassette: 2 exchanges, 2 calls"
    for state in states:
        assert not recordings.add(state)
    once = record(states[-1])
    assert lines_of(once) == [["a", "b", "c", "d"], ["x", "y"]]


def test_every_file_that_begins_alike_is_kept():
    """One with less, or with the same in other words, is no earlier state of one with more."""
    first = exchange(ask("a"), said("b", 1))
    more = cassette(first, exchange(ask("x"), said("y", 2)), exchange(ask("u"), said("v", 3)))
    files = [more, cassette(first), cassette(first, exchange(ask("k"), said("l", 4)))]
    files.append(more + b"# in other words\n")
    recordings = Recordings()
    for data in files:
        assert recordings.add(data)
    for data in files:
        assert not recordings.add(data)
    kept = []
    for turn in turns_of(recordings):
        if is_document_turn(turn):
            oid = ObjectId.parse(turn.raw[0].oid)
            kept.append(read_content(recordings.objects.find, oid))
    assert sorted(kept) == sorted(files)
    reached = {oid for tip in recordings.refs.values() for oid in every_parent(recordings, tip)}
    assert len(reached) == len(turns_of(recordings))


def every_parent(recordings: Recordings, tip: ObjectId) -> set[ObjectId]:
    """Return a turn and all that it goes on from."""
    found: set[ObjectId] = set()
    waiting = [tip]
    while waiting:
        oid = waiting.pop()
        if oid not in found:
            found.add(oid)
            waiting += recordings.line(oid)[-1].parent_ids
    return found


def test_cassette_that_was_recorded_anew_keeps_the_one_before():
    """Another answer to the second request is another state; the first is a fork."""
    first = exchange(ask("a"), said("b", 1))
    recordings = record(cassette(first, exchange(ask("x"), said("y", 2))))
    assert recordings.add(cassette(first, exchange(ask("x"), said("z", 2))))
    fork = next(name for name in recordings.refs if "/forks/" in name)
    second = recordings.line(recordings.refs[fork])[-1].parent_ids[1]
    assert [turn.summary for turn in recordings.line(second)[1:]] == ["x", "y"]


def test_many_conversations_are_all_reached():
    """A turn has few parents, however many lines there are."""
    count = 300
    recordings = record(cassette(*(exchange(ask(f"a{n}"), said("b", n)) for n in range(count))))
    reached: dict[ObjectId, None] = {}
    waiting = list(recordings.refs.values())
    while waiting:
        oid = waiting.pop()
        if oid not in reached:
            reached[oid] = None
            parents = recordings.line(oid)[-1].parent_ids
            assert len(parents) <= 257
            waiting += parents
    answers = [turn for turn in turns_of(recordings) if turn.role == "assistant"]
    assert len(answers) == count
    assert len(reached) == len(turns_of(recordings))


def test_what_was_said_twice_is_one_line():
    """Equal exchanges are equal turns."""
    made = exchange(ask("a"), said("b"))
    recordings = record(cassette(made, made))
    assert lines_of(recordings) == [["a", "b"]]


RUBY = b"""\
---
http_interactions:
- request:
    method: post
    uri: https://api.example.com/v1/chat/completions
    body:
      encoding: UTF-8
      string: '{"model":"m","messages":[{"role":"user","content":"a"}]}'
    headers:
      Content-Type:
      - application/json
  response:
    status:
      code: 200
      message: OK
    headers: {}
    body:
      encoding: ASCII-8BIT
      base64_string: >-
        eyJjaG9pY2VzIjpbeyJtZXNzYWdlIjp7InJvbGUi
        OiJhc3Npc3RhbnQiLCJjb250ZW50IjoiYiJ9fV19
  recorded_at: Thu, 01 Jan 2026 00:00:01 GMT
recorded_with: VCR 6.2.0
"""


def test_cassette_of_ruby_is_one():
    """Other names of members, bodies as base64, and a time."""
    recordings = record(RUBY)
    assert lines_of(recordings) == [["a", "b"]]
    assert {turn.time for turn in turns_of(recordings)} == {1767225601000}


def test_body_that_was_parsed_is_read():
    """Serializers that write bodies as YAML; what was sent is not known to the byte."""
    made = exchange("", "")
    del made["request"]["body"], made["response"]["body"]
    made["request"]["parsed_body"] = ask("a")
    made["response"]["parsed_body"] = said("b")
    assert lines_of(record(cassette(made))) == [["a", "b"]]


def test_stream_is_an_answer():
    """Events of a stream become one message."""
    events = [{"choices": [{"delta": {"content": text}}]} for text in ("Hell", "o.")]
    stream = "".join(f"data: {json.dumps(event)}\n\n" for event in events) + "data: [DONE]\n\n"
    assert lines_of(record(cassette(exchange(ask("a"), stream)))) == [["a", "Hello."]]


def every_byte(recordings: Recordings) -> bytes:
    """Return all objects, one after the other."""
    found = [recordings.objects.find(oid) for oid in recordings.objects.iter_oids()]
    return b"\n".join(each.data for each in found if each is not None)


@pytest.mark.parametrize(
    "interaction",
    [
        exchange(ask(f"use {TOKEN} now"), said("b")),
        exchange(ask("a " * 40 + TOKEN + " b" * 40), said("b")),
        exchange(ask("a"), said(f"it is {TOKEN}")),
        exchange(ask(f'"quoted" \\"{TOKEN}\\" é'), said("b")),
        exchange(ask("a"), gzip.compress(json.dumps(said(TOKEN)).encode(), mtime=0)),
        exchange(ask("a"), said("b"), sent={"x-api-key": [KEY]}, uri=CHAT + f"/?key={KEY}"),
        exchange(ask(f"not {KEY}"), said(KEY), sent={"authorization": [f"Bearer {KEY}"]}),
        exchange(ask("a"), 'data: {"choices":[{"delta":{"content":"' + TOKEN + '"}}]}\n\n'),
        exchange(ask("a"), said("b"), uri=f"https://u:{TOKEN}@example.com/v1/chat/completions"),
    ],
)
def test_secret_is_nowhere(interaction):
    """In text, in bodies, folded, compressed or in headers: it is in no object and no name."""
    if isinstance(interaction["response"]["body"]["string"], bytes):
        interaction["response"]["headers"] = {"content-encoding": ["gzip"]}
    data = cassette(exchange(ask("first"), said("f")), interaction)
    recordings = record(data)
    stored = every_byte(recordings) + "".join(recordings.refs).encode()
    assert TOKEN.encode() not in stored
    assert KEY.encode() not in stored
    packed = gzip.compress(json.dumps(said(TOKEN)).encode(), mtime=0)
    assert packed[20:60] not in stored
    assert b"[REDACTED:" in whole(recordings)
    assert not recordings.add(data)


def test_words_that_stand_for_keys_stay():
    """Cassettes are cleaned before they are published: what was put there is no secret."""
    sent = {"authorization": ["Bearer REDACTED-BY-FILTER"], "x-api-key": ["XXXXXXXXXXXXXXXXXXXX"]}
    data = cassette(exchange(ask("a"), said("b"), sent=sent))
    assert whole(record(data)) == data


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (cassette(), "vcr"),
        (b"version: 1\ninteractions:\n- request: {}\n", "vcr"),
        (b"# a comment\n---\n\ninteractions: []\n", "vcr"),
        (json.dumps({"interactions": [], "version": 1}).encode(), "vcr"),
        (json.dumps({"interactions": [exchange("", "")]}, indent=1).encode(), "vcr"),
        (json.dumps({"interactions": [{"request": {}}]}).encode(), None),
        (json.dumps({"interactions": {}}).encode(), None),
        (b"name: x\ninteractions:\n- request: {}\n", None),
        (b"interactions: 7\n", None),
        (b"interactions", None),
    ],
)
def test_cassette_is_known_by_how_it_begins(data, name):
    """Other YAML is nobody's, and is not looked into."""
    found = recognise([data])
    assert (found.name if found is not None else None) == name


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"interactions:\n- &a [*a]\n", "an alias that stands for nothing, or for what it is in"),
        (b"interactions:\n- " + b"[" * 1000, "nested too deep"),
        (b"interactions:\n- 'open", "no YAML"),
        (b"interactions:\n  a: 1\n", "no list of interactions"),
        (b"interactions:\n- 1\n---\nb: 2\n", "more than one document"),
    ],
)
def test_cassette_that_cannot_be_read_is_refused(data, reason):
    """With the reason, and nothing stored."""
    recordings = Recordings()
    with pytest.raises(TranscriptError) as found:
        recordings.add(data)
    assert found.value.fields["reason"] == reason
    assert not list(recordings.objects.iter_oids())


_odd: list[Any] = [None, 1, "", "x", b"\xff", [], [1], {}, {"string": 1}, {"code": "x"}, ask("a")]
_values = st.sampled_from(_odd)
_sides = st.dictionaries(
    st.sampled_from(["method", "uri", "url", "headers", "body", "status", "parsed_body"]), _values
)
_interactions = st.one_of(
    _values,
    st.fixed_dictionaries({"request": _sides, "response": _sides}),
    st.just(exchange(ask("a"), said("b"))),
    st.just(exchange(ask("a", "b", "c"), said("d"))),
)


@settings(max_examples=100)
@given(st.lists(_interactions, max_size=5))
def test_odd_cassettes_come_back(interactions):
    """Whatever members are of whatever type: the bytes are kept, and nothing comes twice."""
    data = cassette(*interactions)
    recordings = record(data)
    assert whole(recordings) == data
    assert not recordings.add(data)
    for turn in turns_of(recordings):
        if turn.dialect is not None:
            recordings.parts(turn)
