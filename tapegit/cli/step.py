"""`tapes step`."""

from __future__ import annotations

import readline
import sys
from typing import TYPE_CHECKING

import click

from tapegit.cli.app import App, pass_app, tell_session
from tapegit.cli.log_options import make_form
from tapegit.cli.types import json_option
from tapegit.dialects.arguments import decode_arguments, format_value
from tapegit.errors import TapesError, UserError
from tapegit.porcelain.selection import select
from tapegit.porcelain.step import open_tape
from tapegit.porcelain.step_commands import GO, MOVE, QUIT, SEEK, VIEWS, Asked, parse_line
from tapegit.porcelain.step_decisions import find_policy, iter_decided
from tapegit.porcelain.turn_parts import iter_pieces
from tapegit.ui import step as ui

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tapegit.objects.oid import ObjectId
    from tapegit.porcelain.step import Tape
    from tapegit.ui.log import LogForm

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
    form = make_form(app, oneline=False, date="default", abbrev=7, decorate=None)
    stepper = _Stepper(app, tape, form, as_json=as_json)
    is_asking = not commands and sys.stdin.isatty()
    stepper.stop()
    failed = False
    for line in commands or _iter_lines(app, tape, is_asking=is_asking):
        try:
            if not stepper.do(line):
                return
        except TapesError as error:
            if not is_asking:
                raise
            failed = True
            app.terminal.flush()
            app.terminal.message(f"error: {error}")
            if error.hint:
                app.terminal.hint(error.hint)
        app.terminal.flush()
    if failed and is_asking:
        app.terminal.note("")


def _iter_lines(app: App, tape: Tape, *, is_asking: bool) -> Iterator[str]:
    """Yield what the user types, or the lines of standard input."""
    if not is_asking:
        for data in iter(lambda: app.stdin.readline(LINE_LENGTH_MAX), b""):
            yield data.decode("utf-8", "replace")
        return
    readline.set_auto_history(True)
    app.terminal.flush()
    while True:
        try:
            yield input(ui.format_prompt(tape.position, len(tape.oids)))
        except EOFError:
            app.terminal.line("")
            return


class _Stepper:
    """Does what lines ask for, one after the other."""

    def __init__(self, app: App, tape: Tape, form: LogForm, *, as_json: bool) -> None:
        self._app = app
        self._terminal = app.terminal
        self._tape = tape
        self._form = form
        self._as_json = as_json
        self._last: Asked | None = None

    def stop(self) -> None:
        """Say where one stands."""
        tape = self._tape
        if self._as_json:
            members = ui.step_members(tape.position, len(tape.oids), tape.show())
            self._terminal.json(members)
        else:
            ui.print_stop(self._terminal, tape.position, tape.show(), self._form)

    def do(self, line: str) -> bool:
        """Do what a line asks for, an empty one what the last one did; say if one goes on.

        Raises:
            UserError: It is no word, or what is sought is not there.
        """
        asked = parse_line(line) or self._last
        if asked is None:
            return True
        self._last = asked
        tape = self._tape
        if asked.kind == QUIT:
            return False
        if asked.kind == GO:
            tape.go(asked.number)
        elif asked.kind == MOVE:
            if not tape.move(asked.number):
                where = "last" if asked.number > 0 else "first"
                raise UserError(f"#{tape.position} is the {where} turn of the tape")
        elif asked.kind == SEEK:
            self._seek(asked)
        else:
            self._say(asked.what)
            return True
        self.stop()
        return True

    def _seek(self, asked: Asked) -> None:
        if not self._tape.seek(asked.what, asked.value, asked.number):
            way = "after" if asked.number > 0 else "before"
            what = f"{asked.what} {asked.value}".strip()
            raise UserError(f"no turn with {what} {way} #{self._tape.position}")

    def _say(self, what: str) -> None:
        if what == "help":
            ui.print_help(self._terminal, VIEWS)
        elif what == "show":
            self.stop()
        elif what in ("request", "system", "tools"):
            self._say_request(what)
        elif what == "raw":
            turn = self._tape.show().turn
            for piece in iter_pieces(self._app.repository.objects.find, turn):
                self._terminal.data(piece)
        elif not self._say_part(what):
            number = self._tape.position
            self._terminal.message(f"#{number} has nothing to show for '{what}'")

    def _say_part(self, what: str) -> bool:
        """Print one thing about the turn; return whether there is any of it."""
        tape, terminal = self._tape, self._terminal
        if what == "context":
            ui.print_lines(terminal, tape.iter_context(), tape.position)
        elif what == "list":
            ui.print_lines(terminal, tape.iter_around(ui.AROUND_COUNT), tape.position)
        elif what == "changed":
            return ui.print_changes(terminal, tape.iter_new(), tape.find_changes())
        elif what == "decision":
            policy = find_policy(tape, self._app.repository.objects.find)
            return ui.print_decisions(terminal, iter_decided(tape), policy)
        elif what == "thinking":
            return ui.print_thinking(terminal, tape.show())
        elif what == "calls":
            return ui.print_calls(terminal, tape.show())
        else:
            return ui.print_usage(terminal, tape.show().turn)
        return True

    def _say_request(self, what: str) -> None:
        request = self._tape.find_request()
        if not request.is_recorded:
            lost = f"; {request.loss_count} parts of the tape are not in it"
            self._terminal.message(
                "no request was recorded here: this one is made of the turns before it"
                + (lost if request.loss_count else "")
            )
        if what == "request":
            self._terminal.data(request.body + b"\n")
            return
        body = decode_arguments(request.body.decode("utf-8", "replace"))
        names = ("tools",) if what == "tools" else ("system", "instructions", "systemInstruction")
        found = [body[name] for name in names if isinstance(body, dict) and body.get(name)]
        if not found:
            self._terminal.message(f"the request has no {what}")
        for value in found:
            for line in format_value(value).splitlines():
                self._terminal.line(line)
