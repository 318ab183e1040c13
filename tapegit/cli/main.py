"""`tapes` itself: global options, finding and loading a command, and ending the program.

A command's module is imported only when that command runs; listing and suggesting commands
read the table alone. This is the one module that imports by name at run time, and the one
place where a failure ends the program.

Source: tapes(1).
"""

from __future__ import annotations

import gc
import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, NoReturn

import click

from tapegit.cli.app import App
from tapegit.cli.failure import (
    CLOSED_PIPE_CODE,
    INTERRUPTED_CODE,
    as_tapes_error,
    asks_for_json,
    format_failure,
)
from tapegit.cli.table import ALIASES, CLASS_TITLES, COMMANDS, INNER, module_name
from tapegit.cli.types import attach_values
from tapegit.errors import TapesError
from tapegit.ui.terminal import Terminal

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import TextIO

    from tapegit.graph.lookup import StatingTurn
    from tapegit.graph.turns import TurnGraph
    from tapegit.repository.repository import Repository


COMPLETE_VARIABLE: Final = "_TAPES_COMPLETE"
"""Set by the shell when it asks for completions: see tapes(1), "COMPLETION"."""


class TapesGroup(click.Group):
    """The group of all commands, each imported when it is first asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands, in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command and return it, or None where there is none of this name."""
        name = ALIASES.get(cmd_name, cmd_name)
        if name not in COMMANDS and name not in INNER:
            return None
        command: click.Command = import_module(module_name(name)).command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that the first argument names; suggest some if it names none."""
        word = args[0]
        if (
            word not in COMMANDS
            and word not in ALIASES
            and word not in INNER
            and not word.startswith("-")
            and not ctx.resilient_parsing
        ):
            raise _unknown_error(word, ctx)
        name, command, rest = super().resolve_command(ctx, args)
        return name, command, rest if command is None else attach_values(command, rest)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands by class, without importing them."""
        for command_class, title in CLASS_TITLES.items():
            with formatter.section(title):
                formatter.write_dl(
                    [(name, row[2]) for name, row in COMMANDS.items() if row[0] == command_class]
                )

    def shell_complete(
        self, ctx: click.Context, incomplete: str
    ) -> list[click.shell_completion.CompletionItem]:
        """Return the commands that begin with a word, without importing them."""
        found = [
            click.shell_completion.CompletionItem(name, help=row[2])
            for name, row in COMMANDS.items()
            if name.startswith(incomplete)
        ]
        return found + click.Command.shell_complete(self, ctx, incomplete)

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> NoReturn:
        """Run the program and end it: the only `except` for everything a command may raise."""
        arguments = sys.argv[1:] if args is None else list(args)
        try:
            name = prog_name or "tapes"
            if (complete_var or COMPLETE_VARIABLE) in os.environ:
                super().main(arguments, name, complete_var or COMPLETE_VARIABLE)
            # Not by way of click's own main: it has codes of its own for a closed pipe.
            with self.make_context(name, arguments, **extra) as ctx:
                self.invoke(ctx)
            sys.stdout.flush()
            code = 0
        except BaseException as error:  # noqa: BLE001 - the end of the program, whatever happened
            code = _end(error, json=asks_for_json(arguments))
        sys.exit(code)


def _find_stated(repository: Repository, graph: TurnGraph, text: str) -> Sequence[StatingTurn]:
    """Return the turns that state an id; what knows them is loaded when a name is nothing else."""
    found: Sequence[StatingTurn] = import_module("tapegit.index.stated").find_turns(
        repository, graph, text
    )
    return found


def _unknown_error(name: str, ctx: click.Context) -> click.UsageError:
    """Return the error for what is no command, with what was meant where that is known."""
    words = import_module("tapegit.cli.git_words")
    if name in words.HINTS:
        error: click.UsageError = words.GitWordError(name, ctx)
        return error
    return click.UsageError(_describe_unknown(name), ctx=ctx)


def _describe_unknown(name: str) -> str:
    """Return what to say of a command that does not exist, with the nearest that do."""
    near = import_module("difflib").get_close_matches(name, COMMANDS, n=3, cutoff=0.55)
    text = f"'{name}' is not a tapes command"
    return f"{text}; the nearest: {', '.join(near)}" if near else text


