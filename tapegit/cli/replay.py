"""`tapes replay`."""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING

import click

from tapegit.cli.app import App, pass_app, tell_session
from tapegit.cli.failure import format_failure
from tapegit.cli.surroundings import find_surroundings
from tapegit.errors import TapesError, UserError
from tapegit.porcelain.replay.beyond import ON_MISS
from tapegit.porcelain.replay.replay import NOT_STARTED_CODE, Replay, Rules
from tapegit.porcelain.turns.selection import select
from tapegit.refs.names import HEAD
from tapegit.ui.replays import (
    branch_members,
    iter_address_lines,
    iter_branch_lines,
    iter_hints,
    iter_report_lines,
    report_members,
)

if TYPE_CHECKING:
    from tapegit.porcelain.replay.beyond import OnMiss
    from tapegit.porcelain.replay.replay import Replayed

DIVERGED_CODE = 1


class ReplayCommand(click.Command):
    """A command whose arguments end at `--`, where another's begin."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Keep what follows `--` for the callback."""
        at = args.index("--") if "--" in args else len(args)
        ctx.meta["command"] = tuple(args[at + 1 :])
        return super().parse_args(ctx, args[:at])


@click.command("replay", cls=ReplayCommand)
@click.option("--strict", "is_strict", is_flag=True, help="Take no match by the chain alone")
@click.option("--faithful", "is_faithful", is_flag=True, help="Serve errors and retries too")
@click.option(
    "--speed",
    metavar="FACTOR",
    type=click.FloatRange(min=0, min_open=True),
    help="Answer as slowly as recorded, FACTOR times as fast; else at once",
)
@click.option("--until", metavar="REVISION", help="Serve nothing that was asked after REVISION")
@click.option(
    "--on-miss",
    type=click.Choice(ON_MISS),
    default=ON_MISS[0],
    help="Where the tape ends or is left: fail, ask the model, or ask it and record a branch",
)
@click.option("--here", "is_here", is_flag=True, help="Run the command in place, without isolation")
@click.option("--yes", "is_agreed", is_flag=True, help="With --here, do not ask")
@click.option("--serve", "is_server", is_flag=True, help="Run nothing: print addresses and serve")
@click.option(
    "--port", metavar="PORT", type=click.IntRange(0, 65535), default=0, help="To serve on"
)
@click.option("--json", "as_json", is_flag=True, help="Print the report as one JSON object")
@click.argument("revisions", metavar="[SESSION|REVISION]... [-- COMMAND...]", nargs=-1)
@click.pass_context
@pass_app
def command(
    app: App,
    ctx: click.Context,
    /,
    is_strict: bool,
    is_faithful: bool,
    speed: float | None,
    until: str | None,
    on_miss: OnMiss,
    is_here: bool,
    is_agreed: bool,
    is_server: bool,
    port: int,
    as_json: bool,
    revisions: tuple[str, ...],
) -> None:
    """Run a command again, with a tape in place of the model"""
    rules = Rules(is_strict, is_faithful, speed, until, on_miss)
    try:
        names = revisions or _default_names(app)
        replay = Replay(app.repository, app.resolver, app.graph, names, rules)
        given = ctx.meta["command"]
        run = () if is_server else given or replay.find_command()
        if not run:
            done = replay.serve(port, find_surroundings(app), partial(_tell_addresses, app))
        elif is_here:
            _confirm(app, replay, is_agreed=is_agreed)
            done = replay.run_here(run, find_surroundings(app), is_quiet=as_json)
        else:
            done = replay.run_isolated(run, find_surroundings(app), is_quiet=as_json)
    except TapesError as error:
        sys.stderr.write(format_failure(error, json=as_json))
        ctx.exit(NOT_STARTED_CODE)
    _tell(app, done, names, on_miss, as_json=as_json)
    ctx.exit(DIVERGED_CODE if done.report.verdict == "diverged" else 0)


def _default_names(app: App) -> tuple[str, ...]:
    selection = select(app.repository, app.resolver, (), directory=app.directory)
    tell_session(app, selection, "replaying")
    return (HEAD if selection.session is None else str(selection.session.ref),)


def _tell_addresses(app: App, origin: str, addresses: list[tuple[str, str]]) -> None:
    for line in iter_address_lines(addresses):
        app.terminal.line(line)
    app.terminal.flush()
    app.terminal.message(f"serving on {origin} until stopped")


def _confirm(app: App, replay: Replay, *, is_agreed: bool) -> None:
    """List what the tape will have the command do, and ask.

    Raises:
        UserError: The user says no, or nobody is there to ask.
    """
    for name, arguments in replay.iter_tool_calls():
        app.terminal.note(f"  {name} {arguments}")
    if is_agreed:
        return
    if not sys.stdin.isatty() or not app.terminal.is_interactive:
        raise UserError(
            "not run: the commands above would be run in place", hint="agree with '--yes'"
        )
    if not click.confirm("Run these in place, without isolation?", err=True):
        raise UserError("not run")


def _tell(
    app: App, done: Replayed, names: tuple[str, ...], on_miss: OnMiss, *, as_json: bool
) -> None:
    if as_json:
        members = report_members(done.report, done.code, done.command, names)
        app.terminal.json(members | branch_members(done.branches, done.lost))
        return
    for line in iter_report_lines(done.report, done.code):
        app.terminal.note(line)
    for line in iter_branch_lines(done.branches, done.lost):
        app.terminal.note(line)
    for hint in iter_hints(done.report, done.command, on_miss=on_miss):
        app.terminal.hint(hint)
