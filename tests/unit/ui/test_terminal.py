"""What reaches standard output and standard error."""

from __future__ import annotations

import io

import pytest

from tapegit.ui.terminal import Styled, Terminal


class Shown(io.BytesIO):
    """A stream that stands for a pager."""


@pytest.fixture
def out():
    """Give a stream to write to."""
    return Shown()


def test_line_escapes_text_and_styles_parts(out):
    """Colours are ours alone; what text brings along is spelled out."""
    terminal = Terminal(color=True, out=out)

    terminal.line(Styled("id\x1b[0m", "yellow"), " text\x07")

    assert out.getvalue() == b"\x1b[33mid\\x1b[0m\x1b[m text\\x07\n"


def test_line_without_color_has_no_escape_sequences(out):
    """Without colour a style leaves no trace."""
    Terminal(out=out).line(Styled("id", "bold red"), "!")

    assert out.getvalue() == b"id!\n"


def test_data_is_escaped_where_a_person_reads_it(out):
    """Behind a pager even exact data is made safe."""
    Terminal(out=out).data(b"\x1b]0;x\x07\xff\n")

    assert out.getvalue() == b"\\x1b]0;x\\x07<U+DCFF>\n"


def test_data_and_text_keep_their_order(capfdbinary):
    """Bytes and text share one stream; into a pipe, data is exact."""
    terminal = Terminal()

    terminal.record("one")
    terminal.data(b"\x00\xff")
    terminal.record("three", nul=True)
    terminal.flush()

    assert capfdbinary.readouterr().out == b"one\n\x00\xffthree\0"


def test_json_begins_with_the_schema(out):
    """Each object says by which schema it is to be read."""
    Terminal(out=out).json({"oid": "ab", "gone": None})

    assert out.getvalue() == b'{"schema":1,"oid":"ab"}\n'


def test_messages_go_to_standard_error(capsys):
    """Whatever is no data is on standard error, with our prefix, escaped."""
    terminal = Terminal()

    terminal.message("note\x1b")
    terminal.warning("careful")
    terminal.hint("try this")
    terminal.status_line("never shown: nobody is there")

    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == "tapes: note\\x1b\ntapes: warning: careful\nhint: try this\n"


def test_text_that_the_encoding_lacks_is_spelled_out(out):
    """A terminal that is not UTF-8 gets escapes, and never an error."""
    terminal = Terminal(out=out)
    terminal._encoding = "ascii"

    terminal.line("ü")

    assert out.getvalue() == b"\\xfc\n"


def test_width_is_asked_of_the_terminal_unless_given():
    """A width that was given wins; with no terminal there is a default."""
    assert Terminal(columns=33).width == 33
    assert Terminal(out=Shown()).width > 0
