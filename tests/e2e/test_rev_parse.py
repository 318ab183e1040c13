"""`tapes rev-parse`: what git's has not, places, and errors."""

from __future__ import annotations

import pytest

from tests.builders import make_tape, set_ref, write_blob, write_tag

SESSION = "refs/sessions/claude-code/0f4c2d7e-9b1a/file/main"


@pytest.fixture
def tape(repository):
    """Give five turns of `main` and of a session, oldest first."""
    oids = make_tape(repository, 5)
    set_ref(repository, SESSION, oids[-1])
    return [str(oid) for oid in oids]


def test_names_git_does_not_know(tapes, tape):
    """Sessions and ordinals are revisions."""
    assert tapes("rev-parse", "0f4c2d7e~1", "main#0", "HEAD:turn").lines == [
        tape[3],
        tape[0],
        tape[4],
    ]
    assert tapes("rev-parse", "--abbrev-ref", "0f4c2d7e").lines == ["claude-code/0f4c2d7e-9b1a"]
    assert tapes("rev-parse", "--symbolic-full-name", "0f4c2d7e").lines == [SESSION]
    blob = tapes("rev-parse", "HEAD:raw/0").oid
    assert tapes("cat-file", "-p", blob).out == "turn 5\n"


def test_objects_of_any_kind_are_parsed(tapes, repository, tape):
    """A tag is itself until it is peeled, and a blob is an object too."""
    tag = write_tag(repository, make_tape(repository, 1, name=None)[0])
    blob = write_blob(repository, b"x")
    set_ref(repository, "refs/tags/v1", tag)
    assert tapes("rev-parse", "v1", str(blob)).lines == [str(tag), str(blob)]
    assert tapes("rev-parse", "v1^{}").oid != str(tag)
    assert "is a blob, not a tag" in tapes("rev-parse", f"{blob}^{{tag}}", code=1).err


def test_json_says_what_each_end_is(tapes, tape):
    """Revision, id, the ref if it is one, and whether it is left out."""
    assert tapes("rev-parse", "--json", "main~1..main").records == [
        {
            "schema": 1,
            "revision": "main",
            "oid": tape[4],
            "ref": "refs/heads/main",
            "excluded": False,
        },
        {"schema": 1, "revision": "main~1", "oid": tape[3], "excluded": True},
    ]


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("nosuch",), 12),
        (("main~9",), 12),
        (("--verify", "nosuch"), 12),
        (("--verify",), 1),
        (("--verify", "main", "main"), 1),
        (("--verify", "main..main"), 1),
        (("--verify", "--all"), 1),
        (("main~~x",), 14),
        (("main@{soon}",), 14),
        (("main:part/0",), 1),
        (("-x",), 2),
        (("--verify", "-q", "nosuch"), 1),
        (("-q", "--verify", "main..main"), 1),
        (("--verify", "-q", "main~~x"), 1),
        (("main", "nosuch"), 12),
    ],
)
def test_what_cannot_be_parsed_prints_nothing(tapes, tape, words, code):
    """Nothing on standard output, the code of the error, and silence where it was asked for."""
    result = tapes("rev-parse", *words, code=code)
    assert result.data == b""
    assert (result.err == "") == ("-q" in words)


def test_quiet_does_not_hide_damage(tapes, repository, tape):
    """`-q` is silent on what does not exist, not on a store that is broken."""
    (repository.root / "refs/heads/main").write_bytes(b"nonsense")
    assert tapes("rev-parse", "--verify", "-q", "main", code=30).err


def test_short_ids_are_unique(tapes, tape):
    """Seven digits, or as many as asked for, at least four."""
    assert tapes("rev-parse", "--short", "main").lines == [tape[4][:7]]
    assert tapes("rev-parse", "--short=12", "main").lines == [tape[4][:12]]
    assert tapes("rev-parse", "--short=1", "main").lines == [tape[4][:4]]
    assert tapes("rev-parse", "--short=99", "^main").lines == ["^" + tape[4]]


def test_disambiguate_lists_all_that_begin_so(tapes, tape):
    """Every object with these digits, however few may be left."""
    assert tapes("rev-parse", f"--disambiguate={tape[0][:8]}").lines == [tape[0]]
    assert tapes("rev-parse", "--disambiguate=zzzz").data == b""


def test_ambiguous_prefix_lists_the_candidates(tapes, repository):
    """The error has every candidate, for people and as JSON."""
    seen = {}
    for number in range(2000):
        oid = write_blob(repository, b"%d" % number)
        if (other := seen.setdefault(oid.hex()[:4], oid)) != oid:
            break
    result = tapes("rev-parse", oid.hex()[:4], code=13)
    for candidate in (oid, other):
        assert f"hint:   {candidate} blob" in result.err
    assert result.data == b""
    listed = tapes("rev-parse", f"--disambiguate={oid.hex()[:4]}").lines
    assert listed == sorted([str(oid), str(other)])


def test_places(tapes, tape, work, repository):
    """Where the store is, from its directory, from below it and from inside it."""
    below = work / "a" / "b"
    below.mkdir(parents=True)
    inside = repository.root / "refs"
    words = ("--tapes-dir", "--is-inside-work-tree", "--is-inside-tapes-dir", "--show-prefix")
    assert tapes("rev-parse", *words).lines == [".tapes", "true", "false", ""]
    assert tapes("rev-parse", *words, cwd=below).lines == [
        str(repository.root),
        "true",
        "false",
        "a/b/",
    ]
    assert tapes("rev-parse", "--show-cdup", cwd=below).lines == ["../../"]
    assert tapes("rev-parse", "--show-toplevel", cwd=below).lines == [str(work)]
    assert tapes("rev-parse", *words[:3], cwd=inside).lines[1:] == ["false", "true"]
    assert tapes("rev-parse", "--tapes-dir", cwd=repository.root).lines == ["."]
    tapes("rev-parse", "--show-toplevel", cwd=inside, code=10)
    assert tapes("rev-parse", "--absolute-tapes-dir").lines == [str(repository.root)]
    assert tapes("rev-parse", "--show-object-format").lines == ["blake3"]
    (record,) = tapes("rev-parse", "--json", "--is-inside-work-tree").records
    assert record == {"schema": 1, "is_inside_work_tree": "true"}


def test_places_of_another_store(tapes, repository, tmp_path):
    """A store that is not above the current directory has no top level here."""
    word = ("--tapes-dir", str(repository.root), "rev-parse")
    assert tapes(*word, "--is-inside-work-tree", cwd=tmp_path).lines == ["false"]
    tapes(*word, "--show-toplevel", cwd=tmp_path, code=10)


def test_no_store_is_an_error(tapes, tmp_path):
    """Outside any store there is nothing to ask, and the code says so."""
    for words in (("HEAD",), ("--tapes-dir",), ("--is-inside-work-tree",)):
        tapes("rev-parse", *words, cwd=tmp_path, code=10)


def test_detached_head_has_no_branch(tapes, repository, tape):
    """A detached HEAD is called HEAD."""
    from tapegit.objects.oid import ObjectId

    with repository.refs.transaction("test") as transaction:
        transaction.detach_head(ObjectId.parse(tape[2]))
    assert tapes("rev-parse", "--abbrev-ref", "HEAD").lines == ["HEAD"]
    assert tapes("rev-parse", "--symbolic-full-name", "HEAD").lines == ["HEAD"]
    assert tapes("rev-parse", "HEAD").lines == [tape[2]]
    assert tapes("rev-list", "--all", "--count").out == "5\n"