def _end(error: BaseException, *, json: bool) -> int:
    """Report what ended a run, on standard error, and return the exit code."""
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else 1
    if isinstance(error, click.exceptions.Exit):
        return error.exit_code
    if isinstance(error, BrokenPipeError):
        _silence(sys.stdout)
        return CLOSED_PIPE_CODE
    if isinstance(error, KeyboardInterrupt | click.Abort | EOFError):
        return INTERRUPTED_CODE
    if isinstance(error, SystemError) and isinstance(error.__cause__, MemoryError):
        error = error.__cause__  # the interpreter ran out of it inside a function of its own
    if isinstance(error, OSError | MemoryError):
        if isinstance(error, OSError):
            _silence(sys.stdout)
        error = as_tapes_error(error)
    if isinstance(error, click.NoSuchOption):
        error = import_module("tapegit.cli.git_options").explain(error)
    if not isinstance(error, TapesError | click.ClickException):
        raise error  # a mistake in this program: its traceback is the report
    try:
        sys.stdout.flush()
    except OSError:
        _silence(sys.stdout)
    try:
        sys.stderr.write(format_failure(error, json=json))
        sys.stderr.flush()
    except OSError:
        _silence(sys.stderr)  # nobody can be told; the code still says it
    return error.exit_code


def _silence(stream: TextIO) -> None:
    """Point a stream at nothing, so that the interpreter's own last flush cannot fail."""
    try:
        number = stream.fileno()
        os.dup2(os.open(os.devnull, os.O_WRONLY), number)
    except (OSError, ValueError):
        pass  # no descriptor, so nothing to flush


@click.group(
    "tapes",
    cls=TapesGroup,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Run 'tapes help COMMAND' for the manual page of a command.",
)
@click.option("-C", "directories", metavar="DIR", multiple=True, help="Run as if started in DIR")
@click.option("--tapes-dir", metavar="DIR", help="Use the store in DIR, a .tapes directory")
@click.option("-p", "--paginate", is_flag=True, help="Page output, whatever the command")
@click.option("-P", "--no-pager", is_flag=True, help="Do not page long output")
@click.option(
    "--color",
    type=click.Choice(["auto", "always", "never"]),
    default="auto",
    help="When to colour output; auto: on a terminal, unless NO_COLOR is set",
)
@click.option("-v", "--version", is_flag=True, help="Say which program and which version this is")
@click.pass_context
def cli(
    ctx: click.Context,
    directories: tuple[str, ...],
    tapes_dir: str | None,
    paginate: bool,
    no_pager: bool,
    color: str,
    version: bool,
) -> None:
    """Record, walk, compare and repair what an agent and its model said: git for agent sessions"""
    for directory in directories:
        _change_directory(directory)
    name = "version" if version else ctx.invoked_subcommand
    terminal = _make_terminal(ctx, color, paged=(paginate or _is_paged(name)) and not no_pager)
    ctx.obj = App(terminal, os.environ, tapes_dir=tapes_dir, find_stated=_find_stated)
    ctx.call_on_close(terminal.flush)
    if version:
        ctx.invoke(import_module(module_name("version")).command)
        ctx.exit()
    if name is None:
        click.echo(ctx.get_help())


def _change_directory(directory: str) -> None:
    try:
        os.chdir(directory or ".")  # an empty name is none, as for git
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise click.UsageError(f"cannot change to '{directory}': {reason}") from error


def _is_paged(name: str | None) -> bool:
    row = COMMANDS.get(ALIASES.get(name, name)) if name is not None else None
    return row is not None and row[1]


def _make_terminal(ctx: click.Context, color: str, *, paged: bool) -> Terminal:
    """Return the terminal of this run, behind a pager where a person would want one."""
    environ = os.environ
    is_tty = sys.stdout.isatty()
    plain = bool(environ.get("NO_COLOR")) or environ.get("TERM") == "dumb"
    colored = color == "always" or (color == "auto" and is_tty and not plain)
    columns = environ.get("COLUMNS", "")
    width = int(columns) if columns.isdecimal() and int(columns) > 0 else None
    if not (paged and is_tty):
        return Terminal(color=colored, columns=width)
    pager = import_module("tapegit.ui.pager").start_pager(environ)
    if pager is None:
        return Terminal(color=colored, columns=width)
    ctx.call_on_close(pager.close)
    return Terminal(color=colored, columns=width, out=pager.stream)


def main() -> NoReturn:
    """Run `tapes` with the arguments of this process."""
    if None in (sys.stdin, sys.stdout, sys.stderr):
        _open_missing_streams()
    try:
        cli.main()
    finally:
        gc.freeze()  # everything goes now: no need to search it for cycles once more


def _open_missing_streams() -> None:
    """Put nothing where a standard stream was closed, as git does.

    Else the next file opened would get its number, and be written to as if it were the stream.
    """
    while (number := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(number)
    sys.stdin = sys.stdin or os.fdopen(0, "r")
    sys.stdout = sys.stdout or os.fdopen(1, "w")
    sys.stderr = sys.stderr or os.fdopen(2, "w")
