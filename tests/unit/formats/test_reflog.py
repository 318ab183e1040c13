"""Reflogs: lines with checksums, of which only the last may be torn."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tapegit.errors import IntegrityError
from tapegit.formats.reflog import (
    LINE_SIZE_MAX_BYTES,
    ReflogEntry,
    decode_line,
    encode_line,
    iter_entries,
    iter_sound_entries,
    whole_size,
)
from tapegit.objects.oid import ZERO_OID, ObjectId
from tests.vectors.vector import read_man_examples

ONE = ObjectId(b"\x11" * 32)
TWO = ObjectId(b"\x22" * 32)
ENTRIES = [
    ReflogEntry(ZERO_OID, ONE, 1, "", "created"),
    ReflogEntry(ONE, TWO, 1_760_000_000_000, "Zoë <z@x.org>", "line\nbreak\tand \\ and \x1b"),
    ReflogEntry(TWO, ZERO_OID, 3, "a b%", ""),
]
LOG = b"".join(map(encode_line, ENTRIES))

texts = st.text(st.characters(), max_size=60)
entries = st.builds(
    ReflogEntry,
    st.binary(min_size=32, max_size=32).map(ObjectId),
    st.binary(min_size=32, max_size=32).map(ObjectId),
    st.integers(0, (1 << 53) - 1),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=30),
    texts,
)


@given(entries)
@example(ReflogEntry(ONE, TWO, 0, "-x", "\ud800"))
@example(ReflogEntry(ONE, TWO, 0, "x", "\\u0041 \\n"))
def test_an_entry_survives_its_line(entry):
    """Whatever stands in who and message, also a lone surrogate, comes back from one line."""
    line = encode_line(entry)

    assert line.count(b"\n") == 1
    assert entry == decode_line(line[:-1])


def test_somebody_called_minus_is_not_nobody():
    """The sign for nobody is never what a name is written as."""
    line = encode_line(ReflogEntry(ONE, TWO, 0, "-", ""))

    assert b" %2d\t" in line
    assert decode_line(line[:-1]).who == "-"


@pytest.mark.parametrize("message", ["x" * 9000, "é" * 9000, "\n" * 9000, "\x01" * 9000])
def test_a_long_message_is_cut_to_a_line_that_still_checks(message):
    """No line is longer than 4,096 bytes, and none ends within a character or an escape."""
    line = encode_line(ReflogEntry(ONE, TWO, 1, "n" * 900, message))

    assert LINE_SIZE_MAX_BYTES - 8 <= len(line) <= LINE_SIZE_MAX_BYTES
    assert message.startswith(decode_line(line[:-1]).message)


def test_times_out_of_range_are_bent_into_it():
    """A clock that is off does not stop a ref from moving."""
    assert decode_line(encode_line(ReflogEntry(ONE, TWO, -5, "", ""))[:-1]).time_ms == 0
    assert decode_line(encode_line(ReflogEntry(ONE, TWO, 1 << 60, "", ""))[:-1])[2] == (1 << 53) - 1


def test_a_whole_log_is_read_oldest_first():
    """Entries come in the order of the file."""
    assert list(iter_entries(LOG)) == ENTRIES
    assert list(iter_sound_entries(LOG)) == ENTRIES
    assert list(iter_entries(b"")) == []


def test_a_log_cut_anywhere_has_the_lines_before_the_cut():
    """A torn last line is no line and no error, wherever it was torn."""
    ends = [sum(len(encode_line(e)) for e in ENTRIES[:n]) for n in range(len(ENTRIES) + 1)]
    for size in range(len(LOG) + 1):
        whole = sum(end <= size for end in ends) - 1
        assert ENTRIES[:whole] == list(iter_entries(LOG[:size])), size
        assert ends[whole] == whole_size(LOG[:size]), size


def test_a_last_line_of_zeros_is_torn():
    """What a power cut leaves of an append, a tail of zeros, is passed over."""
    for tail in (b"\0" * 50, b"\0" * 50 + b"\n", encode_line(ENTRIES[0])[:40] + b"\0" * 60):
        assert list(iter_entries(LOG + tail)) == ENTRIES
        assert len(LOG) == whole_size(LOG + tail)


def test_any_flipped_bit_is_noticed():
    """No bit of a line can change without an error, or the loss of the last line."""
    first = len(encode_line(ENTRIES[0]))
    for place in range(len(LOG)):
        for bit in range(8):
            data = bytearray(LOG)
            data[place] ^= 1 << bit
            try:
                found = list(iter_entries(bytes(data)))
            except IntegrityError as error:
                assert error.fields["line"] <= len(ENTRIES)  # noqa: PT017 - both outcomes are allowed
                continue
            assert place >= first
            assert found == ENTRIES[:-1]


def test_a_line_after_a_whole_one_without_a_newline_is_damage():
    """A whole line that goes on was not torn: it is an error, and is never cut away."""
    damaged = (LOG[:-1] + b"X", LOG[:-1] + b"X" + LOG, LOG[:-1] + b"X\n")
    for data in damaged:
        assert whole_size(data) == len(data)
        with pytest.raises(IntegrityError, match="line 3"):
            list(iter_entries(data))


def test_sound_lines_around_a_damaged_one_are_found():
    """One damaged line costs that line, for those who pass over it."""
    lines = LOG.splitlines(keepends=True)
    lines[1] = lines[1].replace(b"break", b"bread")

    assert [ENTRIES[0], ENTRIES[2]] == list(iter_sound_entries(b"".join(lines)))
    with pytest.raises(IntegrityError, match="line 2"):
        list(iter_entries(b"".join(lines), where="logs/x"))


@given(st.binary(max_size=400))
def test_any_bytes_are_entries_or_an_integrity_error(data):
    """No bytes make the reader raise anything else."""
    try:
        list(iter_entries(data))
    except IntegrityError:
        pass
    assert whole_size(data) <= len(data)


def test_the_example_of_the_page_decodes():
    """The line in tapesformat-reflog(5) says what the page says."""
    (line,) = read_man_examples("tapesformat-reflog.5.md")
    (entry,) = iter_entries(line)

    assert line == encode_line(entry)
    assert (entry.old, entry.time_ms, entry.who) == (ZERO_OID, 1_760_000_000_000, "ada@x.org")
    assert entry.new.hex()[:8] == "c9a94c1a"
    assert entry.message == "import: first\ttry\n"
