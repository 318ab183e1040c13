"""`help`: finding the manual page for a word."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from tapegit.errors import UserError

_PACKAGE: Final = Path(__file__).parents[2]
_FOLDERS: Final = (_PACKAGE / "man", _PACKAGE.parent / "man")
"""Where the pages are: in an installed package, and in a source tree."""

_PATTERNS: Final = (
    "tapes-{}.1.md",
    "{}.1.md",
    "tapes{}.7.md",
    "tapes-{}.7.md",
    "{}.7.md",
    "tapes{}.5.md",
    "tapesformat-{}.5.md",
    "{}.5.md",
)


def read_page(topic: str) -> str:
    """Return the manual page of a command, a concept or a format, as Markdown.

    Raises:
        UserError: There is no such page.
    """
    if "/" not in topic and "\0" not in topic:
        for folder in _FOLDERS:
            for pattern in _PATTERNS:
                path = folder / pattern.format(topic)
                if path.is_file():
                    return path.read_text(encoding="utf-8")
    raise UserError(f"no manual page for '{topic}'", hint="'tapes help --all' lists them")


def list_topics() -> list[tuple[str, str]]:
    """Return name and section of every manual page, by section and name."""
    found = {path.name for folder in _FOLDERS if folder.is_dir() for path in folder.glob("*.md")}
    topics = [tuple(name.removesuffix(".md").rsplit(".", 1)) for name in found]
    return sorted(((name, section) for name, section in topics), key=lambda topic: topic[::-1])
