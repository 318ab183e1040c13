"""Texts with their escapes undone, and the way back."""

from __future__ import annotations

import json
from urllib.parse import quote

from hypothesis import given
from hypothesis import strategies as st

from tapegit.redact.patterns import Span
from tapegit.redact.views import VIEW_COUNT_MAX, iter_views


def test_each_view_has_one_level_of_escapes_less():
    """A text is seen as it is, and with each level of escapes undone."""
    data = rb"a\\\"b\\u0041"
    assert [view.data for view in iter_views(data, is_json=False)] == [
        data,
        rb"a\"b\u0041",
        b'a"bA',
    ]


def test_json_is_not_seen_with_its_escapes():
    """What JSON writes as an escape is never taken for letters."""
    assert [view.data for view in iter_views(rb'"a\npm_"', is_json=True)] == [b'"a\npm_"']
    assert [view.data for view in iter_views(b'"a"', is_json=True)] == [b'"a"']


def test_views_come_to_an_end():
    """Backslashes without end are looked at so often and no more."""
    assert len(list(iter_views(b"\\" * 10_000 + b"x", is_json=False))) <= VIEW_COUNT_MAX


def test_addresses_are_seen_decoded_too():
    """Once, and once more where that shows percent signs again; no text is seen a third time."""
    views = [view.data for view in iter_views(b"a%3Db%25253Dc", is_json=False)]
    assert views == [b"a%3Db%25253Dc", b"a=b%253Dc", b"a=b%3Dc"]
    assert [view.data for view in iter_views(rb'"\u00253D"', is_json=True)] == [b'"%3D"', b'"="']


@given(st.binary(max_size=12), st.binary(min_size=1, max_size=12), st.binary(max_size=12))
def test_parts_of_addresses_lead_back_to_what_they_were_written_with(before, part, after):
    """Whatever letters were written as percent and two digits, they go whole."""
    source = quote(before).encode() + quote(part).encode() + quote(after).encode()
    views = [view for view in iter_views(source, is_json=False) if view.data != source]
    if b"%" in before + part + after or not views:
        return
    span = views[0].to_source(Span(len(before), len(before + part)))
    assert source[span.start : span.end] == quote(part).encode()


@given(st.text(max_size=20), st.data())
def test_parts_lead_back_to_the_escapes_they_came_from(text, data):
    """Any part of a view leads to bytes of the source that mean just that part."""
    source = json.dumps(text).encode()
    view = next(iter(iter_views(source, is_json=True)))
    whole = json.dumps(text, ensure_ascii=False).encode("utf-8", "surrogatepass")
    start = data.draw(st.integers(1, max(1, len(text))))
    end = data.draw(st.integers(start, max(start, len(text))))
    before = len(text[: start - 1].encode("utf-8", "surrogatepass"))
    size = len(text[start - 1 : end - 1].encode("utf-8", "surrogatepass"))
    if not size or any(ord(letter) > 0xFFFF or 0xD800 <= ord(letter) < 0xE000 for letter in text):
        return
    assert whole
    span = view.to_source(Span(1 + before, 1 + before + size))
    assert json.loads(b'"' + source[span.start : span.end] + b'"') == text[start - 1 : end - 1]
