"""Names and ids from outside: items 24 to 26 of "Names"."""

from __future__ import annotations

import json
import os
import unicodedata
from typing import TYPE_CHECKING

import pytest

from tapegit.objects.kind import Kind, object_id
from tests.hostile.conftest import DATA_CODES

if TYPE_CHECKING:
    from tapegit.objects.oid import ObjectId

NAME = 14
NOT_FOUND = 12
AMBIGUOUS = 13
USAGE = 2

BAD_NAMES = [
    "refs/heads/../x",
    "refs/heads/a..b",
    "refs/heads/.a",
    "refs/heads/a.lock",
    "refs/heads/a//b",
    "/refs/heads/a",
    "refs/heads/a/",
    "refs/heads/a b",
    "refs/heads/a\x1b[31m",
    "refs/heads/a\tb",
    "refs/heads/a\nb",
    "refs/heads/a\x7f",
    "@",
    "refs/heads/@{1}",
    "refs/heads/a@{1}",
    "refs/heads/-x",
    "refs/heads/--help",
    "refs/heads/CON",
    "refs/heads/con",
    "refs/heads/aux.txt",
    "refs/heads/COM1",
    "refs/heads/a.",
    "refs/heads/a ",
    "refs/heads/a:b",
    "refs/heads/a?b",
    "refs/heads/a*",
    "refs/heads/a[b",
    "refs/heads/a\\b",
    "refs/heads/a~1",
    "refs/heads/a^",
    "refs/heads/" + unicodedata.normalize("NFD", "é"),
    "refs/heads/a\u200bb",
    "refs/heads/a\u202eb",
    "refs/heads/a\ufeff",
    "refs/heads/" + "a" * 300,
    "refs/" + "a/" * 2000 + "b",
    "refs/heads/a\udcffb",
    "refs/heads/" + "ab" * 20,
    "refs/heads/" + "ab" * 32,
    "refs/heads/HEAD",
    "refs/heads",
    "refs/",
    "heads/a",
    "config",
    "objects/ab",
    "HEAD/x",
    "../config",
    "refs/../config",
    "",
]
OPTIONS = ["-x", "--help-me", "--upload-pack=/bin/sh"]


@pytest.mark.parametrize("name", BAD_NAMES, ids=lambda name: ascii(name)[1:40])
def test_b24_bad_ref_name_is_refused_everywhere(target, name):
    """B24: not made, not renamed, not read, not by a transaction, not as a target; said escaped."""
    tip = str(target.facts.tape[0])
    files = sorted(target.folder.parent.iterdir())
    before = sorted(target.root.rglob("*"))
    orders = f"create {name}\0{tip}\0".encode("utf-8", "surrogateescape")
    for argv, stdin in (
        (("update-ref", name, tip), b""),
        (("update-ref", "-d", name), b""),
        (("symbolic-ref", "HEAD", name), b""),
        (("update-ref", "-z", "--stdin"), orders),
    ):
        said = target.refused(*argv, stdin=stdin, codes={NAME, USAGE, *DATA_CODES, NOT_FOUND, 1})
        assert "\x1b" not in said
        assert "\u202e" not in said
    result = target.run("rev-parse", "--verify", name)
    assert result.code != 0 or name in {"@", ""}, result
    after = sorted(target.root.rglob("*"))
    assert [path for path in after if "locks" not in str(path)] == [
        path for path in before if "locks" not in str(path)
    ]
    assert sorted(target.folder.parent.iterdir()) == files
    target.check_old()


@pytest.mark.parametrize("name", OPTIONS)
@pytest.mark.parametrize("command", ["update-ref", "log", "show", "rev-parse", "rev-list"])
def test_b24_what_looks_like_an_option_is_never_a_name(target, command, name):
    """B24: neither where an option may stand nor after the `--` that ends them."""
    tip = str(target.facts.tape[0])
    extra = (tip,) if command == "update-ref" else ()
    assert target.run(command, name, *extra).code == USAGE
    result = target.run(command, "--", name, *extra)
    assert result.out == b""
    assert result.code != 0 or command == "log", "after it `log` has paths, which nothing here is"
    target.check_old()


