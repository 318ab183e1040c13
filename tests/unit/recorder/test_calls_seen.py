"""What a request asks for, and who sent it, told from paths, headers and bodies."""

from __future__ import annotations

import json
import random

import pytest

from tapegit.dialects.syntax.bodies import read_members
from tapegit.dialects.syntax.delta_texts import (
    find_pieces,
    iter_payloads,
    join_texts,
    read_texts,
)
from tapegit.recorder.calls.clients import Client, find_client
from tapegit.recorder.calls.endpoints import find_endpoint, model_of_target
from tapegit.recorder.calls.surroundings import find_cwd
from tests.vectors.vector import read_man_examples

ENDPOINTS = [
    ("POST", "/v1/messages?beta=true", "call", "anthropic.messages@1"),
    ("POST", "/s/mine/v1/messages", "call", "anthropic.messages@1"),
    ("POST", "/v1/messages/count_tokens", "count-tokens", "anthropic.messages@1"),
    ("POST", "/openai/deployments/m/chat/completions?api-version=1", "call", "openai.chat@1"),
    ("POST", "/v1/responses", "call", "openai.responses@1"),
    ("GET", "/v1/responses", "call", "openai.responses@1"),
    ("GET", "/v1/responses/resp_1", "other", None),
    ("POST", "/v1beta/models/g:streamGenerateContent?alt=sse", "call", "gemini.generate@1"),
    ("POST", "/v1/models/g:generateContent", "call", "gemini.generate@1"),
    ("POST", "/v1beta/models/g:countTokens", "count-tokens", "gemini.generate@1"),
    ("POST", "/api/chat", "call", "ollama.chat@1"),
    ("POST", "/api/generate/", "call", "ollama.chat@1"),
    ("POST", "/api/show", "models", None),
    ("GET", "/v1/models", "models", None),
    ("GET", "/v1beta/models/g", "models", None),
    ("POST", "/v1/embeddings", "embeddings", None),
    ("HEAD", "/", "probe", None),
    ("HEAD", "/v1/messages", "probe", None),
    ("GET", "/", "probe", None),
    ("OPTIONS", "/v1/messages", "probe", None),
    ("GET", "/v1/messages", "other", None),
    ("POST", "/v1/audio/speech", "other", None),
]


@pytest.mark.parametrize(("method", "target", "kind", "dialect"), ENDPOINTS)
def test_endpoint_is_told_from_method_and_path(method, target, kind, dialect):
    """Whatever stands before the path, its end says what is asked for."""
    assert find_endpoint(method, target) == (kind, dialect)


def test_model_of_gemini_is_in_the_path():
    """No other interface has it there."""
    assert model_of_target("/v1beta/models/gemini-2.5-flash:generateContent?x=/models/y") == (
        "gemini-2.5-flash"
    )
    assert model_of_target("/v1/messages") is None


USER_ID = json.dumps({"device_id": "d", "account_uuid": "", "session_id": "s-1"})
CLIENTS = {
    "claude": (
        {"user-agent": "claude-cli/2.1.197 (external)", "x-claude-code-session-id": "s-1"},
        {},
        Client("claude-code", "2.1.197", "s-1"),
    ),
    "claude agent": (
        {
            "user-agent": "claude-cli/2.1.197 (external)",
            "x-claude-code-session-id": "s-1",
            "x-claude-code-agent-id": "a1",
        },
        {},
        Client("claude-code", "2.1.197", "s-1", "a1"),
    ),
    "claude of old": (
        {"user-agent": "claude-cli/2.0.1"},
        {"metadata": {"user_id": USER_ID}},
        Client("claude-code", "2.0.1", "s-1"),
    ),
    "codex": (
        {"user-agent": "codex_exec/0.169.0 (x)", "session-id": "t", "thread-id": "t"},
        {},
        Client("codex", "0.169.0", "t"),
    ),
    "codex agent": (
        {
            "user-agent": "x/0.169.0",
            "originator": "codex_vscode",
            "session-id": "s",
            "thread-id": "t",
        },
        {},
        Client("codex", "0.169.0", "t", None, "s"),
    ),
    "gemini": (
        {"user-agent": "GeminiCLI/0.61.0/gemini-2.5-flash (linux; x64)"},
        {},
        Client("gemini-cli", "0.61.0"),
    ),
    "opencode": (
        {"user-agent": "opencode/1.18.33 ai-sdk/x", "x-session-affinity": "ses_1"},
        {},
        Client("opencode", "1.18.33", "ses_1"),
    ),
    "library": (
        {"user-agent": "AsyncAnthropic/Python 1.17.0"},
        {},
        Client("anthropic-sdk", "1.17.0"),
    ),
    "nobody": ({}, {}, Client("unknown")),
    "no id": (
        {"user-agent": "claude-cli/2", "x-claude-code-session-id": "a b"},
        {"metadata": {"user_id": "user_abc"}},
        Client("claude-code", "2"),
    ),
    "no folder": ({"user-agent": "nul/1"}, {}, Client("unknown", "1")),
}


