"""`tapes step`."""

from __future__ import annotations

import readline
import sys
from typing import TYPE_CHECKING

import click

from tapegit.cli.app import App, pass_app, tell_session
from tapegit.cli.stepper import Stepper
from tapegit.cli.types import json_option
from tapegit.errors import TapesError
from tapegit.porcelain.step.step import open_tape
from tapegit.porcelain.turns.selection import select
from tapegit.ui import step as ui

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tapegit.objects.oid import ObjectId
    from tapegit.porcelain.step.step import Tape

LINE_LENGTH_MAX = 10_000


@click.command("step")
@click.option("-c", "commands", multiple=True, metavar="COMMAND", help="Do this, and then leave")
@json_option
@click.argument("rev", metavar="[SESSION|REV]", required=False)
@pass_app
def command(app: App, /, commands: tuple[str, ...], as_json: bool, rev: str | None) -> None:
    """Walk through a tape step by step"""
    if rev is None:
        selection = select(app.repository, app.resolver, (), directory=app.directory)
        tell_session(app, selection, "stepping through")
        tip: ObjectId = selection.starts[0]
    else:
        tip = app.resolver.resolve(rev)
    tape = open_tape(app.repository, app.graph, app.resolver, rev, tip)
    is_asking = not commands and sys.stdin.isatty()
    stepper = Stepper(app, tape, as_json=as_json, is_asking=is_asking)
    stepper.stop()
    if is_asking:
        _ask(app, tape, stepper)
        return
    for line in commands or _iter_lines(app):
        if not stepper.do(line):
            return
        app.terminal.flush()


def _iter_lines(app: App) -> Iterator[str]:
    """Yield the lines of standard input."""
    for data in iter(lambda: app.stdin.readline(LINE_LENGTH_MAX), b""):
        yield data.decode("utf-8", "replace")


def _ask(app: App, tape: Tape, stepper: Stepper) -> None:
    """Do what a person types, until there is no more; what cannot be done is said."""
    readline.set_auto_history(True)
    while True:
        app.terminal.flush()
        try:
            if not stepper.do(_read_line(ui.format_prompt(tape.position, len(tape.oids)))):
                return
        except EOFError:
            app.terminal.note("")
            return
        except KeyboardInterrupt:  # it ends what is being done, not the walk
            app.terminal.note("")
        except UnicodeDecodeError:
            app.terminal.message("error: that is no text in the encoding of this terminal")
        except TapesError as error:
            app.terminal.flush()
            app.terminal.message(f"error: {error}")
            if error.hint:
                app.terminal.hint(error.hint)


def _read_line(prompt: str) -> str:
    """Return a line that a person typed; the prompt is never among what is printed elsewhere."""
    if sys.stdout.isatty():
        return input(prompt)
    sys.stderr.write(prompt)
    sys.stderr.flush()
    return input()
