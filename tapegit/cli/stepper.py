"""What `tapes step` does for a line: it goes somewhere, or says something of where one stands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tapegit.cli.log_options import make_form
from tapegit.errors import UserError
from tapegit.porcelain.step.commands import GO, MOVE, QUIT, SEEK, VIEWS, Asked, parse_line
from tapegit.porcelain.step.decisions import find_policy, iter_decided
from tapegit.porcelain.turns.parts import iter_pieces
from tapegit.ui import step as ui
from tapegit.ui import step_json

if TYPE_CHECKING:
    from tapegit.cli.app import App
    from tapegit.porcelain.step.step import Tape


class Stepper:
    """Does what lines ask for, one after the other.

    Args:
        app: The run.
        tape: What is walked.
        as_json: Say it as JSON.
        is_asking: A person reads: of a stop no more is said than fits on a screen.
    """

    def __init__(self, app: App, tape: Tape, *, as_json: bool, is_asking: bool) -> None:
        self._find = app.repository.objects.find
        self._terminal = app.terminal
        self._tape = tape
        self._form = make_form(app, oneline=False, date="default", abbrev=7, decorate=None)
        self._as_json = as_json
        self._is_asking = is_asking
        self._last: Asked | None = None

    def stop(self, *, is_whole: bool = False) -> None:
        """Say where one stands."""
        tape = self._tape
        if self._as_json:
            self._terminal.json(step_json.stop(tape.position, len(tape.oids), tape.show()))
            return
        line_count_max = None if is_whole or not self._is_asking else ui.find_height()
        ui.print_stop(self._terminal, tape.position, tape.show(), self._form, line_count_max)

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
            self.stop(is_whole=True)
        elif what == "raw":
            for piece in iter_pieces(self._find, self._tape.show().turn):
                self._terminal.data(piece)
        elif what in ("request", "system", "tools"):
            self._say_request(what)
        elif self._as_json:
            self._terminal.json(self._members(what))
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
            return ui.print_decisions(terminal, iter_decided(tape), find_policy(tape, self._find))
        elif what == "thinking":
            return ui.print_thinking(terminal, tape.show())
        elif what == "calls":
            return ui.print_calls(terminal, tape.show())
        else:
            return ui.print_usage(terminal, tape.show().turn)
        return True

    def _members(self, what: str) -> dict[str, object]:
        """Return one thing about the turn as the members of a JSON object."""
        tape = self._tape
        if what in ("context", "list"):
            is_all = what == "context"
            turns = tape.iter_context() if is_all else tape.iter_around(ui.AROUND_COUNT)
            members = step_json.turns(turns)
        elif what == "changed":
            members = step_json.changes(tape.iter_new(), tape.find_changes())
        elif what == "decision":
            members = step_json.decisions(iter_decided(tape), find_policy(tape, self._find))
        elif what == "usage":
            members = step_json.usage(tape.show().turn)
        else:
            members = step_json.parts(
                tape.show(), "thinking" if what == "thinking" else "tool_call"
            )
        return {"step": tape.position, "view": what, **members}

    def _say_request(self, what: str) -> None:
        request = self._tape.find_request()
        text = None if what == "request" else request.read(what)
        if self._as_json:
            members = step_json.request(request, text)
            self._terminal.json({"step": self._tape.position, "view": what, **members})
            return
        if not request.is_recorded:
            lost = f"; {request.loss_count} parts of the tape are not in it"
            self._terminal.message(
                "no request was recorded here: this one is made of the turns before it"
                + (lost if request.loss_count else "")
            )
        if what == "request":
            self._terminal.data(request.body + b"\n")
        elif text is None:
            self._terminal.message(f"the request has no {what}")
        else:
            for line in text.split("\n"):
                self._terminal.line(line)
