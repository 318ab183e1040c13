"""What is counted too often, or not at all, by those who add up the records of transcripts.

Source: the errors that users found in programs that count tokens: ccusage 313, 938, 950, 988, 1288,
1349 and 1698, splitrail 220.
"""

from __future__ import annotations

import json

from tests.claude_records import assistant, call, result, user
from tests.recordings import jsonl

AGENT = {"isSidechain": True, "agentId": "a1"}


def spend(record, tokens, **more):
    """Return a record whose message says what it used."""
    record["message"] |= {"usage": {"input_tokens": 1, "output_tokens": tokens}, "model": "m-1"}
    record["timestamp"] = "2026-01-01T00:00:00Z"
    return {**record, **more}


def used(tapes):
    """Return what each session used, as both commands say it."""
    listed = {row["session"]: row.get("usage") for row in tapes("sessions", "--json").records}
    *groups, total = tapes("usage", "session", "--json").records
    spent = {row["name"]: row["usage"] for row in groups}
    assert spent == {name: usage for name, usage in listed.items() if usage}
    assert total["usage"].get("output", 0) == sum(row["output"] for row in spent.values())
    return {name: usage["output"] for name, usage in spent.items()}


def test_agents_forks_and_copies(tapes, store, work):
    """Agents count to their session, what was left behind too, and a resumed copy only what is new.

    By hand: m1 10 (its last line), m2 20, m3 40, agent m4 80 in the first, m5 160 in the copy.
    """
    first = [
        user("go", "u1"),
        spend(assistant("a", "m1", "a1", "u1"), 5),
        spend(call("Task", "m1", "a2", "a1", prompt="p"), 10),
        {**user("p", "s1", None), **AGENT},
        spend(assistant("in", "m4", "s2", "s1"), 80, **AGENT),
        result("done", "r1", "a2"),
        spend(assistant("b", "m2", "a3", "r1"), 20),
        user("no, so", "u2", "a2"),
        spend(assistant("c", "m3", "a4", "u2"), 40),
    ]
    new = {"sessionId": "copy", "timestamp": "2026-01-02T00:00:00Z"}
    copy = [{**record, "sessionId": "copy"} for record in first if not record.get("isSidechain")]
    copy += [spend(assistant("d", "m5", "a5", "a4"), 160) | new]
    (work / "first.jsonl").write_bytes(jsonl(first))
    (work / "copy.jsonl").write_bytes(jsonl(copy))
    tapes("import", work / "first.jsonl", work / "copy.jsonl")

    assert used(tapes) == {"s": 10 + 20 + 40 + 80, "copy": 160}


def test_an_agent_in_a_file_of_its_own_counts(tapes, store, work):
    """Its calls are its session's, and none of them is missing."""
    main = [user("go", "u1"), spend(call("Task", "m1", "a1", "u1", prompt="p"), 10)]
    agent = [{**user("p", "s1"), **AGENT}, spend(assistant("in", "m2", "s2", "s1"), 80, **AGENT)]
    (work / "s.jsonl").write_bytes(jsonl(main))
    (work / "agent-a1.jsonl").write_bytes(jsonl(agent))
    tapes("import", "s.jsonl", "agent-a1.jsonl")

    assert used(tapes) == {"s": 90}


def test_a_first_snapshot_of_an_agent_s_answer_is_not_added_to_the_last(tapes, store, work):
    """Neither the first alone, whose output is too small, nor both, whose cache is too large."""
    told = {"input_tokens": 3, "cache_read_input_tokens": 5000, "cache_creation_input_tokens": 70}
    rows = [{**user("p", "s1"), **AGENT}]
    for place, output in enumerate((1, 1, 480)):
        record = assistant(f"part {place}", "m1", f"s{place + 2}", f"s{place + 1}")
        record["message"] |= {"usage": {**told, "output_tokens": output}, "model": "m-1"}
        rows.append({**record, **AGENT, "timestamp": f"2026-01-01T00:00:0{place}Z"})
    (work / "s.jsonl").write_bytes(jsonl(rows))
    tapes("import", "s.jsonl")

    total = tapes("usage", "--json").records[-1]
    assert total["calls"] == 1
    assert total["usage"] == {
        "input": 3,
        "output": 480,
        "cache_read": 5000,
        "cache_write_5m": 70,
    }


