"""Which records make one turn, and how turns hang together: each rule of the page."""

from __future__ import annotations

import pytest

from tapegit.recorder.sources import tapes, threader
from tests.claude_records import assistant, call, extra, result, system, user
from tests.recordings import Recordings, jsonl


def thread(*records: dict | bytes) -> dict:
    """Record records (or lines); return each tape by its agent as [(role, summary, [at, …]), …].

    What a fork left behind is under `(agent, number)`.
    """
    data = b"".join(each if isinstance(each, bytes) else jsonl([each]) for each in records)
    recordings = Recordings()
    source = recordings.record(data)
    assert not source.tapes or recordings.rebuild(source) == data
    shown = {}
    for tape in source.tapes:
        shown[tape.agent] = describe(recordings, tape.tip)
        for number, left in enumerate(tape.left_behind):
            shown[tape.agent, number] = describe(recordings, left)
    return shown


def describe(recordings: Recordings, tip) -> list:
    """Return the turns of a line."""
    return [
        (turn.role, turn.summary, [piece.at for piece in turn.raw]) for turn in recordings.line(tip)
    ]


def summaries(line: list) -> list:
    """Return the summaries of a line without its leader."""
    return [summary for _, summary, _ in line[1:]]


LEADER = ("session", "claude-code", [])


def test_message_of_several_records_is_one_turn():
    """Records that share a message id are one turn, in one piece where they follow each other."""
    assert thread(user("go"), assistant("one", "m"), assistant("two", "m"))[None] == [
        LEADER,
        ("user", "go", [None]),
        ("assistant", "one", [None]),
    ]


def test_result_between_blocks_is_a_turn_after_the_message():
    """A result written while a message goes on comes after it, and says where it stood."""
    line = thread(user("go"), call("A", "m"), result("done"), call("B", "m"), result("too"))[None]
    assert line[2:] == [
        ("assistant", "A, B", [None, 3]),
        ("tool", "done", [-1]),
        ("tool", "too", [2]),
    ]


@pytest.mark.parametrize(
    "between",
    [
        assistant("other", "n"),
        assistant("none"),
        user("prompt"),
        system("compact_boundary"),
    ],
)
def test_closed_message_is_not_gone_on_with(between):
    """Another answer, a prompt or a compaction ends a message; more of its id is another turn."""
    line = thread(user("go"), assistant("one", "m"), between, assistant("two", "m"))[None]
    assert [role for role, _, _ in line].count("assistant") == 2 + (between["type"] == "assistant")


@pytest.mark.parametrize(
    "between",
    [
        result("r"),
        user("skill", sourceToolUseID="t"),
        system("api_error"),
        system("microcompact_boundary"),
        extra(),
        b"rubbish\n",
        user("aside", isSidechain=True, agentId="a"),
    ],
)
def test_open_message_goes_on_past_what_does_not_end_it(between):
    """Results, injected messages, errors, extras and other tapes leave a message open."""
    line = thread(user("go"), assistant("one", "m"), between, assistant("two", "m"))[None]
    assert [role for role, _, _ in line].count("assistant") == 1


def test_message_without_an_id_is_one_record():
    """Answers that do not say which message they belong to are turns of their own."""
    assert summaries(thread(user("go"), assistant("one"), assistant("two"))[None]) == [
        "go",
        "one",
        "two",
    ]


def test_message_ends_after_so_many_records(monkeypatch):
    """A message that no record went on with for long is closed, so that memory stays bounded."""
    monkeypatch.setattr(threader, "OPEN_RECORD_COUNT_MAX", 4)
    results = [result("r")] * 4
    line = thread(user("go"), assistant("one", "m"), *results[:3], assistant("two", "m"))[None]
    assert len(line) == 6
    line = thread(user("go"), assistant("one", "m"), *results, assistant("two", "m"))[None]
    assert len(line) == 8


def test_message_ends_at_so_many_pieces(monkeypatch):
    """A message has a bounded number of pieces."""
    monkeypatch.setattr(threader, "PIECE_COUNT_MAX", 3)
    records = [record for _ in range(5) for record in (assistant("x", "m"), result("r"))]
    line = thread(user("go"), *records)[None]
    assert [len(pieces) for role, _, pieces in line if role == "assistant"] == [3, 2]


def test_extras_go_with_the_record_before_them():
    """An extra is no turn; it lies in the piece of the record before it."""
    assert thread(user("go"), extra(), extra("unheard-of"), assistant("one", "m"))[None] == [
        LEADER,
        ("user", "go", [None]),
        ("assistant", "one", [None]),
    ]


def test_head_belongs_to_the_leader():
    """What comes before the first message is the leader's, also what cannot be read."""
    line = thread(extra("summary"), b"rubbish\n", b"\n", user("go"))[None]
    assert line == [("session", "claude-code", [None]), ("user", "go", [None])]


