"""The clients that have a recipe, and which of them a command runs.

To add a client: a module with a `Launch`, a line here, tests.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Final, NamedTuple

from tapegit.harness.launch.claude_code import CLAUDE_CODE_LAUNCH
from tapegit.harness.launch.codex import CODEX_LAUNCH
from tapegit.harness.launch.gemini_cli import GEMINI_CLI_LAUNCH
from tapegit.harness.launch.opencode import OPENCODE_LAUNCH
from tapegit.harness.launch.pi import PI_LAUNCH

if TYPE_CHECKING:
    from tapegit.harness.launch.recipe import Launch

LAUNCHES: Final[tuple[Launch, ...]] = (
    CLAUDE_CODE_LAUNCH,
    CODEX_LAUNCH,
    OPENCODE_LAUNCH,
    PI_LAUNCH,
    GEMINI_CLI_LAUNCH,
)
RUNNERS: Final = {
    "npx": (),
    "bunx": (),
    "pnpx": (),
    "npm": ("exec", "x"),
    "pnpm": ("dlx", "exec"),
    "yarn": ("dlx", "exec"),
    "bun": ("x",),
}
"""Programs that run a package, and the subcommands with which they do."""

_VALUED: Final = frozenset({"-p", "--package", "-w", "--workspace", "--prefix", "--registry"})
_VERSION: Final = re.compile(r"(?<=.)@[^/]*\Z")
_EXTENSIONS: Final = (".exe", ".cmd", ".js", ".cjs", ".mjs")


class Found(NamedTuple):
    """A client in a command: the recipe, and where in the command its arguments begin."""

    launch: Launch
    start: int


def find_launch(command: tuple[str, ...]) -> Found | None:
    """Return the client that a command runs itself or by way of `npx` and its like, or None."""
    program = program_name(command[0])
    for launch in LAUNCHES:
        if program in launch.programs:
            return Found(launch, 1)
    if program not in RUNNERS:
        return None
    at = 1
    verbs = RUNNERS[program]
    if verbs:
        if len(command) < 2 or command[1] not in verbs:
            return None
        at = 2
    while at < len(command) and command[at].startswith("-"):
        at += 2 if command[at] in _VALUED else 1
    if at >= len(command):
        return None
    package = _VERSION.sub("", command[at])
    for launch in LAUNCHES:
        if package in launch.packages or package in launch.programs:
            return Found(launch, at + 1)
    return None


def program_name(path: str) -> str:
    """Return the name of a program without folder and extension."""
    name = os.path.basename(path)
    for extension in _EXTENSIONS:
        name = name.removesuffix(extension)
    return name
