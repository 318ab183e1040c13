"""`tapes doctor`, as a user runs it."""

from __future__ import annotations

import os
import re
import time

import pytest

from tapegit.repository.recordings import RecordingMark
from tests.builders import make_repo, make_tape, set_ref
from tests.e2e.test_forget import transcript
from tests.e2e.test_secrets import KEY


@pytest.fixture
def repository(work, home):
    """Give a store with a tape, and a home of its own."""
    repository = make_repo(work / ".tapes")
    make_tape(repository, 2)
    return repository


def reasons(tapes, *arguments, code=0, env=None):
    """Return the state of each check by its reason."""
    records = tapes("doctor", "--json", *arguments, code=code, env=env).records
    return {record["reason"]: record["state"] for record in records}


def keep(home, work, name="abc-session", text="hello"):
    """Let Claude Code have kept a transcript of a session in a directory; return its path."""
    folder = re.sub(r"[^A-Za-z0-9]", "-", str(work))
    path = home / ".claude" / "projects" / folder / f"{name}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(transcript(name, text).replace('"/work"', f'"{work}"'))
    return path


def test_a_store_that_is_well_has_no_problem(tapes, repository):
    """Whole, nothing recorded, nobody follows: exit 0."""
    found = reasons(tapes)
    assert found["store-whole"] == "ok"
    assert found["nothing-recorded"] == "warning"
    assert found["not-watched"] == "note"
    assert "problem" not in found.values()


def test_lines_are_for_people(tapes, repository):
    """State, area, words; and what to do, below."""
    lines = tapes("doctor").lines
    assert any(line.startswith("ok       store      4 objects") for line in lines), lines
    assert any("'tapes import'" in line for line in lines)


def test_damage_is_a_problem(tapes, repository):
    """A lost object is told of, with exit 1; --quick does not look."""
    oid = str(repository.refs.read("refs/heads/main"))
    (repository.root / "objects" / oid[:2] / oid[2:]).unlink()
    assert reasons(tapes, code=1)["store-damaged"] == "problem"
    assert "store-damaged" not in reasons(tapes, "--quick")


def test_a_store_in_a_work_tree_without_a_copy_is_warned_of(tapes, repository, work):
    """Where something was pushed, or outside of a work tree, it is not."""
    assert reasons(tapes)["no-remote"] == "note"
    (work / ".git").mkdir()
    assert reasons(tapes)["only-copy-in-work-tree"] == "warning"
    tapes("config", "remote.origin.url", "https://git.example.org/x.git")
    found = reasons(tapes)
    assert found["only-copy-in-work-tree"] == "warning"
    assert found["nothing-pushed"] == "note"
    set_ref(repository, "refs/remotes/origin/main", repository.refs.read("refs/heads/main"))
    found = reasons(tapes)
    assert found["remote"] == "ok"
    assert "only-copy-in-work-tree" not in found


def test_transcripts_that_are_not_recorded_are_told_of(tapes, repository, home, work):
    """Until they are imported."""
    keep(home, work)
    assert reasons(tapes)["not-imported"] == "warning"
    tapes("import")
    found = reasons(tapes)
    assert "not-imported" not in found
    assert found["newest-recording"] == "ok"
    assert found["folder-found"] == "ok"


@pytest.mark.parametrize(("days", "is_near"), [(None, True), (20, True), (400, False)])
def test_what_a_harness_is_about_to_delete_is_a_problem(
    tapes, repository, home, work, days, is_near
):
    """A transcript of 25 days, not recorded: with 30 days or less to live it is near."""
    path = keep(home, work)
    now_ms = time.time_ns() // 1_000_000
    then = now_ms / 1000 - 25 * 86_400
    os.utime(path, (then, then))
    if days is not None:
        (home / ".claude/settings.json").write_text(f'{{"cleanupPeriodDays": {days}}}')
    env = {"TAPES_DATE": str(now_ms)}
    found = reasons(tapes, code=int(is_near), env=env)
    assert ("about-to-be-deleted" in found) == is_near


def test_what_was_removed_on_purpose_is_named_so(tapes, repository, home, work):
    """Why something is not captured is said."""
    keep(home, work)
    tapes("import")
    tapes("forget", "abc-session")
    (record,) = [
        record for record in tapes("doctor", "--json").records if record["reason"] == "not-captured"
    ]
    assert record["what"].startswith("removed on purpose")
    assert record["cause"] == "removed-on-purpose"
    assert reasons(tapes)["removed"] == "ok"


def test_each_thing_that_is_not_captured_has_a_cause(tapes, repository, home, work):
    """A word that does not change: for programs, and for who asks why."""
    path = keep(home, work)
    tapes("import")
    path.with_name("empty.jsonl").write_bytes(b"")
    path.with_name("strange.jsonl").write_text('{"type":"summary"}\n')
    path.with_name("cut.jsonl").write_bytes(b"\x28\xb5\x2f\xfdno frame")
    path.with_name("new.jsonl").write_text(path.read_text() + "no record at all\n")
    tapes("import", path.with_name("new.jsonl"), code=None)
    records = tapes("doctor", "--json").records
    causes = {r["cause"] for r in records if r["reason"] in ("not-captured", "records-unreadable")}
    assert causes <= {"nothing-readable", "unreadable", "unknown-records", "nothing-closed"}
    assert causes
    assert all("cause" in r for r in records if r["reason"] == "not-captured")


