"""`tapes pull`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from tapegit.cli.app import App, pass_app
from tapegit.cli.remotes import make_surroundings, raise_refused, report_fetched, talk_options
from tapegit.cli.types import json_option
from tapegit.errors import NonFastForwardError
from tapegit.porcelain.remotes.pull import DIVERGED, pull
from tapegit.porcelain.remotes.remotes import choose_remote
from tapegit.ui.remotes import format_pulled, pulled_members

if TYPE_CHECKING:
    from tapegit.porcelain.remotes.pull import Pulled


@click.command("pull")
@click.option("--ff-only", is_flag=True, help="Fail where both sides have turns of their own")
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
    **how: Any,
) -> None:
    """Fetch, and let the branch that is checked out go forward"""
    chosen = choose_remote(app.repository, remote)
    surroundings = make_surroundings(app, quiet=how["quiet"], progress=how["progress"])
    report, pulled = pull(app.repository, chosen, branch, surroundings)
    told = {"quiet": how["quiet"], "verbose": how["verbose"]}
    report_fetched(app, chosen.url.shown, report, as_json=False, **told)
    is_failed = how["ff_only"] and pulled.state == DIVERGED
    if as_json or not (how["quiet"] or is_failed):
        _say(app, pulled, as_json=as_json)
    raise_refused(report.refs, chosen.shown)
    if is_failed:
        raise NonFastForwardError(
            f"'{pulled.branch}' cannot go forward to {pulled.upstream}",
            hint=f"'tapes merge {pulled.upstream}' joins both",
            name=pulled.branch,
        )


def _say(app: App, pulled: Pulled, *, as_json: bool) -> None:
    if as_json:
        app.terminal.json(pulled_members(pulled))
        return
    shorten = app.repository.objects.abbreviate
    old = None if pulled.old is None else shorten(pulled.old)
    app.terminal.line(format_pulled(pulled, old, shorten(pulled.oid)))
    if pulled.state == DIVERGED:
        there = pulled.upstream
        app.terminal.hint(f"'tapes merge {there}' joins both, 'tapes reset {there}' takes that one")
