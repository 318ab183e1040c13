"""`tapes mktag`."""

from __future__ import annotations

import pytest

from tests.builders import write_blob, write_turn

TEXT = "object {oid}\ntype {kind}\ntag v1\ntagger me 1750000000000\n\na message\n"


def test_a_tag_is_stored_and_its_id_printed(tapes, repository):
    """The text that went in is the data of the tag, and no ref is made."""
    turn = write_turn(repository)
    text = TEXT.format(oid=turn, kind="turn")

    oid = tapes("mktag", input=text).oid

    assert tapes("cat-file", "tag", oid).out == text
    assert tapes("show-ref", code=1).out == ""


@pytest.mark.parametrize(
    "text",
    [
        "",
        "object x\n",
        "object {oid}\ntype tree\ntag v1\n\n",
        "object {oid}\ntype turn\n\n",
        "object {oid}\ntype turn\ntag v1\n",
        "type turn\nobject {oid}\ntag v1\n\n",
        "object {oid}\ntype turn\ntag v1\ntagger me 01\n\n",
        "object {oid}\ntype turn\ntag  v1\n\n",
    ],
)
def test_text_that_is_no_tag_is_refused(tapes, repository, text):
    """Every rule of the format is checked before anything is stored."""
    turn = write_turn(repository)

    result = tapes("mktag", input=text.format(oid=turn), code=30)

    assert result.out == ""


def test_kind_must_be_that_of_the_object(tapes, repository):
    """A tag cannot say that a blob is a turn."""
    blob = write_blob(repository, b"x")

    result = tapes("mktag", input=TEXT.format(oid=blob, kind="turn"), code=30)

    assert f"tag says that '{blob}' is a turn, but it is a blob" in result.err


def test_object_must_be_there(tapes, store):
    """A tag never names what the store lacks."""
    tapes("mktag", input=TEXT.format(oid="ab" * 32, kind="turn"), code=12)


def test_json_names_the_tag(tapes, repository):
    """One object with a schema and the id."""
    text = TEXT.format(oid=write_turn(repository), kind="turn")
    oid = tapes("mktag", input=text).oid

    assert tapes("mktag", "--json", input=text).lines == [f'{{"schema":1,"oid":"{oid}"}}']
