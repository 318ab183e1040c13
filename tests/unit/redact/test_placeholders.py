"""Which texts are one but for placeholders."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapegit.redact.placeholders import Numbering, Secret, are_one, is_beginning

ONE = [
    (b"abc", b"abc"),
    (b'{"a":"[REDACTED:x:1]"}', b'{"a":"secret"}'),
    (b'{"a":"[REDACTED:x:1]"}', b'{"a":"[REDACTED:newer:2]"}'),
    (b'{"a":"k=[REDACTED:x:1] b=[REDACTED:y:1]"}', b'{"a":"k=one b=two"}'),
    (b'{"a":"k=[REDACTED:x:1] b=[REDACTED:y:1]"}', b'{"a":"k=[REDACTED:x:1] b=two"}'),
    (b'{"a":"[REDACTED:x:1]"}', b'{"a":"sec\\"ret\\\\"}'),
    (b"[REDACTED:x:1]", b"a"),
]
NOT_ONE = [
    (b"abc", b"abx"),
    (b'{"a":"[REDACTED:x:1]"}', b'{"a":""}'),
    (b'{"a":"[REDACTED:x:1]"}', b'{"b":"secret"}'),
    (b'{"a":"[REDACTED:x:1]"}', b'{"a":"secret","b":"more"}'),
    (b'{"a":"[REDACTED:x:1]"}', b'{"a":"secret"} '),
    (b'{"a":"k=[REDACTED:x:1] b=[REDACTED:y:1]"}', b'{"a":"k=one c=two"}'),
    (b"[REDACTED:x:1]", b""),
    (b"[REDACTED:x:1]", b"two\nlines"),
    (b"\x00[REDACTED:x:1]", b"\x00b"),
]


@pytest.mark.parametrize(("one", "other"), ONE)
def test_texts_that_can_have_been_one(one, other):
    """A placeholder stands for any text that leaves no string of JSON."""
    assert are_one(one, other)
    assert are_one(other, one)


@pytest.mark.parametrize(("one", "other"), NOT_ONE)
def test_texts_that_cannot_have_been_one(one, other):
    """What differs outside of placeholders is another text."""
    assert not are_one(one, other)
    assert not are_one(other, one)


BEGINNING = [
    (b"", b"abc"),
    (b"ab", b"abc"),
    (b'{"a":"k=sk-an', b'{"a":"k=[REDACTED:x:1]"}'),
    (b'{"a":"k=', b'{"a":"k=[REDACTED:x:1]"}'),
    (b'{"a":"[REDACTED:x:1]', b'{"a":"secret"}'),
    (b'{"a":"[REDACTED:x:1]","b":"p', b'{"a":"[REDACTED:x:1]","b":"[REDACTED:y:1]"}'),
    (b'{"a":"one","b":"p', b'{"a":"[REDACTED:x:1]","b":"[REDACTED:y:1]"}'),
]


@pytest.mark.parametrize(("one", "other"), BEGINNING)
def test_beginnings(one, other):
    """A text that ends inside of a secret is a beginning of the one that has it whole."""
    assert is_beginning(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (b"abx", b"abc"),
        (b"abcd", b"abc"),
        (b'{"a":"one","c', b'{"a":"[REDACTED:x:1]","b":"two"}'),
        (b'{"a":"one","b":"two"}x', b'{"a":"[REDACTED:x:1]","b":"two"}'),
    ],
)
def test_what_is_no_beginning(one, other):
    """A text that goes on in another way is none."""
    assert not is_beginning(one, other)


@given(st.lists(st.text("ab:[]", max_size=4), min_size=1), st.lists(st.booleans(), max_size=20))
def test_replaced_texts_are_one_with_what_they_were(words, which):
    """Whatever parts are replaced, the text is one with what it was, and so is each beginning."""
    text = " ".join(f"<{word}>" for word in words).encode()
    secrets, position = [], 0
    for word, is_secret in zip(words, which, strict=False):
        end = position + len(word) + 2
        if is_secret:
            secrets.append(Secret(position, end, "x", text[position:end]))
        position = end + 1
    replaced = Numbering().replace(text, secrets)
    assert are_one(text, replaced) or not secrets
    for cut in range(len(text)):
        if not any(secret.start < cut <= secret.end for secret in secrets):
            part = Numbering().replace(text[:cut], [one for one in secrets if one.end <= cut])
            assert is_beginning(part, text)


def test_numbers_are_translated():
    """A text gets the numbers of another numbering; what is no placeholder of it stays."""
    own, target = Numbering(), Numbering()
    text = own.name("x", b"one").decode() + own.name("x", b"two").decode() + "[REDACTED:x:3]"
    target.name("x", b"two")
    translated = own.translate(text, target, is_counted=False)
    assert translated == "[REDACTED:x:2][REDACTED:x:1][REDACTED:x:3]"
    assert target.counts == {"x": 1}
    own.translate(text, target, is_counted=True)
    assert target.counts == {"x": 3}