@pytest.mark.parametrize(
    "pair",
    [
        ("refs/heads/Case", "refs/heads/case"),
        ("refs/heads/straße", "refs/heads/STRASSE"),
        ("refs/heads/a/b", "refs/heads/A"),
        ("refs/heads/d", "refs/heads/d/e"),
        ("refs/heads/d/e", "refs/heads/d"),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_b24_names_that_are_one_file_somewhere_are_refused(target, pair, packed):
    """B24: `A` and `a`, a ref and a folder of it: the second is refused, the first stays."""
    tip = str(target.facts.tape[0])
    target.ok("update-ref", pair[0], tip)
    if packed:
        target.ok("pack-refs", "--all")
    target.refused("update-ref", pair[1], tip, codes=NAME)
    assert target.ok("rev-parse", pair[0]).strip() == tip
    target.check_old()


@pytest.mark.parametrize("prefix", ["", "a", "ab", "abc"])
def test_b25_prefix_of_less_than_four_digits_is_refused(target, prefix):
    """B25: three digits are a name, and there is no ref of it."""
    target.refused("cat-file", "-t", prefix, codes={NOT_FOUND, NAME})


def _find_twins(target) -> tuple[ObjectId, ObjectId]:
    """Store two blobs whose ids have the same first four digits."""
    seen: dict[str, bytes] = {}
    for number in range(100_000):
        data = b"twin %d" % number
        oid = object_id(Kind.BLOB, data)
        other = seen.setdefault(str(oid)[:4], data)
        if other != data:
            return target.add(Kind.BLOB, other), target.add(Kind.BLOB, data)
    raise AssertionError


def test_b25_ambiguous_prefix_lists_its_candidates(target):
    """B25: never one of them; all are named, and one digit more may decide."""
    one, two = _find_twins(target)
    said = target.refused("cat-file", "-t", str(one)[:4], codes=AMBIGUOUS)
    assert str(one) in said
    assert str(two) in said
    for oid in (one, two):
        assert target.ok("cat-file", "-t", str(oid)[:12]).strip() == "blob"
        assert target.ok("rev-parse", str(oid)).strip() == str(oid)


def test_b25_ref_named_like_a_prefix_wins_with_a_warning(target):
    """B25: as in git."""
    prefix = str(target.facts.old)[:6]
    tip = str(target.facts.tape[0])
    target.ok("update-ref", f"refs/heads/{prefix}", tip)
    result = target.run("rev-parse", prefix)
    assert result.out.decode().strip() == tip
    assert "ambiguous" in result.error


@pytest.mark.parametrize(
    "text", [".*", "....", "????", "ab*", "[0-9a-f]", "%", "_", "abcd'", "٤٤٤٤"]
)
def test_b25_prefix_is_no_pattern(target, text):
    """B25: nothing in it is a wildcard."""
    target.refused("cat-file", "-t", text, codes={NOT_FOUND, NAME})


def _forge_index(target, oids: list[bytes]) -> None:
    """Put an index with these ids into the place of that of the pack, as an attacker who ground."""
    from array import array

    from tapegit.formats.packindex import HEADER
    from tapegit.objects.oid import hash_content

    (path,) = (target.root / "objects/pack").glob("*.idx")
    header = list(HEADER.unpack_from(path.read_bytes()))
    count = len(oids)
    header[2:8] = [count, 0, 0, 0, 0, 0]
    fanout = array("I", [sum(oid[0] <= first for oid in oids) for first in range(256)])
    numbers = array("I", range(count))
    body = HEADER.pack(*header) + fanout.tobytes() + b"".join(sorted(oids))
    body += numbers.tobytes() * 2
    path.unlink()
    path.write_bytes(body + hash_content(body))


def test_b25_abbreviations_grow_until_they_are_unique(target):
    """B25: many ids with the same eight first digits, as can be ground: shown ones are longer."""
    tip = target.facts.tape[-1]
    near = [bytes(tip[:6]) + os.urandom(26) for _ in range(20_000)]
    _forge_index(target, near)
    shown = target.ok("log", "--oneline", "-n", "1", "refs/heads/old").split()[0]
    assert len(shown) > 12
    assert str(tip).startswith(shown)
    assert target.ok("rev-parse", shown).strip() == str(tip)
    assert target.ok("rev-parse", "refs/heads/old").strip() == str(tip)
    said = target.refused("rev-parse", shown[:8], codes={AMBIGUOUS, *DATA_CODES})
    assert len(said) < 20_000, "candidates are listed, but not all twenty thousand"


HOSTILE_PATHS = [
    "../../.ssh/authorized_keys",
    "/etc/cron.d/x",
    "C:\\Windows\\x",
    ".git/hooks/x",
    ".GIT",
    "git~1",
    "..",
    ".",
    "a/../../b",
    "a\x00b",
    "a\x1b]0;x\x07",
    "-rf",
    "con",
    "x" * 5000,
    "\u202egpj.exe",
    "%2e%2e%2f",
]


@pytest.mark.parametrize("text", HOSTILE_PATHS, ids=lambda text: ascii(text)[1:30])
def test_b26_paths_in_a_transcript_name_no_file(target, text):
    """B26: what a transcript calls its session, its agent or its folder is never a path here."""
    records = [
        {
            "type": "user",
            "sessionId": text,
            "agentId": text,
            "cwd": text,
            "gitBranch": text,
            "uuid": text,
            "parentUuid": None,
            "isSidechain": side,
            "timestamp": "2026-01-01T00:00:00.000Z",
            "message": {"role": "user", "content": f"hello {side}"},
        }
        for side in (False, True)
    ]
    outside = target.folder / "outside"
    outside.mkdir()
    source = outside / "session.jsonl"
    source.write_text("".join(json.dumps(record) + "\n" for record in records))
    before = sorted(target.folder.iterdir())
    result = target.run("import", source)
    assert result.code == 0 or result.error.startswith("tapes: error: "), result
    assert b"\x1b" not in result.out + result.err
    assert sorted(target.folder.iterdir()) == before
    assert sorted(outside.iterdir()) == [source]
    for path in target.root.rglob("*"):
        assert not path.is_symlink()
        assert len(path.name) <= 255
        assert path.name not in {".git", ".GIT", "..", "con"}
    shown = target.run("log", "--all")
    assert b"\x1b" not in shown.out + shown.err
    target.ok("fsck")
    target.check_old()


@pytest.mark.parametrize("place", ["refs/heads/sub", "logs/refs/heads/sub", "objects/{two}"])
def test_b26_planted_link_is_not_followed_by_a_writer(target, tmp_path, place):
    """B26: a folder on the way is a link that somebody put there first."""
    outside = tmp_path / "outside"
    outside.mkdir()
    data = b"planted"
    oid = object_id(Kind.BLOB, data)
    path = target.root / place.format(two=str(oid)[:2])
    if path.is_dir():
        path.rename(tmp_path / "moved")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(outside)
    tip = str(target.facts.tape[0])
    for argv in (("update-ref", "refs/heads/sub/x", tip), ("hash-object", "-w", "--stdin")):
        result = target.run(*argv, stdin=data)
        assert result.code == 0 or result.error.startswith("tapes: error: "), result
    assert not list(outside.iterdir())
    target.ok("cat-file", "-p", str(target.facts.old))
