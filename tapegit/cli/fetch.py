"""`tapes fetch`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from tapegit.cli.app import App, pass_app
from tapegit.cli.remotes import make_surroundings, raise_refused, report_fetched, talk_options
from tapegit.cli.types import json_option
from tapegit.porcelain.remotes.fetch import DEPTH_MAX, FetchOptions
from tapegit.porcelain.remotes.fetch_any import choose_depth
from tapegit.porcelain.remotes.fetch_into import fetch_into
from tapegit.porcelain.remotes.remotes import choose_remote, list_remotes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tapegit.porcelain.remotes.fetch import FetchedRef


@click.command("fetch")
@click.option("--all", "takes_all", is_flag=True, help="Fetch from all remotes")
@click.option("-p", "--prune", is_flag=True, help="Delete what follows refs that are gone")
@click.option(
    "--depth",
    metavar="N",
    type=click.IntRange(1, DEPTH_MAX),
    help="Take that many turns of each history",
)
@click.option("--unshallow", is_flag=True, help="Take what earlier fetches cut off")
@click.option("-n", "--dry-run", is_flag=True, help="Say what would be done, and fetch nothing")
@talk_options
@json_option
@click.argument("remote", required=False)
@click.argument("refs", metavar="[REF | SRC:DST]...", nargs=-1)
@pass_app
def command(
    app: App,
    /,
    takes_all: bool,
    as_json: bool,
    remote: str | None,
    refs: tuple[str, ...],
    **how: Any,
) -> None:
    """Get turns and refs from a remote"""
    depth = choose_depth(app.repository, how["depth"], is_whole=how["unshallow"])
    if takes_all and remote is not None:
        raise click.UsageError("--all takes no remote")
    remotes = list_remotes(app.repository) if takes_all else [choose_remote(app.repository, remote)]
    refused: list[tuple[str, Sequence[FetchedRef]]] = []
    for each in remotes:
        report = fetch_into(
            app.repository,
            each,
            FetchOptions(refs, how["prune"], how["dry_run"], depth=depth),
            make_surroundings(app, quiet=how["quiet"], progress=how["progress"]),
        )
        told = {"quiet": how["quiet"], "verbose": how["verbose"]}
        report_fetched(app, each.url.shown, report, as_json=as_json, **told)
        refused.append((each.shown, report.refs))
    for name, fetched in refused:
        raise_refused(fetched, name)
