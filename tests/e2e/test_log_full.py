"""`tapes log` with filters, formats, statistics and NUL."""

from __future__ import annotations

import json

import pytest

from tapegit.objects.kind import Kind
from tapegit.objects.turn import (
    CodeRepository,
    Redacted,
    Session,
    Turn,
    Usage,
    encode_turn,
)
from tests.builders import make_tape, set_ref
from tests.claude_records import assistant, call, result, user
from tests.recordings import jsonl

TIME = "2026-01-01T00:00:00Z"
PATCH = "*** Begin Patch\n*** Update File: src/b.py\n@@\n-x\n+y\n*** Add File: c.txt\n+z\n"


def as_git(twin, *args: str) -> None:
    """Fail unless both programs print the same."""
    twin.same("log", *args)


@pytest.fixture
def session(tapes, store, work):
    """Give a store with one session that calls tools."""
    answer = assistant("Looking at it.", "m1", timestamp=TIME)
    usage = {"input_tokens": 3, "output_tokens": 7, "cache_read_input_tokens": 11}
    answer["message"] |= {"model": "model-opus", "stop_reason": "tool_use", "usage": usage}
    last = assistant("All done", "m2", timestamp=TIME)
    last["message"] |= {"model": "model-haiku"}
    (work / "session.jsonl").write_bytes(
        jsonl(
            [
                user("please find\nthe Needle", timestamp=TIME, cwd="/w", version="2.1.0"),
                answer,
                call("Read", "m1", file_path="src/a.py"),
                call("Edit", "m1", file_path="src/a.py", old_string="x\ty"),
                call("apply_patch", "m1", input=PATCH),
                call("Grep", "m1", path="src", pattern="deep inside"),
                result("the needle is\nin the hay\x1b[2J"),
                last,
            ]
        )
    )
    tapes("import", work / "session.jsonl")


def numbers(tapes, *args: str) -> list[int]:
    """Return the places on the tape, from the leader on, of the turns that a log has."""
    every = tapes("rev-list", "--reverse", "s").lines
    return sorted(every.index(line) for line in tapes("log", "--format=%H", *args, "s").lines)


@pytest.mark.parametrize(
    ("args", "found"),
    [
        (["--role=user"], [1]),
        (["--role", "user", "--role", "tool"], [1, 3]),
        (["--tool=Edit"], [2]),
        (["--tool=E*"], [2]),
        (["--tool=edit"], []),
        (["--model=opus"], [2]),
        (["--model", "model"], [2, 4]),
        (["--role=assistant", "--model=haiku"], [4]),
        (["--grep=Needle"], [1]),
        (["--grep=Needle", "-i"], [1, 3]),
        (["--grep=needle", "--grep=done"], [3, 4]),
        (["--grep=needle", "--grep=hay", "--all-match"], [3]),
        (["--grep=needle", "--grep=done", "--all-match"], []),
        (["-i", "--grep=needle", "--invert-grep"], [0, 2, 4]),
        (["--grep=deep inside"], [2]),
        (["--grep=Edit"], [2]),
        (["--grep=^in the hay"], [3]),
        (["--grep=is$"], [3]),
        (["--grep=needle.*hay"], []),
        (["--grep=x\ty"], [2]),
        (["-E", "--grep=(hay|done)"], [3, 4]),
        (["--grep=(hay|done)"], []),
        (["-F", "--grep=."], [0, 2]),
        (["-P", r"--grep=\bAll\s+d"], [4]),
        (["--grep=session", "--role=session"], []),
        (["--grep=claude-code"], [0]),
        (["--role=assistant", "-n1"], [4]),
        (["--role=assistant", "--skip=1"], [2]),
        (["--role=assistant", "--reverse", "-n1"], [4]),
        (["--invert-grep", "--role=tool"], [3]),
        (["--file=src/a.py"], [2]),
        (["--file=src"], [2]),
        (["--file=c.txt", "--file=none.py"], [2]),
        (["--file=none.py"], []),
        (["--file=src", "--role=tool"], []),
    ],
    ids=lambda value: " ".join(map(str, value)),
)
def test_turns_are_chosen_by_what_is_in_them(tapes, session, args, found):
    """Options of one kind add up, those of different kinds narrow; limits count what is left."""
    assert numbers(tapes, *args) == found


def test_words_after_two_dashes_are_paths(tapes, session):
    """As git's: revisions before them, paths after them, whatever these begin with."""
    (edit,) = tapes("log", "--format=%H", "--tool=Edit", "s").lines

    assert tapes("log", "--format=%H", "s", "--", "a.py", "-x").lines == [edit]
    assert tapes("log", "--format=%H", "s", "--", "-x").lines == []
    assert len(tapes("log", "--format=%H", "s", "--").lines) == 5
    assert "an empty text is no path" in tapes("log", "s", "--", "", code=2).err


