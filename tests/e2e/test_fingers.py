"""What fingers that know git type: it does what they expect, or names what does."""

from __future__ import annotations

import re

import pytest

from tapegit.cli.git_options import HINTS
from tapegit.cli.table import ALIASES, COMMANDS
from tests.builders import make_tape, set_ref
from tests.claude_records import call, user
from tests.recordings import jsonl

SAME = [
    ("log", "--oneline", "--no-color", "-n", "2"),
    ("log", "--color=never", "--oneline", "-2"),
    ("log", "--pretty=oneline", "--abbrev-commit"),
    ("show", "-s", "--no-color", "--oneline"),
    ("show", "-s", "--oneline", "v1^{commit}"),
    ("rev-parse", "--verify", "v1^{commit}"),
    ("show", "--no-patch", "--oneline", "HEAD~1"),
    ("checkout", "-q", "-f", "try/2"),
    ("switch", "-q", "--force", "try/2"),
]


@pytest.mark.parametrize("words", SAME, ids=" ".join)
def test_options_of_git_do_what_they_do_there(twin, words):
    """Both print the same."""
    theirs = twin.git(*words)
    ours = twin.tapes(*words)
    assert theirs.returncode == 0, theirs.stderr
    assert re.sub(r"[a-z]+: ", "", ours.out) == twin.translate(theirs.stdout)


@pytest.fixture
def session(tapes, store, work):
    """Give a store with a session that reads a file, on the branch that is checked out."""
    read = call("Read", "m1", file_path="src/a.py")
    (work / "s.jsonl").write_bytes(jsonl([user("please find (it)"), read]))
    tapes("import", "s.jsonl")
    tapes("switch", "-q", "-c", "mine", "s")


@pytest.mark.parametrize(
    ("words", "count"),
    [
        (("-S", "find (it)"), 1),
        (("-Sfind (it)",), 1),
        (("-S", "FIND", "-i"), 1),
        (("-S", "f.nd"), 0),
        (("-G", "f.nd|nowhere"), 1),
        (("src/a.py",), 1),
        (("mine", "src/a.py"), 1),
        (("src",), 1),
    ],
)
def test_log_finds_what_was_said_and_files_that_are_there(tapes, session, work, words, count):
    """-S takes words as they are and -G a pattern; a file needs no `--` before it."""
    (work / "src").mkdir()
    (work / "src" / "a.py").touch()
    assert len(tapes("log", "--oneline", *words).lines) == count


def test_log_takes_a_revision_before_a_file(tapes, session, work):
    """And what is neither is an error that says so."""
    (work / "mine").touch()
    assert len(tapes("log", "--oneline", "mine").lines) == 3
    assert "no ref, session or object 'nowhere'" in tapes("log", "nowhere", code=12).err
    (work / "here").touch()
    assert "no ref, session or object 'here'" in tapes("log", "here", "nowhere", code=12).err
    assert "exclude" in tapes("log", "-S", "a", "--grep", "b", code=2).err


def test_a_tip_that_is_lost_hides_no_other_tape(tapes, repository):
    """All others are listed first; then the ref is named, with what brings it back."""
    make_tape(repository, 3)
    lost = make_tape(repository, 2, name="refs/heads/lost", label="other")[-1]
    name = lost.hex()
    (repository.root / "objects" / name[:2] / name[2:]).unlink()
    for words in (("log", "--all", "--oneline"), ("rev-list", "--all")):
        done = tapes(*words, code=12)
        assert len(done.lines) == 3
        assert f"'refs/heads/lost' names object '{lost}', missing" in done.err
        assert "tapes import" in done.err


def test_reflog_takes_a_count(tapes, session):
    """As log does."""
    tapes("reset", "HEAD~1")
    assert len(tapes("reflog", "-1").lines) == 1
    assert len(tapes("reflog", "show", "-2", "mine").lines) == 2


def test_status_has_a_short_form(tapes, repository):
    """It is the line that git's `status -sb` begins with."""
    chain = make_tape(repository, 3)
    assert tapes("status", "-s").lines == ["## main"]
    set_ref(repository, "refs/remotes/origin/main", chain[1])
    tapes("config", "branch.main.remote", "origin")
    tapes("config", "branch.main.merge", "refs/heads/main")
    assert tapes("status", "-sb").lines == ["## main...origin/main [ahead 1]"]
    tapes("reset", "--hard", "HEAD~2")
    assert tapes("status", "--short").lines == ["## main...origin/main [behind 1]"]
    tapes("checkout", "-q", "--detach")
    assert tapes("status", "-s").lines == ["## HEAD (no branch)"]
    tapes("symbolic-ref", "HEAD", "refs/heads/new")
    assert tapes("status", "-s").lines == ["## No turns yet on new"]


def test_config_knows_gits_words(tapes, store, home):
    """Its older options and its newer subcommands."""
    tapes("config", "set", "user.name", "Ada")
    tapes("config", "--global", "user.name", "Grace")
    assert tapes("config", "get", "user.name").lines == ["Ada"]
    assert tapes("config", "--global", "--get-all", "user.name").lines == ["Grace"]
    assert tapes("config", "list", "--local").lines == ["user.name=Ada"]
    tapes("config", "unset", "user.name")
    assert tapes("config", "user.name").lines == ["Grace"]


def test_config_refuses_what_could_only_mislead(tapes, store):
    """An alias would never run, and what is no text cannot be written."""
    assert "no alias" in tapes("config", "alias.lg", "log", code=15).err
    assert "not valid Unicode" in tapes("config", "user.name", "\udcff", code=15).err
    assert tapes("config", "--list").lines == []


def test_a_remote_says_where_it_is_and_goes_by_its_short_name(tapes, store):
    """`get-url` and `rm`."""
    tapes("remote", "add", "up", "https://host.example/a.git")
    tapes("remote", "set-url", "--push", "up", "ssh://host.example/b.git")
    assert tapes("remote", "get-url", "up").lines == ["https://host.example/a.git"]
    assert tapes("remote", "get-url", "--push", "up").lines == ["ssh://host.example/b.git"]
    tapes("remote", "rm", "up")
    assert tapes("remote").lines == []


def test_an_option_of_git_is_answered_with_what_was_meant(tapes, store):
    """It is no option, and every command that its hint names is one."""
    for (command, option), hint in HINTS.items():
        words = [command, option] if command else [option]
        assert f"no such option '{option}'\nhint: {hint}" in tapes(*words, code=2).err
        assert set(re.findall(r"'tapes ([a-z-]+)", hint)) <= COMMANDS.keys() | ALIASES.keys()
