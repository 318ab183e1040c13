"""A secret across the end of a piece: found, taken out, and no part of it left."""

from __future__ import annotations

import base64
import random

import pytest

from tapegit.objects.rope import decode_rope
from tapegit.objects.rope_reader import read_content
from tapegit.objects.turn import decode_turn
from tapegit.porcelain.maintenance.fsck import run_fsck
from tapegit.porcelain.secrets.redact import run_redact
from tapegit.redact.redactor import default_redactor
from tapegit.refs.names import RefName
from tapegit.rewrite.scan import Scanner
from tapegit.rewrite.secrets import Secrets
from tapegit.upkeep.fsck.fsck import FsckOptions
from tests.builders import make_repo, set_ref, write_bytes, write_turn
from tests.e2e.test_secrets import KEY
from tests.unit.rewrite.leaky_store import open_at

MIB = 1 << 20
PIECE = 4 * MIB
"""Where a line without an end is cut."""

NAME = "refs/heads/main"


def make_content(*places):
    """Return 17 MiB on one line, with the key at some places."""
    data = base64.b64encode(random.Random(1).randbytes(17 * MIB * 3 // 4))
    for place in places:
        data = data[: place - 1] + b" " + KEY.encode() + b" " + data[place + len(KEY) + 1 :]
    return data


def raw_of(repository):
    """Return the id of the first raw piece of what the branch is at."""
    oid = repository.refs.read(RefName(NAME))
    (piece,) = decode_turn(repository.objects.read(oid).data).raw
    return type(oid).fromhex(piece.oid)


@pytest.fixture(scope="module")
def stored(world, tmp_path_factory):
    """Give a store with a key across the end of a piece, and one in the middle of another."""
    repository = make_repo(tmp_path_factory.mktemp("long") / ".tapes")
    data = make_content(PIECE - 10, 2 * PIECE + 100)
    raw = write_bytes(repository, data)
    node = decode_rope(repository.objects.read(raw).data)
    assert [entry.size_bytes for entry in node.entries][:2] == [PIECE, PIECE]
    set_ref(repository, NAME, write_turn(repository, "long", raw=[raw]))
    other = write_bytes(repository, make_content())
    set_ref(repository, "refs/heads/clean", write_turn(repository, "clean", raw=[other]))
    return repository


def test_a_scan_finds_what_is_cut_in_two(stored):
    """Both are told of: the one that is whole, and the one across the end."""
    scanner = Scanner(stored.objects, default_redactor())
    found = list(scanner.scan_turns([stored.refs.read(RefName(NAME))]))
    assert [(each.part, each.rule, each.times) for each in found] == [("raw/0", "github-token", 2)]


def test_nothing_of_what_was_cut_in_two_is_left(stored):
    """Neither half is in any object; what is around it stays, and so does the other tape."""
    clean = stored.refs.read(RefName("refs/heads/clean"))
    assert run_redact(stored, Secrets(default_redactor())).counts == {"github-token": 2}
    repository = open_at(stored.root)
    data = read_content(repository.objects.find, raw_of(repository))
    key = KEY.encode()
    place = b" [REDACTED:github-token:1] "
    expected = make_content(PIECE - 10, 2 * PIECE + 100).replace(b" " + key + b" ", place)
    assert data == expected
    for oid in repository.objects.iter_oids():
        found = repository.objects.read(oid).data
        assert key[:8] not in found
        assert key[-26:] not in found
    assert repository.refs.read(RefName("refs/heads/clean")) == clean
    assert run_fsck(repository, FsckOptions(full=True)).code == 0
    assert run_redact(repository, Secrets(default_redactor())).object_count == 0
