"""`tapes status`."""

from __future__ import annotations

import click

from tapegit.cli.app import App, pass_app
from tapegit.cli.types import json_option
from tapegit.porcelain.history.status import read_status
from tapegit.ui.status import iter_status_lines, status_members


@click.command("status")
@json_option
@pass_app
def command(app: App, /, as_json: bool) -> None:
    """Say where HEAD is and what was recorded last"""
    status = read_status(app.repository, app.graph)
    if as_json:
        app.terminal.json(status_members(status))
        return
    for line in iter_status_lines(status, now_ms=app.clock()):
        app.terminal.line(*line)
