"""How a client is pointed at a proxy: what a recipe is given, and what it answers.

A recipe lays flags and variables over what the user has set up; it edits no file of the user's
and replaces no folder. It finds where the client would have sent its requests, so that the
proxy can send them there. Where nothing can be laid over, it says so, and how to go on.

Source: tapes-record(1), "Clients".
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

ANTHROPIC_URL: Final = "https://api.anthropic.com"
OPENAI_URL: Final = "https://api.openai.com/v1"
GEMINI_URL: Final = "https://generativelanguage.googleapis.com"
OLLAMA_URL: Final = "http://127.0.0.1:11434"

LOOPBACK_HOSTS: Final = ("127.0.0.1", "localhost")
PARENT_COUNT_MAX: Final = 40

_JSON_TOKEN: Final = re.compile(
    r'"(?:[^"\\]|\\.)*"|//[^\n]*|/\*.*?\*/|,(?=\s*(?://[^\n]*\s*|/\*.*?\*/\s*)*[\]}])', re.DOTALL
)
_DOTENV_LINE: Final = re.compile(
    r"""^[ \t]*(?:export[ \t]+)?([A-Za-z_]\w*)[ \t]*=[ \t]*"""
    r"""(?:"([^"]*)"|'([^']*)'|([^#\n]*?))[ \t]*(?:\#.*)?$""",
    re.MULTILINE | re.ASCII,
)


class Situation(NamedTuple):
    """What a recipe looks at.

    Attributes:
        arguments: Those of the client, without its name.
        environ: The environment that the client is to run in.
        home: The user's folder.
        directory: The working directory of the client.
        read: Gives the text of a file, or None where there is none that can be read.
        point: Takes provider (`anthropic`, `openai`, `gemini`, `ollama`) and address of an
            upstream; gives the address to put in its place. May raise NoOverlayError.
        folder: A folder of the run, for files that a flag has to name.
    """

    arguments: tuple[str, ...]
    environ: Mapping[str, str]
    home: Path
    directory: Path
    read: Callable[[Path], str | None]
    point: Callable[[str, str], str]
    folder: Path

    def iter_parents(self) -> Iterator[Path]:
        """Yield the working directory and the folders above it, up to the user's own."""
        for path in (self.directory, *self.directory.parents[:PARENT_COUNT_MAX]):
            yield path
            if path == self.home:
                return


class Overlay(NamedTuple):
    """What is laid over.

    Attributes:
        arguments: All of the client's arguments, with what was added.
        environ: The variables to set, merged with what they held.
        files: What to write into the folder of the run, by name.
        doubts: Why requests may go past the proxy all the same, said where none came.
    """

    arguments: tuple[str, ...]
    environ: dict[str, str]
    files: dict[str, str]
    doubts: tuple[str, ...] = ()


class Launch(NamedTuple):
    """The recipe of one client.

    Attributes:
        name: As harnesses are named.
        programs: Names of its program.
        packages: Under which `npx` and its like run it, without versions.
        plan: Says what to lay over; raises NoOverlayError where no flag or variable would do.
    """

    name: str
    programs: tuple[str, ...]
    packages: tuple[str, ...]
    plan: Callable[[Situation], Overlay]


def merge_no_proxy(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that keep a client's own proxy away from loopback.

    Both spellings are set, each with what it held: programs differ in which they read first.
    """
    merged = {}
    for name in ("NO_PROXY", "no_proxy"):
        held = [each.strip() for each in environ.get(name, "").split(",") if each.strip()]
        merged[name] = ",".join([*held, *(host for host in LOOPBACK_HOSTS if host not in held)])
    return merged


def decode_settings(text: str | None) -> dict[str, Any]:
    """Return the object of a file of settings: JSON, with comments and last commas or without.

    What is no such object counts as empty: the client will say what it thinks of it.
    """
    if not text:
        return {}
    try:
        value = json.loads(_JSON_TOKEN.sub(_keep_string, text))
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _keep_string(match: re.Match[str]) -> str:
    return match[0] if match[0].startswith('"') else " "


def read_table(value: Any, *keys: str) -> dict[str, Any]:
    """Return the object at a path of keys within decoded settings; empty where there is none."""
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def read_word(value: Any, *keys: str) -> str | None:
    """Return the text at a path of keys within decoded settings, None where there is none."""
    *path, last = keys
    word = read_table(value, *path).get(last)
    return word if isinstance(word, str) and word else None


def decode_dotenv(text: str | None) -> dict[str, str]:
    """Return the variables of a `.env` file; a value of several lines is cut at the first."""
    return {
        match[1]: next((each for each in match.groups()[1:] if each is not None), "")
        for match in _DOTENV_LINE.finditer(text or "")
    }


def find_option(arguments: tuple[str, ...], *names: str) -> str | None:
    """Return the value of an option among a client's arguments: the last one given."""
    found = None
    for number, argument in enumerate(arguments):
        if argument == "--":
            break
        if argument in names and number + 1 < len(arguments):
            found = arguments[number + 1]
        name, sign, value = argument.partition("=")
        if sign and name in names:
            found = value
    return found
