"""`tapes record`."""

from __future__ import annotations

import click

from tapegit.cli.app import App, pass_app
from tapegit.cli.endings import tell_fault, tell_gone, tell_losses, tidy
from tapegit.cli.surroundings import find_surroundings
from tapegit.porcelain.recording.child import CommandNotRunError
from tapegit.porcelain.recording.record import record
from tapegit.ui.recordings import describe_recording


@click.command("record", context_settings={"allow_interspersed_args": False})
@click.option("--name", metavar="NAME", help="What to call the recording")
@click.argument("command", metavar="COMMAND...", nargs=-1, type=click.UNPROCESSED)
@click.pass_context
@pass_app
def command(app: App, ctx: click.Context, /, name: str | None, command: tuple[str, ...]) -> None:
    """Run a command and record what it asks of models"""
    if not command:
        raise click.MissingParameter(param_type="argument", param_hint="'COMMAND...'", ctx=ctx)
    try:
        tell_losses(app)
        recorded = record(
            app.repository,
            command,
            find_surroundings(app),
            name=name,
            on_wait=lambda: app.terminal.message("waiting for the store to take what was recorded"),
        )
    except CommandNotRunError as error:
        app.terminal.message(f"error: {error}")
        ctx.exit(error.code)
    app.terminal.message(describe_recording(recorded.summary))
    tell_fault(app, recorded.fault)
    tell_gone(app)
    for process, program in recorded.left:
        app.terminal.warning(
            f"'{program}' (process {process}) goes on, but its calls are recorded no more, "
            "and go nowhere"
        )
    if recorded.reasons:
        app.terminal.warning("no call was recorded")
        for reason in recorded.reasons:
            app.terminal.hint(reason)
    tidy(app)
    ctx.exit(recorded.code)
