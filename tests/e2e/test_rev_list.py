"""`tapes rev-list`: what git's has not, options on their own, and errors."""

from __future__ import annotations

import pytest

from tests.builders import (
    make_tape,
    set_ref,
    write_blob,
    write_bytes,
    write_tag,
    write_turn,
)
from tests.command import TIME_MS


@pytest.fixture
def tape(repository):
    """Give five turns of `main` and, from the third of them, two of `topic`; oldest first."""
    main = make_tape(repository, 5)
    topic = make_tape(repository, 2, name="refs/heads/topic", start=main[2], label="topic")
    return [str(oid) for oid in (*main, *topic)]


def test_lines_are_ids_newest_first(tapes, tape):
    """One id on a line, nothing else."""
    assert tapes("rev-list", "main").data == "".join(f"{o}\n" for o in tape[4::-1]).encode()
    assert tapes("rev-list", "-2", "main").lines == tape[4:2:-1]
    assert tapes("rev-list", "main", "-n", "1").lines == [tape[4]]
    assert tapes("rev-list", "--max-count=1", "--skip=1", "main").lines == [tape[3]]


def test_nothing_in_a_range_is_no_error(tapes, tape):
    """A range without turns prints nothing and exits with 0; its count is 0."""
    assert tapes("rev-list", "main..main").data == b""
    assert tapes("rev-list", "--count", "main..main").out == "0\n"


def test_no_revision_is_a_usage_error(tapes, tape):
    """Without a revision there is nothing to list; options alone do not help."""
    for words in ((), ("--count",), ("--bogus", "main"), ("-n",), ("-n", "x", "main")):
        result = tapes("rev-list", *words, code=2)
        assert result.data == b""
        assert result.err.startswith("tapes: error: ")


def test_all_of_an_empty_store_is_nothing(tapes, store):
    """A new store has no turns; that is no error."""
    assert tapes("rev-list", "--all").data == b""
    assert tapes("rev-list", "--all", "--count").out == "0\n"
    assert tapes("rev-list", "HEAD", code=12).data == b""


def test_json_has_one_object_for_each_line(tapes, tape):
    """The keys that were asked for, and no others."""
    (record,) = tapes("rev-list", "--json", "-n", "1", "main").records
    assert record == {"schema": 1, "oid": tape[4], "kind": "turn"}
    (record,) = tapes(
        "rev-list", "--json", "--parents", "--timestamp", "--left-right", "-1", "main~3...main"
    ).records
    assert record == {
        "schema": 1,
        "oid": tape[4],
        "kind": "turn",
        "parents": [tape[3]],
        "date_ms": TIME_MS + 300_000,
        "side": "right",
    }
    assert tapes("rev-list", "--json", "--count", "main").records == [{"schema": 1, "count": 5}]
    (record,) = tapes("rev-list", "--json", "--count", "--left-right", "main...topic").records
    assert record == {"schema": 1, "left": 2, "right": 2}


def test_timestamp_and_abbreviation_shape_lines(tapes, tape):
    """Milliseconds before the id, and an id as short as is unique."""
    (line,) = tapes("rev-list", "--timestamp", "-1", "main").lines
    assert line == f"{TIME_MS + 300_000} {tape[4]}"
    (line,) = tapes("rev-list", "--abbrev-commit", "--parents", "-1", "main").lines
    assert line == f"{tape[4][:7]} {tape[3]}"
    (line,) = tapes("rev-list", "--abbrev-commit", "--abbrev=12", "-1", "main").lines
    assert line == tape[4][:12]


def test_dates_choose(tapes, tape):
    """`--since` and `--until` take any date of the page, both inclusive."""
    at = (TIME_MS + 180_000) // 1000
    assert tapes("rev-list", f"--since=@{at}", "main").lines == tape[4:1:-1]
    assert tapes("rev-list", "--until", f"@{at}", "main").lines == tape[2::-1]
    assert tapes("rev-list", "--since=1 hour ago", "main").lines == tape[4::-1]
    assert "not a date" in tapes("rev-list", "--since=soon", "main", code=14).err


def test_objects_come_after_turns_with_their_kinds(tapes, repository, tape):
    """Turns, then tags, then content; each once; ids alone if that is asked for."""
    tag = write_tag(repository, tapes_oid(repository, "main"), "v1")
    set_ref(repository, "refs/tags/v1", tag)
    lines = tapes("rev-list", "--objects", "v1").lines
    assert lines[:5] == tape[4::-1]
    assert lines[5] == f"{tag} tag"
    assert len(lines) == 11
    assert all(line.endswith(" blob") for line in lines[6:])
    bare = tapes("rev-list", "--objects", "--no-object-names", "v1").lines
    assert bare == [line.split()[0] for line in lines]
    assert tapes("rev-list", "--objects", "--count", "v1").out == "11\n"
    kinds = [record["kind"] for record in tapes("rev-list", "--objects", "--json", "v1").records]
    assert kinds == ["turn"] * 5 + ["tag"] + ["blob"] * 5
    assert tapes("rev-list", "--objects", "--quiet", "--all").data == b""


def tapes_oid(repository, name):
    """Return what a branch is at."""
    from tapegit.refs.names import RefName

    return repository.refs.read(RefName.parse(f"refs/heads/{name}"))


