"""The commands that `update-ref --stdin` reads."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapegit.errors import TapesError, UserError
from tapegit.objects.oid import ZERO_OID, ObjectId
from tapegit.porcelain.plumbing.ref_commands import (
    RefCommand,
    iter_commands,
    iter_records,
    parse_value,
)
from tapegit.refs.names import RefName
from tapegit.refs.store import ANY

A = ObjectId(b"\xaa" * 32)
B = ObjectId(b"\xbb" * 32)
REF = RefName("refs/heads/x")


class Slow(io.RawIOBase):
    """A stream that gives a byte at a time."""

    def __init__(self, data: bytes) -> None:
        self._data = io.BytesIO(data)

    def read1(self, _size: int) -> bytes:
        """Return the next byte."""
        return self._data.read(1)


def parse(data: bytes, *, nul: bool = False, stream=io.BytesIO) -> list[RefCommand]:
    """Return the commands in these bytes."""
    return list(iter_commands(iter_records(stream(data), nul=nul), resolve, nul=nul))


def resolve(text: str) -> ObjectId:
    """Return the id of these digits, as a resolver that knows no names."""
    try:
        return ObjectId.fromhex(text)
    except ValueError as error:
        raise UserError("no such thing") from error


CASES = [
    (f"update {REF} {A}", f"update {REF}\0{A}\0", RefCommand("update", REF, A)),
    (f"update {REF} {A} {B}", f"update {REF}\0{A}\0{B}", RefCommand("update", REF, A, B)),
    (
        f"update {REF} {A} {ZERO_OID}",
        f"update {REF}\0{A}\0{ZERO_OID}",
        RefCommand("update", REF, A, None),
    ),
    (f"create {REF} {A}", f"create {REF}\0{A}", RefCommand("create", REF, A, None)),
    (f"delete {REF}", f"delete {REF}\0", RefCommand("delete", REF, None, ANY)),
    (f"delete {REF} {A}", f"delete {REF}\0{A}", RefCommand("delete", REF, None, A)),
    (f"verify {REF} {A}", f"verify {REF}\0{A}", RefCommand("verify", REF, None, A)),
    (f"verify {REF}", f"verify {REF}\0", RefCommand("verify", REF, None, None)),
    ("start", "start", RefCommand("start")),
    ("commit", "commit", RefCommand("commit")),
]


@pytest.mark.parametrize(
    ("line", "records", "command"), CASES, ids=[case[0][:14] for case in CASES]
)
@pytest.mark.parametrize("stream", [io.BytesIO, Slow], ids=["whole", "byte by byte"])
def test_both_forms_give_the_same_command(line, records, command, stream):
    """A command reads the same as a line and as NUL-ended values, however it arrives."""
    assert parse(line.encode() + b"\n", stream=stream) == [command]
    assert parse(records.encode() + b"\0", nul=True, stream=stream) == [command]


def test_the_last_line_needs_no_end():
    """A line at the end of the input counts, as for every tool; a value in -z form does not."""
    assert parse(b"start") == [RefCommand("start")]
    with pytest.raises(TapesError, match="does not end with NUL"):
        parse(b"start", nul=True)


def test_no_deref_is_for_the_next_command_only():
    """The option holds for one command."""
    text = f"option no-deref\ndelete {REF}\ndelete {REF}\n"

    assert [command.deref for command in parse(text.encode())] == [False, True]


@pytest.mark.parametrize("text", ["", str(ZERO_OID)])
def test_parse_value_takes_zeros_and_nothing_as_no_object(text):
    """Both stand for "does not exist"; nothing is looked up for them."""
    assert parse_value(text, lambda _: 1 / 0) is None


@given(
    st.lists(
        st.sampled_from(
            [b"update ", b"create ", b"delete", b" refs/heads/x", b" ", b"\n", b"\0", b"option "]
        )
        | st.binary(max_size=6)
    ).map(b"".join),
    st.booleans(),
)
def test_any_input_is_commands_or_a_named_error(data, nul):
    """Whatever bytes come, the answer is commands or an error of ours."""
    try:
        commands = parse(data, nul=nul)
    except TapesError:
        return
    assert all(isinstance(command, RefCommand) for command in commands)
