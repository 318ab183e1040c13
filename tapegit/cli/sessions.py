"""`tapes sessions`."""

from __future__ import annotations

import os

import click

from tapegit.cli.app import App, pass_app
from tapegit.cli.types import json_option
from tapegit.graph.dates import parse_date
from tapegit.porcelain.history.sessions import Wanted, find_sessions
from tapegit.ui.dates import DATE_MODES
from tapegit.ui.sessions import iter_session_lines, session_members


@click.command("sessions")
@click.option("-n", "--max-count", metavar="N", type=click.IntRange(0), help="At most N sessions")
@click.option("--since", "--after", metavar="DATE", help="Only those that went on after DATE")
@click.option("--harness", metavar="NAME", help="Only those of a harness")
@click.option("--model", metavar="NAME", help="Only those with NAME in the name of a model")
@click.option("--cwd", metavar="DIRECTORY", help="Only those recorded in DIRECTORY or below it")
@click.option(
    "--date", type=click.Choice(DATE_MODES), default="relative", help="How to write dates"
)
@json_option
@pass_app
def command(
    app: App,
    /,
    max_count: int | None,
    since: str | None,
    harness: str | None,
    model: str | None,
    cwd: str | None,
    date: str,
    as_json: bool,
) -> None:
    """List sessions, newest first"""
    wanted = Wanted(
        since_ms=parse_date(since, app.clock()) if since is not None else None,
        harness=harness,
        model=model,
        cwd=os.path.normpath(os.path.join(app.directory, cwd)) if cwd is not None else None,
        count_max=max_count,
    )
    listed = find_sessions(app.repository, app.graph, wanted, on_broken=app.note_broken)
    if as_json:
        for each in listed:
            app.terminal.json(session_members(each.row))
    else:
        for line in iter_session_lines(listed, date=date, now_ms=app.clock()):
            app.terminal.line(*line)
    app.raise_broken()
