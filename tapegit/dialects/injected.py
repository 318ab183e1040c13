"""What harnesses put into the texts of users and tools: the blocks that no user wrote.

A wire dialect carries the requests of any harness, so it has the blocks of all of them. A
block is a tag with all it encloses at the beginning or the end of a text, or a whole text that
begins with a heading. Inside a text nothing is a block.

Source: tapescontext(7), "Injected blocks".
"""

from __future__ import annotations

from typing import Final

CLAUDE_TAGS: Final = (
    "system-reminder",
    "ide_opened_file",
    "ide_selection",
    "local-command-caveat",
)
CODEX_TAGS: Final = (
    "environment_context",
    "user_instructions",
    "permissions instructions",
    "skill",
    "subagent_notification",
)
GEMINI_TAGS: Final = ("session_context",)
CLAUDE_TEXTS: Final = ("(no content)",)
CODEX_STARTS: Final = ("# AGENTS.md instructions",)
GEMINI_STARTS: Final = ("This is the Gemini CLI. We are setting up the context for our chat.",)

WIRE_DIALECTS: Final = frozenset(
    {"anthropic.messages", "openai.chat", "openai.responses", "gemini.generate", "ollama.chat"}
)
"""Dialects of requests and responses: everything in them was sent."""

_ALL_TAGS: Final = CLAUDE_TAGS + CODEX_TAGS + GEMINI_TAGS
_LINES: Final = (*(f"<{tag}>" for tag in _ALL_TAGS), *CODEX_STARTS, *GEMINI_STARTS)
_TAGS: Final[dict[str, tuple[str, ...]]] = {
    "claude-code": CLAUDE_TAGS,
    "codex": CODEX_TAGS,
    "gemini-cli": GEMINI_TAGS,
    **dict.fromkeys(WIRE_DIALECTS, _ALL_TAGS),
}
_STARTS: Final[dict[str, tuple[str, ...]]] = {
    "codex": CODEX_STARTS,
    "gemini-cli": GEMINI_STARTS,
    **dict.fromkeys(WIRE_DIALECTS, CODEX_STARTS + GEMINI_STARTS),
}
_TEXTS: Final[dict[str, tuple[str, ...]]] = {
    "claude-code": CLAUDE_TEXTS,
    **dict.fromkeys(WIRE_DIALECTS, CLAUDE_TEXTS),
}


def dialect_name(dialect: str | None) -> str:
    """Return a dialect without its version."""
    return (dialect or "").partition("@")[0]


def strip_blocks(text: str, name: str) -> str:
    """Return a text without the blocks at its ends, and without white space there.

    Args:
        text: Of a user's message or a tool's result.
        name: Of the dialect, without its version.
    """
    text = text.strip()
    if text.startswith(_STARTS.get(name, ())):
        return ""
    if text in _TEXTS.get(name, ()):
        return ""
    tags = _TAGS.get(name, ())
    start, end = 0, len(text)
    while (after := _skip_first(text, tags, start, end)) is not None:
        start = after
    while (before := _skip_last(text, tags, start, end)) is not None:
        end = before
    return text[start:end]


def _skip_first(text: str, tags: tuple[str, ...], start: int, end: int) -> int | None:
    for tag in tags:
        if text.startswith(f"<{tag}>", start):
            closing = f"</{tag}>"
            found = text.find(closing, start, end)
            return None if found < 0 else _skip_blanks(text, found + len(closing), end)
    return None


def _skip_last(text: str, tags: tuple[str, ...], start: int, end: int) -> int | None:
    for tag in tags:
        if text.endswith(f"</{tag}>", start, end):
            found = text.rfind(f"<{tag}>", start, end)
            if found >= 0 and (found == start or text[found - 1].isspace()):
                return _skip_blanks_back(text, start, found)
            return None
    return None


def _skip_blanks(text: str, start: int, end: int) -> int:
    while start < end and text[start].isspace():
        start += 1
    return start


def _skip_blanks_back(text: str, start: int, end: int) -> int:
    while end > start and text[end - 1].isspace():
        end -= 1
    return end


def is_injected_line(line: str) -> bool:
    """Return whether a summary is that of a text which a harness put before the prompts."""
    return line.startswith(_LINES)
