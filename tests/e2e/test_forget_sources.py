"""`tapes forget` of sessions of every harness, of the wire, and of those that others go on from."""

from __future__ import annotations

import pytest

from tapegit.graph.reachable import iter_reachable_objects
from tapegit.objects.oid import ObjectId
from tapegit.redact.redactor import default_redactor
from tapegit.repository.repository import Repository
from tapegit.wire.recording.calls import CallRecorder
from tests.builders import set_ref
from tests.e2e.test_forget import transcript
from tests.e2e.test_joined_sessions import Recorder, claude_transcript
from tests.scripted_calls import SDK, Script, result, said, user
from tests.sources import FIXTURES

HARNESSES = sorted(path.name for path in FIXTURES.iterdir() if (path / "SOURCES.tsv").exists())


def reach(repository):
    """Return refs by name, and every object that refs and reflogs lead to."""
    repository = Repository.open(repository.root)
    refs = {str(ref.name): ref.oid for ref in repository.refs.iter_refs()}
    tips = set(refs.values())
    for name in repository.refs.iter_reflogs():
        tips |= {entry.new for entry in repository.refs.read_reflog(name)}
    tips |= {head for head in [repository.refs.read_head().oid] if head is not None}
    return refs, set(iter_reachable_objects(repository.objects, sorted(filter(any, tips))))


def forget(tapes, repository, session, *options):
    """Forget a session; check that all of it is gone and that nothing else is."""
    before, had = reach(repository)
    (record,) = tapes("forget", "--json", *options, session).records
    after, has = reach(repository)
    gone = set(record["refs"])
    notes = {name for name in before if name.startswith("refs/notes/")}
    assert {n: oid for n, oid in before.items() if n not in gone | notes} == {
        n: oid for n, oid in after.items() if n not in notes
    }
    objects = Repository.open(repository.root).objects
    left = {oid for oid in had - has if objects.contains(oid)}
    assert not left, sorted(left)
    assert had - has, "something went"
    assert tapes("fsck", "--full").err == ""
    assert session not in {row["session"] for row in tapes("sessions", "--json").records}
    return record


@pytest.mark.parametrize("harness", HARNESSES)
def test_forget_removes_sessions_of_every_harness(tapes, repository, work, harness):
    """Each session of it in turn; none comes back by importing its files again."""
    (work / "keep.jsonl").write_text(transcript("keep-session", "let this stay"))
    tapes("import", "keep.jsonl")
    files = [path for path in sorted((FIXTURES / harness).iterdir()) if path.suffix != ".tsv"]
    tapes("import", *files, code=None)
    rows = tapes("sessions", "--json").records
    sessions = [row["session"] for row in rows if row["session"] != "keep-session"]
    assert sessions
    tapes("gc", "-q")
    while sessions:
        forget(tapes, repository, sessions[0], "--force")
        sessions = [
            row["session"]
            for row in tapes("sessions", "--json").records
            if row["session"] != "keep-session"
        ]
    had = reach(repository)
    result = tapes("import", *files, code=34)
    assert "removed on purpose" in result.err
    assert reach(repository) == had
    assert "let this stay" in tapes("log", "keep-session").out


@pytest.fixture
def recorded(repository):
    """Give a store with a conversation that was recorded from the wire, and a probe beside it."""
    script = Script()
    script.response(script.request(target="/", method="HEAD", body=b""))
    call = ("Bash", {"command": "ls"}, "t1")
    messages = script.call([user("what is here?")], said("I look.", call))
    script.call([*messages, result("t1", "a.txt")], said("One file, a.txt."))
    probe = Script(SDK, scope="other")
    probe.number = 90
    probe.call([user("another one")], said("Yes."))
    recorder = CallRecorder(repository, default_redactor())
    for value in [*script.values, *probe.values]:
        recorder.take(value)
    recorder.finish()
    return repository


def test_forget_removes_what_the_wire_saw(tapes, recorded):
    """Requests, responses, what went beside the conversation; the other recording stays."""
    first, *others = [row["session"] for row in tapes("sessions", "--json").records]
    forget(tapes, recorded, first)
    assert [row["session"] for row in tapes("sessions", "--json").records] == others
    text = tapes("cat-file", "--batch", "--batch-all-objects").out
    assert ("One file, a.txt." in text) != ("another one" in text)