@pytest.mark.parametrize("name", CLIENTS)
def test_client_says_who_it_is(name):
    """Harness, version, session, agent and parent are what headers and body state."""
    headers, body, wanted = CLIENTS[name]
    assert find_client(headers, read_members(json.dumps(body).encode())) == wanted


DIRECTORIES = [
    (b'"text":"env\\nPrimary working directory: /w/a b\\nnext"', "/w/a b"),
    (b'"<environment_context>\\n  <cwd>/w/\\u00e9</cwd>\\n"', "/w/é"),
    (b'"<cwd>/w/x</cwd>"', "/w/x"),
    (b'"Primary working directory: C:\\\\work\\\\x\\n"', "C:\\work\\x"),
    (b'"Primary working directory: nowhere\\n"', None),
    (b"{}", None),
]


@pytest.mark.parametrize(("body", "wanted"), DIRECTORIES)
def test_directory_is_found_where_harnesses_state_it(body, wanted):
    """Only a path counts, and only in the words of a harness that is known."""
    assert find_cwd(body) == wanted


def test_strings_of_events_are_pieces_of_texts():
    """Those at one place of one block belong together, whatever order the members have."""
    one = b'{"type":"d","delta":{"text":"sk-"},"index":0}'
    other = b'{"index":1,"delta":{"text":"no"},"type":"d"}'
    assert [key for key, _ in read_texts(one)] != [key for key, _ in read_texts(other)]
    texts = {piece.text: one[piece.start : piece.end] for piece in find_pieces(one)}
    assert list(texts.values()) == [b"d", b"sk-"]
    same = b'{"type":"d","index":0,"delta":{"text":"ant"}}'
    assert set(texts) == {piece.text for piece in find_pieces(same)}


def test_pieces_of_what_is_no_plain_object_are_all_one_text():
    """Two members of one name: the places cannot be told apart, so they are looked at together."""
    payload = b'{"a":"x","a":"y"}'
    assert {piece.text for piece in find_pieces(payload)} == {("?",)}


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_payloads_are_found_whatever_ends_a_line(end):
    """Names of events and comments are lines too, and no JSON."""
    data = end.join([b"event: x", b'data: {"a":1}', b"", b": note", b'data:{"b":2}', b'{"c":3}'])
    found = [(data[start:stop], is_json) for start, stop, is_json in iter_payloads(data)]
    assert found == [
        *((b"event: x", False), (b'{"a":1}', True), (b": note", False)),
        *((b'{"b":2}', True), (b'{"c":3}', True)),
    ]


def test_payloads_are_the_same_whatever_ends_a_line():
    """Lines of every kind, in any order: LF alone is looked for in another way than the others."""
    lines = [b"", b"data:", b"data: ", b"data:  {", b"data:{}", b"{", b"dat", b"data", b": [", b"["]
    pick = random.Random(7)
    for _ in range(300):
        plain = b"\n".join(pick.choices(lines, k=pick.randrange(8)))
        ways = []
        for end in (b"\n", b"\r\n", b"\r"):
            data = plain.replace(b"\n", end)
            ways.append(
                [(data[start:stop], is_json) for start, stop, is_json in iter_payloads(data)]
            )
        assert ways[0] == ways[1] == ways[2]


def test_texts_in_pieces_are_joined():
    """What stands once is no text in pieces; those of another block are another text."""
    data = b"".join(
        b'data: {"i":"%b","index":%d,"delta":{"text":"%b"}}\n\n' % (once, index, text)
        for once, index, text in [(b"u", 0, b"sk-"), (b"v", 1, b"no"), (b"w", 0, b"\xc3\xa4nt")]
    )
    assert join_texts(data + b'data: {"a":"once"}\n\ndata: [DONE]\n\n') == [
        b"uw",
        "sk-änt".encode(),
    ]


def test_example_of_the_page_is_what_an_event_holds():
    """The bytes in tapeswire(7) read as a compaction."""
    from tapegit.dialects.table import find_decoder

    decode = find_decoder("tapes.wire@1")
    assert decode is not None
    (part,) = decode(read_man_examples("tapeswire.7.md"))
    assert part.text == "compacted to 2 messages"
