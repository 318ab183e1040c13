"""The argument that stands for a call in a summary: the first of some members that says something.

Source: tapesdialect-pi(7) and tapesdialect-gemini-cli(7), "Summary".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from tapegit.dialects.syntax.lines import first_line
from tapegit.dialects.syntax.members import NO_VALUE, decode_members, decode_string, has_value

if TYPE_CHECKING:
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
    values = decode_members(_Arguments, arguments)
    for key in ARGUMENTS:
        raw = getattr(values, key)
        text = decode_string(raw) if has_value(raw) else None
        if text and key in _PATHS and cwd:
            text = text.removeprefix(cwd + "/")
        line = first_line(text) if text else None
        if line:
            return f"{name}: {line}"
    return name
