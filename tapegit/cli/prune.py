"""`tapes prune`."""

from __future__ import annotations

import click

from tapegit.cli.app import App, pass_app
from tapegit.cli.types import json_option
from tapegit.porcelain.maintenance.prune import run_prune


@click.command("prune")
@click.option("-n", "--dry-run", is_flag=True, help="Only say what would be removed")
@click.option("-v", "--verbose", is_flag=True, help="Say what is removed")
@click.option("--expire", metavar="TIME", help="Only what is older than TIME; 'now' by default")
@click.option("--progress/--no-progress", help="Accepted: it is quick")
@json_option
@click.argument("heads", metavar="[HEAD]...", nargs=-1)
@pass_app
def command(
    app: App,
    /,
    dry_run: bool,
    verbose: bool,
    expire: str | None,
    progress: bool,
    as_json: bool,
    heads: tuple[str, ...],
) -> None:
    """Delete unreachable loose objects"""
    oids = [app.resolver.resolve_object(text) for text in heads]
    pruned = run_prune(app.repository, expire=expire, heads=oids, is_dry_run=dry_run)
    for oid, kind in pruned:
        if as_json:
            app.terminal.json({"oid": str(oid), "kind": kind, "dry_run": dry_run})
        elif dry_run or verbose:
            app.terminal.record(f"{oid} {kind or 'unknown'}")
