"""Revisions as text: what a person types to name turns and other objects.

Pure: text in, values out; nothing here knows a store. The text is read from left to right by
two regular expressions that cannot backtrack, in time proportional to its length, without
recursion. Text that is no revision is an `InvalidNameError`, and never anything else.

    revision  = [ name ] step* [ ":" selector ]
              | ":/" text
    step      = "~" [n] | "^" [n] | "^{" kind-or-/text "}" | "@{" ... "}" | "#" n
    selector  = "turn" | "raw/" n | "request" | "response" | "system" | "tools" | "part/" n
    range     = [ "^" ] revision | [rev] ".." [rev] | [rev] "..." [rev]
              | revision ( "^@" | "^!" | "^-" [n] )

Source: tapesrevisions(7).
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from tapegit.errors import InvalidNameError

TEXT_LENGTH_MAX: Final = 65_536

HEAD: Final = "HEAD"

# The kinds of step; what `number` and `text` of each hold is in the comment.
ANCESTOR: Final = "ancestor"  # number: so many first parents back; 0 peels to a turn
PARENT: Final = "parent"  # number: which parent, from 2
PEEL: Final = "peel"  # text: turn, tag, blob, rope, object; or nothing: past every tag
SEARCH: Final = "search"  # text: newest reachable turn whose summary holds it
ORDINAL: Final = "ordinal"  # number: turns after the leader
REFLOG_ENTRY: Final = "reflog-entry"  # number: moves ago
REFLOG_DATE: Final = "reflog-date"  # text: a date
UPSTREAM: Final = "upstream"  # text: as written
CHECKOUT: Final = "checkout"  # number: the n-th last branch that HEAD left
LATEST: Final = "latest"

# The forms of a range.
INCLUDE: Final = "include"  # one
EXCLUDE: Final = "exclude"  # ^one
BETWEEN: Final = "between"  # one..other
SYMMETRIC: Final = "symmetric"  # one...other
PARENTS: Final = "parents"  # one^@
ALONE: Final = "alone"  # one^!
WITHOUT: Final = "without"  # one^-number

PEEL_KINDS: Final = ("", "turn", "tag", "blob", "rope", "object")
SELECTORS: Final = ("turn", "raw", "request", "response", "system", "tools", "part")
_NUMBERED: Final = ("raw", "part")

# Patterns are compiled when they are first needed: most revisions are a plain name.
_SPECIAL: Final = frozenset("~^:#@")
_NAME: Final = r"[^~^:#@]*(?:@(?!\{)[^~^:#@]*)*"
_STEP: Final = (
    r"~(?P<back>[0-9]{0,15})(?![0-9])"
    r"|\^\{(?P<peel>[^}]*)\}"
    r"|\^(?P<nth>[0-9]{0,15})(?![0-9])"
    r"|@\{(?P<at>[^}]*)\}"
    r"|#(?P<ordinal>[0-9]{1,15})(?![0-9])"
)
_SELECTOR: Final = r"(?P<what>[a-z]+)(?:/(?P<number>[0-9]{1,15}))?"
_INTEGER: Final = r"-?[0-9]{1,15}"
_MINUS: Final = r"\^-([0-9]{0,15})\Z"


class Step(NamedTuple):
    """One thing to do to what was found so far; see the kinds above."""

    kind: str
    number: int = 0
    text: str = ""


class Selector(NamedTuple):
    """What of a turn is meant; `number` is None where only one can be."""

    what: str
    number: int | None = None


class Revision(NamedTuple):
    """A parsed revision.

    `name` is empty where the text began with a step: then the first step is a search of all
    refs, a reflog step of the current branch, a checkout, or the latest recording.
    """

    text: str
    name: str
    steps: tuple[Step, ...] = ()
    selector: Selector | None = None


class RevisionRange(NamedTuple):
    """A parsed argument of a walk: its form, one revision or two, and the number of `^-n`."""

    form: str
    one: Revision
    other: Revision | None = None
    number: int = 0


def parse_revision(text: str) -> Revision:
    """Return the revision that a text writes.

    Raises:
        InvalidNameError: It writes none; the message says where it went wrong.
    """
    if not text:
        raise invalid(text, "a revision is not empty")
    if len(text) > TEXT_LENGTH_MAX:
        raise invalid(text, f"a revision has at most {TEXT_LENGTH_MAX} characters")
    if text.startswith(":/"):
        return Revision(text, "", (Step(SEARCH, text=_search_text(text, text[2:])),))
    if _SPECIAL.isdisjoint(text):
        return Revision(text, text)
    named = re.match(_NAME, text)
    assert named is not None  # it matches the empty text
    name, position = named[0], named.end()
    steps: list[Step] = []
    pattern = re.compile(_STEP)
    while position < len(text) and text[position] != ":":
        found = pattern.match(text, position)
        if found is None:
            raise invalid(text, f"cannot be read from character {position + 1}")
        _append(steps, _parse_step(text, found, is_first=not name and not steps))
        position = found.end()
    if not name and (not steps or not _stands_alone(steps[0])):
        raise invalid(text, "names nothing to start from")
    selector = _parse_selector(text, text[position + 1 :]) if position < len(text) else None
    return Revision(text, HEAD if name == "@" else name, tuple(steps), selector)


def parse_range(text: str) -> RevisionRange:
    """Return what one argument of a walk adds to it or takes from it.

    Raises:
        InvalidNameError: The text is neither a range nor a revision.
    """
    if text.startswith(":/"):
        return RevisionRange(INCLUDE, parse_revision(text))
    if text.startswith("^"):
        return RevisionRange(EXCLUDE, parse_revision(text[1:]))
    dots = _find_dots(text)
    return _parse_dotted(text, dots) if dots >= 0 else _parse_suffixed(text)


def _parse_dotted(text: str, dots: int) -> RevisionRange:
    form, width = (SYMMETRIC, 3) if text.startswith("...", dots) else (BETWEEN, 2)
    one, other = text[:dots], text[dots + width :]
    if not one and not other:
        raise invalid(text, "a range needs a revision on one side at least")
    return RevisionRange(form, parse_revision(one or HEAD), parse_revision(other or HEAD))


def _parse_suffixed(text: str) -> RevisionRange:
    if text.endswith("^@"):
        return RevisionRange(PARENTS, parse_revision(text[:-2]))
    if text.endswith("^!"):
        return RevisionRange(ALONE, parse_revision(text[:-2]))
    minus = re.search(_MINUS, text)
    if minus is not None:
        number = int(minus[1] or 1)
        return RevisionRange(WITHOUT, parse_revision(text[: minus.start()]), number=number)
    return RevisionRange(INCLUDE, parse_revision(text))


def _find_dots(text: str) -> int:
    """Return where `..` stands outside braces, or -1."""
    depth_closed_at = 0
    while True:
        dots = text.find("..", depth_closed_at)
        brace = text.find("{", depth_closed_at)
        if dots < 0 or brace < 0 or dots < brace:
            return dots
        closing = text.find("}", brace)
        if closing < 0:
            return -1
        depth_closed_at = closing + 1


def _parse_step(text: str, found: re.Match[str], *, is_first: bool) -> Step:
    if found["back"] is not None:
        return Step(ANCESTOR, int(found["back"] or 1))
    if found["nth"] is not None:
        number = int(found["nth"] or 1)
        return Step(PARENT, number) if number > 1 else Step(ANCESTOR, number)
    if found["ordinal"] is not None:
        return Step(ORDINAL, int(found["ordinal"]))
    if found["peel"] is not None:
        return _parse_peel(text, found["peel"])
    return _parse_at(text, found["at"], is_first=is_first)


def _parse_peel(text: str, inside: str) -> Step:
    if inside.startswith("/"):
        return Step(SEARCH, text=_search_text(text, inside[1:]))
    if inside == "commit":
        inside = "turn"  # what it is to git
    if inside not in PEEL_KINDS:
        raise invalid(text, f"'^{{{inside[:40]}}}' is none of turn, tag, blob, rope, object")
    return Step(PEEL, text=inside)


def _parse_at(text: str, inside: str, *, is_first: bool) -> Step:
    if re.fullmatch(_INTEGER, inside):
        number = int(inside)
        if not inside.startswith("-"):
            return Step(REFLOG_ENTRY, number)
        if not is_first or not number:
            raise invalid(text, "'@{-n}' stands alone, with n from 1")
        return Step(CHECKOUT, -number)
    if inside in {"latest", "LATEST"}:
        if not is_first:
            raise invalid(text, "'@{latest}' stands alone")
        return Step(LATEST)
    if inside.lower() in {"u", "upstream", "push"}:
        return Step(UPSTREAM, text=inside)
    if not inside.strip():
        raise invalid(text, "'@{}' needs a number or a date")
    return Step(REFLOG_DATE, text=inside)


def _append(steps: list[Step], step: Step) -> None:
    # Runs of ^ and ~ are one walk, so that ten thousand of them are not ten thousand steps.
    if step.kind == ANCESTOR and steps and steps[-1].kind == ANCESTOR:
        steps[-1] = Step(ANCESTOR, steps[-1].number + step.number)
    else:
        steps.append(step)


def _stands_alone(step: Step) -> bool:
    return step.kind in {REFLOG_ENTRY, REFLOG_DATE, UPSTREAM, CHECKOUT, LATEST}


def _search_text(text: str, wanted: str) -> str:
    if wanted.startswith("!") and not wanted.startswith(("!!", "!-")):
        raise invalid(text, "a searched text that begins with '!' is written '!!'")
    return wanted


def _parse_selector(text: str, inside: str) -> Selector:
    found = re.fullmatch(_SELECTOR, inside)
    if found is None or found["what"] not in SELECTORS:
        raise invalid(
            text, "after ':' comes turn, raw/N, request, response, system, tools or part/N"
        )
    number = found["number"]
    if (number is not None) != (found["what"] in _NUMBERED):
        needs = "needs" if number is None else "takes no"
        raise invalid(text, f"':{found['what']}' {needs} number")
    return Selector(found["what"], None if number is None else int(number))


def invalid(text: str, rule: str) -> InvalidNameError:
    """Return the error for a text that is no revision, and the rule that it breaks."""
    shown = text if len(text) <= 80 else text[:79] + "\u2026"
    return InvalidNameError(
        f"not a revision: '{shown}': {rule}",
        hint="see 'tapes help revisions'",
        text=text,
        rule=rule,
    )
