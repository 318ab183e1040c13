"""`tapes log`."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.builders import make_tape, set_ref, write_turn
from tests.claude_records import assistant, user
from tests.recordings import jsonl

TIME = "2026-01-01T00:00:00Z"


@pytest.fixture
def session(tapes, store, work):
    """Give a store with one session that was imported; return its ids, the leader first."""
    path = work / "session.jsonl"
    path.write_bytes(
        jsonl(
            [
                user("one", "u1", timestamp=TIME, cwd=str(work), version="2.1.0"),
                assistant("two\x1b[2J", "m", "a1", "u1", timestamp=TIME),
                user("three", "u2", "u1", timestamp=TIME),
            ]
        )
    )
    tapes("import", path)
    return tapes("rev-list", "--reverse", "--all").lines


def test_log_of_a_session_has_gits_form(tapes, session):
    """Turns come newest first: id, role, date and summary, an empty line between them."""
    done = tapes("log", "-n", "2", "s")
    oid = tapes("rev-parse", "s").oid
    assert done.lines == [
        f"turn {oid}",
        "Role:  user",
        "Date:  Thu Jan 1 00:00:00 2026 +0000",
        "",
        "    three",
        "",
        f"turn {tapes('rev-parse', 's~1').oid}",
        "Role:  user",
        "Date:  Thu Jan 1 00:00:00 2026 +0000",
        "",
        "    one",
    ]


def test_oneline_has_short_id_role_and_summary(tapes, session, work):
    """One line for each turn."""
    lines = tapes("log", "--oneline", "s").lines
    assert [line.partition(" ")[2] for line in lines] == [
        "user: three",
        "user: one",
        f"session: claude-code 2.1.0 in {work}",
    ]
    assert all(len(line.partition(" ")[0]) == 7 for line in lines)


def test_graph_of_a_fork_is_gits(tapes, session):
    """A fork is drawn as git draws it."""
    lines = tapes("log", "--graph", "--all", "--oneline").lines
    ids = [record["oid"][:7] for record in tapes("log", "--graph", "--all", "--json").records]
    said = {oid: tapes("log", "--oneline", "-n1", oid).lines[0] for oid in ids}
    assert lines == [
        f"* {said[ids[0]]}",
        f"| * {said[ids[1]]}",
        "|/",
        f"* {said[ids[2]]}",
        f"* {said[ids[3]]}",
    ]


def test_graph_puts_text_beside_the_lines(tapes, session):
    """The long form stands beside the drawing, on every line."""
    lines = tapes("log", "--graph", "--all", "-n", "2").lines
    assert lines[0].startswith("* turn ")
    assert lines[1].startswith("| Role:  ")
    assert lines[5] == "|"
    assert lines[6].startswith("| * turn ")


def test_all_ranges_and_limits(tapes, repository):
    """Ranges, --all, --first-parent, --reverse, counts and dates choose as in git."""
    tape = make_tape(repository, 5)
    side = write_turn(repository, "side", parents=(str(tape[1]),))
    set_ref(repository, "refs/heads/side", side)

    def log(*args: str) -> list[str]:
        return [record["oid"] for record in tapes("log", "--json", *args).records]

    ids = [str(oid) for oid in tape]
    assert log() == ids[::-1]
    assert log("-2") == ids[:2:-1]
    assert log("-n", "1", "--skip", "1") == [ids[3]]
    assert log("--reverse") == ids
    assert log("main~2..main") == [ids[4], ids[3]]
    assert log("^side", "main") == ids[:1:-1]
    assert set(log("--all")) == {*ids, str(side)}
    assert log("--first-parent", "side") == [str(side), ids[1], ids[0]]


def test_json_has_everything_a_turn_says(tapes, session):
    """One object per turn, with its id; the id of the session has its own key."""
    newest, *_, leader = tapes("log", "--json", "s").records
    assert newest["oid"] == tapes("rev-parse", "s").oid
    assert newest["parents"] == [tapes("rev-parse", "s~1").oid]
    assert (newest["role"], newest["summary"], newest["time"]) == (
        "user",
        "three",
        1_767_225_600_000,
    )
    assert leader["session"] == "s"
    assert leader["leader"]["harness"] == "claude-code"
    assert "parents" not in leader


def test_unborn_head_shows_the_session_of_this_directory(tapes, session, tmp_path):
    """Without a revision the newest session stands in, and standard error says which."""
    done = tapes("log", "--oneline", "-n", "1")
    assert done.err == "tapes: HEAD is unborn: showing sessions/claude-code/s/file/main\n"
    assert done.lines[0].endswith("user: three")


def test_nothing_recorded_is_an_error_that_helps(tapes, store):
    """An empty store has nothing to list."""
    done = tapes("log", code=12)
    assert done.out == ""
    assert done.err.splitlines() == [
        "tapes: error: nothing was recorded here yet",
        "hint: 'tapes import FILE' records the transcript of a session",
    ]


def test_decorations_name_refs(tapes, repository):
    """With --decorate refs stand beside the turns they are at; by default only on a terminal."""
    (turn,) = make_tape(repository, 1)
    set_ref(repository, "refs/heads/other", turn)
    set_ref(repository, "refs/tags/v1", turn)
    short = str(turn)[:7]
    assert tapes("log", "--oneline").lines == [f"{short} session: turn 1"]
    assert tapes("log", "--oneline", "--decorate").lines == [
        f"{short} (HEAD -> main, other, tag: v1) session: turn 1"
    ]


def test_colours_are_ours_alone(tapes, session):
    """With --color=always ids are coloured, and nothing that was recorded commands the terminal."""
    done = tapes("--color=always", "log", "--oneline", "--all", "--no-decorate")
    assert done.lines[0].startswith("\x1b[33m")
    assert "\x1b[2J" not in tapes("log", "--all").out
    assert "\x1b" not in tapes("log", "--all", "--oneline").out


@pytest.mark.parametrize(
    "args", [("--graph", "--reverse"), ("--date=never",), ("--no-such-option",)]
)
def test_mistakes_are_usage_errors(tapes, session, args):
    """What does not fit together is told, with exit code 2."""
    tapes("log", *args, code=2)


@pytest.mark.parametrize("text", ["nowhere", "s~99", "s#99", "a..nowhere", "@{1}"])
def test_revision_that_names_nothing_is_told(tapes, session, text):
    """It is an error with the code for what is not found."""
    assert tapes("log", text, code=12).out == ""


def test_missing_turn_is_told_after_what_is_newer(tapes, repository):
    """A hole in history is an error that names the turn."""
    missing = "1" * 64
    turn = write_turn(repository, "on", parents=(missing,))
    set_ref(repository, "refs/heads/main", turn)
    done = tapes("log", "--oneline", code=12)
    assert missing in done.err


def test_log_is_light(session, work):
    """`tapes log` imports none of the libraries that other commands need."""
    program = (
        "import sys\nfrom tapegit.cli.main import cli\n"
        "sys.argv = ['tapes', 'log', '-n', '20', 's']\n"
        "try:\n    cli.main()\nexcept SystemExit:\n    pass\n"
        "heavy = {'pygit2', 'aiohttp', 'textual', 'tabulate', 'sqlite3', 'tomlkit', 'platformdirs',"
        " 'tempfile', 'subprocess', 'logging', 'asyncio', 'json'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=work, capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("turn ")
    assert done.stderr == "[]\n"
