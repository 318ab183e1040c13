"""`tapes step`: a tape walked turn by turn, by words and in a real terminal."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tapegit.errors import UserError
from tapegit.objects.kind import Kind
from tapegit.objects.turn import Call, Turn, encode_turn
from tapegit.porcelain.step.commands import GO, MOVE, QUIT, SAY, SEEK, VIEWS, Asked, parse_line
from tests.builders import make_tape, set_ref, write_blob
from tests.claude_records import assistant, call, result, user
from tests.recordings import jsonl
from tests.scripted_calls import Script, said
from tests.scripted_calls import user as prompt
from tests.thread_shapes import record

TIME = "2026-01-01T00:00:00Z"
FIXTURES = Path(__file__).parents[2] / "fixtures" / "transcripts"
REFUSED = (
    "The user doesn't want to proceed with this tool use. The tool use was rejected (eg. if it was "
    "a file edit, the new_string was NOT written to the file). "
)


@pytest.fixture
def session(tapes, store, work):
    """Give a session: #1 a prompt, #2 thinking and a call, #3 a failed result, #4 an answer."""
    thinking = {"type": "thinking", "thinking": "hm, so", "signature": "c2ln"}
    first = call("Edit", "m1", file_path="src/billing.py", new_string="x\ny")
    first["message"]["content"].insert(0, thinking)
    first["message"] |= {"model": "model-1", "usage": {"input_tokens": 3, "output_tokens": 7}}
    last = assistant("It is \x1b[31mdone\x1b[m.", "m2")
    last["message"] |= {"model": "model-2"}
    rows = [
        user("Fix it", "u1", timestamp=TIME, cwd="/w"),
        first,
        result("AssertionError", is_error=True),
        last,
    ]
    (work / "session.jsonl").write_bytes(jsonl(rows))
    tapes("import", "session.jsonl")


def stops(found) -> list[int]:
    """Return where one stopped."""
    return [record["step"] for record in found.records]


WAYS = {
    "next": [0, 1],
    "next 3": [0, 3],
    "next 99": [0, 4],
    "#3": [0, 3],
    "#-1": [0, 4],
    "go 2": [0, 2],
    "last\nback": [0, 4, 3],
    "last\nfirst": [0, 4, 0],
    "next error": [0, 3],
    "error": [0, 3],
    "run": [0, 3],
    "next tool": [0, 2],
    "tool edit": [0, 2],
    "file billing": [0, 2],
    "next role user": [0, 1],
    "/Assert": [0, 3],
    "next /[Dd]one|Fix/\nnext /[Dd]one|Fix/": [0, 1, 4],
    "last\n?Fix": [0, 4, 1],
    "last\nback tool": [0, 4, 2],
    "n\n": [0, 1, 2],
    "# a remark\nn": [0, 1],
}


@pytest.mark.parametrize(("lines", "expected"), WAYS.items())
def test_words_lead_where_the_page_says(tapes, session, lines, expected):
    """From standard input, one word a line, each stop an object."""
    assert stops(tapes("step", "s", "--json", input=lines + "\n")) == expected


FAULTS = {
    "back": "#0 is the first turn",
    "last\nnext": "#4 is the last turn",
    "#5": "turns 0 to 4, and no turn 5",
    "#x": "'#x' is no turn",
    "next error\nnext error": "no turn with error after #3",
    "tool Bash": "no turn with tool Bash after #0",
    "next moon": "'moon' is nothing to go to",
    "next file": "'file' needs a name",
    "sing": "'sing' is no word of step",
    "/(": "is no pattern",
    "/é(": "'é(' is no pattern: missing ): é(",
}


@pytest.mark.parametrize(("lines", "message"), FAULTS.items())
def test_what_cannot_be_done_is_said_and_ends_a_script(tapes, session, lines, message):
    """With exit code 1; what came before was done."""
    refused = tapes("step", "s", "--json", input=lines + "\n", code=1)
    assert message in refused.err


def test_what_is_known_of_a_turn(tapes, session):
    """Reasoning, arguments, tokens, context and bytes, each by its word."""
    found = tapes("step", "s#2", "-c", "thinking", "-c", "calls", "-c", "usage", "-c", "list").out
    assert "hm, so" in found
    assert "  file_path: src/billing.py\n  new_string: x\n    y\n" in found
    assert "tokens: 3 input, 7 output\nmodel: model-1\n" in found
    assert "> #2  assistant: Edit: src/billing.py" in found
    context = tapes("step", "s#2", "-c", "context").lines[-3:]
    assert [line[2:].split()[0] for line in context] == ["#0", "#1", "#2"]
    raw = tapes("step", "s#1", "-c", "raw").data
    assert raw.endswith(tapes("cat-file", "blob", "s#1:raw/0").data)


