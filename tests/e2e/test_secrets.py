"""`tapes secrets`, as a user runs it."""

from __future__ import annotations

import pytest

from tests.builders import MAIN, make_repo, set_ref, write_blob, write_tag, write_turn

KEY = "ghp_" + "q3V8kM9x7Cz6N1bW0r8Ty6U4pS3d7Fg5H0j2"


@pytest.fixture
def repository(work):
    """Give a store whose newest turn has a token in its summary and twice in its raw bytes."""
    repository = make_repo(work / ".tapes")
    clean = write_turn(repository, "clean", raw=[write_blob(repository, b'{"a":1}\n')])
    record = f'{{"a":"{KEY}","b":"\\u0067{KEY[1:]}"}}\n'.encode()
    turn = write_turn(repository, KEY, raw=[write_blob(repository, record)], parents=[clean])
    set_ref(repository, MAIN, turn)
    set_ref(repository, "refs/heads/clean", clean)
    return repository


def test_scan_says_where_and_which_rule_never_the_value(tapes, repository):
    """A line for each part: its id, the rule, how often; exit 1."""
    turn = repository.objects.abbreviate(repository.refs.read(MAIN))
    result = tapes("secrets", "scan", code=1)
    assert result.lines == [f"{turn}:turn\tgithub-token\t1", f"{turn}:raw/0\tgithub-token\t2"]
    assert KEY not in result.out + result.err


def test_scan_of_what_is_clean_is_silent(tapes, repository):
    """Nothing is found in the other branch: exit 0, no output."""
    result = tapes("secrets", "scan", "clean")
    assert (result.out, result.err) == ("", "")


def test_scan_of_a_range_looks_at_its_turns_alone(tapes, repository):
    """What is left out of a range is not looked at."""
    assert tapes("secrets", "scan", "main", "^main").out == ""
    assert len(tapes("secrets", "scan", "clean..main", code=1).lines) == 2


def test_scan_json_has_the_whole_id(tapes, repository):
    """One object for each finding."""
    turn = str(repository.refs.read(MAIN))
    assert tapes("secrets", "scan", "--json", code=1).records == [
        {"schema": 1, "oid": turn, "part": "turn", "rule": "github-token", "count": 1},
        {"schema": 1, "oid": turn, "part": "raw/0", "rule": "github-token", "count": 2},
    ]


def test_scan_looks_at_names_reflogs_tags_and_settings(tapes, repository):
    """Whatever is no turn is told of by what it is."""
    clean = repository.refs.read("refs/heads/clean")
    set_ref(repository, "refs/tags/v1", write_tag(repository, clean, message=f"{KEY}\n"))
    set_ref(repository, f"refs/heads/{KEY}", clean, f"from {KEY}")
    (repository.root / "config").write_text(f'[user]\nname = "{KEY}"\n')
    parts = [record["part"] for record in tapes("secrets", "scan", "--json", code=1).records]
    assert sorted(set(parts)) == ["config", "raw/0", "ref", "reflog", "tag", "turn"]
    assert KEY not in tapes("secrets", "scan", code=1).out


def test_scan_finds_what_a_stream_builds(tapes, repository):
    """A token in two deltas of one text is found."""
    event = 'data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":%s}}'
    lines = [event % f'"{KEY[:17]}"', event % f'"{KEY[17:]}"']
    stream = "".join(f"event: content_block_delta\n{line}\n\n" for line in lines)
    turn = write_turn(repository, "streamed", raw=[write_blob(repository, stream.encode())])
    set_ref(repository, "refs/heads/stream", turn)
    (record,) = tapes("secrets", "scan", "--json", "stream", code=1).records
    assert (record["part"], record["rule"]) == ("raw/0", "github-token")


def test_list_prints_every_rule(tapes, repository):
    """Name and meaning; with --json the version of the set."""
    lines = tapes("secrets", "list").lines
    assert "github-token\tGitHub" in lines
    records = tapes("secrets", "list", "--json").records
    assert len(records) == len(lines) > 60
    assert {record["version"] for record in records} == {1}


def test_scan_of_what_is_no_revision_is_an_error(tapes, repository):
    """The error names it."""
    assert "nothing-there" in tapes("secrets", "scan", "nothing-there", code=12).err
