"""`tapes recorder`: what a recording starts to store what its proxy saw."""

from __future__ import annotations

import sys

import click

from tapegit.cli.app import App, pass_app
from tapegit.porcelain.recording.receive import Called, GoesOn, receive


@click.command("recorder", hidden=True, context_settings={"allow_interspersed_args": False})
@click.option("--scope", metavar="NAME", required=True, help="Keep what says no other apart")
@click.option("--name", metavar="NAME", help="What the recording is called")
@click.option("--from", "origins", metavar="ID", multiple=True, help="Go on from ID")
@click.option("--onto", metavar="ID@BRANCH", help="Let BRANCH go on")
@click.argument("command", metavar="COMMAND...", nargs=-1, type=click.UNPROCESSED)
@pass_app
def command(
    app: App,
    /,
    scope: str,
    name: str | None,
    origins: tuple[str, ...],
    onto: str | None,
    command: tuple[str, ...],
) -> None:
    """Store what a proxy saw, as it comes on standard input"""
    receive(
        app.repository,
        app.stdin,
        sys.stdout.buffer,
        called=Called(scope, name),
        command=command,
        directory=app.directory,
        goes_on=GoesOn(origins, onto),
    )
