"""The corpus of secrets: how many of them are found, and how much that is none is taken for one."""

from __future__ import annotations

from tapegit.recorder.calls.answers import redact_answer
from tapegit.redact.placeholders import Numbering
from tapegit.redact.redactor import default_redactor
from tests.secret_corpus import FORMATS, WRAPPINGS, Planted, iter_harmless, iter_planted


def is_left(planted):
    """Return whether a part of a secret is still in its text after redaction."""
    return planted.is_left(redact_answer(default_redactor(), planted.text, Numbering()))


def test_a_part_that_is_left_is_seen():
    """Ten characters from the middle of a body, as they are or percent-encoded."""
    planted = Planted("x", "bare", b"", b"abcdefgh/klmnopqrstuv")
    assert planted.is_left(b"is defgh/klmn")
    assert planted.is_left(b"is efgh%2Fklm")
    assert not planted.is_left(b"is abcdefgh/ and stuv")


def test_the_corpus_is_large_enough():
    """At least 60 formats, in six wrappings."""
    assert len(FORMATS) >= 60
    assert len(WRAPPINGS) == 6


def test_all_secrets_are_found():
    """Whatever is missed is listed by the failure."""
    assert [f"{each.name} {each.wrapping}" for each in iter_planted() if is_left(each)] == []


def test_what_is_no_secret_stays():
    """Ids, hashes, images, signatures, code and counts of tokens."""
    taken = [record for record in iter_harmless() if default_redactor().find(record, is_json=True)]
    assert taken == []
