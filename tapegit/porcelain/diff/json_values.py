"""Two JSON values compared path by path: what of an argument was changed, and what not.

Pure. Members are compared by name. Elements of arrays are aligned by their longest common
subsequence, and what is left between two that are the same is compared one by one. A value
that is no JSON is compared as the text that it is.

    path = name ( "." name | "[" number "]" )*      a name with other characters in quotes

Source: tapes-diff(1), "WHAT IS COMPARED".
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from tapegit.graph.subsequence import common_subsequence

if TYPE_CHECKING:
    from collections.abc import Iterator

DEPTH_MAX: Final = 24
"""Below this depth values are compared as a whole."""
NESTING_MAX: Final = 200
"""What is nested deeper is compared as text."""
SIZE_MAX: Final = 1 << 22
"""What is longer is compared as text."""

_PLAIN_NAME: Final = re.compile(r"[A-Za-z0-9_$@/-]+", re.ASCII)


class PathChange(NamedTuple):
    """What one path held on each side, as JSON; None where there was nothing.

    A string is given as the text that it says, too: those are compared line by line.
    """

    path: str
    old: str | None
    new: str | None
    old_text: str | None = None
    new_text: str | None = None


def diff_json(old: str, new: str, path: str = "") -> list[PathChange]:
    """Return what differs between two JSON texts, in the order of the new one.

    Args:
        old: JSON, or any other text.
        new: The same of the other side.
        path: What the paths begin with.
    """
    values = parse_json(old), parse_json(new)
    if values[0] is NO_JSON or values[1] is NO_JSON:
        if old == new:
            return []
        return [PathChange(path, _quote(old), _quote(new), old, new)]
    return list(_compare(*values, path, DEPTH_MAX))


def diff_values(old: Any, new: Any, path: str = "") -> list[PathChange]:
    """Return what differs between two values of JSON; as `diff_json`."""
    return list(_compare(old, new, path, DEPTH_MAX))


NO_JSON: Final = object()
_ABSENT: Final = object()


def parse_json(text: str) -> Any:
    """Return what JSON says, numbers as they are written; `NO_JSON` if it cannot be read."""
    if len(text) > SIZE_MAX:
        return NO_JSON
    try:
        value = json.loads(text, parse_int=_Number, parse_float=_Number, parse_constant=_Number)
    except (ValueError, RecursionError):
        return NO_JSON
    return NO_JSON if _is_deep(value) else value


def _is_deep(value: Any) -> bool:
    level = [value]
    for _ in range(NESTING_MAX):
        level = [
            item
            for each in level
            if isinstance(each, dict | list)
            for item in (each.values() if isinstance(each, dict) else each)
        ]
        if not level:
            return False
    return True


class _Number(str):
    """A number as it was written: 1 and 1.0 are two, and none is too large."""

    __slots__ = ()


def _compare(old: Any, new: Any, path: str, depth: int) -> Iterator[PathChange]:
    if depth and isinstance(old, dict) and isinstance(new, dict):
        for name in [*new, *(name for name in old if name not in new)]:
            yield from _compare(
                old.get(name, _ABSENT), new.get(name, _ABSENT), _member(path, name), depth - 1
            )
    elif depth and isinstance(old, list) and isinstance(new, list):
        yield from _compare_lists(old, new, path, depth)
    elif old is _ABSENT or new is _ABSENT or dump(old) != dump(new):
        yield PathChange(path, _show(old), _show(new), _text(old), _text(new))


def _compare_lists(old: list[Any], new: list[Any], path: str, depth: int) -> Iterator[PathChange]:
    found = common_subsequence([dump(item) for item in old], [dump(item) for item in new])
    i = j = 0
    for old_at, new_at in [*found.pairs, (len(old), len(new))]:
        both = min(old_at - i, new_at - j)
        for step in range(both):
            yield from _compare(old[i + step], new[j + step], f"{path}[{j + step}]", depth - 1)
        for place in range(i + both, old_at):
            yield from _compare(old[place], _ABSENT, f"{path}[{place}]", 0)
        for place in range(j + both, new_at):
            yield from _compare(_ABSENT, new[place], f"{path}[{place}]", 0)
        i, j = old_at + 1, new_at + 1


def _member(path: str, name: str) -> str:
    shown = name if _PLAIN_NAME.fullmatch(name) else json.dumps(name, ensure_ascii=False)
    return f"{path}.{shown}" if path else shown


def dump(value: Any) -> str:
    """Return a value as canonical JSON: sorted keys, no blanks, numbers as they were written."""
    if isinstance(value, _Number):
        return str.__str__(value)
    if isinstance(value, dict):
        members = (f"{_quote(name)}:{dump(value[name])}" for name in sorted(value))
        return "{" + ",".join(members) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(dump, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def _quote(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _show(value: Any) -> str | None:
    return None if value is _ABSENT else dump(value)


def _text(value: Any) -> str | None:
    return value if type(value) is str else None
