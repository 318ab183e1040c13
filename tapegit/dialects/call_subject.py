"""The argument that stands for a call in a summary: the first of some members that says something.

Source: tapesdialect-pi(7) and tapesdialect-gemini-cli(7), "Summary".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from tapegit.dialects.syntax.lines import first_line
from tapegit.dialects.syntax.members import NO_VALUE, decode_members, decode_string, has_value

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Set as AbstractSet

    from tapegit.dialects.syntax.members import Json

ARGUMENTS: Final = (
    "command",
    "file_path",
    "absolute_path",
    "path",
    "dir_path",
    "pattern",
    "query",
    "url",
    "description",
    "subject",
    "prompt",
    "objective",
    "name",
)


class _FileArguments(msgspec.Struct):
    filePath: msgspec.Raw = NO_VALUE  # noqa: N815 - the source's name


_PATHS: Final = frozenset({"file_path", "absolute_path", "path", "dir_path"})
_Arguments = msgspec.defstruct("_Arguments", [(name, msgspec.Raw, NO_VALUE) for name in ARGUMENTS])


def summarize_file_call(name: str, arguments: Json, cwd: str | None) -> str:
    """Return a call as `Name: argument`, a member `filePath` before all others."""
    path = decode_string(decode_members(_FileArguments, arguments).filePath)
    line = first_line(path.removeprefix(f"{cwd}/") if cwd else path) if path else None
    return f"{name}: {line}" if line else summarize_call(name, arguments, cwd)


def summarize_call(name: str, arguments: Json, cwd: str | None) -> str:
    """Return a call as `Name: argument`, or its name alone."""
    line = find_subject(decode_members(_Arguments, arguments), ARGUMENTS, _PATHS, cwd)
    return f"{name}: {line}" if line else name


def find_subject(
    values: msgspec.Struct, keys: Iterable[str], paths: AbstractSet[str], cwd: str | None
) -> str | None:
    """Return the first line of the first argument that says something, or None.

    Args:
        values: The arguments, each one as its JSON.
        keys: Those that count, in order.
        paths: Those that are paths: in the working directory they are relative.
        cwd: The working directory.
    """
    for key in keys:
        raw = getattr(values, key)
        text = decode_string(raw) if has_value(raw) else None
        if text and key in paths and cwd:
            text = text.removeprefix(cwd + "/")
        line = first_line(text) if text else None
        if line:
            return line
    return None
