"""`tapes forget`."""

from __future__ import annotations

import click

from tapegit.cli.app import App, pass_app
from tapegit.cli.types import json_option
from tapegit.errors import RefNotFoundError
from tapegit.porcelain.secrets.forget import find_folders, run_forget
from tapegit.porcelain.secrets.rewriting import finish_stopped
from tapegit.ui.progress import Progress
from tapegit.ui.secrets import forgotten_members, iter_forgotten_lines


@click.command("forget")
@click.option("-n", "--dry-run", is_flag=True, help="Only say what would go")
@click.option("-f", "--force", is_flag=True, help="Let branches, tags and sessions on it go too")
@json_option
@click.argument("session", metavar="SESSION")
@pass_app
def command(app: App, /, dry_run: bool, force: bool, as_json: bool, session: str) -> None:
    """Remove a session from the store, for good"""
    repository = app.repository
    was_pending = not dry_run and finish_stopped(repository)
    if was_pending:
        app.terminal.note("finished what a former run had begun")
    try:
        folders = find_folders(repository, app.graph, session)
    except RefNotFoundError:
        if was_pending:
            return
        raise
    with Progress(app.terminal, "reading") as progress:
        done = run_forget(
            repository,
            folders,
            is_forced=force,
            is_dry_run=dry_run,
            on_progress=progress.advance,
        )
    if as_json:
        app.terminal.json(forgotten_members(done))
        return
    for line in iter_forgotten_lines(done):
        app.terminal.line(line)
    if any(name.startswith("refs/remotes/") for name in done.refs):
        app.terminal.hint(
            "the remote keeps it: 'tapes push --delete REMOTE sessions/HARNESS/ID' takes it away"
        )