def test_the_arguments_of_a_call_are_found_by_name_and_value(tapes, session):
    """As `calls` prints them, so that a flag that was set is found."""
    assert stops(tapes("step", "s", "--json", "-c", "/^file_path: .*billing")) == [0, 2]


DECISIONS = {
    4: ["interrupted by the user (#4)"],
    8: ["shell: rejected by the user (#9)"],
    9: ["shell: rejected by the user (#9)"],
    10: ["shell: rejected by the user (#11)"],
}


def test_what_was_decided_about_calls(tapes, store):
    """By whom, and where it is recorded; and what needed no asking. A session of Codex."""
    tapes("import", FIXTURES / "codex" / "aborted.jsonl")
    words = [word for _ in range(3) for word in ("-c", "next decision")]
    assert stops(tapes("step", "01998678", "--json", *words)) == [0, 4, 9, 11]
    for number, lines in DECISIONS.items():
        shown = tapes("step", f"01998678#{number}", "-c", "decision").lines
        assert shown[-2] == "approval_policy: on-request"
        assert shown[-1].startswith('sandbox_policy: {"mode":"workspace-write"')
        assert shown[-2 - len(lines) : -2] == lines


def test_what_was_said_with_a_decision(tapes, store, work):
    """A call that was refused, one that was not, one that has no result; pi asks nobody."""
    refusal = f"{REFUSED}To tell you how to proceed, the user said:\nNot\x1b[m that"
    rows = [
        user("Fix it", "u1", timestamp=TIME, cwd="/w", permissionMode="acceptEdits"),
        call("Edit", "m1", file_path="a"),
        result(refusal, tool_use_id="t-Edit", is_error=True),
        call("Bash", "m2", command="ls"),
        result("a b", tool_use_id="t-Bash"),
        call("Read", "m3", path="a"),
    ]
    (work / "session.jsonl").write_bytes(jsonl(rows))
    tapes("import", "session.jsonl")
    said = {n: tapes("step", f"s#{n}", "-c", "decision").lines for n in (2, 4, 6)}
    assert said[2][-3:] == [
        "Edit: rejected by the user (#3)",
        "    Not\\x1b[m that",
        "permissionMode: acceptEdits",
    ]
    assert said[4][-2] == "Bash: not refused: its result is in #5"
    assert said[6][-2] == "Read: no result"


def test_an_answer_that_its_provider_refused(tapes, store, work):
    """It is the guard's decision."""
    last = assistant("I cannot.", "m1")
    last["message"] |= {"stop_reason": "refusal"}
    rows = [user("Do it", "u1", timestamp=TIME, cwd="/w"), last]
    (work / "session.jsonl").write_bytes(jsonl(rows))
    tapes("import", "session.jsonl")
    found = tapes("step", "s", "-c", "next decision", "-c", "decision").lines
    assert found[-1] == "refused by the guard (#2)"


def test_what_is_new_and_what_was_set_otherwise(tapes, session):
    """Since the answer before: turns, and settings that sources state."""
    found = tapes("step", "s#4", "-c", "changed").lines
    assert found[-4:] == [
        "+ #3  tool: error: AssertionError",
        "model",
        "  - model-1",
        "  + model-2",
    ]
    assert "#0 has nothing to show for 'changed'" in tapes("step", "s#0", "-c", "changed").err


def test_what_requests_asked_otherwise(tapes, repository):
    """Of recorded ones: the lines of the system prompt, tools, parameters."""
    script = Script()
    first = {"temperature": 0, "system": "Be brief.\n--x\nBe kind.", "tools": [{"name": "ls"}]}
    last = {"temperature": 1, "system": "Be brief.\nBe\x1b[m kind.", "tools": [{"name": "rm"}]}
    messages = script.call([prompt("Go on.")], said("Yes."), **first)
    script.call([*messages, prompt("And now?")], said("No."), **last)
    record(repository, script.values)
    found = tapes("step", "@{latest}", "-c", "last", "-c", "changed").lines
    assert found[found.index("+ #3  user: And now?") + 1 :] == [
        *("system", "  - --x", "  - Be kind.", "  + Be\\x1b[m kind."),
        *("temperature", "  - 0", "  + 1"),
        *("tool ls", "  - {", '  -   "name": "ls"', "  - }"),
        *("tool rm", "  + {", '  +   "name": "rm"', "  + }"),
    ]


