"""`tapes status`."""

from __future__ import annotations

import click

from tapegit.cli.app import App, pass_app
from tapegit.cli.types import json_option
from tapegit.porcelain.history.status import read_status
from tapegit.ui.status import iter_status_lines, short_line, status_members


@click.command("status")
@click.option("-s", "--short", is_flag=True, help="One line: the branch, and what it follows")
@click.option("-b", "--branch", is_flag=True, help="What --short does in any case: say the branch")
@json_option
@pass_app
def command(
    app: App,
    /,
    short: bool,
    branch: bool,  # git's word for what is done anyway
    as_json: bool,
) -> None:
    """Say where HEAD is and what was recorded last"""
    status = read_status(app.repository, app.graph)
    if as_json:
        app.terminal.json(status_members(status))
        return
    if short:
        app.terminal.line(*short_line(status))
        return
    for line in iter_status_lines(status, now_ms=app.clock()):
        app.terminal.line(*line)