@pytest.mark.parametrize("form", [[], ["--oneline"], ["--format=%h"], ["--stat"], ["--graph"]])
def test_patch_has_each_turn_in_full(tapes, session, form):
    """What was said, called and answered stands below the head of its turn."""
    said = tapes("log", "-p", *form, "s")

    for text in ("the Needle", "Looking at it.", "All done", "[result]", "in the hay\\x1b[2J"):
        assert text in said.out
    assert tapes("log", "-u", *form, "s").out == tapes("log", "--patch", *form, "s").out == said.out


def test_patch_is_what_show_prints(tapes, session):
    """A turn looks the same, and has the same parts as JSON."""
    shown, logged = tapes("show", "s", "--no-agents"), tapes("log", "-p", "-1", "s")
    assert logged.out == shown.out

    (shown,) = map(json.loads, tapes("show", "s", "--json").lines)
    (logged,) = map(json.loads, tapes("log", "-p", "-1", "s", "--json").lines)
    assert logged["parts"] == shown["parts"] != []


@pytest.mark.parametrize(
    "args",
    [
        ["--format=%H %h %P %p"],
        ["--format=%s|%f"],
        ["--format=%H%n%P%n%n%s"],
        ["--format=%x41%%%n%x"],
        ["--format=format:%s"],
        ["--format=tformat:%s"],
        ["--pretty=format:%h"],
        ["--format=%d|%D"],
        ["main", "light", "v1", "--format=%s%d"],
        ["--format="],
        ["--format=", "-z"],
        ["-z", "--format=%s"],
        ["-z", "--format=format:%s"],
        ["--format=%s%n", "-z"],
        ["--format=%q%(%"],
        ["--graph", "--all", "--format=%s%n%h"],
        ["--grep=turn [23]", "--format=%s"],
        ["--grep=turn", "-n1", "--skip=1", "--format=%s"],
        ["--all", "--invert-grep", "--grep=turn", "--format=%s"],
        ["--graph", "--all", "--grep=turn [14]", "--format=%s"],
        ["--graph", "--all", "--invert-grep", "--grep=turn [34]", "--format=%s"],
        ["--grep=TURN 1", "-i", "--format=%s"],
    ],
    ids=" ".join,
)
def test_formats_and_patterns_are_gits(twin, args):
    """What git knows too is written as git writes it."""
    as_git(twin, *args)


@pytest.mark.parametrize(
    "pattern",
    [
        r"tur\?n",
        r"tur+n",
        r"tu\(rn\|x\) 1",
        r"[[:digit:]]",
        r"[^0-9]$",
        r"[]1]",
        r"*1",
        r"t.*[4]",
        r"u\{1,2\}rn 2",
        r"(turn)",
        r"a|b",
        r"turn\b",
        r"^side",
        r"tu^rn",
        r"n$ 1",
        r"[\]1]",
    ],
)
@pytest.mark.parametrize("syntax", ["--basic-regexp", "-E", "-F"])
def test_patterns_mean_what_they_mean_to_git(twin, pattern, syntax):
    """Basic, extended and fixed patterns find the same turns."""
    for tip in ("main", "try/2"):
        as_git(twin, syntax, f"--grep={pattern}", "--format=%s", tip)