def test_what_is_recorded_is_counted_by_client(tapes, repository, home, work):
    """Versions, and how many sessions of which client."""
    keep(home, work)
    tapes("import")
    lines = tapes("doctor").lines
    assert any(re.match(r"ok +program +tapes \d.*Python \d", line) for line in lines)
    assert "ok       recording  1 session: 1 of claude-code" in lines


@pytest.mark.parametrize(
    ("file", "data", "reason"),
    [
        ("index.sqlite", b"no database", "index-damaged"),
        ("index.sqlite", b"SQLite format 3\0 and no more", "index-damaged"),
        ("search.sqlite", b"SQLite format 3\0 and no more", "words-damaged"),
        ("search.sqlite", None, "words-behind"),
    ],
)
def test_an_index_that_is_no_use_is_mended(tapes, repository, file, data, reason):
    """It is told of, made anew by --fix, and the next run has nothing to say of it."""
    tapes("search", "turn")
    tapes("sessions")
    if data is None:
        make_tape(repository, 1, name="refs/heads/more", label="more")
    else:
        (repository.root / "index" / file).write_bytes(data)
    assert reason in reasons(tapes)
    assert reason in tapes("doctor", "--fix").err
    assert reason not in reasons(tapes)
    assert tapes("search", "-l", "turn").lines


def test_a_check_that_cannot_be_made_says_why(tapes, repository):
    """What says which objects were removed is damaged: a problem, and the other checks go on."""
    (repository.root / "tombstones").write_bytes(b"none")
    found = reasons(tapes, code=1)
    assert found["truncated"] == found["store-damaged"] == "problem"
    assert found["no-remote"] == "note"


def test_fix_finishes_a_redaction_and_drops_a_damaged_index(tapes, repository):
    """What is derived or begun is mended; the next run has nothing to say of it."""
    from tapegit.formats.rewriting import Rewriting
    from tapegit.rewrite.carry_out import write_journal

    write_journal(repository.root, Rewriting("redacted", 1))
    (repository.root / "index" / "index.sqlite").write_bytes(b"no database")
    found = reasons(tapes, code=1)
    assert (found["rewriting-unfinished"], found["index-damaged"]) == ("problem", "warning")
    result = tapes("doctor", "--fix")
    assert "finished what was stopped" in result.err
    found = reasons(tapes)
    assert not {"rewriting-unfinished", "index-damaged"} & set(found)


def test_the_report_has_no_secret_no_name_and_no_turn(tapes, repository, home, work):
    """Versions, checks, counts; what would tell who it is of is replaced."""
    path = keep(home, work, text=f"my {KEY}")
    tapes("import")
    path.with_name("private-words.jsonl").write_text("nothing\n")
    path.with_name(f"{KEY}.jsonl").write_text("nothing\n")
    tapes("config", "remote.origin.url", "git@git.example.org:company/hidden.git")
    tapes("config", "remote.other.url", f"https://u:{KEY}@git.example.org/hidden.git", code=None)
    tapes("branch", "mine", "abc-session")
    tapes("config", "gc.prune_expire", "3.days")
    tapes("doctor", "--report", "report.jsonl")
    text = (work / "report.jsonl").read_text()
    assert '"tapes"' in text
    assert '"3.days"' in text
    assert '"refs/heads": 2' in text
    assert "ssh://" in text
    encoded = re.sub(r"[^A-Za-z0-9]", "-", str(work))
    words = (KEY, str(home), str(work), encoded, "hello", "abc-session", "mine", "private-words")
    for word in (*words, "company", "hidden", "git.example.org"):
        assert word not in text, word


def test_what_recordings_lost_is_told(tapes, repository):
    """With how much; one that ended early and lost nothing that is known of is no warning."""
    for name, count in (("1-1", 0), ("2-1", 1), ("3-1", 2)):
        mark = RecordingMark(repository.root, name)
        mark.hold()
        mark.lose(count, "the proxy was killed")
        mark.end()
    checks = tapes("doctor", "--json").records
    found = [each for each in checks if each["reason"] in {"calls-lost", "ended-early"}]
    assert [(each["state"], each["what"]) for each in found] == [
        ("note", "a recording ended early, no call is known to be lost: the proxy was killed"),
        ("warning", "a recording lost 1 call: the proxy was killed"),
        ("warning", "a recording lost 2 calls: the proxy was killed"),
    ]


def test_upstreams_without_tls_are_named(tapes, repository, home):
    """Those on other machines; and a setting that is none is a problem."""
    hosts = {"rack": "http://gpu.lan:8000/v1", "desk": "http://[::1]:1", "far": "https://x.example"}
    for name, url in hosts.items():
        tapes("config", "--user", f"upstream.{name}.url", url)
    found = [each for each in tapes("doctor", "--json").records if "upstream" in each["reason"]]
    assert [each["what"] for each in found] == [
        "keys go in the clear to upstream 'rack', at gpu.lan"
    ]
    tapes("config", "--user", "upstream.rack.url", "gpu.lan")
    assert reasons(tapes, code=1)["config"] == "problem"