def test_objects_of_a_range_leave_out_what_the_excluded_have(tapes, repository, tape):
    """Content that the turns next to the range need is not listed again."""
    shared = write_blob(repository, b"shared")
    base = write_turn(repository, "base", raw=[shared])
    top = write_turn(repository, "top", parents=[base], raw=[shared, write_blob(repository, b"n")])
    lines = tapes("rev-list", "--objects", str(top), f"^{base}").lines
    assert lines[0] == str(top)
    assert len(lines) == 2
    assert tapes("rev-list", "--objects", "-1", str(top)).lines[1:] != lines[1:]


def test_objects_of_content_are_its_pieces(tapes, repository):
    """A rope may be a tip of its own; an excluded one is left out with its pieces."""
    pieces = [b'"' + letter * 1500 + b'"' for letter in (b"a", b"b", b"c", b"d")]
    one = write_bytes(repository, b'{"messages":[' + b",".join(pieces[:3]) + b"]}")
    two = write_bytes(repository, b'{"messages":[' + b",".join(pieces) + b"]}")
    lines = tapes("rev-list", "--objects", str(two), f"^{one}").lines
    assert lines[0] == f"{two} rope"
    assert len(lines) == 2
    assert "is a rope, not a turn" in tapes("rev-list", str(one), code=1).err


def test_stdin_is_read_after_the_arguments(tapes, tape):
    """Each line is one more token, `--not` and sets of refs too."""
    expected = tapes("rev-list", "--all", "--not", "main").lines
    assert expected == tape[:4:-1]
    assert tapes("rev-list", "--stdin", input="--all\n\n--not\nmain\n").lines == expected
    assert tapes("rev-list", "--stdin", "topic", input="^main\r\n").lines == expected
    assert tapes("rev-list", "--stdin", input="").data == b""
    assert tapes("rev-list", "--stdin", input=b"\xff\n", code=30).data == b""
    assert tapes("rev-list", "--stdin", input=b"x" * 70_000, code=30).data == b""


def test_sets_of_refs_take_patterns(tapes, repository, tape):
    """Patterns with and without wildcards, and sets that are empty."""
    oid = tapes_oid(repository, "topic")
    set_ref(repository, "refs/sessions/codex/abc/file/main", oid)
    set_ref(repository, "refs/tags/blob", write_blob(repository, b"no turn"))
    topic = [*tape[:4:-1], *tape[2::-1]]
    for token in (
        "--branches=top*",
        "--branches=t?pic",
        "--sessions",
        "--sessions=codex",
        "--glob=sessions/codex/abc",
        "--glob=refs/sess*",
    ):
        assert tapes("rev-list", token).lines == topic, token
    for token in ("--remotes", "--tags", "--branches=top", "--sessions=cod"):
        assert tapes("rev-list", token).data == b"", token
    assert len(tapes("rev-list", "--all").lines) == 7


def test_missing_turn_is_named(tapes, repository, tape):
    """What is newer than the hole is printed; then the error has the id, also as JSON."""
    path = repository.root / "objects" / tape[1][:2] / tape[1][2:]
    path.unlink()
    result = tapes("rev-list", "main", code=12)
    assert result.lines == tape[4:1:-1]
    assert f"turn '{tape[1]}' is missing, a parent of turn '{tape[2]}'" in result.err
    result = tapes("rev-list", "--json", "--count", "main", code=12)
    assert result.data == b""
    assert f'"oid":"{tape[1]}"' in result.err.replace(" ", "")
    assert tapes("rev-list", "main~1..main").lines == [tape[4]]
    assert tape[1] not in tapes("rev-list", "--objects", "main", code=12).out


def test_damaged_turn_is_named(tapes, repository, tape):
    """A turn whose bytes rotted ends the walk with an error of its own class."""
    path = repository.root / "objects" / tape[1][:2] / tape[1][2:]
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-3])
    assert tape[1] in tapes("rev-list", "main", code=None).err
    assert 30 <= tapes("rev-list", "main", code=None).code <= 35


def test_broken_ref_does_not_hide_the_others(tapes, repository, tape):
    """`--all` lists what it can and then fails with the ref that it could not read."""
    (repository.root / "refs/heads/bad").write_bytes(b"nonsense")
    result = tapes("rev-list", "--all", code=30)
    assert len(result.lines) == 7
    assert "refs/heads/bad" in result.err


def test_ambiguous_name_warns_on_standard_error(tapes, repository, tape):
    """The warning is no data."""
    set_ref(repository, "refs/tags/topic", tapes_oid(repository, "main"))
    result = tapes("rev-list", "-1", "topic")
    assert result.lines == [tape[4]]
    assert "warning: 'topic' is ambiguous" in result.err


def test_left_and_right_exclude_one_another(tapes, tape):
    """Both sides at once are what no option gives."""
    tapes("rev-list", "--left-only", "--right-only", "main...topic", code=2)


def test_words_after_the_dashes_are_revisions(tapes, repository, tape):
    """`--` ends the options, as the name of a file that looks like one would need."""
    assert tapes("rev-list", "-1", "main", "--").lines == [tape[4]]
    assert tapes("rev-list", "-1", "--", "main").lines == [tape[4]]
    tapes("rev-list", "--", "-1", code=12)


def test_clock_that_ran_backwards_does_not_break_since(tapes, repository):
    """A turn that says it is older than its parent has the date of its parent."""
    first = write_turn(repository, "first", time=TIME_MS)
    back = write_turn(repository, "back", parents=[first], time=TIME_MS - 86_400_000)
    last = write_turn(repository, "last", parents=[back], time=TIME_MS + 1)
    found = tapes("rev-list", f"--since=@{TIME_MS // 1000}", str(last)).lines
    assert found == [str(last), str(back), str(first)]
