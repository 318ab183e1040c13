"""`tapes merge-base`."""

from __future__ import annotations

import click

from tapegit.cli.app import App, pass_app
from tapegit.cli.types import json_option
from tapegit.graph.ancestry import is_ancestor
from tapegit.porcelain.plumbing.merge_base import INDEPENDENT, MERGE, OCTOPUS, find_bases


@click.command("merge-base")
@click.option("-a", "--all", "all_bases", is_flag=True, help="Print all of them, not one")
@click.option("--octopus", "mode", flag_value=OCTOPUS, help="What all of the turns have in common")
@click.option(
    "--independent", "mode", flag_value=INDEPENDENT, help="Those turns that no other one reaches"
)
@click.option(
    "--is-ancestor", "asks", is_flag=True, help="Exit with 0 if the second reaches the first, or 1"
)
@json_option
@click.argument("revisions", metavar="TURN TURN...", nargs=-1, required=True)
@pass_app
def command(
    app: App,
    /,
    all_bases: bool,
    mode: str | None,
    asks: bool,
    as_json: bool,
    revisions: tuple[str, ...],
) -> None:
    """Find the best common ancestors of turns"""
    oids = [app.resolver.resolve(text) for text in revisions]
    if asks:
        if mode or all_bases or len(oids) != 2:
            raise click.UsageError("--is-ancestor takes two turns and no other option")
        answer = is_ancestor(app.graph, *oids)
        if as_json:
            app.terminal.json({"is_ancestor": answer})
        click.get_current_context().exit(0 if answer else 1)
    if mode is None and len(oids) < 2:
        raise click.UsageError("give two turns or more")
    bases = find_bases(app.graph, oids, mode or MERGE)
    for oid in bases if all_bases or mode == INDEPENDENT else bases[:1]:
        if as_json:
            app.terminal.json({"oid": str(oid)})
        else:
            app.terminal.record(str(oid))
    if not bases:
        click.get_current_context().exit(1)
