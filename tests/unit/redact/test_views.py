"""Texts with their escapes undone, and the way back."""

from __future__ import annotations

import json

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
