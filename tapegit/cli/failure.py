"""Turning what went wrong into text, a hint and an exit code: the only place that does.

Text goes to standard error as `tapes: error: …` and `hint: …`. With `--json` it is one JSON
object instead, also on standard error, so that standard output never holds anything but data.

Source: tapes-exit-codes(7).
"""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, Final

from tapegit.errors import DataError, StorageError, TapesError
from tapegit.repository.layout import STORE_NAME
from tapegit.ui.escape import escape_text, format_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    import click

USAGE_CODE: Final = 2
INTERRUPTED_CODE: Final = 130
CLOSED_PIPE_CODE: Final = 141
"""128 + SIGPIPE, what a shell reports of a program whose reader went away."""

JSON_SCHEMA: Final = 1


def as_tapes_error(error: OSError | MemoryError) -> TapesError:
    """Return an error of the operating system as one of ours, for what no store converted."""
    if isinstance(error, MemoryError):
        return StorageError("out of memory", errno=errno.ENOMEM)
    reason = os.strerror(error.errno) if error.errno else str(error)
    path = error.filename
    if path is None:
        return StorageError(f"the system refused: {reason}", errno=error.errno)
    if isinstance(path, bytes):
        path = os.fsdecode(path)
    return StorageError(f"cannot access '{path}': {reason}", path=path, errno=error.errno)


def format_failure(error: TapesError | click.ClickException, *, json: bool) -> str:
    """Return what to write to standard error: lines of text, or one JSON object."""
    if isinstance(error, TapesError):
        message, code, name = error.message, error.exit_code, error.code_name
        hint = error.hint or _find_way_out(error)
        fields = {key: _plain(value) for key, value in error.fields.items()}
    else:
        message, hint = _describe_usage(error)
        code, name, fields = error.exit_code, "usage", {}
    if json:
        members = {
            **fields,
            "schema": JSON_SCHEMA,
            "error": name,
            "code": code,
            "message": message,
            "hint": hint,
        }
        return format_json(members) + "\n"
    # A name from outside may have line ends in it: no part of it may look like a line of ours.
    lines = ["tapes: error: " + escape_text(message).replace("\n", "\n  ")]
    if hint:
        lines.extend(f"hint: {escape_text(part)}" for part in hint.splitlines())
    return "\n".join(lines) + "\n"


def asks_for_json(args: Sequence[str]) -> bool:
    """Return whether `--json` is among the options of a command line."""
    for arg in args:
        if arg == "--":
            return False
        if arg == "--json":
            return True
    return False


def _find_way_out(error: TapesError) -> str | None:
    """Return what helps where a file of the store is damaged and nothing better is known."""
    where = str(error.fields.get("where", ""))
    if isinstance(error, DataError) and f"/{STORE_NAME}/" in where:
        return "'tapes fsck' says what is lost, 'tapes fsck --salvage' gets out what can be got"
    return None


def _describe_usage(error: click.ClickException) -> tuple[str, str | None]:
    """Return click's message in our style, and where to read how the command is used."""
    message = error.format_message().rstrip(".")
    message = message[:1].lower() + message[1:]
    hint: str | None = getattr(error, "hint", None)
    if hint is not None:
        return message, hint
    context = getattr(error, "ctx", None)
    if context is None:
        return message, "'tapes help <command>' says how it is used"
    return message, f"run '{context.command_path} --help'"


def _plain(value: object) -> object:
    """Return a field of an error as something that has a JSON form."""
    if value is None or isinstance(value, str | int):
        return value
    if isinstance(value, bytes) and type(value) is bytes:
        return value.hex()
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(member) for member in value]
    return str(value)
