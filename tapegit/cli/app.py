"""What a command is given: the store, the terminal, the clock and the environment of one run.

The store is found and opened when a command first asks for it, so that commands which need
none work anywhere. The environment enters the program here and nowhere else; the layers below
get values.

Source: tapes(1), "ENVIRONMENT".
"""

from __future__ import annotations

import os
import sys
import time
from functools import cached_property, partial
from importlib import import_module
from typing import TYPE_CHECKING, Final

import click

from tapegit.errors import ConfigError, StorageError
from tapegit.graph.resolve import Resolver
from tapegit.graph.turns import TurnGraph
from tapegit.refs.names import RefName
from tapegit.repository.discover import discover
from tapegit.repository.repository import Repository

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path
    from typing import BinaryIO

    from tapegit.errors import TapesError
    from tapegit.graph.lookup import StatingTurn
    from tapegit.porcelain.turns.selection import Selection
    from tapegit.ui.terminal import Terminal

    FindStatedIn = Callable[[Repository, TurnGraph, str], Sequence[StatingTurn]]

ENVIRONMENT: Final = {
    "TAPES_DIR": "the store to use, as with --tapes-dir",
    "TAPES_ACTOR": "who moved a ref, in reflogs; else the login name and the machine's name",
    "TAPES_DATE": "the time to write into reflogs and tags, in milliseconds since the epoch",
    "TAPES_EDITOR": "the editor, in place of VISUAL and EDITOR",
    "TAPES_PAGER": "the pager, in place of PAGER; empty or cat for none",
}
"""The variables of ours that the program reads, for tapes(1)."""


class App:
    """One run of the program.

    Attributes:
        terminal: Where all output goes.
        environ: The environment of the process.
    """

    def __init__(
        self,
        terminal: Terminal,
        environ: Mapping[str, str],
        *,
        tapes_dir: str | None = None,
        find_stated: FindStatedIn | None = None,
    ) -> None:
        self.terminal = terminal
        self.environ = environ
        self._tapes_dir = tapes_dir
        self._find_stated = find_stated
        self._broken: list[TapesError] = []

    @property
    def stdin(self) -> BinaryIO:
        """Standard input, as bytes."""
        return sys.stdin.buffer

    @property
    def named_store(self) -> str | None:
        """The `.tapes` directory that the user named, by option or in the environment."""
        return self._tapes_dir or self.environ.get("TAPES_DIR") or None

    @cached_property
    def root(self) -> Path:
        """The `.tapes` directory of the store.

        Raises:
            RepositoryNotFoundError: There is no store here, nor one of the user.
            StorageError: The working directory is gone.
        """
        return discover(self.directory, tapes_dir=self.named_store)

    @property
    def directory(self) -> str:
        """The working directory.

        Raises:
            StorageError: It is gone, or cannot be named.
        """
        try:
            return os.getcwd()
        except OSError as error:
            raise StorageError(
                f"cannot find the working directory: {os.strerror(error.errno or 0).lower()}",
                hint="change to another directory",
                errno=error.errno,
            ) from error

    @cached_property
    def repository(self) -> Repository:
        """The store, opened when first asked for."""
        return Repository.open(self.root, clock=self.clock, actor=self.actor)

    @cached_property
    def graph(self) -> TurnGraph:
        """The turns of the store and how they hang together."""
        return TurnGraph(self.repository.objects)

    @cached_property
    def resolver(self) -> Resolver:
        """What turns revisions into ids."""
        find = self._find_stated
        return Resolver(
            self.repository.objects,
            self.repository.refs,
            self.graph,
            clock=self.clock,
            warn=self.terminal.warning,
            find_stated=partial(find, self.repository, self.graph) if find is not None else None,
            find_followed=self._find_followed,
        )

    def _find_followed(self, branch: RefName) -> RefName | None:
        """Return what follows what a branch follows; few revisions ask, so few runs load it."""
        found: RefName | None = import_module("tapegit.porcelain.branches.upstream").find_followed(
            self.repository, branch
        )
        return found

    def note_broken(self, name: str, error: TapesError) -> None:
        """Keep what is wrong with one ref until all the others have been shown.

        A file below `refs/` that is named as no ref can be is a stranger's: worth a warning,
        unless it is hidden, and no failure, as in git.

        Raises:
            TapesError: packed-refs as a whole cannot be read: then nothing can be trusted.
        """
        if name == "packed-refs":
            raise error
        if RefName.try_parse(name) is not None:
            self._broken.append(error)
        elif "/." not in name:
            self.terminal.warning(f"passing over '{name}': {error}")

    def raise_broken(self) -> None:
        """Raise the first of the errors kept, after a warning for each further one."""
        for error in self._broken[1:]:
            self.terminal.warning(str(error))
        if self._broken:
            raise self._broken[0]

    def clock(self) -> int:
        """Return the time to record, in milliseconds since the epoch.

        Raises:
            ConfigError: TAPES_DATE is set to something else.
        """
        fixed = self.environ.get("TAPES_DATE")
        if not fixed:
            return time.time_ns() // 1_000_000
        if not fixed.isdecimal() or len(fixed) > 15:
            raise ConfigError(
                f"TAPES_DATE is '{fixed}', not milliseconds since the epoch", key="TAPES_DATE"
            )
        return int(fixed)

    @property
    def actor(self) -> str:
        """Who acts, for reflogs."""
        given = self.environ.get("TAPES_ACTOR")
        if given:
            return given
        user = self.environ.get("USER") or self.environ.get("LOGNAME") or "unknown"
        return f"{user}@{os.uname().nodename}"


pass_app = click.make_pass_decorator(App)
"""Gives a command's callback the `App` of this run as its first argument."""


def tell_session(app: App, selection: Selection, verb: str = "showing") -> None:
    """Say on standard error which session stands for a HEAD that is unborn."""
    if selection.session is not None:
        of = "" if selection.session.is_of_directory else ", the newest of all directories"
        app.terminal.message(f"HEAD is unborn: {verb} {selection.session.ref.short}{of}")