def test_sums_that_stand_beside_the_messages_are_not_added(tapes, store, work):
    """What a tool's result says of the tokens of its agent is the sum of what is counted."""
    told = {"totalTokens": 80, "usage": {"input_tokens": 1, "output_tokens": 80}}
    rows = [
        user("go", "u1"),
        spend(call("Task", "m1", "a1", "u1", prompt="p"), 10),
        spend(assistant("in", "m2", "s1"), 80, **AGENT),
        {**result("done", "r1", "a1"), "toolUseResult": told},
        {"type": "result", "sessionId": "s", "usage": {"output_tokens": 90}, "total_cost_usd": 1},
        {"type": "summary", "summary": "so", "usage": {"output_tokens": 90}},
    ]
    (work / "s.jsonl").write_bytes(jsonl(rows))
    tapes("import", "s.jsonl", code=None)

    assert used(tapes) == {"s": 90}


def test_later_states_of_a_document_add_only_what_is_new(tapes, store, work):
    """A message that is written again when its tools are done is the same call."""
    tokens = {"input": 9, "cached": 4, "thoughts": 2, "tool": 0, "total": 0}

    def message(number, output, **more):
        time = f"2026-01-01T00:00:0{number}Z"
        said = {"id": f"id-{number}", "type": "gemini", "content": "a", "timestamp": time}
        return {**said, "model": "gemini-2.5-flash", "tokens": {**tokens, "output": output}, **more}

    head = {"sessionId": "g", "projectHash": "h", "startTime": "2026-01-01T00:00:00Z"}
    ask = {"id": "id-0", "type": "user", "content": "go", "timestamp": "2026-01-01T00:00:00Z"}
    called = {"toolCalls": [{"id": "t1", "name": "ls", "args": {}, "status": "success"}]}
    states = [
        [ask, message(1, 100)],
        [ask, message(1, 100, **called), message(2, 200)],
    ]
    for number, messages in enumerate(states):
        document = {**head, "lastUpdated": f"2026-01-01T00:00:0{number}Z", "messages": messages}
        (work / "session-1.json").write_text(json.dumps(document, indent=2))
        tapes("import", "session-1.json")

    assert used(tapes) == {"g": (100 + 2) + (200 + 2)}


def rollout(session, second, *bodies, **meta):
    """Return the records of a rollout, all of one second: how a fork writes what it repeats."""
    stamp = f"2026-01-01T00:00:{second:02}Z"
    head = {"id": session, "cwd": "/w", "cli_version": "0.145.0", **meta}
    records = [{"timestamp": stamp, "type": "session_meta", "payload": head}]
    records += [
        {"timestamp": f"2026-01-01T00:00:{at:02}Z" if at else stamp, "type": kind, "payload": body}
        for at, kind, body in bodies
    ]
    return jsonl(records)


def said(text, output, total, at=0):
    """Return an answer and its count of tokens, at a second or at that of the rollout."""
    counts = {"input_tokens": 900 + output, "cached_input_tokens": 128, "output_tokens": output}
    info = {"total_token_usage": {"output_tokens": total}, "last_token_usage": counts}
    content = [{"type": "output_text", "text": text}]
    message = {"type": "message", "role": "assistant", "content": content}
    asked = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "go"}]}
    return [
        (at, "response_item", asked),
        (at, "turn_context", {"model": "gpt-5-codex", "cwd": "/w"}),
        (at, "response_item", message),
        (at, "event_msg", {"type": "token_count", "info": info}),
    ]


