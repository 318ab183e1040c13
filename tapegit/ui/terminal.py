"""The one place that writes to standard output and standard error.

Rules of the terminal:

- Standard output is data, standard error is everything else, prefixed `tapes: `.
- Text for people passes `escape_text`, so nothing recorded can command the terminal; colours
  are ours alone and travel beside the text, as `Styled` parts, never in it.
- Records of plumbing and data are exact, unless a terminal is what reads them: then they are
  escaped too.
- Text and bytes share one buffered binary stream, so their order is the order of the calls.

Source: tapes(1), "OUTPUT".
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Final

from tapegit.ui.escape import escape_line, escape_text, format_json

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import BinaryIO

JSON_SCHEMA: Final = 1
"""The number in the `schema` key of each JSON object; it grows when a key changes its sense."""

WIDTH_DEFAULT: Final = 80

_SGR: Final = {
    "bold": "1",
    "dim": "2",
    "red": "31",
    "green": "32",
    "yellow": "33",
    "blue": "34",
    "magenta": "35",
    "cyan": "36",
    "bold red": "1;31",
    "bold green": "1;32",
    "bold cyan": "1;36",
    "bold yellow": "1;33",
}
STYLES: Final = tuple(_SGR)
"""The styles of a `Styled` part."""


class Styled:
    """A part of a line, and one of our styles: `bold`, `yellow`, `bold green` and so on."""

    __slots__ = ("style", "text")

    def __init__(self, text: str, style: str) -> None:
        self.text = text
        self.style = style

    def __str__(self) -> str:
        return self.text


class Terminal:
    """Standard output and standard error of one run.

    Args:
        color: Whether standard output takes colours.
        columns: The width to assume, or None to ask the terminal.
        out: A binary stream in place of standard output: a pager's.
    """

    def __init__(
        self, *, color: bool = False, columns: int | None = None, out: BinaryIO | None = None
    ) -> None:
        self.color = color
        self._columns = columns
        self._out = out if out is not None else sys.stdout.buffer
        self._encoding = (sys.stdout.encoding or "utf-8").lower()
        self._has_status = False
        self._is_shown = out is not None or sys.stdout.isatty()

    @property
    def width(self) -> int:
        """How many columns a line has."""
        if self._columns is not None:
            return self._columns
        try:
            return os.get_terminal_size(sys.stdout.fileno()).columns or WIDTH_DEFAULT
        except (OSError, ValueError):
            return WIDTH_DEFAULT

    @property
    def is_interactive(self) -> bool:
        """Whether a person reads standard error now, so that progress may be shown."""
        return sys.stderr.isatty()

    def line(self, *parts: str | Styled) -> None:
        """Write parts, one after the other, and a new-line."""
        if len(parts) == 1 and isinstance(parts[0], str):
            self._write(escape_text(parts[0]) + "\n")
        else:
            self._write("".join(map(self._render, parts)) + "\n")

    def text(self, *parts: str | Styled, end: str = "") -> None:
        """Write parts as they are, with no new-line but the one given."""
        self._write("".join(map(self._render, parts)) + end)

    def record(self, text: str, *, nul: bool = False) -> None:
        """Write one record of plumbing output, ended by a new-line or by NUL."""
        self.data(text.encode("utf-8", "surrogateescape") + (b"\0" if nul else b"\n"))

    def json(self, members: Mapping[str, object]) -> None:
        """Write one JSON object on a line, with its schema number first."""
        self._write(format_json({"schema": JSON_SCHEMA, **members}) + "\n")

    def data(self, data: bytes | memoryview) -> None:
        """Write exact bytes to standard output, or to a terminal what can be shown of them."""
        if self._is_shown:
            self._write(escape_text(bytes(data).decode("utf-8", "surrogateescape")))
        else:
            self._out.write(data)

    def warning(self, text: str) -> None:
        """Say on standard error what may surprise but stops nothing."""
        self.message("warning: " + text)

    def hint(self, text: str) -> None:
        """Say on standard error what would help."""
        self.clear_status()
        sys.stderr.write(f"hint: {escape_text(text)}\n")

    def message(self, text: str) -> None:
        """Say something on standard error, after `tapes: `."""
        self.clear_status()
        sys.stderr.write(f"tapes: {escape_text(text)}\n")

    def note(self, text: str) -> None:
        """Say on standard error what was done, as git words it: without a prefix."""
        self.clear_status()
        sys.stderr.write(escape_text(text) + "\n")

    def status_line(self, text: str, *, is_forced: bool = False) -> None:
        """Replace the last line of standard error, where a person reads it; else do nothing."""
        if is_forced or self.is_interactive:
            self._has_status = bool(text)
            sys.stderr.write(f"\r{escape_line(text)}\x1b[K")
            sys.stderr.flush()

    def clear_status(self) -> None:
        """Take the status line away, so that another line can be written."""
        if self._has_status:
            self.status_line("", is_forced=True)

    def flush(self) -> None:
        """Pass on what is buffered."""
        self._out.flush()

    def _render(self, part: str | Styled) -> str:
        if isinstance(part, str):
            return escape_text(part)
        code = _SGR[part.style] if self.color and part.text else None
        shown = escape_text(part.text)
        return shown if code is None else f"\x1b[{code}m{shown}\x1b[m"

    def _write(self, text: str) -> None:
        if self._encoding == "utf-8":
            self._out.write(text.encode())
        else:
            self._out.write(text.encode(self._encoding, "backslashreplace"))
