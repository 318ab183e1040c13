"""What was removed on purpose while others record: nothing of it comes back, no link is broken."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tapegit.formats.rewriting import Rewriting
from tapegit.porcelain.imports.transcripts import Found, ImportOptions, import_transcripts
from tapegit.recorder.sources.growing import GrowingSources
from tapegit.redact.redactor import default_redactor
from tapegit.rewrite.carry_out import write_journal
from tapegit.wire.recording.calls import CallRecorder
from tests.builders import MAIN, make_tape, set_ref, write_blob, write_turn
from tests.e2e.test_forget import transcript
from tests.scripted_calls import SDK, Script, result, said, user

SECRET = "correct-horse-9911"


def read_all(tapes):
    """Return every byte of every object; fail where one is missing."""
    found = tapes("fsck", "--full").out
    assert not [line for line in found.splitlines() if not line.startswith(("notice:", "dangling"))]
    return tapes("cat-file", "--batch", "--batch-all-objects").out


@pytest.fixture
def live(repository):
    """Give a recorder that is in the middle of a conversation, and what comes next in it."""
    script = Script()
    call = ("Bash", {"command": "ls"}, "t1")
    messages = script.call([user(f"the word is {SECRET}")], said("I look.", call))
    count = len(script.values)
    messages = script.call([*messages, result("t1", "a.txt")], said("One file, a.txt."))
    script.call([*messages, user("thanks")], said("bye"))
    recorder = CallRecorder(repository, default_redactor())
    for value in script.values[:count]:
        recorder.take(value)
    return recorder, script.values[count:]


def go_on(recorder, values):
    """Let a recorder take what comes; return how many calls it lost."""
    for value in values:
        recorder.take(value)
    return recorder.finish().lost


def test_a_recorder_goes_on_after_another_tape_was_redacted(tapes, repository, live):
    """The conversation is one tape with all its turns, and nothing is lost."""
    raw = write_blob(repository, b'{"a":"another-secret-4711"}\n')
    set_ref(repository, MAIN, write_turn(repository, "key", raw=[raw]))
    tapes("redact", "--value", input=b"another-secret-4711")
    assert go_on(*live) == 0
    (row,) = tapes("sessions", "--json").records
    assert row["turns"] == 7
    assert "another-secret" not in read_all(tapes)


def test_a_recorder_does_not_bring_back_what_was_redacted(tapes, repository, live):
    """The client sends it with each request: those calls are lost, and counted."""
    tapes("redact", "--value", input=SECRET)
    assert go_on(*live) == 2
    assert SECRET not in read_all(tapes)
    (row,) = tapes("sessions", "--json").records
    assert row["turns"] == 3


def test_a_recorder_does_not_bring_back_a_forgotten_session(tapes, repository, live):
    """Its calls are lost, and counted; what other clients say is recorded."""
    (row,) = tapes("sessions", "--json").records
    tapes("forget", row["session"])
    other = Script(SDK, scope="other")
    other.number = 90
    other.call([user("another one")], said("Yes."))
    assert go_on(live[0], [*live[1], *other.values]) == 2
    assert SECRET not in read_all(tapes)
    (left,) = tapes("sessions", "--json").records
    assert left["session"] != row["session"]


def test_what_is_under_way_while_history_is_rewritten_is_lost_and_counted(tapes, repository, live):
    """A request was asked before, and is answered after: its turn is no more."""
    recorder, values = live
    recorder.take(values[0])
    tapes("redact", "--value", input=SECRET)
    assert go_on(recorder, values[1:2]) == 1
    assert SECRET not in read_all(tapes)


def test_a_watch_goes_on_after_a_redaction(tapes, repository, work):
    """It reads on in what it had read before, but for what would go on from what is gone."""
    names = ("told", "other")
    paths = {name: work / f"{name}.jsonl" for name in names}
    for name, path in paths.items():
        path.write_text(transcript(f"{name}-session", f"words of {name}"))
    options = ImportOptions(is_growing=True, growing=GrowingSources(), durable=set())

    def follow():
        found = [Found(str(path)) for path in paths.values()]
        return [file.state for file in import_transcripts(repository, found, options)]

    follow()
    tapes("redact", "--value", input=b"words of told")
    for name, path in paths.items():
        more = transcript("more", "and on")
        path.write_text(path.read_text() + more.replace('"more"', f'"{name}-session"'))
    follow()
    assert "words of told" not in read_all(tapes)
    assert "and on" in tapes("log", "--oneline", "other-session").out


IMPORTS = 8


def test_imports_and_a_redaction_at_once(tapes, run_tapes, repository, work):
    """Whoever comes first: no secret, no broken link, every session there in the end."""
    raw = write_blob(repository, f'{{"a":"{SECRET}"}}\n'.encode())
    first = write_turn(repository, "key", raw=[raw])
    make_tape(repository, 200, start=first)
    for number in range(IMPORTS):
        (work / f"{number}.jsonl").write_text(transcript(f"session-{number:02}", f"say {number}"))
    code = (
        "import subprocess, sys\n"
        f"for n in range({IMPORTS}):\n"
        "    subprocess.run([sys.executable, '-m', 'tapegit', 'import', f'{n}.jsonl'], check=True,"
        " stdout=subprocess.DEVNULL)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], cwd=work) as imports:
        for _ in range(3):
            run_tapes("redact", "--value", input=SECRET.encode())
        assert imports.wait(60) == 0
    assert SECRET not in read_all(tapes)
    rows = [json.loads(line)["session"] for line in tapes("sessions", "--json").lines]
    assert len(rows) == IMPORTS


def test_a_search_during_a_redaction_keeps_no_words(tapes, repository):
    """While the journal is there, and with ids of before, words are in memory alone."""
    raw = write_blob(repository, f'{{"a":"{SECRET}"}}\n'.encode())
    old = write_turn(repository, f"the word is {SECRET}", raw=[raw])
    set_ref(repository, MAIN, old)
    write_journal(repository.root, Rewriting("redacted", 1))
    assert tapes("search", "horse", "-l").lines
    path = repository.root / "index" / "search.sqlite"
    assert not path.exists() or b"horse" not in path.read_bytes()
    tapes("redact", "--continue")
    tapes("redact", "--value", input=SECRET)
    assert SECRET not in read_all(tapes)
    assert tapes("search", "horse", "-l", code=None).lines == []
    for found in (repository.root / "index").rglob("*"):
        assert b"horse" not in found.read_bytes()


def test_a_list_during_a_redaction_keeps_no_titles(tapes, repository):
    """Neither while the journal is there, nor of refs that were read before it."""
    raw = write_blob(repository, f'{{"a":"{SECRET}"}}\n'.encode())
    turn = write_turn(repository, f"the word is {SECRET}", role="user", raw=[raw])
    set_ref(repository, "refs/sessions/pi/s/file/main", turn)
    write_journal(repository.root, Rewriting("redacted", 1))
    lists = [("sessions",), ("rev-parse", "msg_none"), ("usage", "session"), ("sessions",)]
    found = [tapes(*words, code=None).out for words in lists]
    assert "horse" in found[0]
    assert found[0] == found[-1]
    for path in (repository.root / "index").rglob("*.sqlite"):
        assert b"horse" not in path.read_bytes()
    tapes("redact", "--continue")
    assert tapes("sessions").out == found[0]
    assert b"horse" in (repository.root / "index" / "index.sqlite").read_bytes()
