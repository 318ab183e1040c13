"""What a command is run with so that its requests come to a proxy.

The variables that SDKs read are laid over any command. A client that has a recipe gets it; any
other command may start such a client, and gets shims for all of them in front of PATH.

Source: tapes-record(1), "Clients" and "Wrapped commands".
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Final, NamedTuple

from tapegit.errors import NoOverlayError
from tapegit.harness.launch.environment import BARRIERS, plan_environment
from tapegit.harness.launch.recipe import Situation
from tapegit.harness.launch.table import LAUNCHES, RUNNERS, Found, find_launch, program_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tapegit.porcelain.recording.places import Places
    from tapegit.porcelain.recording.run_folder import RunFolder

SETTINGS_SIZE_MAX_BYTES: Final = 4 << 20
SHELLS: Final = ("ash", "bash", "dash", "fish", "ksh", "sh", "zsh")
LOGIN: Final = re.compile(r"-[a-z]*l|--login\Z")


class Surroundings(NamedTuple):
    """Where a command is run: environment, the user's folder, working directory, this Python."""

    environ: Mapping[str, str]
    home: Path
    directory: Path
    python: str


class Prepared(NamedTuple):
    """A command, ready to be run.

    Attributes:
        command: With the flags of its recipe.
        environ: All of its environment.
        doubts: Why requests may go past the proxy all the same.
    """

    command: tuple[str, ...]
    environ: dict[str, str]
    doubts: tuple[str, ...]


def prepare(
    command: tuple[str, ...], where: Surroundings, places: Places, folder: RunFolder
) -> Prepared:
    """Return a command with what points it at a proxy.

    Raises:
        NoOverlayError: It is a client that flags and variables cannot point there.
    """
    found = find_launch(command)
    arguments = command[found.start :] if found else command[1:]
    situation = make_situation(arguments, where, places, folder)
    environ = {**where.environ, "PWD": str(where.directory), **plan_environment(situation).environ}
    if found is None:
        note_upstreams(where, places, folder)
        names = [name for launch in LAUNCHES for name in launch.programs]
        folder.write_shims([*names, *RUNNERS], where.python)
        environ["PATH"] = f"{folder.bin_dir}{os.pathsep}{where.environ.get('PATH', os.defpath)}"
        return Prepared(command, environ, tuple(_iter_doubts(command, where.directory, folder)))
    overlay = found.launch.plan(situation)
    for name, text in overlay.files.items():
        folder.write(name, text)
    planned = (*command[: found.start], *overlay.arguments)
    return Prepared(planned, environ | overlay.environ, overlay.doubts)


def _iter_doubts(command: tuple[str, ...], directory: Path, folder: RunFolder) -> Iterator[str]:
    """Yield why a command that is no client may not lead its clients to the proxy."""
    program = program_name(command[0])
    if (barrier := BARRIERS.get(program)) is not None:
        yield barrier
    if program in SHELLS and any(LOGIN.match(word) for word in command[1:2]):
        yield "a login shell may set PATH anew, so that clients are found before their shims"
    yield from _iter_shadows(directory)
    if os.pathsep in str(folder.bin_dir):
        yield f"'{folder.bin_dir}' cannot stand in PATH, so that clients get no flags"


def _iter_shadows(directory: Path) -> Iterator[str]:
    """Yield which clients npm and its like find before the shims: those of the project itself."""
    for each in (directory, *directory.parents):
        bin_dir = each / "node_modules" / ".bin"
        for launch in LAUNCHES:
            for name in launch.programs:
                if os.path.lexists(bin_dir / name):
                    yield (
                        f"scripts of npm find '{bin_dir / name}' before its shim, and it gets no "
                        f"flags: 'tapes record -- npx {name}' gives it them"
                    )


def note_upstreams(where: Surroundings, places: Places, folder: RunFolder) -> None:
    """Add the upstreams of every client as it is set up, for whoever joins the run.

    A client that cannot be pointed at a proxy is passed over: who starts it is told.
    """
    situation = make_situation((), where, places, folder)
    plan_environment(situation)
    for launch in LAUNCHES:
        try:
            launch.plan(situation)
        except NoOverlayError:
            continue
    folder.write_places(places)


def make_situation(
    arguments: tuple[str, ...], where: Surroundings, places: Places, folder: RunFolder
) -> Situation:
    """Return what a recipe looks at, here and now."""
    return Situation(
        arguments,
        where.environ,
        where.home,
        where.directory,
        read_settings,
        places.point,
        folder.path,
    )


def prepare_within(command: tuple[str, ...], where: Surroundings, folder: RunFolder) -> Prepared:
    """Return what a shim runs in its place: the same program, the recipe laid over.

    Raises:
        NoOverlayError: As for `prepare`, or the proxy does not know the client's upstream.
        FormatError: The folder is not that of a run.
    """
    places = folder.read_places()
    path = os.pathsep.join(
        each
        for each in where.environ.get("PATH", os.defpath).split(os.pathsep)
        if each != str(folder.bin_dir)
    )
    where = where._replace(environ={**where.environ, "PATH": path})
    try:
        prepared = _prepare_found(find_launch(command), command, where, places, folder)
    except NoOverlayError as error:
        folder.add_doubts([error.message])
        raise
    folder.add_doubts(prepared.doubts)
    return prepared


def _prepare_found(
    found: Found | None,
    command: tuple[str, ...],
    where: Surroundings,
    places: Places,
    folder: RunFolder,
) -> Prepared:
    if found is None:
        return Prepared(command, dict(where.environ), ())
    return prepare(command, where, places, folder)


def read_settings(path: Path) -> str | None:
    """Return the text of a file of settings of the user's, None where it cannot be had.

    Such a file may be a link, unlike those of a store.
    """
    try:
        with path.open("rb") as stream:
            data = stream.read(SETTINGS_SIZE_MAX_BYTES)
    except (OSError, ValueError):
        return None
    return data.decode("utf-8", "replace")