def test_a_request_that_was_not_recorded_is_made_and_said_to_be(tapes, session):
    """It is what had been said before the answer."""
    found = tapes("step", "s#2", "-c", "request")
    assert "no request was recorded here" in found.err
    body = json.loads(found.lines[-1])
    assert [message["role"] for message in body["messages"]] == ["user"]
    assert "the request has no system" in tapes("step", "s#2", "-c", "system").err


def test_a_request_that_was_recorded_is_given_as_it_was(tapes, repository):
    """Byte for byte, with its system prompt and its tools."""
    body = json.dumps(
        {"model": "m", "system": "Be\nbrief.", "tools": [{"name": "ls", "x": 0.5}], "messages": []}
    ).encode()
    request = write_blob(repository, body)
    (leader,) = make_tape(repository, 1, name=None)
    data = encode_turn(
        Turn(
            role="assistant",
            dialect="anthropic.messages@1",
            parents=(str(leader),),
            call=Call(request=str(request)),
        )
    )
    with repository.transaction(message="test") as transaction:
        oid = transaction.write(Kind.TURN, data)
    set_ref(repository, "refs/heads/main", oid)
    found = tapes("step", "main#1", "-c", "request", "-c", "system", "-c", "tools")
    assert body + b"\nBe\nbrief.\n" in found.data
    assert '"name": "ls"' in found.out
    assert found.err == ""


HOSTILE = "\x1b]0;t\x07 \u202e\x9b31m"


def test_hostile_content_is_escaped(tapes, store, work):
    """Whatever is asked for, wherever it stands: names, arguments, results, models."""
    answer = call(f"Ba{HOSTILE}sh", "m1", **{f"a{HOSTILE}": f"v{HOSTILE}\nw"})
    answer["message"]["content"].insert(0, {"type": "thinking", "thinking": HOSTILE})
    answer["message"] |= {"model": HOSTILE, "usage": {"output_tokens": 1}}
    refusal = f"{REFUSED}To tell you how to proceed, the user said:\n{HOSTILE}"
    rows = [
        user(HOSTILE, "u1", timestamp=TIME, cwd="/w", permissionMode=HOSTILE),
        answer,
        result(refusal, tool_use_id=f"t-Ba{HOSTILE}sh", is_error=True),
        assistant(HOSTILE, "m2"),
    ]
    (work / "session.jsonl").write_bytes(jsonl(rows))
    tapes("import", "session.jsonl")
    words = [word for word in VIEWS if word not in ("request", "raw")]
    for number in range(1, 5):
        for form in ((), ("--json",)):
            args = [item for word in words for item in ("-c", word)]
            found = tapes("step", f"s#{number}", *form, *args)
            for character in "\x1b\x07\u202e\x9b":
                assert character not in found.out + found.err, (number, form)


def test_views_are_objects(tapes, session):
    """With `--json`, each with the number of the turn and the word that asked for it."""
    words = ("context", "changed", "calls", "thinking", "usage", "decision", "request", "list")
    args = [item for word in words for item in ("-c", word)]
    _, *records = tapes("step", "s#2", "--json", *args).records
    assert [(each.pop("step"), each.pop("view")) for each in records] == [(2, w) for w in words]
    found = dict(zip(words, records, strict=True))
    assert [each["step"] for each in found["context"]["turns"]] == [0, 1, 2]
    assert [each["role"] for each in found["changed"]["turns"]] == ["session", "user"]
    assert [each["name"] for each in found["calls"]["parts"]] == ["Edit"]
    assert [each["text"] for each in found["thinking"]["parts"]] == ["hm, so"]
    assert found["usage"]["usage"] == {"input": 3, "output": 7}
    assert found["decision"] == {"schema": 1, "decided": [{"tool": "Edit"}], "policy": {}}
    assert found["request"]["is_recorded"] is False
    assert json.loads(found["request"]["text"])["messages"][0]["role"] == "user"


def test_the_newest_session_while_head_is_unborn(tapes, session):
    """And it is named."""
    found = tapes("step", "--json", "-c", "last")
    assert "stepping through sessions/claude-code/s/" in found.err
    assert stops(found) == [0, 4]


