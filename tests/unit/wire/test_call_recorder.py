"""What becomes of recording when the store is not to be had, and of what nobody wants to read."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tapegit.errors import StorageError
from tapegit.redact.redactor import default_redactor
from tapegit.wire.recording import calls
from tapegit.wire.recording.calls import CallRecorder
from tests.scripted_calls import SDK, Script, said, user
from tests.thread_shapes import make_store, record, shapes, tape

ROOT = Path(__file__).parents[3]
MAIN = "claude-code main"


class Broken:
    """A store that refuses every transaction for as long as it is told to."""

    def __init__(self, repository):
        self._repository = repository
        self._transaction = repository.transaction
        self.is_broken = True
        repository.transaction = self.transaction

    def transaction(self, *args, **kwargs):
        """Refuse, or do what the store does."""
        if self.is_broken:
            raise StorageError("cannot write: no space left on device")
        return self._transaction(*args, **kwargs)


def test_store_that_cannot_be_written_to_is_tried_again(tmp_path):
    """What came meanwhile is recorded when the disk has room again; nothing is lost."""
    repository = make_store(tmp_path)
    broken = Broken(repository)
    recorder = CallRecorder(repository, default_redactor())
    script = Script()
    messages = script.call([user("one")], said("first"))
    script.call([*messages, user("two")], said("second"))
    for value in script.values[:-1]:
        recorder.take(value)
    assert shapes(repository) == {}
    broken.is_broken = False
    recorder.take(script.values[-1])
    assert shapes(repository) == {MAIN: ["session", "user", "assistant", "user", "assistant"]}
    assert recorder.finish().lost == 0


def test_what_was_given_up_is_counted_and_recording_goes_on(tmp_path, monkeypatch):
    """Memory is bounded; the next request brings the conversation, and the tape has it all."""
    monkeypatch.setattr(calls, "PENDING_SIZE_MAX_BYTES", 40_000)
    repository = make_store(tmp_path)
    recorder = CallRecorder(repository, default_redactor())
    script = Script()
    messages = script.call([user("one")], said("first"))
    for value in script.values:
        recorder.take(value)
    broken = Broken(repository)
    script.values.clear()
    messages = script.call([*messages, user("two " * 20_000)], said("second"))
    messages = script.call([*messages, user("three " * 20_000)], said("third"))
    for value in script.values:
        recorder.take(value)
    broken.is_broken = False
    script.values.clear()
    script.call([*messages, user("four")], said("fourth"))
    for value in script.values:
        recorder.take(value)
    summary = recorder.finish()
    assert summary.lost >= 2
    assert shapes(repository)[MAIN] == ["session", *["user", "assistant"] * 4]


def test_store_that_stays_broken_never_raises(tmp_path):
    """The proxy goes on whatever the store does; the end says how much is missing."""
    repository = make_store(tmp_path)
    Broken(repository)
    script = Script()
    messages = script.call([user("one")], said("first"))
    script.call([*messages, user("two")], said("second"))
    summary = record(repository, script.values)
    assert summary.lost == 2
    assert shapes(repository) == {}


KILLED = """
    import os, signal, sys
    sys.path.insert(0, {root!r})
    from pathlib import Path
    from tapegit.files import syscalls
    from tests.scripted_calls import Script, said, user
    from tests.thread_shapes import make_store, record
    repository = make_store(Path({store!r}))
    left = [{count}]
    for name in ("write", "link", "rename", "fsync", "fdatasync", "unlink"):
        real = getattr(syscalls, name, None)
        if real is None:
            continue
        def counted(*args, _real=real, **kwargs):
            left[0] -= 1
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return _real(*args, **kwargs)
        setattr(syscalls, name, counted)
    script = Script()
    messages = [user("one")]
    for number in range(4):
        messages = script.call(messages, said(f"answer {{number}}"))
        messages.append(user(f"next {{number}}"))
    record(repository, script.values)
    print("done")