def test_head_alone_is_a_leader_alone():
    """A file without any message is a tape of one turn; one that cannot be read is none."""
    head = {"type": "summary", "summary": "s", "leafUuid": "u"}
    assert thread(head) == {None: [("session", "claude-code", [None])]}


def test_event_is_a_turn_of_its_own():
    """Errors, compactions and commands of the harness are events; other system records are not."""
    line = thread(
        user("go"),
        system("api_error", error={"status": 529}),
        system("turn_duration"),
        system("local_command", content="<command-name>/x</command-name>"),
        system("compact_boundary", compactMetadata={"trigger": "auto", "preTokens": 9}),
    )[None]
    assert summaries(line) == ["go", "api error: 529", "/x", "compacted (auto, 9 tokens)"]


def test_unreadable_records_are_one_event():
    """Lines that cannot be read, and what extras lie between them, are one turn."""
    line = thread(user("go"), b"one\n", extra(), b"two\n", user("on"), b"{")[None]
    assert line[2] == ("event", "unreadable: not JSON (2 records)", [None])
    assert line[4] == ("event", "unreadable: cut off", [None])


def test_glued_records_are_records():
    """Values on one line are as many records, and their bytes part where they do."""
    glued = jsonl([user("go")]).rstrip() + jsonl([assistant("one", "m")])
    assert summaries(thread(glued)[None]) == ["go", "one"]


def test_prompt_that_goes_back_is_a_fork():
    """A prompt whose parent lies before the newest anchor leaves what came since behind."""
    shown = thread(
        user("one", "u1"),
        assistant("two", "m1", "a1", "u1"),
        user("three", "u2", "a1"),
        assistant("four", "m2", "a2", "u2"),
        user("instead", "u3", "a1"),
    )
    assert summaries(shown[None]) == ["one", "two", "instead"]
    assert summaries(shown[None, 0]) == ["one", "two", "three", "four"]


def test_line_left_behind_that_goes_on_is_not_left_behind():
    """Going back to a line that was left behind leaves the other one behind instead."""
    shown = thread(
        user("one", "u1"),
        assistant("two", "m1", "a1", "u1"),
        user("instead", "u2", "u1"),
        user("back", "u3", "a1"),
    )
    assert summaries(shown[None]) == ["one", "two", "back"]
    assert summaries(shown[None, 0]) == ["one", "instead"]
    assert (None, 1) not in shown


@pytest.mark.parametrize(
    "prompt",
    [
        user("on", "u9", "a2"),
        user("on", "u9", "r1"),
        user("on", "u9", None),
        user("on", "u9", "elsewhere"),
        user("on", "u1", "u1"),
        user("on", "u9", "p1"),
    ],
    ids=["newest", "a result", "no parent", "orphan", "copy", "an extra"],
)
def test_prompt_that_does_not_go_back_goes_on(prompt):
    """Results of parallel calls, orphans, and copies of records are no forks."""
    shown = thread(
        user("one", "u1"),
        call("A", "m1", "a1", "u1"),
        call("B", "m1", "a2", "a1"),
        result("r1", "r1", "a1"),
        result("r2", "r2", "a2"),
        extra(uuid="p1"),
        prompt,
    )
    assert summaries(shown[None])[-1] == "on"
    assert list(shown) == [None]


def test_conversation_goes_on_after_compaction():
    """What follows a compaction goes on from it, though its parent is null."""
    shown = thread(
        user("one", "u1"),
        assistant("two", "m1", "a1", "u1"),
        system("compact_boundary", "c1"),
        user("Summary so far", "u2", "c1", isCompactSummary=True),
        user("on", "u3", "u2"),
    )
    assert summaries(shown[None]) == ["one", "two", "compacted", "[compacted] Summary so far", "on"]
    assert list(shown) == [None]


def test_later_record_of_a_uuid_counts():
    """Of two records with one uuid the later one says where a prompt goes back to."""
    shown = thread(
        user("one", "u1"),
        user("two", "u2", "u1"),
        assistant("three", "m", "u1", "u2"),
        user("four", "u3", "u1"),
    )
    assert summaries(shown[None]) == ["one", "two", "three", "four"]


def test_forks_of_a_tape_are_bounded(monkeypatch):
    """After so many forks prompts go on from the newest turn."""
    monkeypatch.setattr(threader, "FORK_COUNT_MAX", 1)
    prompts = [user(f"p{n}", f"u{n}", "a0") for n in range(3)]
    shown = thread(user("one", "a0"), user("two", "x", "a0"), *prompts)
    assert summaries(shown[None]) == ["one", "p0", "p1", "p2"]


def test_uuids_are_forgotten_in_lots(monkeypatch):
    """Where a record was is remembered for so many uuids, and then no longer."""
    monkeypatch.setattr(tapes, "UUID_COUNT_MAX", 2)
    records = [user("0", "u0"), *(user(f"{n}", f"u{n}", f"u{n - 1}") for n in range(1, 5))]
    assert len(thread(*records, user("back", "x", "u2"))) == 2
    assert len(thread(*records, user("back", "x", "u1"))) == 1


