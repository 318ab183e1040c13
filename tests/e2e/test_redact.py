"""`tapes redact`, as a user runs it."""

from __future__ import annotations

import json

import pytest

from tests.builders import MAIN, make_repo, set_ref, write_blob, write_turn
from tests.e2e.test_secrets import KEY

VALUE = "no rule knows this"


@pytest.fixture
def repository(work):
    """Give a store with a token in one turn and a value that no rule knows in the next."""
    repository = make_repo(work / ".tapes")
    first = write_turn(repository, "clean")
    record = f'{{"a":"{KEY}"}}\n'.encode()
    second = write_turn(repository, "key", raw=[write_blob(repository, record)], parents=[first])
    raw = write_blob(repository, f'{{"b":"{VALUE}, {KEY}"}}\n'.encode())
    third = write_turn(repository, "value", raw=[raw], parents=[second])
    set_ref(repository, MAIN, third)
    set_ref(repository, "refs/heads/clean", first)
    return repository


def read_all(tapes):
    """Return every byte of every object."""
    return tapes("cat-file", "--batch", "--batch-all-objects").out


def test_redact_says_first_that_the_key_must_be_changed(tapes, repository):
    """It is the first line, whatever else is said, and what was done is on standard output."""
    result = tapes("redact", "--rule", "github-token")
    assert result.err.splitlines()[0].startswith("tapes: warning: change the key first")
    assert result.lines == [
        "rewrote 4 objects; 2 objects hold it",
        "replaced github-token: 2",
        "moved refs/heads/main",
    ]
    assert KEY not in read_all(tapes)
    assert VALUE in read_all(tapes)
    assert tapes("fsck", "--full").out == ""


def test_redact_by_finding_takes_it_out_everywhere(tapes, repository):
    """What is found in one turn goes from the other turn, too."""
    finding = tapes("secrets", "scan", code=1).lines[0].split("\t")[0]
    tapes("redact", finding)
    assert KEY not in read_all(tapes)
    tapes("secrets", "scan")


def test_redact_by_value_on_standard_input(run_tapes, repository):
    """The value is in no argument; the line feed at its end is not part of it."""
    run_tapes("redact", "--value", input=VALUE.encode() + b"\n")
    text = read_all(run_tapes)
    assert VALUE not in text
    assert KEY in text
    assert "[REDACTED:known-value:1]" in text


def test_redact_by_part_takes_out_what_it_says(tapes, repository):
    """All that the part of a turn says goes."""
    texts = json.dumps([{"type": "text", "text": text} for text in ("this one stays", VALUE)])
    part = f'{{"type":"user","uuid":"u1","message":{{"role":"user","content":{texts}}}}}\n'
    turn = write_turn(repository, "said", raw=[write_blob(repository, part.encode())])
    set_ref(repository, "refs/heads/said", turn)
    assert VALUE in tapes("show", "said:part/1").out, "it is counted as show counts it"
    tapes("redact", "said:part/1")
    text = read_all(tapes)
    assert VALUE not in text
    assert "this one stays" in text


def test_what_a_finding_names_is_shown_by_its_name(tapes, repository):
    """The piece that a finding is in can be looked at before it is redacted."""
    finding = tapes("secrets", "scan", code=1).lines[0].split("\t")[0]
    assert finding.endswith(":raw/0")
    assert KEY in tapes("show", finding).out


def test_branches_without_it_stay(tapes, repository):
    """The id of a tape that does not hold it is as before."""
    before = tapes("rev-parse", "clean").out
    tapes("redact", "--all")
    assert tapes("rev-parse", "clean").out == before


def test_dry_run_changes_nothing(tapes, repository):
    """It says what would be, and every object is as it was."""
    before = read_all(tapes)
    assert tapes("redact", "-n", "--all").lines[0] == "would rewrite 4 objects; 2 objects hold it"
    assert read_all(tapes) == before


def test_json_gives_every_figure(tapes, repository):
    """One object."""
    (record,) = tapes("redact", "--json", "--all").records
    assert record == {
        "schema": 1,
        "found": 2,
        "objects": 4,
        "placeholders": {"github-token": 2},
        "refs": ["refs/heads/main"],
        "reflog_lines": 0,
        "finished_another": False,
        "dry_run": False,
    }


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ((), 2, "name findings"),
        (("--continue", "--all"), 2, "name findings"),
        (("--value", "--all"), 2, "--value goes with no other"),
        (("--rule", "nothing"), 1, "no rule 'nothing'"),
        (("main",), 14, "no finding"),
        (("main:raw/7",), 1, "has no 'raw/7'"),
        (("main:part/9",), 1, "and no 'part/9'"),
        (("clean:turn",), 1, "nothing is found"),
        (("gone:turn",), 12, "gone"),
    ],
)
def test_what_cannot_be_meant_is_an_error(tapes, repository, arguments, code, said):
    """The error says which argument, and nothing is changed."""
    before = read_all(tapes)
    assert said in tapes("redact", *arguments, code=code).err
    assert read_all(tapes) == before


def test_a_short_value_is_refused(run_tapes, repository):
    """It would be found where it is not meant."""
    assert "less than 8" in run_tapes("redact", "--value", input=b"short\n", code=1).err


def test_continue_without_anything_to_finish_is_silent(tapes, repository):
    """Nothing was begun: nothing is done."""
    result = tapes("redact", "--continue")
    assert (result.lines, result.err) == ([], "")


def test_what_cannot_be_cleaned_gives_way_as_a_whole(tapes, repository):
    """The value is a part of the placeholder of its rule here, which cannot take its place."""
    raw = write_blob(repository, b'{"c":"it says REDACTED:known-v in it"}\n')
    set_ref(repository, "refs/heads/odd", write_turn(repository, "odd", raw=[raw]))
    tapes("redact", "--value", input=b"REDACTED:known-v")
    assert tapes("show", "odd:raw/0").out == '"[REDACTED:removed:1]"\n'
    assert tapes("fsck", "--full").err == ""


def test_what_no_placeholder_is_without_is_refused(tapes, repository):
    """Nothing is changed, and exit 37 says that it was not taken out."""
    raw = write_blob(repository, b'{"c":"it is REDACTED: so"}\n')
    set_ref(repository, "refs/heads/odd", write_turn(repository, "odd", raw=[raw]))
    before = read_all(tapes), tapes("show-ref").out
    result = tapes("redact", "--value", input=b"REDACTED", code=37)
    assert "cannot be taken out" in result.err
    assert (read_all(tapes), tapes("show-ref").out) == before


def test_a_damaged_journal_says_what_to_do(tapes, repository):
    """Nothing is rewritten; without the file the same command does it."""
    path = repository.root / "rewriting"
    path.write_bytes(b"# tapes rewriting 1\nreason")
    for arguments in (("--continue",), ("--all",)):
        result = tapes("redact", *arguments, code=32)
        assert "hint: remove it, and run the command again" in result.err
    assert "remove it" in tapes("doctor", "--quick", code=1).out
    path.unlink()
    tapes("redact", "--all")
    assert KEY not in read_all(tapes)
