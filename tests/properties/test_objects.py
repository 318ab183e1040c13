"""Objects of every kind: what is encoded decodes to the same, and any bytes are no surprise."""

from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapegit.errors import DataError, FormatError
from tapegit.objects.canonical import INTEGER_MAX, decode_canonical, encode_canonical
from tapegit.objects.kind import Kind, Object, object_id
from tapegit.objects.links import iter_links
from tapegit.objects.oid import ObjectId, hash_content
from tapegit.objects.rope import RopeEntry, decode_rope, encode_rope
from tapegit.objects.rope_builder import iter_content_objects
from tapegit.objects.rope_reader import read_content
from tapegit.objects.tag import decode_tag, encode_tag
from tapegit.objects.turn import (
    Turn,
    clean_summary,
    decode_links,
    decode_subject,
    decode_turn,
    encode_turn,
    verify_turn,
)
from tapegit.objects.varint import VARINT_MAX, decode_varint, encode_varint
from tapegit.objects.verify import verify_object
from tests.strategies import integers, oids, requests, tags, turns

any_text = st.text(max_size=40)  # surrogates too
canonical_keys = st.from_regex(r"[a-z0-9_]{1,6}", fullmatch=True)
canonical_values = st.recursive(
    integers | any_text,
    lambda inner: (
        st.lists(inner, min_size=1, max_size=4)
        | st.dictionaries(canonical_keys, inner, min_size=1, max_size=4)
    ),
    max_leaves=12,
)
messy_json = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | any_text,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(canonical_keys | any_text, inner, max_size=4)
        | st.dictionaries(st.sampled_from(sorted(Turn.__struct_fields__)), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(turns)
def test_turns_decode_to_what_was_encoded(turn):
    """Every turn a writer may make comes back the same, and encodes to the same bytes."""
    data = encode_turn(turn)

    assert decode_turn(data) == verify_turn(data)
    assert encode_turn(decode_turn(data)) == data
    assert decode_turn(data).parents == turn.parents
    assert decode_subject(data).summary == turn.summary


@given(turns)
def test_links_of_a_turn_are_those_of_its_fields(turn):
    """The quick reader of links agrees with the turn as a whole."""
    links = decode_links(encode_turn(turn))
    call = turn.call
    wanted = [piece.oid for piece in turn.raw]
    wanted += [hex_ for hex_ in (call and call.request, call and call.response) if hex_]

    assert links.parents == turn.parent_ids
    assert [oid.hex() for oid in links.contents] == wanted


@given(turns, st.randoms())
def test_a_turn_has_one_form(turn, random):
    """The same JSON with its keys in another order, or with spaces, is no turn."""
    data = encode_turn(turn)
    members = list(json.loads(data).items())
    random.shuffle(members)
    shuffled = json.dumps(dict(members), ensure_ascii=False, separators=(",", ":")).encode()
    for other in (shuffled, data.replace(b'":', b'": ', 1), data + b"\n"):
        if other != data:
            with pytest.raises(FormatError):
                verify_turn(other)


@given(canonical_values)
def test_canonical_json_goes_both_ways(value):
    """Values with any strings encode; what they decode to encodes to the same bytes."""
    data = encode_canonical(value)

    assert encode_canonical(decode_canonical(data)) == data
    assert json.loads(data) == decode_canonical(data)


@given(messy_json)
def test_any_json_is_canonical_or_refused(value):
    """A value is either encoded so that it reads back, or a FormatError."""
    try:
        data = encode_canonical(value)
    except FormatError:
        return
    assert decode_canonical(data) == json.loads(data)


@given(st.dictionaries(st.sampled_from(sorted(Turn.__struct_fields__)), messy_json, max_size=6))
def test_any_json_is_a_turn_or_refused(value):
    """Whatever stands under the known keys, there is a turn or a FormatError."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    data = text.encode("utf-8", "surrogatepass")
    try:
        turn = verify_turn(data)
    except FormatError:
        return
    decode_canonical(data)
    verify_turn(encode_turn(turn))  # without the keys inside that are not known


@given(st.dictionaries(st.sampled_from(sorted(Turn.__struct_fields__)), messy_json, max_size=6))
def test_turns_made_of_anything_are_written_right_or_not_at_all(value):
    """A Turn with fields of other types is refused by the writer, by name."""
    try:
        turn = Turn(**({"role": "user"} | value))
        data = encode_turn(turn)
    except FormatError:
        return
    except (TypeError, msgspec.MsgspecError):
        return  # a caller's mistake, not bytes from outside
    verify_turn(data)


@given(st.text(st.characters(), max_size=400))
def test_summaries_are_fit_for_a_turn(text):
    """Any text gives one line of at most 120 characters, or nothing."""
    summary = clean_summary(text)

    assert len(summary) <= 120
    if summary:
        assert decode_turn(encode_turn(Turn(role="user", summary=summary))).summary == summary


@given(tags)
def test_tags_decode_to_what_was_encoded(tag):
    """A tag and its bytes are each the other's only form."""
    assert decode_tag(encode_tag(tag)) == tag


literals = st.binary(min_size=1, max_size=255).map(lambda data: RopeEntry(None, len(data), data))
objects = st.tuples(oids, st.integers(1, 1 << 40)).map(lambda pair: RopeEntry(*pair))


@given(st.lists(literals | objects, min_size=1, max_size=64), st.integers(0, 12))
def test_nodes_decode_to_what_was_encoded(entries, level):
    """A node and its bytes are each the other's only form."""
    if level:
        entries = [entry for entry in entries if entry.oid is not None]
    whole = hash_content(b"whole")
    if not entries:
        with pytest.raises(FormatError):
            encode_rope(level, whole, entries)
        return
    node = decode_rope(encode_rope(level, whole, entries))

    assert (node.level, node.whole, list(node.entries)) == (level, whole, entries)


@given(st.integers(0, VARINT_MAX), st.binary(max_size=4))
def test_varints_decode_to_what_was_encoded(number, rest):
    """Whatever follows, a number and its end are found."""
    data = encode_varint(number)

    assert decode_varint(data + rest, 0) == (number, len(data))
    assert number <= INTEGER_MAX


@given(requests(), st.integers(0, 4096))
def test_bytes_read_back_from_their_objects(body, padding):
    """What is cut and built joins to the same bytes, in links-first order."""
    data = body + b" " * padding
    stored: dict[ObjectId, Object] = {}
    for oid, kind, content in iter_content_objects(data):
        verify_object(kind, content)
        assert object_id(kind, content) == oid
        assert all(link.oid in stored for link in iter_links(kind, content))
        stored[oid] = Object(kind, content)
        root = oid

    assert read_content(stored.get, root) == data


@given(st.sampled_from(Kind), st.binary(max_size=300))
def test_any_bytes_are_an_object_or_a_data_error(kind, data):
    """No bytes make a check or the reading of links raise anything else."""
    for read in (verify_object, lambda kind, data: list(iter_links(kind, data))):
        try:
            read(kind, data)
        except DataError:
            pass
