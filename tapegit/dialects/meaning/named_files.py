"""The files that a tool call names: what statistics count, and what `file:` and paths find.

A file is named where an argument of a call, at any depth, has one of the usual names for one, or
where a text in it holds a patch in the form of `apply_patch`. Tools that list or search name
folders, not files.

Source: tapes-log(1), "STATISTICS".
"""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Final

from tapegit.dialects.meaning.arguments import decode_arguments

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tapegit.dialects.parts import ToolCall

FILE_ARGUMENTS: Final = frozenset(
    {"absolute_path", "file", "file_path", "filePath", "filename", "files", "notebook_path"}
    | {"path", "paths", "target_file"}
)
"""Names of arguments; small and capital letters are the same."""
FOLDER_TOOLS: Final = frozenset(
    {"find", "glob", "grep", "list", "list_directory", "ls", "search", "search_file_content"}
)
"""Names of tools, in small letters."""
FILE_LENGTH_MAX: Final = 4096
DEPTH_MAX: Final = 20

_FILE_ARGUMENTS: Final = frozenset(name.lower() for name in FILE_ARGUMENTS)
_PATCHED: Final = re.compile(
    r"^\*\*\* (?:Add File|Update File|Delete File|Move to): (.+)$", re.MULTILINE
)
_WILDCARDS: Final = frozenset("*?[")


def iter_files(call: ToolCall) -> Iterator[str]:
    """Yield the files that a call names, as it names them, one as often as it is named."""
    arguments = decode_arguments(call.arguments)
    if call.name.lower() not in FOLDER_TOOLS:
        yield from filter(_is_name, _iter_named(arguments, DEPTH_MAX))
    for text in iter_strings(arguments):
        if "*** " in text:
            yield from filter(_is_name, map(str.strip, _PATCHED.findall(text)))


def is_below(file: str, path: str) -> bool:
    """Return whether a file is a path, or is in the folder that it is.

    A path that does not begin with `/` may begin at any folder of the file's, since calls name
    files from where the agent was. `*`, `?` and `[…]` in it are wildcards for the whole of it.
    """
    path = path.removeprefix("./").rstrip("/") or "/"
    if not _WILDCARDS.isdisjoint(path):
        return fnmatchcase(file, path) or (path[0] != "/" and fnmatchcase(file, f"*/{path}"))
    name = file.removeprefix("./")
    if path[0] == "/":
        return name == path or name.startswith(path.rstrip("/") + "/")
    return f"/{path}/" in f"/{name}/"


def iter_strings(value: Any, depth: int = DEPTH_MAX) -> Iterator[str]:
    """Yield the texts and numbers in a value of JSON, in order; what is deeper is passed over."""
    if isinstance(value, str):
        yield value
    elif depth and isinstance(value, dict):
        for item in value.values():
            yield from iter_strings(item, depth - 1)
    elif depth and isinstance(value, list):
        for item in value:
            yield from iter_strings(item, depth - 1)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield str(value)


def _iter_named(value: Any, depth: int) -> Iterator[str]:
    if depth == 0:
        return
    if isinstance(value, dict):
        for key, item in value.items():
            is_named = key.lower() in _FILE_ARGUMENTS
            for each in item if is_named and isinstance(item, list) else [item]:
                if is_named and isinstance(each, str):
                    yield each
                else:
                    yield from _iter_named(each, depth - 1)
    elif isinstance(value, list):
        for item in value:
            yield from _iter_named(item, depth - 1)


def _is_name(text: str) -> bool:
    return 0 < len(text) <= FILE_LENGTH_MAX
