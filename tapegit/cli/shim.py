"""`tapes shim`: what stands in front of a client while a command is recorded."""

from __future__ import annotations

from pathlib import Path

import click

from tapegit.cli.app import App, pass_app
from tapegit.cli.surroundings import find_surroundings
from tapegit.porcelain.recording.child import CommandNotRunError
from tapegit.porcelain.recording.shim import replace_process


@click.command("shim", hidden=True, context_settings={"allow_interspersed_args": False})
@click.argument("folder", metavar="DIR")
@click.argument("command", metavar="COMMAND...", nargs=-1, required=True, type=click.UNPROCESSED)
@click.pass_context
@pass_app
def command(app: App, ctx: click.Context, /, folder: str, command: tuple[str, ...]) -> None:
    """Run a client within a recording"""
    try:
        replace_process(command, find_surroundings(app), Path(folder))
    except CommandNotRunError as error:
        app.terminal.message(f"error: {error}")
        ctx.exit(error.code)