"""


@pytest.mark.parametrize("count", [3, 20, 45, 70, 95])
def test_killed_recorder_leaves_what_it_recorded(tmp_path, count):
    """Wherever it dies, the store is whole, its turns are a beginning of the conversation."""
    code = textwrap.dedent(KILLED).format(root=str(ROOT), store=str(tmp_path), count=count)
    process = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=False, env=dict(os.environ)
    )
    assert process.returncode == -signal.SIGKILL, process.stderr.decode()
    repository = make_store(tmp_path)
    wanted = ["session", *["user", "assistant"] * 4]
    for shape in shapes(repository).values():
        assert shape == wanted[: len(shape)]
    script = Script()
    messages = [user("one")]
    for number in range(4):
        messages = script.call(messages, said(f"answer {number}"))
        messages.append(user(f"next {number}"))
    record(repository, script.values[-2:])
    assert shapes(repository)[MAIN] == wanted


BODIES = {
    "nothing": b"",
    "no JSON": b"\xff\xfe\x00 hello",
    "an array": b"[1, 2, 3]",
    "no messages": b'{"model": "x"}',
    "messages of numbers": b'{"messages": [1, null, true, [], "text"]}',
    "messages that are none": b'{"messages": {"role": "user"}}',
    "deep": b'{"messages": [' + b"[" * 100_000 + b"]" * 100_000 + b"]}",
    "deep message": b'{"messages": [{"role":"user","content":' + b"[" * 3000 + b"]" * 3000 + b"}]}",
    "two of one name": b'{"messages": [{"role": "user"}], "messages": [{"role": "assistant"}]}',
    "lone surrogates": b'{"messages": [{"role": "user", "content": "\\ud800"}]}',
    "cut off": b'{"messages": [{"role": "user", "content": "abc',
    "another role": b'{"messages": [{"role": "\\u0000x", "content": "abc"}]}',
    "huge model": b'{"model": "' + b"m" * 2_000_000 + b'", "messages": [{"role": "user"}]}',
    "plain": b'{"messages": [{"role": "user", "content": "hi"}], "input": "x", "prompt": [1]}',
    "session as list": b'{"metadata": {"user_id": [1]}, "messages": [{"role": "user"}]}',
}


@pytest.mark.parametrize(
    "target", ["/v1/messages", "/v1/responses", "/x:generateContent", "/api/chat", "/v2/chat"]
)
@pytest.mark.parametrize("name", BODIES)
def test_any_body_is_recorded_as_it_is(tmp_path, name, target):
    """Nothing that a client or a server sends stops the recorder, or is lost."""
    repository = make_store(tmp_path)
    script = Script(SDK)
    body = BODIES[name]
    script.response(script.request(body=body, target=target), body)
    script.response(script.request(body=body, target=target), body, outcome="error", status=500)
    summary = record(repository, script.values)
    assert (summary.lost, summary.calls + summary.side_calls) == (0, 2)
    found = [t for ref in repository.refs.iter_refs("refs/") for _, t in tape(repository, ref.oid)]
    assert sum(turn.call is not None for turn in found) >= 2


NAMES = [
    *("../../x", "a" * 200, "CON", "x.lock", "-x", "é", "a\nb", "%41", ".", "@{1}", "a b"),
    *("refs/heads/main", "\x1b[31m", "0" * 64),
]


@pytest.mark.parametrize("name", NAMES)
def test_any_name_of_a_session_agent_or_scope_has_a_ref(tmp_path, name):
    """Ids from outside are parts of names, and never more than that."""
    repository = make_store(tmp_path)
    claude = (
        ("user-agent", "claude-cli/2"),
        ("x-claude-code-session-id", name),
        ("x-claude-code-agent-id", name),
    )
    for number, headers in enumerate(
        [claude, (("user-agent", f"{name}/1"),), (*SDK, ("x-session-id", name))]
    ):
        script = Script(headers, scope=name)
        script.number = number * 10
        messages = script.call([user("one")], said("first"))
        script.request(method="HEAD", target="/")
        script.call(messages[:1], said("another"))
        assert record(repository, script.values).lost == 0
    assert len(list(repository.refs.iter_refs("refs/sessions/"))) >= 3


def test_exchange_that_was_not_asked_is_passed_over(tmp_path):
    """A response without its request, and a message of no socket, change nothing."""
    repository = make_store(tmp_path)
    script = Script()
    script.response(7, b"{}")
    script.send(8, {"type": "response.create"})
    script.hang_up(8)
    assert record(repository, script.values).lost == 0
    assert shapes(repository) == {}


def test_facts_of_the_recording_are_in_the_leader(tmp_path):
    """The command line and the directory of the run are those of sessions that say nothing."""
    from tapegit.objects.turn import CodeRepository
    from tapegit.recorder.calls.exchanges import ScopeFacts

    repository = make_store(tmp_path)
    recorder = CallRecorder(repository, default_redactor())
    code = CodeRepository(branch="main", commit="c" * 40)
    recorder.set_facts("run", ScopeFacts(("make", "agent"), "/w/x", code))
    script = Script(SDK)
    script.call([user("one")], said("first"))
    for value in script.values:
        recorder.take(value)
    recorder.finish()
    (ref,) = repository.refs.iter_refs("refs/")
    leader = tape(repository, ref.oid)[0][1]
    assert leader.session is not None
    assert leader.session.command == ("make", "agent")
    assert (leader.session.cwd, leader.session.repository) == ("/w/x", code)
    assert leader.summary == "anthropic-sdk in /w/x"


def test_record_grows_with_what_is_new(tmp_path):
    """Sixty calls of a long conversation store about as much each as ten of them."""
    sizes = []
    repository = make_store(tmp_path)
    recorder = CallRecorder(repository, default_redactor())
    script = Script()
    messages = [user(f"{number} " + "words " * 200) for number in range(40)]
    for number in range(60):
        script.values.clear()
        messages = script.call(messages, said(f"answer {number} " + "said " * 50))
        messages.append(user(f"prompt {number} " + "asked " * 50))
        for value in script.values:
            recorder.take(value)
        if number in {9, 19, 49, 59}:
            objects = repository.objects.loose.iter_entries()
            sizes.append(sum(entry.size_bytes for entry in objects))
    early, late = sizes[1] - sizes[0], sizes[3] - sizes[2]
    assert late < 2 * early
    body = json.dumps(messages).encode()
    assert sizes[3] < len(body) * 3


def test_messages_beyond_number_are_recorded(tmp_path):
    """Twenty thousand items of the model that follow one another are one turn, and it is stored."""
    repository = make_store(tmp_path)
    script = Script(SDK)
    call = {"type": "function_call", "name": "f", "arguments": "{}", "call_id": "c"}
    items = [{**call, "call_id": f"call-{number:060}"} for number in range(20_000)]
    body = json.dumps({"model": "m", "input": [{"role": "user", "content": "go"}, *items]}).encode()
    script.response(script.request(body=body, target="/v1/responses"), b"{}")
    assert record(repository, script.values).lost == 0
    (shape,) = shapes(repository).values()
    assert shape == ["session", "user", "assistant", "event ok #1"]
