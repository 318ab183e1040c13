"""What the commands of a conversation refuse: each refusal names a command that helps."""

from __future__ import annotations

import re

import pytest

from tests.e2e.test_resume import SESSION, chain
from tests.recordings import jsonl

HELPS = re.compile(r"^hint: .*('(tapes|git) |-f |-C |--)", re.MULTILINE)
UNBORN = (
    "amend",
    "branch x HEAD~1",
    "branch --contains nowhere",
    "checkout -b x HEAD~3",
    "checkout nowhere",
    "checkout -- file",
    "log HEAD",
    "merge nowhere",
    "notes remove",
    "reset HEAD~1",
    "checkout --orphan fresh",
    "config alias.lg log",
    "log --author me",
    "switch -",
    "switch nowhere",
    "tag v1 HEAD",
)
REFUSED = (
    "amend --text x old",
    "amend --text nojson HEAD~1",
    "amend --text x HEAD~99",
    "amend --part 7 --text x",
    "branch fix",
    "branch -d fix",
    "branch -d nowhere",
    "branch -f fix old#1",
    "branch -m nowhere x",
    "branch -m other fix",
    "branch ..",
    "branch x y z",
    "checkout -b fix",
    "checkout HEAD file",
    "checkout old.jsonl",
    "cherry-pick other",
    "commit",
    "diff HEAD nowhere",
    "log HEAD@{99}",
    "log fix@{u}",
    "merge HEAD~99",
    "merge",
    "merge other -m",
    "notes add -m again old#2",
    "notes remove old#3",
    "notes title x",
    "reset HEAD file",
    "reset old@{1}",
    "reset old.jsonl",
    "reset old#99",
    "resume --with vim",
    "resume --cwd nowhere",
    "resume nowhere",
    "show HEAD^2",
    "show :/unsaid",
    "stash",
    "switch old",
    "switch -c fix",
    "switch nowhere",
    "tag v1",
    "tag -d nowhere",
)


def check(tapes, words):
    """Check that a refusal says what is wrong and what helps, and moves nothing."""
    before = tapes("for-each-ref").out, tapes("symbolic-ref", "HEAD").out
    done = tapes(*words.split(), code=None)
    assert done.code not in {0, 128}
    assert "tapes: error: " in done.err
    assert HELPS.search(done.err), done.err
    assert (tapes("for-each-ref").out, tapes("symbolic-ref", "HEAD").out) == before


@pytest.fixture
def session(tapes, store, work):
    """Give a store with a session."""
    (work / "old.jsonl").write_bytes(jsonl(chain(*map(dict, SESSION))))
    tapes("import", "old.jsonl")


def test_refused_while_head_is_unborn(tapes, store):
    """In a store without a turn."""
    for words in UNBORN:
        check(tapes, words)


def test_refused(tapes, session):
    """With a session, two branches, a tag and a note."""
    tapes("branch", "other", "old#3")
    tapes("switch", "-q", "-c", "fix", "old#3")
    tapes("amend", "-q", "--text", "three failed")
    tapes("tag", "v1")
    tapes("notes", "add", "-m", "a remark", "old#2")
    for words in REFUSED:
        check(tapes, words)
