"""Which records of a rollout make one turn, and what the turn says."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.recordings import Recordings, check_back_and_growth, jsonl

Record = dict[str, Any]
META: Record = {
    "timestamp": "2025-09-29T00:00:00Z",
    "type": "session_meta",
    "payload": {"id": "s", "cwd": "/w", "cli_version": "0.42.0"},
}


def line(kind: str, **payload: Any) -> Record:
    """Return a record."""
    return {"timestamp": "2025-09-29T00:00:01.5Z", "type": kind, "payload": payload}


def item(kind: str, **payload: Any) -> Record:
    """Return an item of the conversation."""
    return line("response_item", type=kind, **payload)


def event(kind: str, **payload: Any) -> Record:
    """Return an event."""
    return line("event_msg", type=kind, **payload)


def user(text: str) -> Record:
    """Return a prompt."""
    content = [{"type": "input_text", "text": text}]
    return item("message", role="user", content=content)


def said(text: str) -> Record:
    """Return an answer."""
    content = [{"type": "output_text", "text": text}]
    return item("message", role="assistant", content=content)


def call(number: int) -> Record:
    """Return a call."""
    return item("function_call", name=f"f{number}", arguments="{}", call_id=f"c{number}")


def output(number: int, text: object = "done") -> Record:
    """Return the result of a call."""
    return item("function_call_output", call_id=f"c{number}", output=text)


def count(total: int) -> Record:
    """Return a count of tokens: one of output for each response."""
    info = {
        "total_token_usage": {"output_tokens": total},
        "last_token_usage": {
            "input_tokens": 10,
            "cached_input_tokens": 4,
            "cache_write_input_tokens": 3,
            "output_tokens": total,
            "reasoning_output_tokens": 1,
        },
    }
    return event("token_count", info=info)


CONTEXT = line("turn_context", model="gpt", cwd="/w")
THOUGHT = event("agent_reasoning", text="hm")
REASONING = item("reasoning", summary=[{"type": "summary_text", "text": "hm"}])


def tell(*records: Record) -> list[tuple[str, str | None, int | None]]:
    """Return role, summary and tokens of output of each turn after the leader."""
    recordings = Recordings()
    (tape,) = recordings.record(jsonl([META, *records])).tapes
    return [
        (turn.role, turn.summary, turn.usage.output if turn.usage is not None else None)
        for turn in recordings.line(tape.tip)[1:]
    ]


def test_items_after_their_count_are_one_response():
    """Rollouts to 0.5x: the count, then each call with its result, all of one response."""
    records = [user("go"), CONTEXT, THOUGHT, count(1), REASONING, call(1), output(1)]
    records += [call(2), output(2), CONTEXT, count(1), THOUGHT, count(2), said("yes")]
    assert tell(*records) == [
        ("user", "go", None),
        ("assistant", "f1, f2", 1),
        ("tool", "done", None),
        ("tool", "done", None),
        ("assistant", "yes", 2),
    ]


def test_items_before_their_count_are_one_response():
    """Rollouts since: items as they come, then the count, then the results."""
    records = [user("go"), CONTEXT, REASONING, call(1), call(2), count(1), output(1), output(2)]
    records += [call(3), output(3), count(2), said("yes"), count(3)]
    assert tell(*records) == [
        ("user", "go", None),
        ("assistant", "f1, f2", 1),
        ("tool", "done", None),
        ("tool", "done", None),
        ("assistant", "f3", 2),
        ("tool", "done", None),
        ("assistant", "yes", 3),
    ]


def test_without_counts_a_result_ends_a_response():
    """Where nothing is counted, what comes after a result is another response."""
    assert [role for role, *_ in tell(user("go"), call(1), output(1), call(2), output(2))] == [
        "user",
        "assistant",
        "tool",
        "assistant",
        "tool",
    ]


def test_what_was_aborted_is_an_event():
    """What had arrived of a response that never came is no answer."""
    aborted = event("turn_aborted", reason="interrupted")
    assert tell(user("go"), CONTEXT, THOUGHT, aborted) == [
        ("user", "go", None),
        ("event", "(thinking) hm", None),
        ("event", "turn aborted: interrupted", None),
    ]


def test_usage_and_model_are_those_of_the_response():
    """Tokens from a cache, or to one, are no input; the model is that of the context."""
    recordings = Recordings()
    (tape,) = recordings.record(jsonl([META, user("go"), CONTEXT, said("yes"), count(7)])).tapes
    answer = recordings.line(tape.tip)[-1]
    assert answer.usage is not None
    usage = answer.usage
    assert (usage.input, usage.cache_read, usage.cache_write_5m) == (3, 4, 3)
    assert (usage.output, usage.reasoning) == (7, 1)
    assert answer.model == "gpt"


def test_rolled_back_prompts_are_a_fork():
    """What goes on after a rollback goes on from what came before the prompts dropped."""
    recordings = Recordings()
    records = [META, user("<environment_context>"), user("a"), said("1"), user("b"), said("2")]
    records += [user("c"), said("3"), event("thread_rolled_back", num_turns=2), user("d")]
    (tape,) = recordings.record(jsonl(records)).tapes
    assert [turn.summary for turn in recordings.line(tape.tip)[1:]] == [
        "<environment_context>",
        "a",
        "1",
        "thread rolled back (2 turns)",
        "d",
    ]
    (left,) = tape.left_behind
    assert recordings.line(left)[-1].summary == "3"


@pytest.mark.parametrize("turns", [0, -1, 9, "x", None, 10**30])
def test_rollback_of_more_than_there_is_goes_on(turns):
    """A rollback that makes no sense leaves nothing behind."""
    records = [user("a"), said("1"), event("thread_rolled_back", num_turns=turns), user("d")]
    assert [role for role, *_ in tell(*records)] == ["user", "assistant", "event", "user"]


def test_leader_says_what_the_meta_says():
    """The first statement of each counts: a fork's copy of its parent's meta adds nothing."""
    git = {"branch": "b", "commit_hash": "c", "repository_url": "r"}
    meta = line("session_meta", id="s", forked_from_id="p", agent_nickname="n", git=git)
    recordings = Recordings()
    copy = line("session_meta", id="p", cwd="/w")
    (tape,) = recordings.record(jsonl([meta, copy, user("a")])).tapes
    session = recordings.line(tape.tip)[0].session
    assert session is not None
    assert (session.id, session.parent, session.agent, session.cwd) == ("s", "p", "n", "/w")
    assert session.repository is not None
    assert (session.repository.commit, session.repository.remote) == ("c", "r")


def test_lines_without_envelopes_are_read():
    """Rollouts from before there were envelopes: items as they are, and states between."""
    records = [
        {"id": "s", "timestamp": "2025-05-01T00:00:00Z", "instructions": None},
        {"record_type": "state"},
        user("go")["payload"],
        said("yes")["payload"],
    ]
    recordings = Recordings()
    (tape,) = recordings.record(jsonl(records)).tapes
    assert [turn.summary for turn in recordings.line(tape.tip)] == ["codex", "go", "yes"]
    assert tape.session_id == "s"


def test_what_other_agents_say_and_compactions_end_a_response():
    """Neither is part of the answer before it; the second is an event."""
    other = item("agent_message", content=[{"type": "input_text", "text": "done"}])
    records = [user("go"), said("a"), other, said("b"), item("compaction"), said("c")]
    assert [(role, line) for role, line, _ in tell(*records)] == [
        ("user", "go"),
        ("assistant", "a"),
        ("user", "done"),
        ("assistant", "b"),
        ("event", "compacted"),
        ("assistant", "c"),
    ]


SUMMARIES = [
    (call(1)["payload"] | {"arguments": '{"command":["bash","-lc","ls\\n"]}'}, "f1: ls"),
    (call(1)["payload"] | {"arguments": '{"command":["a","b"]}'}, "f1: a b"),
    (call(1)["payload"] | {"arguments": '{"cmd":"ls"}'}, "f1: ls"),
    (call(1)["payload"] | {"arguments": "nonsense"}, "f1"),
    (call(1)["payload"] | {"arguments": {"path": "p"}}, "f1: p"),
    ({"type": "local_shell_call", "action": {"command": ["ls"]}}, "local_shell: ls"),
    ({"type": "web_search_call", "action": {"query": "q"}}, "web_search: q"),
    (
        {"type": "custom_tool_call", "name": "apply_patch", "input": "*** Update File: a/b\n"},
        "apply_patch: a/b",
    ),
    ({"type": "custom_tool_call", "name": "x", "input": "\nfree"}, "x: free"),
    (output(1, '{"output":"a\\nb","metadata":{"exit_code":0}}')["payload"], "a"),
    (output(1, '{"output":"a","metadata":{"exit_code":2}}')["payload"], "error: a"),
    (output(1, {"content": "a", "success": False})["payload"], "error: a"),
    (output(1, [{"type": "input_text", "text": "a"}])["payload"], "a"),
    (output(1, [{"type": "input_image", "image_url": "data:image/png;base64,AA"}])["payload"],
     "[image]"),
    (output(1, "")["payload"], "ok"),
    (output(1, 7)["payload"], "ok"),
    (user("x\n## My request for Codex:\ndo it\n")["payload"], "do it"),
    (user("x\n## My request for Codex:\n")["payload"], "x"),
    (item("message", role="user", content=[{"type": "input_image"}])["payload"], "[image]"),
    (item("message", role="developer", content="be kind")["payload"], "be kind"),
]  # fmt: skip


@pytest.mark.parametrize(("payload", "summary"), SUMMARIES)
def test_summary_of_an_item(payload, summary):
    """One line says what an item is."""
    ((_, line, _),) = tell({"timestamp": "x", "type": "response_item", "payload": payload})
    assert line == summary


_kinds = st.sampled_from(["response_item", "event_msg", "compacted", "turn_context", "new", 7])
_type_names = "message reasoning function_call function_call_output token_count custom_tool_call"
_event_names = "agent_reasoning agent_message user_message turn_aborted thread_rolled_back unheard"
_types = st.sampled_from([*_type_names.split(), *_event_names.split(), None, []])
_values: list[Any] = [None, 1, -1, 1.5, True, "", "x", "\ud800", [], [1], {}, [[]]]
_values += [{"text": 1}, [{"text": "t"}], {"command": [1, None]}, {"total_token_usage": {"a": 1}}]
_odd = st.sampled_from(_values)
_names = ["role", "content", "summary", "arguments", "output", "info", "num_turns", "text"]
_names += ["message", "call_id", "name", "input", "action", "model", "reason", "id"]
_payloads = st.dictionaries(st.sampled_from(_names), _odd).flatmap(
    lambda rest: _types.map(lambda kind: {"type": kind, **rest})
)
hostile = st.lists(
    st.fixed_dictionaries({"timestamp": _odd, "type": _kinds, "payload": _payloads | _odd}),
    max_size=12,
)


@settings(max_examples=120)
@given(hostile, st.randoms(use_true_random=False))
def test_odd_rollouts_come_back_and_grow(records, random):
    """Whatever members are of whatever type: bytes come back, and growth changes nothing."""
    text = "".join(json.dumps(record) + "\n" for record in [META, *records])
    source = check_back_and_growth(text.encode(), random)
    assert source.unreadable_count == 0
