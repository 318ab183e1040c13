"""Requests in their normal form: equal where two runs differ by themselves, different elsewhere."""

from __future__ import annotations

import json

import pytest

from tapegit.dialects.meaning.normal_form import normalise

ANTHROPIC = "anthropic.messages@1"
CHAT = "openai.chat@1"
RESPONSES = "openai.responses@1"
GEMINI = "gemini.generate@1"
OLLAMA = "ollama.chat@1"


def tool_use(call_id: str, **fields: object) -> dict:
    """Return a conversation with one call and its result, in Anthropic's words."""
    call = {"type": "tool_use", "id": call_id, "name": "Bash", "input": {"id": "kept"}}
    result = {"type": "tool_result", "tool_use_id": call_id, "content": "16"}
    messages = [{"role": "assistant", "content": [call]}, {"role": "user", "content": [result]}]
    return {"model": "m", "messages": messages, **fields}


def chat(call_id: str, text: str = "16") -> dict:
    """Return the same in OpenAI's words."""
    call = {"id": call_id, "type": "function", "function": {"name": "Bash", "arguments": "{}"}}
    result = {"role": "tool", "tool_call_id": call_id, "content": text}
    return {"messages": [{"role": "assistant", "tool_calls": [call]}, result]}


def responses(call_id: str, item_id: str = "fc_1", **fields: object) -> dict:
    """Return the same as items of Responses."""
    call = {"type": "function_call", "id": item_id, "call_id": call_id, "name": "Bash"}
    result = {"type": "function_call_output", "call_id": call_id, "output": "16"}
    return {"input": [call, result], **fields}


def gemini(call_id: str, signature: str = "s") -> dict:
    """Return the same as contents of Gemini."""
    call = {"functionCall": {"id": call_id, "name": "Bash"}, "thoughtSignature": signature}
    result = {"functionResponse": {"id": call_id, "name": "Bash", "response": {"output": "16"}}}
    return {"contents": [{"role": "model", "parts": [call]}, {"role": "user", "parts": [result]}]}


SAME = [
    (ANTHROPIC, tool_use("toolu_1"), tool_use("toolu_2")),
    (ANTHROPIC, tool_use("a", metadata={"user_id": "1"}), tool_use("a", metadata={})),
    (ANTHROPIC, tool_use("a", stream=True), tool_use("a")),
    (
        ANTHROPIC,
        {"system": [{"text": "x-anthropic-billing-header: 1", "cache_control": {}}, {"text": "a"}]},
        {"system": [{"text": "x-anthropic-billing-header: 2"}, {"text": "a", "cache_control": {}}]},
    ),
    (
        ANTHROPIC,
        {"messages": [{"content": [{"type": "thinking", "thinking": "t", "signature": "1"}]}]},
        {"messages": [{"content": [{"type": "thinking", "thinking": "t", "signature": "2"}]}]},
    ),
    (CHAT, chat("call_1"), chat("call_2")),
    (CHAT, {"user": "ada", "model": "m"}, {"model": "m", "user": "bob", "stream_options": {}}),
    (RESPONSES, responses("a"), responses("b", "fc_2")),
    (RESPONSES, responses("a", prompt_cache_key="1"), responses("a", client_metadata={"b": 1})),
    (GEMINI, gemini("a"), gemini("b", "other")),
    (OLLAMA, {"keep_alive": 5, "model": "m"}, {"model": "m", "stream": False}),
    (None, {"a": 1, "b": [2]}, {"b": [2], "a": 1}),
    (
        ANTHROPIC,
        {"messages": [{"content": "key [REDACTED:anthropic-key:1]"}]},
        {"messages": [{"content": "key [REDACTED:anthropic-key:7]"}]},
    ),
]

OTHER = [
    (ANTHROPIC, tool_use("a"), tool_use("a", max_tokens=5)),
    (ANTHROPIC, {"messages": [{"content": "one"}]}, {"messages": [{"content": "two"}]}),
    (
        ANTHROPIC,
        {"messages": [{"content": [{"type": "tool_use", "id": "1", "input": {"id": "a"}}]}]},
        {"messages": [{"content": [{"type": "tool_use", "id": "1", "input": {"id": "b"}}]}]},
    ),
    (ANTHROPIC, {"model": "a"}, {"model": "b"}),
    (CHAT, chat("a"), chat("a", "17")),
    (RESPONSES, responses("a", previous_response_id="1"), responses("a")),
    (RESPONSES, {"input": [{"id": "1", "type": "item_reference"}]}, {"input": [{"id": "2"}]}),
    (
        GEMINI,
        {"contents": [{"parts": [{"text": "a"}]}]},
        {"contents": [{"parts": [{"text": "b"}]}]},
    ),
]


@pytest.mark.parametrize(("dialect", "one", "other"), SAME)
def test_what_two_runs_differ_in_is_left_out(dialect, one, other):
    """Ids, marks, signatures and names of runs are no difference."""
    first = normalise(dialect, json.dumps(one).encode())
    assert first is not None
    assert first == normalise(dialect, json.dumps(other).encode())


@pytest.mark.parametrize(("dialect", "one", "other"), OTHER)
def test_what_was_said_counts(dialect, one, other):
    """Texts, arguments, results, models and parameters are a difference."""
    first = normalise(dialect, json.dumps(one).encode())
    assert first is not None
    assert first != normalise(dialect, json.dumps(other).encode())


def test_ids_are_renamed_consistently():
    """Results that were given to each other's calls are not the same conversation."""
    calls = [{"type": "tool_use", "id": each, "name": "Bash"} for each in "ab"]
    results = [{"type": "tool_result", "tool_use_id": each, "content": each} for each in "ab"]
    swapped = [{**results[0], "tool_use_id": "b"}, {**results[1], "tool_use_id": "a"}]
    one = json.dumps({"messages": [{"content": calls}, {"content": results}]}).encode()
    other = json.dumps({"messages": [{"content": calls}, {"content": swapped}]}).encode()
    assert normalise(ANTHROPIC, one) != normalise(ANTHROPIC, other)


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'"text"', b"\xff", b"[" * 100_000])
def test_what_is_no_object_has_no_normal_form(body):
    """A body that is no JSON object is compared by its bytes alone."""
    assert normalise(ANTHROPIC, body) is None