PARENT = [*said("one", 10, 10, 1), *said("two", 20, 30, 2)]
REPEATED = [*said("one", 10, 10), *said("two", 20, 30)]


def test_a_repeated_count_is_no_second_call(tapes, store, work):
    """A total that is said again without anything new is left out."""
    again = [PARENT[3], *PARENT[4:], PARENT[7], PARENT[7]]
    (work / "p.jsonl").write_bytes(rollout("p", 1, *PARENT[:4], *again))
    tapes("import", "p.jsonl")

    assert used(tapes) == {"p": 30}


def test_what_agents_repeat_of_their_parent_counts_once(tapes, store, work):
    """With new times, in several agents, in an agent of an agent; and their own calls all count."""
    spawned = {"source": {"subagent": {"thread_spawn": {"parent_thread_id": "p"}}}}
    files = {
        "p": rollout("p", 1, *PARENT, *said("late", 77, 107, 50)),
        "a": rollout("a", 10, *REPEATED, *said("mine", 40, 70, 12), **spawned),
        "b": rollout("b", 20, *REPEATED, *said("other", 80, 110, 22), forked_from_id="p"),
        "c": rollout(
            "c",
            30,
            *REPEATED,
            *said("mine", 40, 70),
            *said("deep", 160, 230, 33),
            forked_from_id="a",
        ),
    }
    for name, data in files.items():
        (work / f"{name}.jsonl").write_bytes(data)
    tapes("import", "c.jsonl", "a.jsonl", "b.jsonl")
    tapes("import", "p.jsonl")

    assert used(tapes) == {"p": 30 + 77, "a": 40, "b": 80, "c": 160}


def test_an_agent_that_repeats_a_part_is_not_counted_for_what_it_leaves_out(tapes, store, work):
    """Calls of tools are left out of what is repeated, the counts are not: texts do not matter."""
    counts_only = [each for each in REPEATED if each[1] == "event_msg"]
    (work / "p.jsonl").write_bytes(rollout("p", 1, *PARENT))
    child = rollout("a", 10, *counts_only, *said("mine", 40, 70, 12), forked_from_id="p")
    (work / "a.jsonl").write_bytes(child)
    tapes("import", "p.jsonl", "a.jsonl")

    assert used(tapes) == {"p": 30, "a": 40}


def test_an_agent_s_own_call_counts_though_one_of_its_parent_is_as_large(tapes, store, work):
    """Only what stands before its first own call can be a repetition."""
    own = [*said("mine", 40, 40, 12), *said("as large", 20, 60, 13)]
    (work / "p.jsonl").write_bytes(rollout("p", 1, *PARENT))
    (work / "a.jsonl").write_bytes(rollout("a", 10, *own, forked_from_id="p"))
    (work / "b.jsonl").write_bytes(rollout("b", 20, *REPEATED, forked_from_id="nobody"))
    tapes("import", "p.jsonl", "a.jsonl", "b.jsonl")

    assert used(tapes) == {"p": 30, "a": 60, "b": 30}


def test_sessions_that_name_each_other_as_parent_lose_nothing(tapes, store, work):
    """Nobody is the first of a ring, so nothing in it is a repetition."""
    (work / "p.jsonl").write_bytes(rollout("p", 1, *PARENT, forked_from_id="a"))
    (work / "a.jsonl").write_bytes(rollout("a", 10, *REPEATED, forked_from_id="p"))
    tapes("import", "p.jsonl", "a.jsonl")

    assert used(tapes) == {"p": 30, "a": 30}


def test_a_branch_of_one_s_own_adds_nothing(tapes, store, work):
    """What is branched, tagged or checked out has been paid once."""
    (work / "p.jsonl").write_bytes(rollout("p", 1, *PARENT))
    tapes("import", "p.jsonl")
    tapes("switch", "-c", "fix", "p#2")
    tapes("amend", "HEAD", "--text", "three")
    tapes("tag", "kept")

    assert used(tapes) == {"p": 30}
