"""`tapes sessions`."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.builders import make_tape, set_ref, write_turn
from tests.claude_records import assistant, call, result, user
from tests.recordings import jsonl

if TYPE_CHECKING:
    from pathlib import Path

USAGE = {"input_tokens": 10, "output_tokens": 5, "cache_read_input_tokens": 100}


def stamp(record, minute, **more):
    """Return a record with a time, and what else it states."""
    return {**record, "timestamp": f"2026-01-01T00:{minute:02}:00.000Z", **more}


def answer(text, mid, uuid, parent, minute):
    """Return a record of an answer, with usage and model."""
    record = stamp(assistant(text, mid, uuid, parent), minute)
    record["message"] |= {"usage": USAGE, "model": "claude-x-1"}
    return record


def conversation(session, more=()):
    """Return the records of a session with one question and one answer."""
    told = {"sessionId": session, "cwd": "/work/it", "gitBranch": "main"}
    records = [stamp(user("Fix it", "u1"), 1), answer("Done", "m1", "a1", "u1", 2), *more]
    return [{**record, **told} for record in records]


@pytest.fixture
def imported(tapes, store, work: Path) -> Path:
    """Give a store with two sessions, the second a copy of the first that went on."""
    more = [stamp(user("And that", "u2", "a1"), 3), answer("Too", "m2", "a2", "u2", 4)]
    (work / "one.jsonl").write_bytes(jsonl(conversation("one-session")))
    (work / "two.jsonl").write_bytes(jsonl(conversation("two-session", more)))
    tapes("import", "one.jsonl")
    tapes("import", "two.jsonl")
    return store


def test_sessions_are_listed_newest_first(tapes, imported):
    """Each line has id, harness, time, turns, state, model, branch and title."""
    assert tapes("sessions", "--date=iso").lines == [
        "two-sess  claude-code  2026-01-01 00:04:00 +0000  5  closed  claude-x-1  main  Fix it",
        "one-sess  claude-code  2026-01-01 00:02:00 +0000  3  closed  claude-x-1  main  Fix it",
    ]


def test_json_has_every_field(tapes, imported):
    """What is known is there under its name; a copied message counts once."""
    two, one = tapes("sessions", "--json").records
    assert one == {
        "schema": 1,
        "harness": "claude-code",
        "session": "one-session",
        "ref": "refs/sessions/claude-code/one-session/file/main",
        "turn": tapes("rev-parse", "one-session").oid,
        "title": "Fix it",
        "first": 1767225660000,
        "last": 1767225720000,
        "turns": 3,
        "tapes": 1,
        "open": False,
        "models": ["claude-x-1"],
        "cwd": "/work/it",
        "branch": "main",
        "usage": {"input": 10, "output": 5, "cache_read": 100},
    }
    assert two["turns"] == 5
    assert two["usage"] == one["usage"]  # of its two messages one is the other session's


def test_usage_goes_over_when_the_first_one_goes(tapes, imported):
    """A shared message counts in the session that is left."""
    tapes("sessions")
    tapes("update-ref", "-d", "refs/sessions/claude-code/one-session/file/main")
    (two,) = tapes("sessions", "--json").records
    assert two["usage"] == {"input": 20, "output": 10, "cache_read": 200}


def test_open_session_waits(tapes, store, work):
    """A session that ends in a call is open; its answer and the last word close it."""
    path = work / "s.jsonl"
    records = [user("Go", "u1"), call("c1", "m1", "a1", "u1")]
    for more, is_open in (((), True), ((result("r", "u2", "a1"),), True)):
        records += more
        path.write_bytes(jsonl(records))
        tapes("import", path)
        assert tapes("sessions", "--json").records[0]["open"] is is_open
    path.write_bytes(jsonl([*records, assistant("Done", "m2", "a2", "u2")]))
    tapes("import", path)
    (row,) = tapes("sessions", "--json").records
    assert row["open"] is False
    assert "usage" not in row


@pytest.mark.parametrize(
    ("args", "count"),
    [
        (("--harness", "claude-code"), 2),
        (("--harness", "codex"), 0),
        (("--model", "x-1"), 2),
        (("--model", "gpt"), 0),
        (("--cwd", "/work"), 2),
        (("--cwd", "/work/it/"), 2),
        (("--cwd", "/wor"), 0),
        (("--since", "2026-01-01T00:03:00Z"), 1),
        (("--since", "2026-01-02"), 0),
        (("-n", "1"), 1),
        (("-n", "0"), 0),
    ],
)
def test_options_choose(tapes, imported, args, count):
    """Each option leaves what it names."""
    assert len(tapes("sessions", *args).lines) == count


def test_cwd_is_relative_to_the_working_directory(tapes, store, work):
    """`--cwd .` means the sessions that were recorded here."""
    (work / "s.jsonl").write_bytes(
        jsonl([{**user("Hi", "u1"), "cwd": str(work), "sessionId": "s"}])
    )
    tapes("import", "s.jsonl")
    assert len(tapes("sessions", "--cwd", ".").lines) == 1
    assert tapes("sessions", "--cwd", "elsewhere").lines == []


def test_title_is_what_the_user_wrote(tapes, store, work):
    """What a harness puts before the first prompt is no title, unless there is nothing else."""
    caveat = "Caveat: The messages below were generated by the user while running local commands."
    path = work / "s.jsonl"
    path.write_bytes(jsonl([user(caveat, "u1")]))
    tapes("import", path)
    assert tapes("sessions", "--json").records[0]["title"].startswith("Caveat")
    path.write_bytes(jsonl([user(caveat, "u1"), user("Fix it", "u2", "u1")]))
    tapes("import", path)
    assert tapes("sessions", "--json").records[0]["title"] == "Fix it"


def test_nothing_recorded_is_no_error(tapes, store):
    """An empty store has an empty list."""
    assert tapes("sessions").lines == []
    assert tapes("sessions", "--json").lines == []


def test_bad_date_is_named(tapes, store):
    """A date that is none is an error of the user."""
    assert "not a date" in tapes("sessions", "--since", "soonish", code=14).err


def test_short_ids_name_one_session(tapes, store, repository):
    """A beginning is as long as it must be, also where the other session is not listed."""
    for name, harness in (("abcdefgh-1", "x"), ("abcdefgh-2", "x"), ("abcdefgh-2", "y")):
        make_tape(repository, 2, name=f"refs/sessions/{harness}/{name}/file/main")
    lines = tapes("sessions", "--harness", "x").lines
    assert sorted(line.split()[0] for line in lines) == ["abcdefgh-1", "abcdefgh-2"]


def spoil(path: Path, how: str) -> None:
    """Do something to the file of the index."""
    if how == "delete":
        path.unlink()
    elif how == "garbage":
        path.write_bytes(b"garbage" * 1000)
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "cut":
        path.write_bytes(path.read_bytes()[:5000])
    elif how == "folder":
        shutil.rmtree(path.parent)
    else:
        with sqlite3.connect(path) as connection:
            connection.execute(how)
        connection.close()


@pytest.mark.parametrize(
    "how",
    [
        "delete",
        "garbage",
        "empty",
        "cut",
        "folder",
        "PRAGMA user_version = 99",
        "CREATE TABLE other (x)",
        "CREATE TRIGGER t AFTER INSERT ON session BEGIN DELETE FROM call; END",
        "DROP TABLE call",
        "DELETE FROM session",
        "UPDATE session SET row = replace(row, 'Fix', 'Fux')",
        "UPDATE session SET row = 5",
        "UPDATE session SET usage = x'00'",
        "UPDATE session SET tapes = x'00'",
        "UPDATE session SET folder = 'refs/sessions/a/' || number",
        "UPDATE session SET row = (SELECT row FROM session ORDER BY number LIMIT 1)",
    ],
)
def test_result_never_depends_on_the_index(tapes, imported, how):
    """Whatever happens to the index, the list is the same, and so is every one after it."""
    expected = tapes("sessions", "--json").data
    assert tapes("sessions", "--json").data == expected
    spoil(imported / "index" / "index.sqlite", how)
    assert tapes("sessions", "--json").data == expected
    assert tapes("sessions", "--json").data == expected


@pytest.mark.parametrize(
    "wrong",
    [
        "UPDATE call SET session = session + 9",
        "DELETE FROM call WHERE key = (SELECT min(key) FROM call)",
    ],
)
def test_costs_never_depend_on_the_index(tapes, imported, wrong):
    """Also where a row of a call is sound, but is that of another session or is not there."""
    before = tapes("usage", "session").out
    with sqlite3.connect(imported / "index" / "index.sqlite") as connection:
        connection.execute(wrong)
    connection.close()
    assert tapes("usage", "session").out == before


def test_a_call_that_cost_nothing_is_missed_too(tapes, store, work):
    """The sums are the same without it: so calls are counted as well."""
    answers = [assistant(f"Answer {n}", f"m{n}") for n in range(3)]
    for number, record in enumerate(answers):
        usage = {"input_tokens": number, "output_tokens": number}
        record["message"] |= {"model": "model-x", "usage": usage}
    (work / "s.jsonl").write_bytes(jsonl([user("Go", "u1"), *answers]))
    tapes("import", "s.jsonl")
    before = tapes("usage", "session").out
    with sqlite3.connect(store / "index" / "index.sqlite") as connection:
        deleted = connection.execute(
            "DELETE FROM call WHERE usage = CAST(? AS BLOB)", ("[0, 0, null, null, null, null]",)
        )
        assert deleted.rowcount == 1
    connection.close()
    assert tapes("usage", "session").out == before


def test_folder_of_the_index_is_made(tapes, imported):
    """Where the whole folder is gone it is made, so that the next list has an index again."""
    shutil.rmtree(imported / "index")
    tapes("sessions")
    assert (imported / "index" / "index.sqlite").is_file()


def test_index_follows_growth_and_deletion(tapes, imported, work):
    """The list with an index that was kept all along is that without one, after each step."""
    steps = [
        lambda: tapes("gc"),
        lambda: tapes("update-ref", "-d", "refs/sessions/claude-code/one-session/file/main"),
        lambda: tapes("import", "one.jsonl"),
        lambda: tapes("pack-refs"),
    ]
    for step in steps:
        step()
        kept = tapes("sessions", "--json").data
        (imported / "index" / "index.sqlite").unlink()
        assert tapes("sessions", "--json").data == kept


@pytest.mark.parametrize("kept", [True, False], ids=["kept", "missing"])
def test_list_is_made_where_nothing_can_be_written(tapes, imported, kept):
    """A folder that cannot be written to is no obstacle; what is kept there may be behind."""
    expected = tapes("sessions", "--json").data
    folder = imported / "index"
    if not kept:
        (folder / "index.sqlite").unlink()
    (folder / "index.sqlite").exists() and (folder / "index.sqlite").chmod(0o400)
    folder.chmod(0o500)
    try:
        assert tapes("sessions", "--json").data == expected
    finally:
        folder.chmod(0o700)


def test_locked_index_is_done_without(tapes, imported, monkeypatch):
    """Another process that holds the file does not hold up the list for long, nor change it."""
    expected = tapes("sessions", "--json").data
    tapes("import", imported.parent / "two.jsonl")
    monkeypatch.setattr("tapegit.index.database.TIMEOUT_S", 0.05)
    connection = sqlite3.connect(imported / "index" / "index.sqlite", isolation_level=None)
    connection.execute("BEGIN EXCLUSIVE")
    assert tapes("sessions", "--json").data == expected
    connection.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts")
@pytest.mark.parametrize("kept", ["current", "behind", "missing"])
def test_list_is_made_on_a_read_only_medium(tapes, imported, tmp_path, kept):
    """On a medium that cannot be written the list is the same, whatever is kept there."""
    if kept == "behind":
        tapes("sessions")
        tapes("update-ref", "-d", "refs/sessions/claude-code/one-session/file/main")
        data = (imported / "index" / "index.sqlite").read_bytes()
    expected = tapes("sessions", "--json").data
    if kept == "behind":
        (imported / "index" / "index.sqlite").write_bytes(data)
    elif kept == "missing":
        (imported / "index" / "index.sqlite").unlink()
    medium = tmp_path / "medium"
    medium.mkdir()
    mount = f"mount --bind {imported} {medium} && mount -o remount,bind,ro {medium}"
    if subprocess.run(["sh", "-c", mount], capture_output=True, check=False).returncode:
        pytest.skip("nothing can be mounted here")
    try:
        assert tapes("--tapes-dir", medium, "sessions", "--json").data == expected
    finally:
        subprocess.run(["umount", medium], check=True)


@pytest.mark.parametrize("what", ["index", "index/index.sqlite"])
def test_link_is_not_followed(tapes, imported, tmp_path, what):
    """Nothing is written where a link in a store leads."""
    expected = tapes("sessions", "--json").data
    target = tmp_path / "elsewhere"
    path = imported / what
    if what == "index":
        target.mkdir()
        shutil.rmtree(path)
    else:
        target.write_bytes(b"mine")
        path.unlink()
    path.symlink_to(target)
    assert tapes("sessions", "--json").data == expected
    assert list(target.iterdir()) == [] if what == "index" else target.read_bytes() == b"mine"


def test_processes_list_at_once(tapes, imported):
    """Several processes that find no index print the same."""
    expected = tapes("sessions", "--json").data
    (imported / "index" / "index.sqlite").unlink()
    command = [sys.executable, "-m", "tapegit", "sessions", "--json"]
    environ = {**os.environ, "TAPES_DIR": str(imported)}
    running = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environ)
        for _ in range(4)
    ]
    assert [process.communicate(timeout=60) for process in running] == [(expected, b"")] * 4


def test_damaged_session_does_not_hide_the_others(tapes, imported, repository):
    """What can be read is listed; the command ends with the error of what cannot."""
    blob = tapes("hash-object", "-w", "--stdin", input=b"x").oid
    path = imported / "refs" / "sessions" / "pi" / "bad" / "file"
    path.mkdir(parents=True)
    (path / "main").write_text(f"{blob}\n")
    for _ in range(2):
        done = tapes("sessions", code=None)
        assert done.code != 0
        assert len(done.lines) == 2
        assert done.err


def test_control_characters_are_escaped(tapes, store, repository):
    """What a transcript says does not reach the terminal raw."""
    set_ref(
        repository,
        "refs/sessions/pi/%1b%0aid/file/main",
        write_turn(repository, "hello", role="user"),
    )
    done = tapes("sessions")
    assert len(done.lines) == 1
    assert "\x1b" not in done.out