def test_no_such_turn(tapes, session):
    """Of the session, or at all."""
    assert "#4" in tapes("step", "s#9", code=12).err
    tapes("step", "nope", code=12)


LINES = {
    "": None,
    "  ": None,
    "# remark": None,
    "n": Asked(MOVE, 1),
    "next 5": Asked(MOVE, 5),
    "next\t5": Asked(MOVE, 5),
    "\ttool  a b": Asked(SEEK, 1, "tool", "a b"),
    "decision": Asked(SAY, what="decision"),
    "next decision": Asked(SEEK, 1, "decision"),
    "b 2": Asked(MOVE, -2),
    "#7": Asked(GO, 7),
    "goto #7": Asked(GO, 7),
    "q": Asked(QUIT),
    "l": Asked(SAY, what="list"),
    "back file a b.py": Asked(SEEK, -1, "file", "a b.py"),
    "/a b/": Asked(SEEK, 1, "text", "a b"),
    "?x": Asked(SEEK, -1, "text", "x"),
    "?": Asked(SAY, what="help"),
}


@pytest.mark.parametrize(("line", "asked"), LINES.items())
def test_a_line_is_read_as_the_page_says(line, asked):
    """Words, their short forms, and what follows them."""
    assert parse_line(line) == asked


@pytest.mark.parametrize("line", ["fly", "next next", "go", "next 0", "#", "#1x", "#" + "9" * 30])
def test_a_line_that_is_none_is_refused(line):
    """With a hint."""
    with pytest.raises(UserError) as caught:
        parse_line(line)
    assert caught.value.hint


@pytest.fixture
def pane(tmp_path, work):
    """Give what talks to a terminal, and shows what is on it; tapes runs there in a shell."""
    tmux = shutil.which("tmux")
    if tmux is None:
        pytest.skip("tmux is not installed")

    def run(*args):
        words = [tmux, "-S", str(tmp_path / "socket"), *args]
        return subprocess.run(words, capture_output=True, text=True, check=False).stdout

    def start(*words):
        command = f"{sys.executable} -m tapegit {' '.join(words)}; echo left with $?; sleep 30"
        size = ("-x", "100", "-y", "24")
        # A shell that is interrupted with its child ends with it in dash, and goes on in bash.
        run("new-session", "-d", *size, "-c", str(work), "bash", "-c", command)

    run.start = start
    yield run
    run("kill-server")


def wait_for(pane, text: str) -> str:
    """Return what a pane shows once it shows a text."""
    for _ in range(200):
        shown = pane("capture-pane", "-p")
        if text in shown:
            return shown
        time.sleep(0.05)
    raise AssertionError(shown)


def test_in_a_real_terminal(pane, tapes, session):
    """It asks, goes where it is told, says what is wrong and goes on, and leaves."""
    pane.start("step s")
    wait_for(pane, "(#0 of 4)")
    pane("send-keys", "next error", "Enter")
    assert "AssertionError" in wait_for(pane, "(#3 of 4)")
    pane("send-keys", "fly", "Enter")
    wait_for(pane, "'fly' is no word of step")
    pane("send-keys", "last", "Enter")
    shown = wait_for(pane, "(#4 of 4)")
    assert "[31mdone" in shown
    pane("send-keys", "half a word")
    wait_for(pane, "half a word")
    pane("send-keys", "C-c")
    pane("send-keys", "first", "Enter")
    wait_for(pane, "#0  session")
    pane("resize-window", "-x", "12", "-y", "8")
    pane("send-keys", "role user", "Enter")
    wait_for(pane, "(#1 of 4)")
    pane("resize-window", "-x", "100", "-y", "24")
    pane("send-keys", "C-d")
    wait_for(pane, "left with 0")


def test_a_long_turn_in_a_terminal(pane, tapes, store, work):
    """A stop is no more than a screen; `show` is all of it."""
    rows = [user("\n".join(f"line {n}" for n in range(100)), "u1", timestamp=TIME, cwd="/w")]
    rows[0]["message"]["content"] = "x" * 5000 + "\n" + rows[0]["message"]["content"]
    (work / "session.jsonl").write_bytes(jsonl(rows))
    tapes("import", "session.jsonl")
    pane.start("step 's#1'")
    shown = wait_for(pane, "(#1 of 1)")
    assert "more lines: 'show'" in shown
    assert "line 99" not in shown
    pane("send-keys", "show", "Enter")
    wait_for(pane, "line 99")
