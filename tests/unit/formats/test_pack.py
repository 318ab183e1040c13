"""Packs as bytes: what the page shows decodes, and counts that lie are refused before use."""

from __future__ import annotations

import struct

import pytest

from tapegit.errors import FormatError, TruncatedError, UnsupportedVersionError
from tapegit.formats import zstd
from tapegit.formats.pack import (
    CONTENT_SIZE_MAX_BYTES,
    FOOTER_SIZE_BYTES,
    OBJECT_COUNT_MAX,
    Directory,
    Frame,
    Section,
    decode_directory,
    decode_footer,
    decode_record_offsets,
    encode_directory,
    encode_footer,
    encode_frame_content,
    encode_header,
    number_sections,
    verify_header,
)
from tapegit.objects.oid import hash_content
from tests.vectors.vector import read_man_examples

EXAMPLE, *CONTENTS = read_man_examples("tapesformat-pack.5.md")
HERE = "here"


def tables_of(pack):
    """Return the directory and the footer of a pack."""
    footer = decode_footer(pack[-FOOTER_SIZE_BYTES:], file_size=len(pack), where=HERE)
    tables = pack[footer.directory_offset : -FOOTER_SIZE_BYTES]
    return decode_directory(tables, footer, where=HERE), footer


def test_the_example_of_the_page_decodes():
    """Four frames of one record each, whose contents the page shows, and a right checksum."""
    verify_header(EXAMPLE[:8], where=HERE)
    directory, footer = tables_of(EXAMPLE)
    assert footer.checksum == EXAMPLE[-32:] == hash_content(EXAMPLE[:-32])
    assert bytes(directory.kind_numbers) == b"\1\2\3\4"
    assert directory.sections == [Section(4, 0, 4)]
    for number, shown in enumerate(CONTENTS):
        frame = directory.frame(number)
        compressed = EXAMPLE[frame.offset : frame.offset + frame.compressed_size]
        content = zstd.decompress(compressed, size_max=frame.content_size, where=HERE)
        assert content == shown
        assert decode_record_offsets(content, 1, where=HERE).tolist() == [4, len(content)]


def test_the_tables_of_the_example_are_encoded_as_the_page_has_them():
    """Encoding what was decoded gives the same bytes."""
    directory, footer = tables_of(EXAMPLE)
    tables = encode_directory(directory) + encode_footer(directory, footer.directory_offset)
    assert EXAMPLE[:8] == encode_header()
    assert EXAMPLE[footer.directory_offset :] == tables + footer.checksum


def test_an_empty_pack_is_valid():
    """No frames, no sections, no objects: 64 bytes."""
    body = encode_header() + encode_footer(Directory(), 8)
    directory, footer = tables_of(body + hash_content(body))
    assert len(directory) == footer.object_count == 0


@pytest.mark.parametrize(
    ("header", "error"),
    [
        (b"", FormatError),
        (b"TPC", FormatError),
        (b"TPCK\1\0\0", FormatError),
        (b"PACK\1\0\0\0", FormatError),
        (b"TPCK\0\0\0\0", UnsupportedVersionError),
        (b"TPCK\2\0\0\0", UnsupportedVersionError),
        (b"TPCK\1\0\0\1", UnsupportedVersionError),
    ],
)
def test_other_headers_are_refused(header, error):
    """Another magic is no pack, another version is said to be one."""
    with pytest.raises(error):
        verify_header(header, where=HERE)


@pytest.mark.parametrize("size", range(64))
def test_a_file_too_short_for_a_pack_is_truncated(size):
    """Whatever its last bytes say."""
    with pytest.raises(TruncatedError):
        decode_footer(EXAMPLE[-size:] if size else b"", file_size=size, where=HERE)


@pytest.mark.parametrize(
    ("offset", "counts"),
    [
        (8, (0, 0xFFFFFFFF, 0, 0)),
        (8, (0, 0, 0xFFFFFFFF, 0)),
        (8, (0xFFFFFFFF, 0, 0, 0)),
        ((1 << 64) - 8, (0, 0, 0, 0)),
        (0, (0, 0, 0, 0)),
        ((1 << 64) - 24 * 0xFFFFFFFF + 8, (0, 0xFFFFFFFF, 0, 0)),
    ],
)
def test_a_footer_that_does_not_explain_the_size_is_refused(offset, counts):
    """Counts of billions, and sums that wrap around in 64 bits, allocate nothing."""
    footer = struct.pack("<QIIII32s", offset, *counts, b"")
    with pytest.raises(FormatError):
        decode_footer(footer, file_size=64, where=HERE)


def test_more_objects_than_numbers_are_refused():
    """The count of objects stays below what the index can number."""
    footer = struct.pack("<QIIII32s", 8, 0, 0, 0, OBJECT_COUNT_MAX + 1, b"")
    with pytest.raises(FormatError, match="too many"):
        decode_footer(footer, file_size=64, where=HERE)


