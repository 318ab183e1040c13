"""`tapes resume`."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Final

import click

from tapegit.cli.app import App, pass_app, tell_session
from tapegit.cli.surroundings import find_surroundings
from tapegit.porcelain.recording.child import CommandNotRunError
from tapegit.porcelain.resume.messages import MESSAGES, make_messages
from tapegit.porcelain.resume.plan import Wanted, make_plan
from tapegit.porcelain.resume.resume import find_program, run, start
from tapegit.porcelain.turns.selection import select
from tapegit.recorder.sources.outcome import SKIPPED
from tapegit.refs.names import HEAD
from tapegit.ui.branch import iter_code_lines
from tapegit.ui.export import iter_loss_lines
from tapegit.ui.resume import describe_repairs, plan_members

if TYPE_CHECKING:
    from tapegit.objects.oid import ObjectId
    from tapegit.porcelain.resume.plan import Plan
    from tapegit.porcelain.resume.resume import Resumed


SEPARATED: Final = "tapegit.resume.arguments"


class ResumeCommand(click.Command):
    """Takes what comes after `--` as it is: it is for the client."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Keep what comes after the first `--`, and parse the rest."""
        end = args.index("--") if "--" in args else len(args)
        ctx.meta[SEPARATED] = tuple(args[end + 1 :])
        return super().parse_args(ctx, args[:end])


@click.command("resume", cls=ResumeCommand)
@click.option("--with", "client", metavar="CLIENT", help="Who goes on; else who was recorded")
@click.option("-m", "--message", metavar="PROMPT", help="What the user says next")
@click.option("--cwd", "directory", metavar="DIR", help="Where the client works; else here")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing")
@click.option("--json", "as_json", is_flag=True, help="With --dry-run: as one JSON object")
@click.argument("rev", metavar="[REV] [-- ARGS...]", required=False)
@click.pass_context
@pass_app
def command(
    app: App,
    ctx: click.Context,
    /,
    *,
    client: str | None,
    message: str | None,
    directory: str | None,
    dry_run: bool,
    as_json: bool,
    rev: str | None,
) -> None:
    """Let an agent go on from a turn"""
    if as_json and not dry_run:
        raise click.UsageError("--json goes with --dry-run: without it the client has the output")
    oid = _resolve(app, rev)
    if client == MESSAGES:
        _print_messages(app, oid, message)
        return
    wanted = Wanted(client, message, directory, ctx.meta[SEPARATED])
    where = find_surroundings(app)
    planned = make_plan(app.repository, app.graph, oid, wanted, where)
    if not as_json:
        _tell_plan(app, planned)
    if dry_run:
        if as_json:
            app.terminal.json(plan_members(planned))
        else:
            app.terminal.line(f"{planned.path}: {len(planned.written.data)} bytes")
            app.terminal.line(shlex.join(planned.command))
        return
    try:
        find_program(planned, where)
        leader = start(app.repository, planned)
        resumed = run(app.repository, planned, where, leader)
    except CommandNotRunError as error:
        app.terminal.message(f"error: {error}")
        app.terminal.hint("'tapes resume --with CLIENT' goes on in another one that is installed")
        ctx.exit(error.code)
    _tell_end(app, planned, resumed)
    ctx.exit(resumed.code)


def _resolve(app: App, rev: str | None) -> ObjectId:
    """Return the turn to go on from; without a revision HEAD, or what stands for it."""
    if rev is not None:
        return app.resolver.peel_to_turn(app.resolver.resolve(rev), rev)
    selection = select(app.repository, app.resolver, (), directory=app.directory)
    tell_session(app, selection, "going on from")
    return app.resolver.peel_to_turn(selection.starts[0], HEAD)


def _print_messages(app: App, oid: ObjectId, prompt: str | None) -> None:
    made = make_messages(app.repository.objects, app.graph, oid, prompt)
    for line in iter_loss_lines(made.losses):
        app.terminal.message(line)
    if made.repair_count:
        app.terminal.message(describe_repairs(made.repair_count))
    app.terminal.line(made.body.decode())


def _tell_plan(app: App, planned: Plan) -> None:
    """Say what is not carried over, what was mended, and how the code was."""
    for line in iter_loss_lines(planned.losses):
        app.terminal.message(line)
    repairs = len(planned.conversation.repairs)
    if repairs:
        app.terminal.message(describe_repairs(repairs))
    redacted = planned.conversation.redacted_count
    if redacted:
        app.terminal.message(f"{redacted} secrets are placeholders, which the agent will see")
    for line in iter_code_lines(planned.code) if planned.code is not None else ():
        app.terminal.hint(line)


def _tell_end(app: App, planned: Plan, resumed: Resumed) -> None:
    """Say where the session is, and where the branch."""
    is_kept = resumed.file is not None or planned.client.give_out is not None
    if not is_kept or resumed.tip is None:
        app.terminal.warning(f"'{planned.path}' is gone, so nothing more was recorded")
        return
    if resumed.file is not None and resumed.file.state == SKIPPED:
        app.terminal.warning(f"'{planned.path}' was not recorded: {resumed.file.reason}")
    short = app.repository.objects.abbreviate(resumed.tip)
    app.terminal.message(f"recorded as {planned.session_ref.short} ({short})")
    branch = planned.branch
    if app.graph.is_leader(resumed.tip):
        app.terminal.message("nothing was said")
    if branch is not None and resumed.branch_tip == resumed.tip:
        app.terminal.message(f"branch '{branch.short}' has gone on with it")
        app.terminal.hint(f"'tapes reset {planned.oid.short()}' goes back to where it was")
    elif branch is not None:
        app.terminal.warning(f"branch '{branch.short}' has not gone on: it was moved meanwhile")
        app.terminal.hint(f"'tapes switch -c <name> {short}' lets a branch begin there")
    else:
        app.terminal.hint(f"no branch moved: 'tapes switch -c <name> {short}' lets one begin there")
