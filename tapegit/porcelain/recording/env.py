"""`env`: what to set so that a client goes through a proxy that stands.

Source: tapes-env(1).
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Final, NamedTuple

from tapegit.errors import UserError
from tapegit.harness.launch.environment import plan_environment
from tapegit.harness.launch.table import LAUNCHES
from tapegit.porcelain.recording.launching import make_situation
from tapegit.porcelain.recording.places import Places
from tapegit.porcelain.recording.run_folder import RunFolder
from tapegit.wire.proxy.routes import SCOPE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tapegit.harness.launch.recipe import Overlay
    from tapegit.porcelain.recording.launching import Surroundings
    from tapegit.porcelain.recording.proxy import Standing

SHELLS: Final = ("sh", "fish", "powershell")
_VARIABLES: Final = {
    "anthropic": ("ANTHROPIC_BASE_URL", ""),
    "openai": ("OPENAI_BASE_URL", "/v1"),
    "gemini": ("GOOGLE_GEMINI_BASE_URL", ""),
    "ollama": ("OLLAMA_HOST", ""),
}


class Settings(NamedTuple):
    """What to set: variables, and the arguments with which a client is to be run.

    Attributes:
        variables: By name.
        program: The client, where it has a recipe.
        arguments: Those that come before its own; none where variables are enough.
    """

    variables: Mapping[str, str]
    program: str | None = None
    arguments: tuple[str, ...] = ()


def find_settings(
    standing: Standing, where: Surroundings, *, client: str | None, session: str | None
) -> Settings:
    """Return what points a client at a proxy.

    Args:
        standing: The proxy.
        where: The environment that the client would run in.
        client: A program or a name of a recipe, or an upstream of the user's; None for the
            variables that any client may read.
        session: A name that keeps this client's traffic apart.

    Raises:
        UserError: There is no such client; or the name is none.
        NoOverlayError: The client cannot be pointed at this proxy.
    """
    folder = RunFolder(standing.folder)
    known = folder.read_places()
    if session is not None and SCOPE.fullmatch(session) is None:
        raise UserError(f"'{session}' is no name for a session", hint="use letters, digits, . _ -")
    origin = known.origin + (f"/s/{session}" if session is not None else "")
    places = Places(origin, known.all, is_open=False)
    situation = make_situation((), where, places, folder)
    if client is None:
        return Settings(plan_environment(situation).environ)
    for launch in LAUNCHES:
        if client in {launch.name, *launch.programs}:
            overlay: Overlay = launch.plan(situation)
            for name, text in overlay.files.items():
                folder.write(name, text)
            return Settings(overlay.environ, launch.programs[0], overlay.arguments)
    for place in places.all:
        if client == place.name:
            name, version = _VARIABLES[place.provider]
            return Settings({name: f"{places.address(place)}{version}"})
    clients = ", ".join(launch.programs[0] for launch in LAUNCHES)
    raise UserError(
        f"'{client}' is no client that tapes knows, and no upstream of this proxy",
        hint=f"known are {clients}; others read the variables of 'tapes env'",
    )


def iter_shell_lines(settings: Settings, shell: str) -> list[str]:
    """Return lines for a shell to read: variables, and a function in front of the client."""
    quote, variable, function = {
        "sh": (shlex.quote, "export {}={}", '{0}() {{ command {0} {1} "$@"; }}'),
        "fish": (_quote_fish, "set -gx {} {}", "function {0}; command {0} {1} $argv; end"),
        "powershell": (
            _quote_powershell,
            "$env:{} = {}",
            "function {0} {{ & (Get-Command -CommandType Application {0})[0] {1} @args }}",
        ),
    }[shell]
    lines = [variable.format(name, quote(value)) for name, value in settings.variables.items()]
    if settings.program is not None and settings.arguments:
        words = " ".join(map(quote, settings.arguments))
        lines.append(function.format(settings.program, words))
    return lines


def _quote_fish(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _quote_powershell(text: str) -> str:
    escaped = text.replace("'", "''")
    return f"'{escaped}'"
