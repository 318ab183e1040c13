"""Any byte of any file of a store changed or cut off: the right answer or a named error.

What is exempt, since nothing in the bytes could tell:

- values in `config`, which are the user's; and what LATEST says, which is only a hint;
- names of files, and of refs inside symbolic refs: another valid name is another ref;
- the end of a reflog: a last line that does not check counts as torn by a crash, and a log cut
  after a line is a shorter log. What is left of it must be right, and `fsck` must notice where
  the ref itself tells that lines are missing: that of HEAD does not, nor a log without lines.

In all other cases a command that ends well has printed exactly what it prints of the sound
store; one that fails has named the error, and what it had printed before was right; `fsck` does
not call the store clean; and no command has written anything.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tapegit.errors import DataError, IntegrityError
from tapegit.formats.loose import decode_loose
from tapegit.formats.reffile import decode_ref_file
from tapegit.formats.reflog import encode_line, iter_entries
from tapegit.objects.oid import ObjectId
from tapegit.refs.names import RefName
from tests.properties.damage import (
    CHECKS,
    Outcome,
    build_store,
    list_files,
    read_all,
    split_batch,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MEANINGLESS = (".gitignore", "locks/")
"""Files that hold nothing: of these not even fsck reads a byte."""

EXEMPT = {"config", "LATEST"}
HEAD_NAMED = ("status", "show-ref")
"""Commands that say which branch HEAD is at, or leave it out where that is unborn."""

LOOSE_NAME = re.compile(r"objects/([0-9a-f]{2})/([0-9a-f]{62})")
CODES = {10, 11, 12, 13, 16, *range(30, 37)}
"""The exit codes of named errors that damage may end in."""


pytestmark = pytest.mark.slow


class Model(NamedTuple):
    """A sound store and what its files and commands give."""

    root: Path
    files: dict[str, bytes]
    sound: dict[str, Outcome]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """Give a store that every test leaves as it found it."""
    root = tmp_path_factory.mktemp("damage") / ".tapes"
    build_store(root)
    files = {name: (root / name).read_bytes() for name in list_files(root)}
    sound = read_all(root)
    assert all(outcome.code == 0 for outcome in sound.values()), sound
    return Model(root, files, sound)


def test_model_has_a_file_of_every_kind(model):
    """The store that is damaged has everything that can be."""
    endings = {name.rpartition(".")[2] for name in model.files if name.startswith("objects/pack/")}

    assert endings == {"pack", "idx", "cruft"}
    assert {"HEAD", "LATEST", "format", "config", "packed-refs"} < set(model.files)
    assert {"logs/HEAD", "logs/refs/heads/main", "refs/heads/main"} < set(model.files)
    assert sum(name.startswith("objects/") for name in model.files) > 6
    kinds = {header.split()[1] for header, _ in split_batch(model.sound["batch"].out)}
    assert kinds == {b"blob", b"rope", b"turn", b"tag"}


def flip(data: bytes, place: int, bit: int) -> bytes:
    """Return the bytes with one bit changed."""
    place %= max(len(data), 1)
    return data[:place] + bytes([data[place] ^ 1 << bit]) + data[place + 1 :] if data else b"\1"


EDITS: dict[str, Callable[[bytes, int, int], bytes]] = {
    "flip": flip,
    "cut": lambda data, place, _: data[: place % max(len(data), 1)],
    "zeros": lambda data, place, _: data[: place % (len(data) + 1)].ljust(len(data), b"\0"),
    "drop": lambda data, place, _: (
        data[: place % (len(data) + 1)] + data[place % (len(data) + 1) + 1 :]
    ),
    "append": lambda data, place, bit: data + bytes([place % 256]) * (bit + 1),
    "empty": lambda _data, _place, _bit: b"",
}


@given(st.data())
@settings(max_examples=40)
def test_damage_anywhere_is_a_right_answer_or_a_named_error(model, data):
    """One file of the store is changed in one place, and everything is read."""
    name = data.draw(st.sampled_from(sorted(model.files)), label="file")
    edit = data.draw(st.sampled_from(sorted(EDITS)), label="edit")
    place = data.draw(st.integers(0, max(len(model.files[name]), 1) - 1), label="place")
    bit = data.draw(st.integers(0, 7), label="bit")

    judge(model, name, EDITS[edit](model.files[name], place, bit))


@given(
    st.sampled_from(["objects/", "refs/heads/main", "packed-refs", "HEAD", "format", "logs/"]),
    st.data(),
)
@settings(max_examples=40)
def test_a_flipped_bit_in_data_is_a_right_answer_or_a_named_error(model, beginning, data):
    """The same where it matters most, one bit at a time."""
    names = sorted(name for name in model.files if name.startswith(beginning))
    name = data.draw(st.sampled_from(names), label="file")
    place = data.draw(st.integers(0, len(model.files[name]) - 1), label="place")

    judge(model, name, flip(model.files[name], place, data.draw(st.integers(0, 7), label="bit")))


def judge(model: Model, name: str, damaged: bytes) -> None:
    """Put damaged bytes into the place of a file, and check what every command makes of it."""
    if damaged == model.files[name]:
        return
    found = read_damaged(model, name, damaged)
    if name in EXEMPT:
        return
    if name.startswith(MEANINGLESS):
        assert found == model.sound
        return
    sound = sound_with_log(model, name, damaged) if name.startswith("logs/") else model.sound
    skipped = {*CHECKS, *(HEAD_NAMED if points_elsewhere(name, damaged) else ())}
    for command, outcome in found.items():
        if command not in skipped:
            judge_outcome(command, outcome, sound[command])
    if not may_go_unnoticed(model, name, damaged):
        assert found["fsck-full"][:2] != model.sound["fsck-full"][:2], "fsck did not notice"


def judge_outcome(command: str, outcome: Outcome, sound: Outcome) -> None:
    """Check one command: the right answer, or a named error after nothing but right answers.

    As in git, for-each-ref names a broken ref and is content with the others, and a batch says
    of a damaged object that it is missing, and goes on.
    """
    if outcome.code == 0:
        if command == "for-each-ref" and "ignoring broken ref" in outcome.err:
            assert set(outcome.out.splitlines()) <= set(sound.out.splitlines())
        else:
            assert outcome.out == sound.out
        return
    assert outcome.code in CODES, outcome
    assert "error" in outcome.err, outcome
    if command == "raw":
        assert sound.out.startswith(outcome.out)
    elif command == "batch":
        answers = {answer for answer in split_batch(outcome.out) if not is_missing(answer)}
        assert answers <= set(split_batch(sound.out))
    else:
        lines = outcome.out.splitlines()
        if command.startswith("batch"):
            lines = [line for line in lines if not line.endswith(b" missing")]
        assert set(lines) <= set(sound.out.splitlines())


def is_missing(answer: tuple[bytes, bytes]) -> bool:
    """Return whether a batch says of an object that it is not there."""
    return answer[0].endswith(b" missing")


def read_damaged(model: Model, name: str, damaged: bytes) -> dict[str, Outcome]:
    """Return what all commands do while a file has other bytes; they must leave it so."""
    path = model.root / name
    path.chmod(0o600)
    path.write_bytes(damaged)
    try:
        found = read_all(model.root)
        written = {other: (model.root / other).read_bytes() for other in list_files(model.root)}
    finally:
        path.write_bytes(model.files[name])
        path.chmod(0o444 if name.startswith("objects/") else 0o600)
    assert written == model.files | {name: damaged}
    return found


def sound_with_log(model: Model, name: str, damaged: bytes) -> dict[str, Outcome]:
    """Return what commands do where a reflog has just the lines that are left of it."""
    entries = list(iter_entries(model.files[name]))
    try:
        left = list(iter_entries(damaged))
    except IntegrityError:
        return model.sound
    assert left == entries[: len(left)]
    if left == entries:
        return model.sound
    return read_damaged(model, name, b"".join(map(encode_line, left)))


def points_elsewhere(name: str, damaged: bytes) -> bool:
    """Return whether HEAD now names another ref, which nothing in it could tell from its own."""
    if name != "HEAD":
        return False
    try:
        target = decode_ref_file(damaged)
    except DataError:
        return False
    return isinstance(target, str) and RefName.try_parse(target) is not None


def may_go_unnoticed(model: Model, name: str, damaged: bytes) -> bool:
    """Return whether fsck need not find anything: nothing was lost, or nothing tells of it."""
    if name.startswith("logs/"):
        try:
            left = len(list(iter_entries(damaged)))
        except IntegrityError:
            return False
        return name == "logs/HEAD" or left in (0, len(list(iter_entries(model.files[name]))))
    if match := LOOSE_NAME.fullmatch(name):
        try:
            decode_loose(damaged, ObjectId.parse(match[1] + match[2]), where=name)
        except DataError:
            return False
        return True
    return False
