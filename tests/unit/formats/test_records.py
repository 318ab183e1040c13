"""Records: ids cut out of ropes and turns and put in again, byte by byte, or refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapegit.errors import DataError, FormatError
from tapegit.formats.records import (
    decode_references,
    encode_record,
    join_rope,
    join_turn,
    resolve_references,
    split_rope,
    split_turn,
)
from tapegit.objects.kind import MIB
from tapegit.objects.rope import RopeEntry, encode_rope

HEX = "0123456789abcdef" * 4
OID = bytes.fromhex(HEX)
SECTION = [10, 20, 30, 40, 50, 0, 3, 0]
"""Blobs 10 to 19, ropes 20 to 29, turns 30 to 39, tags 40 to 49, three outer ids."""


@given(st.lists(st.integers(0, (1 << 40) - 1), max_size=300), st.binary(max_size=50))
def test_references_come_back(references, template):
    """Any numbers, and then any template."""
    record = encode_record(references, template)
    decoded, start = decode_references(record)
    assert decoded == references
    assert record[start:] == template


@given(st.binary(max_size=40))
def test_any_bytes_are_references_or_refused(record):
    """Nothing but errors of data comes out of rubbish."""
    try:
        references, start = decode_references(record)
    except DataError:
        return
    assert encode_record(references, record[start:]) == record


def test_more_references_than_bytes_are_refused_at_once():
    """A count of billions allocates nothing."""
    with pytest.raises(DataError):
        decode_references(b"\xff\xff\xff\xff\xff\xff\xff\x0f")


tokens = st.sampled_from(
    [f'"{HEX}"', f'"{HEX[:-1]}"', f'"{HEX}0"', f'"{HEX.upper()}"', HEX, '"', f'"{HEX}""{HEX}"', "é"]
)


@given(st.lists(tokens, max_size=12).map(lambda parts: "".join(parts).encode()))
def test_a_turn_comes_back_whatever_its_strings_look_like(data):
    """Strings that are nearly ids, and ids that touch, are told apart the same way."""
    ids, template = split_turn(data)
    assert all(len(oid) == 64 for oid in ids)
    assert join_turn(template, [b'"' + oid + b'"' for oid in ids]) == data


def test_every_id_of_a_turn_is_cut_out():
    """An id costs one byte in the template."""
    data = f'{{"about":"{HEX}","parents":["{HEX}","{HEX}"]}}'.encode()
    ids, template = split_turn(data)
    assert ids == [HEX.encode()] * 3
    assert template == b'{"about":\0,"parents":[\0,\0]}'


def test_a_turn_with_a_zero_byte_is_refused():
    """Its template could not be told from one with an id."""
    with pytest.raises(FormatError):
        split_turn(b'{"a":"\0"}')


@pytest.mark.parametrize("count", [0, 1, 3])
def test_a_turn_takes_as_many_ids_as_it_has_places(count):
    """One more or one fewer is damage."""
    with pytest.raises(FormatError):
        join_turn(b"[\0,\0]", [b'"x"'] * count)


def test_a_turn_that_would_become_too_large_is_not_put_together():
    """A megabyte of zero bytes would be 66 megabytes of ids."""
    with pytest.raises(FormatError, match="too large"):
        join_turn(b"\0" * (MIB // 2), [b'"' + HEX.encode() + b'"'] * (MIB // 2))


pieces = st.lists(
    st.one_of(
        st.binary(min_size=1, max_size=255).map(lambda data: RopeEntry(None, len(data), data)),
        st.tuples(st.binary(min_size=32, max_size=32), st.integers(1, 1 << 50)).map(
            lambda entry: RopeEntry(*entry)
        ),
    ),
    min_size=1,
    max_size=40,
)


@given(pieces)
def test_a_rope_comes_back(entries):
    """Leaves of literals and blobs, of any sizes."""
    data = encode_rope(0, b"w" * 32, entries)
    ids, template = split_rope(data)
    assert ids == [entry.oid for entry in entries if entry.oid is not None]
    assert len(template) == len(data) - 32 * len(ids)
    assert join_rope(template, ids) == data


@given(st.binary(max_size=120), st.integers(0, 4))
def test_any_bytes_are_a_rope_or_refused(data, count):
    """Splitting and joining rubbish gives errors of data, or what can be turned back."""
    try:
        ids, template = split_rope(data)
    except DataError:
        pass
    else:
        assert join_rope(template, ids) == data
    try:
        joined = join_rope(data, [OID] * count)
    except DataError:
        return
    assert split_rope(joined) == ([OID] * count, data)


def test_a_rope_takes_as_many_ids_as_it_has_places():
    """One more or one fewer is damage."""
    entries = [RopeEntry(OID, 5), RopeEntry(OID, 6)]
    ids, template = split_rope(encode_rope(0, b"w" * 32, entries))
    for wrong in ([], ids[:1], [*ids, OID]):
        with pytest.raises(FormatError):
            join_rope(template, wrong)
    with pytest.raises(FormatError, match="too large"):
        join_rope(template, [OID] * MIB)


@pytest.mark.parametrize(
    ("reference", "ordinal", "is_rope", "target"),
    [
        (0 << 2 | 0, 35, False, -1),
        (2 << 2 | 0, 25, True, -3),
        (0 << 2 | 1, 35, False, 10),
        (9 << 2 | 1, 25, True, 19),
        (0 << 2 | 2, 35, False, 20),
        (9 << 2 | 2, 30, False, 29),
        (1 << 2 | 2, 25, True, 24),
        (5 << 2 | 2, 25, True, 20),
        (1 << 2 | 3, 35, False, 34),
        (5 << 2 | 3, 35, False, 30),
    ],
)
def test_references_lead_to_ordinals(reference, ordinal, is_rope, target):
    """Numbers of blobs and ropes, distances back among the same kind, places of outer ids."""
    assert resolve_references([reference], SECTION, ordinal=ordinal, is_rope=is_rope) == [target]


@pytest.mark.parametrize(
    ("reference", "ordinal", "is_rope"),
    [
        (3 << 2 | 0, 35, False),
        (10 << 2 | 1, 35, False),
        (10 << 2 | 2, 35, False),
        (0 << 2 | 2, 25, True),
        (6 << 2 | 2, 25, True),
        (0 << 2 | 3, 35, False),
        (6 << 2 | 3, 35, False),
        (1 << 2 | 3, 25, True),
        (1 << 50 | 1, 35, False),
        (1 << 50 | 3, 35, False),
    ],
)
def test_references_out_of_their_section_are_refused(reference, ordinal, is_rope):
    """Past the end, before the start, to itself, to what comes later, a turn from a rope."""
    with pytest.raises(FormatError):
        resolve_references([reference], SECTION, ordinal=ordinal, is_rope=is_rope)