def make(frames, sections, outer=b""):
    """Return the tables of a pack and their footer, as a forger would write them."""
    directory = Directory()
    for frame in frames:
        directory.append(frame)
    directory.sections = sections
    directory.outer_ids = outer
    end = 8 + sum(frame.compressed_size for frame in frames)
    tables = encode_directory(directory)
    size = end + len(tables) + FOOTER_SIZE_BYTES
    footer = encode_footer(directory, end) + bytes(32)
    return tables, decode_footer(footer, file_size=size, where=HERE)


GOOD = Frame(8, 100, 50, 2, 1)


def test_good_tables_are_taken():
    """The frame that the next test varies is valid itself."""
    assert decode_directory(*make([GOOD], [Section(1, 0, 2)]), where=HERE).frame(0) == GOOD


@pytest.mark.parametrize(
    "change",
    [
        {"offset": 9},
        {"offset": 0},
        {"offset": (1 << 64) - 1},
        {"kind_number": 0},
        {"kind_number": 5},
        {"record_count": 0},
        {"record_count": (1 << 20) + 1},
        {"content_size": 7},
        {"content_size": CONTENT_SIZE_MAX_BYTES + 1},
        {"content_size": 0xFFFFFFFF},
        {"compressed_size": 0},
        {"compressed_size": 0x7FFFFFFF},
    ],
)
def test_a_frame_that_breaks_a_rule_is_refused(change):
    """Place, kind, counts and sizes have limits of their own."""
    frame = GOOD._replace(**change)
    with pytest.raises(FormatError):
        decode_directory(*make([frame], [Section(1, 0, frame.record_count)]), where=HERE)


@pytest.mark.parametrize("place", [21, 22, 23])
def test_bytes_that_must_be_zero_are_checked(place):
    """The three bytes after the kind are zero."""
    tables, footer = make([GOOD], [Section(1, 0, 2)])
    forged = bytearray(tables)
    forged[place] = 1
    with pytest.raises(FormatError):
        decode_directory(bytes(forged), footer, where=HERE)


TURN = Frame(108, 10, 50, 2, 3)


@pytest.mark.parametrize(
    ("frames", "sections", "outer"),
    [
        ([GOOD], [], b""),
        ([GOOD], [Section(0, 0, 0), Section(1, 0, 2)], b""),
        ([GOOD], [Section(2, 0, 2)], b""),
        ([GOOD], [Section(1, 0, 3)], b""),
        ([GOOD], [Section(1, 1, 2)], b""),
        ([GOOD], [Section(1, 0, 2)], b"x" * 32),
        ([GOOD, TURN], [Section(1, 0, 2)], b""),
        ([GOOD, TURN], [Section(1, 0, 1), Section(1, 0, 3)], b""),
        ([GOOD._replace(kind_number=3), TURN._replace(kind_number=2)], [Section(2, 0, 4)], b""),
        ([], [Section(0, 0, 0)], b""),
    ],
)
def test_sections_that_do_not_fit_are_refused(frames, sections, outer):
    """Sections share out frames, outer ids and objects without rest, kinds in order."""
    tables, footer = make(frames, sections, outer)
    with pytest.raises(FormatError):
        decode_directory(tables, footer, where=HERE)


def test_sections_are_numbered_for_the_index():
    """Where each kind begins, also of kinds that a section does not have."""
    frames = [GOOD, TURN, GOOD._replace(offset=118, compressed_size=1, kind_number=4)]
    directory = decode_directory(
        *make(frames, [Section(2, 1, 4), Section(1, 0, 2)], b"x" * 32), where=HERE
    )
    numbers, owners = number_sections(directory)
    assert numbers.tolist() == [0, 2, 2, 4, 4, 0, 1, 0, 4, 4, 4, 4, 6, 1, 0, 2]
    assert owners.tolist() == [0, 0, 1]


@pytest.mark.parametrize("records", [[b""], [b"a", b"", b"bcd"], [b"x" * 1000] * 5])
def test_records_come_apart_as_they_were_joined(records):
    """Sizes first, then the records, of which some may be empty."""
    content = encode_frame_content(records)
    offsets = decode_record_offsets(content, len(records), where=HERE)
    assert [content[offsets[n] : offsets[n + 1]] for n in range(len(records))] == records


@pytest.mark.parametrize(
    ("content", "count"),
    [
        (b"", 1),
        (b"\1\0\0", 1),
        (b"\2\0\0\0a", 1),
        (b"\0\0\0\0a", 1),
        (b"\xff\xff\xff\xff\xff\xff\xff\xff", 2),
        (struct.pack("<II", 0xFFFFFFFF, 1), 2),
    ],
)
def test_records_that_do_not_fill_their_frame_are_refused(content, count):
    """Sizes neither leave a rest, nor wrap around."""
    with pytest.raises(FormatError):
        decode_record_offsets(content, count, where=HERE)
