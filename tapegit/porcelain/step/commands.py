"""The words of `step`: what a line that a user typed asks for.

Source: tapes-step(1), "WORDS".
"""

from __future__ import annotations

from typing import Final, NamedTuple

from tapegit.errors import UserError

GO: Final = "go"
MOVE: Final = "move"
SEEK: Final = "seek"
SAY: Final = "say"
QUIT: Final = "quit"

VIEWS: Final = {
    "show": "the turn, with all its parts",
    "context": "what the model knew: every turn up to this one, a line each",
    "request": "the exact request, or what it would be",
    "system": "the system prompt of that request",
    "tools": "the tools of that request",
    "changed": "what is new since the answer before, and what was set otherwise",
    "thinking": "the model's reasoning",
    "calls": "the calls, their arguments one by one",
    "usage": "tokens, and how long it took",
    "decision": "what the user or a guard decided about the calls, and what needed no asking",
    "raw": "the bytes that the turn was read from",
    "list": "the turns around it",
    "help": "these words",
}
"""What can be said of a turn, by the word that asks for it."""

_ALIASES: Final = {
    "n": "next",
    "s": "next",
    "step": "next",
    "b": "back",
    "p": "back",
    "prev": "back",
    "g": "go",
    "goto": "go",
    "jump": "go",
    "l": "list",
    "c": "context",
    "q": "quit",
    "exit": "quit",
    "h": "help",
    "?": "help",
    "print": "show",
}
_WAYS: Final = {"next": 1, "run": 1, "back": -1}
_PLACES: Final = {"first": 0, "last": -1}
SOUGHT: Final = ("error", "tool", "file", "role", "decision")
HINT: Final = "'help' lists the words there are"


class Asked(NamedTuple):
    """What a line asks for.

    Attributes:
        kind: GO to a number, MOVE by a count, SEEK something, SAY a view, or QUIT.
        number: Where to, how far, or for SEEK 1 for forward and -1 for back.
        what: The view, or what is sought: `error`, `tool`, `file`, `role`,
            `decision`, `text`.
        value: Its name, path or pattern.
    """

    kind: str
    number: int = 0
    what: str = ""
    value: str = ""


def parse_line(line: str) -> Asked | None:
    """Return what a line asks for; None for an empty one.

    Raises:
        UserError: It is none of the words.
    """
    text = line.strip()
    if not text or text.startswith("# "):
        return None
    if text.startswith("#"):
        return Asked(GO, _number(text[1:], text))
    if text[0] in "/?" and len(text) > 1:
        return Asked(SEEK, 1 if text[0] == "/" else -1, "text", text[1:].rstrip(text[0]))
    word, *rest = text.split(maxsplit=1)
    return _parse_word(_ALIASES.get(word, word), "".join(rest), text)


def _parse_word(word: str, rest: str, text: str) -> Asked:
    if word in _WAYS:
        return _parse_way(_WAYS[word], rest or ("error" if word == "run" else ""))
    if word in SOUGHT and word not in VIEWS:
        return _parse_way(1, text)
    if word in _PLACES:
        return Asked(GO, _PLACES[word])
    if word == "go":
        return Asked(GO, _number(rest.removeprefix("#"), text))
    if word != "quit" and word not in VIEWS:
        raise UserError(f"'{word[:40]}' is no word of step", hint=HINT)
    return Asked(QUIT) if word == "quit" else Asked(SAY, what=word, value=rest)


def _parse_way(step: int, rest: str) -> Asked:
    """Return a move by a count, or to the next turn with something."""
    if not rest:
        return Asked(MOVE, step)
    if rest.isdecimal() and len(rest) < 10 and int(rest):
        return Asked(MOVE, step * int(rest))
    if rest.startswith("/"):
        return Asked(SEEK, step, "text", rest[1:].removesuffix("/"))
    what, *values = rest.split(maxsplit=1)
    value = "".join(values)
    if what not in SOUGHT:
        raise UserError(
            f"'{rest[:40]}' is nothing to go to",
            hint="a number, error, tool [NAME], file PATH, role NAME, decision or /PATTERN/",
        )
    if what in ("file", "role") and not value:
        raise UserError(f"'{what}' needs a name", hint=f"such as '{what} user'")
    return Asked(SEEK, step, what, value)


def _number(text: str, shown: str) -> int:
    digits = text.removeprefix("-")
    if not digits.isdecimal() or len(digits) > 9:
        raise UserError(f"'{shown[:40]}' is no turn", hint="#46 is turn 46, #-1 the last")
    return int(text)
