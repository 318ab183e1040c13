"""`tapes import`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.claude_records import assistant, result, user
from tests.recordings import FIXTURES, jsonl

if TYPE_CHECKING:
    from pathlib import Path

MAIN = "refs/sessions/claude-code/s/file/main"
RECORDS = [user("go", "u1"), assistant("working", "m", "a1", "u1"), result("done", "r1", "a1")]


@pytest.fixture
def source(work: Path) -> Path:
    """Give a small transcript in the working directory."""
    path = work / "session.jsonl"
    path.write_bytes(jsonl(RECORDS))
    return path


def read_files(root: Path) -> dict[str, tuple[int, bytes]]:
    """Return every file of a store with its number and bytes, but for locks."""
    paths = (path for path in root.rglob("*") if path.is_file() and "locks" not in path.parts)
    return {str(path): (path.stat().st_ino, path.read_bytes()) for path in paths}


def test_new_file_is_recorded_and_named(tapes, store, source):
    """The summary says what is new, the ref is there, and everything is in one pack."""
    done = tapes("import", source)
    assert done.lines == [
        f"new\ts\t4 turns\t{source}",
        "1 new, 0 grown, 0 unchanged, 0 skipped, 0 unreadable records",
    ]
    assert done.err == ""
    assert tapes("show-ref").lines[0].split()[1] == MAIN
    assert len(list((store / "objects" / "pack").glob("*.pack"))) == 1
    assert (store / "LATEST").read_text() == f"ref: {MAIN}\n"


def test_importing_again_writes_nothing(tapes, store, source):
    """A second import changes no file of the store."""
    tapes("import", source)
    before = read_files(store)
    assert tapes("import", source).lines == [
        "0 new, 0 grown, 1 unchanged, 0 skipped, 0 unreadable records"
    ]
    assert read_files(store) == before


def test_grown_file_moves_its_ref(tapes, store, source):
    """What was added is recorded on the same tape; a message that grew is amended."""
    tapes("import", source)
    source.write_bytes(
        jsonl([*RECORDS, assistant("more", "m", "a2", "a1"), user("on", "u2", "a2")])
    )
    assert tapes("import", source).lines[-1].startswith("0 new, 1 grown")
    assert tapes("rev-list", "--count", MAIN).lines == ["5"]
    assert [name for _, name in map(str.split, tapes("show-ref").lines)] == [MAIN]


def test_two_stores_have_the_same_ids_whatever_the_order(tapes, store, tmp_path, source):
    """Ids are a function of the files: not of the order, the store, or the time."""
    files = [source, *sorted(FIXTURES.glob("*.jsonl"))]
    other = tmp_path / "other"
    other.mkdir()
    tapes("init", cwd=other)
    tapes("import", *files)
    for file in reversed(files):
        tapes("import", file, cwd=other, env={"TAPES_DATE": "1"})
    assert tapes("show-ref").lines == tapes("show-ref", cwd=other).lines


def test_dry_run_says_the_same_and_writes_nothing(tapes, store, source):
    """With --dry-run the outcome is told and the store stays as it was."""
    before = read_files(store)
    dry = tapes("import", "--dry-run", "--json", source).records
    assert read_files(store) == before
    assert tapes("import", "--json", source).records == dry
    assert [record.get("state") for record in dry] == ["new", None]
    source.write_bytes(jsonl([*RECORDS, assistant("more", "m", "a2", "a1")]))
    assert tapes("import", "-n", source).lines[-1].startswith("would be: 0 new, 1 grown")


def test_json_tells_of_each_file(tapes, store, source):
    """One object per file: what became of it, and what could not be read."""
    source.write_bytes(jsonl(RECORDS) + b"rubbish\n{")
    record, _ = tapes("import", "--json", source).records
    tip = tapes("rev-parse", MAIN).oid
    assert record == {
        "schema": 1,
        "path": str(source),
        "state": "new",
        "harness": "claude-code",
        "session": "s",
        "turns": 5,
        "bytes": source.stat().st_size,
        "tip": tip,
        "unreadable": [{"line": 4, "reason": "not JSON"}, {"line": 5, "reason": "cut off"}],
        "unreadable_count": 2,
    }


def test_unreadable_lines_are_reported_and_kept(tapes, store, source):
    """Each is told with file, line and reason, and stops nothing."""
    source.write_bytes(jsonl(RECORDS[:1]) + b"\xff\x1b[2J\n" + jsonl(RECORDS[1:]))
    done = tapes("import", source)
    assert done.err == f"tapes: warning: {source}:2: not UTF-8; kept as it is\n"
    assert done.lines[-1].endswith("1 unreadable record")
    assert tapes("show", "--raw", f"{MAIN}~2").data == b"\xff\x1b[2J\n"


def test_folder_is_searched(tapes, store, work, source):
    """Every transcript below a folder is recorded; other files are only counted."""
    folder = work / "projects" / "x"
    folder.mkdir(parents=True)
    (folder / "a.jsonl").write_bytes(source.read_bytes())
    (folder / "notes.txt").write_text("no transcript\n")
    (folder / "link.jsonl").symlink_to(source)
    done = tapes("import", work / "projects")
    assert done.lines[-1] == "1 new, 0 grown, 0 unchanged, 1 skipped, 0 unreadable records"
    assert done.err == ""


def test_what_is_no_transcript_is_an_error_but_stops_nothing(tapes, store, work, source):
    """A file that was named and cannot be imported gives an error after the others were."""
    other = work / "notes.txt"
    other.write_text("no transcript\n")
    done = tapes("import", other, work / "missing", source, code=34)
    assert done.lines[-1] == "1 new, 0 grown, 0 unchanged, 2 skipped, 0 unreadable records"
    assert done.err.splitlines() == [
        f"tapes: warning: '{work}/missing' is skipped: no such file or directory",
        f"tapes: error: '{other}' was not imported: no transcript of a known harness",
        "hint: 'tapes help import' says which files of which harnesses are taken",
    ]


@pytest.mark.parametrize("name", ["fifo", "/dev/zero", "loop", "empty", "zeros", "gzip", "utf16"])
def test_odd_files_are_refused_at_once(tapes, store, work, name):
    """FIFOs, devices, loops of links and other formats neither hang nor fail without a name."""
    path = work / name
    if name == "fifo":
        os.mkfifo(path)
    elif name == "loop":
        path.symlink_to(path)
    elif name != "/dev/zero":
        text = '{"type":"user"}\n'.encode("utf-16")
        path.write_bytes(
            {"empty": b"", "zeros": bytes(100_000), "gzip": b"\x1f\x8b\x08\0" * 999, "utf16": text}[
                name
            ]
        )
    done = tapes("import", path, code=34)
    assert done.lines == ["0 new, 0 grown, 0 unchanged, 1 skipped, 0 unreadable records"]


def test_name_of_a_file_cannot_command_the_terminal(tapes, store, work):
    """Control characters in a path are spelled out."""
    path = work / "a\x1b[2Jb.jsonl"
    path.write_bytes(jsonl(RECORDS) + b"x\n")
    done = tapes("import", path)
    assert "\x1b" not in done.out + done.err
    assert "\\x1b[2Jb" in done.lines[0]


def test_changed_file_is_another_tape(tapes, store, source):
    """Nothing recorded is lost when a source is rewritten."""
    tapes("import", source)
    source.write_bytes(jsonl([user("go", "u1"), assistant("other", "m", "a1", "u1")]))
    tapes("import", source)
    names = [name for _, name in map(str.split, tapes("show-ref").lines)]
    assert len(names) == 2
    assert names[0].startswith("refs/sessions/claude-code/s/file/forks/other-main-")
    said = {tapes("log", "--oneline", "-n1", name).lines[0].partition(" ")[2] for name in names}
    assert said == {"tool: done", "assistant: other"}


def test_reflog_notes_an_amended_tail(tapes, store, source):
    """A move that is no fast-forward can be found again; others leave no trace."""
    source.write_bytes(jsonl(RECORDS[:1]))
    tapes("import", source)
    source.write_bytes(jsonl(RECORDS[:2]))
    tapes("import", source)
    assert tapes("reflog", "show", MAIN).lines == []
    before = tapes("rev-parse", MAIN).oid
    source.write_bytes(jsonl([*RECORDS[:2], assistant("more", "m", "a2", "a1")]))
    tapes("import", source)
    assert tapes("rev-parse", f"{MAIN}@{{1}}").oid == before


def test_no_store_is_told_before_anything_is_read(tapes, work, source):
    """Without a store there is an error with its own code."""
    assert "tapes init" in tapes("import", source, code=10).err


def test_whole_fixture_comes_back(tapes, store):
    """What was imported is sound, and the bytes of a session can be had again."""
    fixture = FIXTURES / "queue.jsonl"
    tapes("import", fixture)
    tapes("fsck", "--full")
    session = tapes("for-each-ref", "--format=%(refname)", "refs/sessions").lines[0]
    oids = tapes("rev-list", "--reverse", session).lines
    pieces = [tapes("show", "--raw", oid).data for oid in oids]
    assert b"".join(pieces) == fixture.read_bytes()


def test_damaged_session_does_not_stop_the_others(tapes, store, work, source):
    """A recorded session that cannot be read is told; the others are imported."""
    tapes("import", source)
    (store / "refs/sessions/claude-code/s/file").mkdir(parents=True, exist_ok=True)
    (store / "refs/sessions/claude-code/s/file/main").write_text("rubbish\n")
    other = work / "other.jsonl"
    other.write_bytes(jsonl([user("hi", sessionId="t")]))
    done = tapes("import", source, other, code=34)
    assert done.lines[-1] == "1 new, 0 grown, 0 unchanged, 1 skipped, 0 unreadable records"
    assert "is damaged" in done.err
    name = "refs/sessions/claude-code/t/file/main"
    assert tapes("log", "--oneline", "-n1", name).lines[0].endswith("user: hi")


def test_sessions_come_back_where_packed_refs_is_lost(tapes, store, source, tmp_path):
    """The way out that the error names; and where the file is gone: ask fsck, import again."""
    tapes("import", source)
    tip = tapes("rev-parse", MAIN).oid
    tapes("update-ref", "refs/heads/main", tip)
    tapes("pack-refs", "--all")
    path = store / "packed-refs"
    data = path.read_bytes()
    for damaged in (data.replace(b"main", b"mail", 1), data[:-9]):
        path.write_bytes(damaged)
        assert "hint: 'tapes fsck --salvage' writes it anew" in tapes("log", code=None).err
        assert "wrote 'packed-refs' anew" in tapes("fsck", "--salvage").out
        assert tapes("rev-parse", MAIN).oid == tip
        assert tapes("rev-parse", "HEAD").oid == tip

    path.rename(tmp_path / "packed-refs")

    assert f"its reflog ends at {tip[:8]}" in tapes("fsck", code=8).out
    tapes("update-ref", "refs/heads/main", tip)
    assert tapes("import", source).lines[-1].startswith("1 new")
    assert tapes("rev-parse", MAIN).oid == tip
    assert tapes("fsck", code=0).out.count("dangling") == 0