def write_full(repository) -> None:
    """Store a tape whose leader and answer say all that they can."""
    leader = Turn(
        role="session",
        summary="claude-code in /w",
        time=1_767_225_600_000,
        session=Session(
            harness="claude-code",
            version="2.1.0",
            id="s-1",
            cwd="/w\u202e",
            command=("claude", "-p"),
            repository=CodeRepository(branch="main", commit="c0ffee"),
        ),
    )
    with repository.transaction(message="test") as transaction:
        first = transaction.write(Kind.TURN, encode_turn(leader))
        answer = Turn(
            role="assistant",
            parents=(str(first),),
            summary="done\u200b",
            time=1_767_225_660_500,
            model="m\u202e1",
            provider="anthropic",
            stop="end_turn",
            tools=("Edit", "Bash"),
            duration_ms=1500,
            ttft_ms=20,
            usage=Usage(input=3, output=7, cache_read=11, reasoning=2),
            redacted=Redacted(rules=(("aws", 2),), version=1),
        )
        second = transaction.write(Kind.TURN, encode_turn(answer))
    set_ref(repository, "refs/heads/main", second)


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("%an|%(role)", ["assistant|assistant", "session|session"]),
        ("%(model)|%(provider)|%(stop)", ["m<U+202E>1|anthropic|end_turn", "||"]),
        ("%(tools)", ["Edit,Bash", ""]),
        ("%(usage)", ["input=3 output=7 cache_read=11 reasoning=2", ""]),
        ("%(usage:input)/%(usage:total)/%(usage:cache_write_1h)", ["3/21/", "//"]),
        ("%(session)|%(session:harness)", ["|", "s-1|claude-code"]),
        ("%(session:cwd)", ["", "/w<U+202E>"]),
        ("%(session:branch) %(session:commit) %(session:command)", ["  ", "main c0ffee claude -p"]),
        ("%(duration) %(ttft) %(redacted)", ["1500 20 aws=2", "  "]),
        (
            "%at %ct %(time:ms)",
            ["1767225660 1767225660 1767225660500", "1767225600 " * 2 + "1767225600000"],
        ),
        ("%as %aI", ["2026-01-01 2026-01-01T00:01:00Z", "2026-01-01 2026-01-01T00:00:00Z"]),
        ("%ai|%aD", ["2026-01-01 00:01:00 +0000|Thu, 1 Jan 2026 00:01:00 +0000"]),
        ("%(call)%(call:status)", ["", ""]),
        ("%s", ["done<U+200B>", "claude-code in /w"]),
        ("reference", None),
    ],
)
def test_placeholders_of_our_own(tapes, repository, text, lines):
    """What git has no word for has a name; what a turn does not say is empty."""
    write_full(repository)
    done = tapes("log", f"--format={text}").lines
    if lines is None:
        assert done[0].endswith(" (done<U+200B>, 2026-01-01)")
    else:
        assert done[: len(lines)] == lines


def test_date_follows_the_option(tapes, repository):
    """%ad is written as --date says, and %ar counts from now."""
    write_full(repository)
    assert tapes("log", "-n1", "--date=short", "--format=%ad %cd").lines == [
        "2026-01-01 2026-01-01"
    ]
    assert tapes("log", "-n1", "--format=%ar", env={"TAPES_DATE": "1767312060500"}).lines == [
        "24 hours ago"
    ]


def test_body_is_what_was_said(tapes, session):
    """%b has the texts of a turn, %B the summary before them; nothing commands a terminal."""
    assert tapes("log", "--format=%b", "--role=user", "s").lines == ["please find", "the Needle"]
    assert tapes("log", "--format=%B", "-n1", "s").lines == ["All done", "", "All done"]
    assert "\x1b" not in tapes("log", "--format=%b %B %s", "s").out


