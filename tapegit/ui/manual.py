"""Manual pages on a terminal: the few marks of Markdown that the pages use, as styles.

Headings are bold at the margin, text is indented as `man` does, the marks of code and
emphasis go, fenced blocks and tables stay as they are.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from tapegit.ui.terminal import Styled

if TYPE_CHECKING:
    from collections.abc import Iterator

MARGIN: Final = "       "

_COMMENT = re.compile(r"<!--.*?-->\n?", re.DOTALL)
_MARKS = re.compile(r"(`+)(.+?)\1|\*\*(.+?)\*\*")


def iter_page_lines(page: str) -> Iterator[tuple[str | Styled, ...]]:
    """Yield the lines of a page as parts for `Terminal.line`."""
    is_fenced = False
    for line in _COMMENT.sub("", page).splitlines():
        if line.startswith("```"):
            is_fenced = not is_fenced
        elif is_fenced:
            yield (f"{MARGIN}    {line}",)
        elif line.startswith("# "):
            yield (Styled(line[2:], "bold"),)
        elif line.startswith("#"):
            yield ("   ", Styled(line.lstrip("# "), "bold"))
        elif line.startswith(": "):
            yield (f"{MARGIN}    {_plain(line[2:])}",)
        else:
            yield (f"{MARGIN}{_plain(line)}" if line else "",)


def _plain(line: str) -> str:
    if line.startswith("    "):
        return line
    return _MARKS.sub(lambda match: match[2] or match[3], line).replace("\\_", "_")
