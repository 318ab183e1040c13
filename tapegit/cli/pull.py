"""`tapes pull`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from tapegit.cli.app import App, pass_app
from tapegit.cli.remotes import make_surroundings, raise_refused, report_fetched, talk_options
from tapegit.cli.types import json_option
from tapegit.porcelain.remotes.pull import pull
from tapegit.porcelain.remotes.remotes import choose_remote
from tapegit.ui.remotes import format_pulled, pulled_members

if TYPE_CHECKING:
    from tapegit.porcelain.remotes.pull import Pulled


@click.command("pull")
@talk_options
@json_option
@click.argument("remote", required=False)
@click.argument("branch", required=False)
@pass_app
def command(
    app: App,
    /,
    as_json: bool,
    remote: str | None,
    branch: str | None,
    *,
    quiet: bool,
    progress: bool | None,
) -> None:
    """Fetch, and let the branch that is checked out go forward"""
    chosen = choose_remote(app.repository, remote)
    surroundings = make_surroundings(app, quiet=quiet, progress=progress)
    report, pulled = pull(app.repository, chosen, branch, surroundings)
    report_fetched(app, chosen.url.shown, report.refs, as_json=False, quiet=quiet)
    if as_json or not quiet:
        _say(app, pulled, as_json=as_json)
    raise_refused(report.refs, chosen.shown)


def _say(app: App, pulled: Pulled, *, as_json: bool) -> None:
    if as_json:
        app.terminal.json(pulled_members(pulled))
        return
    shorten = app.repository.objects.abbreviate
    old = None if pulled.old is None else shorten(pulled.old)
    app.terminal.line(format_pulled(pulled, old, shorten(pulled.oid)))