def test_colours_of_a_format_are_ours(tapes, session):
    """They show where output is coloured, and are nothing elsewhere."""
    args = ("log", "-n1", "--format=%C(bold red)%an%Creset %Cgreen%s", "s")
    assert tapes(*args).lines == ["assistant All done"]
    assert tapes("--color=always", *args).lines == [
        "\x1b[1;31massistant\x1b[m \x1b[32mAll done\x1b[m"
    ]


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        (["--format=%(nothing)"], 1, "unknown field name: 'nothing'"),
        (["--format=%(usage:money)"], 1, "unrecognized %(usage) argument: 'money'"),
        (["--format=%(role:x)"], 1, "unrecognized %(role) argument"),
        (["--format=%C(pink)"], 1, "unknown colour: 'pink'"),
        (["--format=fancy"], 2, "'fancy' is no format: one of oneline, short, medium"),
        (["--oneline", "--format=%H"], 2, "--oneline is a format itself"),
        (["--json", "--format=%H"], 2, "--json is a format itself"),
        (["--graph", "-z"], 2, "--graph and -z exclude one another"),
        (["--role=robot"], 2, "robot"),
        (["--grep=[a"], 1, "'[a' is no pattern"),
        (["-E", "--grep=("], 1, "'(' is no pattern"),
        (["--grep=" + "x" * 5000], 1, "a pattern has at most 4,096 characters"),
        (["--grep=[[:nonsense:]]"], 1, "no class of characters"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_mistakes_are_told(tapes, session, args, code, said):
    """A format or a pattern that means nothing is an error, and nothing is printed."""
    done = tapes("log", *args, "s", code=code)
    assert done.out == ""
    assert said in done.err


def test_presets(tapes, repository):
    """Each preset shows more than the one before it; raw has every field as it is stored."""
    write_full(repository)
    oid, first = tapes("rev-list", "main").lines
    assert tapes("log", "-n1", "--format=oneline").lines == [f"{oid} assistant: done<U+200B>"]
    assert tapes("log", "-n1", "--pretty=short").lines == [
        f"turn {oid}",
        "Role:  assistant (m<U+202E>1)",
        "",
        "    done<U+200B>",
    ]
    assert tapes("log", "-n1", "--pretty").lines == tapes("log", "-n1").lines
    assert tapes("log", "-n1", "--format=full").lines == [
        f"turn {oid}",
        "Role:  assistant (m<U+202E>1)",
        "Date:  Thu Jan 1 00:01:00 2026 +0000",
        "Usage: 3 input, 7 output, 11 cache read, 2 reasoning",
        "Stop:  end_turn",
        "Tools: Edit, Bash",
        "Redacted: 2 aws",
        "",
        "    done<U+200B>",
    ]
    assert tapes("log", "-n1", "--format=raw").lines == [
        f"turn {oid}",
        "duration_ms 1500",
        "model m<U+202E>1",
        f"parent {first}",
        "provider anthropic",
        'redacted {"rules":[["aws",2]],"version":1}',
        "role assistant",
        "stop end_turn",
        "time 1767225660500",
        'tools ["Edit","Bash"]',
        "ttft_ms 20",
        'usage {"cache_read":11,"input":3,"output":7,"reasoning":2}',
        "",
        "    done<U+200B>",
    ]
    assert '"cwd":"/w\\u202e"' in tapes("log", "--format=raw").out


def test_stat_counts_what_is_in_a_turn(tapes, session, work):
    """Files with the tools that name them, then a sum; a folder that is searched is no file."""
    records = (work / "session.jsonl").read_bytes().splitlines(keepends=True)
    size = sum(map(len, records[1:6]))
    calls = "4 tool calls (Read, Edit, apply_patch, Grep)"
    tokens = "21 tokens (3 input, 7 output, 11 cache read)"
    assert tapes("log", "--stat", "--tool=Edit", "s").lines[5:] == [
        "",
        " src/a.py | 2 Read, Edit",
        " src/b.py | 1 apply_patch",
        " c.txt    | 1 apply_patch",
        f" 5 parts, {size} bytes, {calls}, 3 files, {tokens}",
    ]
    assert tapes("log", "--oneline", "--stat", "-n1", "s").lines[1:] == [
        f" 1 part, {len(records[-1])} bytes"
    ]
    (record,) = tapes("log", "--json", "--stat", "--tool=Edit", "s").records
    assert record["stat"] == {
        "parts": 5,
        "bytes": size,
        "calls": {"Read": 1, "Edit": 1, "apply_patch": 1, "Grep": 1},
        "files": {
            "src/a.py": {"Read": 1, "Edit": 1},
            "src/b.py": {"apply_patch": 1},
            "c.txt": {"apply_patch": 1},
        },
    }


def test_stat_cannot_command_a_terminal(tapes, store, work):
    """Names of files and tools are spelled out, on one line each."""
    records = [
        user("x", timestamp=TIME),
        call("E\x1b[2J\nz", "m", file_path="/a\x1b]0;t\x07\nb\u202e"),
    ]
    (work / "s.jsonl").write_bytes(jsonl(records))
    tapes("import", work / "s.jsonl")
    lines = tapes("log", "--stat", "-n1", "s").lines
    assert lines[-2] == " /a\\x1b]0;t\\x07\\x0ab<U+202E> | 1 E\\x1b[2J\\x0az"
    assert "(E\\x1b[2J\\x0az)" in lines[-1]
    for form in ("full", "raw", "%(tools)", "%b%B%s%f", "oneline"):
        shown = tapes("log", f"--format={form}", "s").out
        assert not {"\x1b", "\x07", "\u202e"} & set(shown)


def test_nul_parts_turns(tapes, session):
    """With -z no new-line stands between turns, as in git."""
    whole = tapes("log", "s").out.split("\n\nturn ")
    parts = tapes("log", "-z", "s").out.split("\0")
    assert [part.removeprefix("turn ").rstrip("\n") for part in parts] == [
        text.removeprefix("turn ").rstrip("\n") for text in whole
    ]
    assert tapes("log", "-z", "--oneline", "s").out.count("\0") == 5


def test_a_missing_blob_is_told_by_what_needs_it(tapes, repository):
    """A pattern or a sum that needs bytes which are gone is an error; a log of fields is not."""
    tape = make_tape(repository, 2)
    blob = tapes("rev-parse", f"{tape[1]}:raw/0").oid
    (repository.root / "objects" / blob[:2] / blob[2:]).unlink()
    assert len(tapes("log", "--format=%H", "--role=user").lines) == 1
    assert len(tapes("log", "--format=%H").lines) == 2
    for args in (["--grep=nothing"], ["--stat"], ["--format=%b"]):
        assert blob in tapes("log", *args, code=12).err
