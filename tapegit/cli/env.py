"""`tapes env`."""

from __future__ import annotations

import click

from tapegit.cli.app import App, pass_app
from tapegit.cli.surroundings import find_surroundings
from tapegit.cli.types import json_option
from tapegit.porcelain.recording.env import SHELLS, find_settings, iter_shell_lines
from tapegit.porcelain.recording.proxy import find_standing


@click.command("env")
@click.option("--port", metavar="N", type=click.IntRange(1, 65535), help="Of the proxy on port N")
@click.option("--session", metavar="NAME", help="Keep what comes from there apart, as NAME")
@click.option("--shell", type=click.Choice(SHELLS), default="sh", help="Write for this shell")
@json_option
@click.argument("client", required=False)
@pass_app
def command(
    app: App,
    /,
    port: int | None,
    session: str | None,
    shell: str,
    as_json: bool,
    client: str | None,
) -> None:
    """Say what points a client at a proxy that stands"""
    standing = find_standing(app.repository, port)
    settings = find_settings(standing, find_surroundings(app), client=client, session=session)
    if as_json:
        app.terminal.json(
            {"variables": dict(settings.variables), "arguments": list(settings.arguments)}
        )
        return
    for line in iter_shell_lines(settings, shell):
        app.terminal.record(line)