def test_forget_removes_both_recordings_of_a_session(tapes, repository, work):
    """The transcript and what the proxy saw of it, by whichever is named."""
    (work / "s.jsonl").write_bytes(claude_transcript())
    tapes("import", "s.jsonl")
    (row,) = tapes("sessions", "--json").records
    answers = [{"id": "msg_1"}, {"id": "msg_2"}]
    bodies = [
        {**each, "type": "message", "role": "assistant", "content": [], "model": "m-1"}
        for each in answers
    ]
    Recorder(repository).write("claude-code/another-id", ["go", *bodies])
    assert len(tapes("sessions").lines) == 1, "they are joined"
    record = forget(tapes, repository, row["session"])
    assert "refs/sessions/claude-code/another-id/wire/main" in record["refs"]
    assert not any(repository.refs.iter_refs("refs/sessions/"))


@pytest.fixture
def told(tapes, repository, work):
    """Give a store with two sessions of Claude Code."""
    for session in ("keep-session", "gone-session"):
        (work / f"{session}.jsonl").write_text(transcript(session, f"words of {session}"))
        tapes("import", f"{session}.jsonl")
    return repository


@pytest.mark.parametrize(
    ("prepare", "holder"),
    [
        ([("branch", "mine", "gone-session~1")], "refs/heads/mine"),
        ([("tag", "light", "gone-session")], "refs/tags/light"),
        ([("tag", "-a", "-m", "kept", "v1", "gone-session~1")], "refs/tags/v1"),
        ([("checkout", "gone-session")], "HEAD"),
        ([("switch", "-c", "on", "gone-session")], "refs/heads/on"),
        (
            [("switch", "-c", "both", "keep-session"), ("merge", "-m", "x", "gone-session")],
            "refs/heads/both",
        ),
        (
            [("switch", "-c", "new", "gone-session#2"), ("amend", "--text", "other words")],
            "refs/heads/new",
        ),
    ],
)
def test_what_leads_to_it_holds_it(tapes, told, prepare, holder):
    """A branch, a tag, HEAD, a merge: it is named and nothing is changed; with --force it goes."""
    for arguments in prepare:
        tapes(*arguments)
    before = reach(told)
    result = tapes("forget", "gone-session", code=22)
    assert holder in result.err
    assert reach(told) == before
    record = forget(tapes, told, "gone-session", "--force")
    assert holder in record["refs"]
    assert "words of keep-session" in tapes("log", "keep-session").out
    tapes("status")
    for name in Repository.open(told.root).refs.iter_reflogs():
        moves = Repository.open(told.root).refs.read_reflog(name)
        assert all(move.old != move.new for move in moves), "moves to nowhere from nowhere"


def test_what_follows_a_remote_goes_without_asking(tapes, told):
    """What the remote has is the remote's; what followed it is not in the way."""
    tip = ObjectId.fromhex(tapes("rev-parse", "gone-session").oid)
    name = "refs/remotes/origin/@sessions/claude-code/gone-session/file/main"
    set_ref(told, name, tip)
    set_ref(told, "refs/remotes/origin/mine", tip)
    assert "the remote keeps it" in tapes("forget", "-n", "gone-session").err
    record = forget(tapes, told, "gone-session")
    assert {name, "refs/remotes/origin/mine"} < set(record["refs"])


def test_a_session_that_goes_on_from_it_holds_it(tapes, told):
    """A fork of another session from one of its turns: named; with --force it goes as well."""
    tip = tapes("rev-parse", "gone-session").oid
    turn = f'{{"parents":["{tip}"],"role":"user","summary":"and on"}}'
    oid = tapes("hash-object", "-w", "-t", "turn", "--stdin", input=turn).oid
    tapes("update-ref", "refs/sessions/codex/other-one/file/main", oid)
    assert "refs/sessions/codex/other-one/file/main" in tapes("forget", "gone-session", code=22).err
    record = forget(tapes, told, "gone-session", "--force")
    assert "refs/sessions/codex/other-one/file/main" in record["refs"]