def test_agents_have_tapes_of_their_own():
    """Sidechains are tapes: by agent id, by the record before them, or new ones."""
    shown = thread(
        user("go", "u1"),
        user("find", "s1", None, isSidechain=True, agentId="a"),
        user("look", "s2", None, isSidechain=True),
        assistant("found", "m", "s3", "s1", isSidechain=True),
        assistant("seen", "n", "s4", "s2", isSidechain=True),
        assistant("done", "o", "u2", "u1"),
    )
    assert {agent: summaries(line) for agent, line in shown.items()} == {
        None: ["go", "done"],
        "a": ["find", "found"],
        "side-s2": ["look", "seen"],
    }
    assert [pieces for _, _, pieces in shown["a"]] == [[], [2], [2]]


def test_file_of_an_agent_alone_has_no_main_tape():
    """The head goes to the leader of the first tape, whichever that is."""
    shown = thread(extra("summary"), user("go", isSidechain=True, agentId="a"))
    assert shown == {"a": [("session", "claude-code", [None]), ("user", "go", [None])]}


def test_agents_are_bounded(monkeypatch):
    """From one agent too many on all share a tape."""
    monkeypatch.setattr(threader, "AGENT_COUNT_MAX", 2)
    records = [user(f"{n}", isSidechain=True, agentId=f"a{n}") for n in range(4)]
    shown = thread(*records)
    assert {agent: len(line) for agent, line in shown.items()} == {"a0": 2, "a1": 2, "others": 3}


def test_run_is_cut_before_it_is_too_large_for_a_blob():
    """A run of records is several blobs where one would be larger than a blob may be."""
    big = extra()
    big["data"] = {"x": "a" * (6 << 20)}
    recordings = Recordings()
    source = recordings.record(jsonl([user("go"), big, big, big, assistant("x", "m")]))
    turn = recordings.line(source.tapes[0].tip)[1]
    assert [piece.at for piece in turn.raw] == [None, None]


def test_record_larger_than_a_blob_is_a_rope():
    """One record of more than 16 MiB is a rope, and comes back."""
    data = jsonl([user("a" * (17 << 20)), assistant("x", "m")])
    recordings = Recordings()
    source = recordings.record(data)
    (piece,) = recordings.line(source.tapes[0].tip)[1].raw
    found = recordings.objects.find(type(source.tapes[0].tip).parse(piece.oid))
    assert found.kind == "rope"
    assert recordings.rebuild(source) == data


def test_leader_says_what_the_source_says_of_the_session():
    """The first statements among the head and the first message are the leader's."""
    first = user(
        "go", cwd="/w", version="2.1.0", gitBranch="main", timestamp="2026-01-01T00:00:00Z"
    )
    recordings = Recordings()
    source = recordings.record(jsonl([extra("queue-operation"), first, user("on", cwd="/other")]))
    leader = recordings.line(source.tapes[0].tip)[0]
    assert leader.summary == "claude-code 2.1.0 in /w (main)"
    assert leader.time == 1_767_225_600_000
    assert (leader.session.id, leader.session.cwd) == ("s", "/w")
    assert leader.session.repository.branch == "main"


def test_leader_of_an_agent_names_its_parent():
    """An agent's leader has the session as its parent, and its own name if the source gave it."""
    recordings = Recordings()
    (tape,) = recordings.record(jsonl([user("go", isSidechain=True, agentId="a")])).tapes
    leader = recordings.line(tape.tip)[0]
    assert (leader.session.id, leader.session.parent, leader.session.agent) == (None, "s", "a")
    (tape,) = recordings.record(jsonl([user("go", "u", isSidechain=True)])).tapes
    assert recordings.line(tape.tip)[0].session.agent is None


def test_fields_of_an_answer_are_those_of_its_records():
    """Usage, model and stop are the last record's, never sums; tools are named once each."""
    records = [
        {"type": "assistant", "timestamp": "2026-01-01T00:00:01Z", "message": message}
        for message in (
            {
                "id": "m",
                "model": "one",
                "usage": {"input_tokens": 5, "output_tokens": 1},
                "content": [{"type": "tool_use", "name": "A"}],
            },
            {
                "id": "m",
                "model": "two",
                "usage": {"input_tokens": 5, "output_tokens": 7, "cache_creation_input_tokens": 3},
                "stop_reason": "end_turn",
                "content": [{"type": "tool_use", "name": "B"}, {"type": "tool_use", "name": "A"}],
            },
        )
    ]
    recordings = Recordings()
    source = recordings.record(jsonl([user("go"), *records]))
    turn = recordings.line(source.tapes[0].tip)[-1]
    assert (turn.model, turn.stop, turn.tools) == ("two", "end_turn", ("A", "B"))
    assert (turn.usage.input, turn.usage.output, turn.usage.cache_write_5m) == (5, 7, 3)
    assert turn.usage.cache_read is None
    assert turn.time == 1_767_225_601_000
