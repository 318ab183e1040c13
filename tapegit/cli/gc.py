"""`tapes gc`."""

from __future__ import annotations

import click

from tapegit.cli.app import App, pass_app
from tapegit.cli.types import json_option
from tapegit.porcelain.gc import GcOptions, is_due, run_gc, start_auto
from tapegit.ui.gc import gc_members, iter_gc_lines
from tapegit.ui.progress import Progress


@click.command("gc")
@click.option("--auto", is_flag=True, help="Do it in the background, and only if it is due")
@click.option(
    "--detach/--no-detach", default=None, help="Do it in the background; with --auto by default"
)
@click.option(
    "--prune",
    is_flag=False,
    flag_value="",
    metavar="[TIME]",
    help="Remove what nothing has needed since TIME; 14.days by default, 'now' for all of it",
)
@click.option("--no-prune", is_flag=True, help="Remove nothing that is unreachable")
@click.option("--expire-trash", metavar="TIME", help="Empty the trash of what is older than TIME")
@click.option("--aggressive", is_flag=True, help="Write everything anew, into one pack")
@click.option("-n", "--dry-run", is_flag=True, help="Only say what would be done")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing of what was done")
@json_option
@pass_app
def command(
    app: App,
    /,
    auto: bool,
    detach: bool | None,
    prune: str | None,
    no_prune: bool,
    expire_trash: str | None,
    aggressive: bool,
    dry_run: bool,
    quiet: bool,
    as_json: bool,
) -> None:
    """Pack what is loose, fold packs, drop what is unreachable"""
    if prune is not None and no_prune:
        raise click.UsageError("--prune and --no-prune exclude each other")
    if no_prune:
        prune = "never"
    options = GcOptions(prune, expire_trash, auto, aggressive, dry_run)
    repository = app.repository
    if auto and detach is not False and not dry_run:
        if failure := start_auto(repository, options):
            app.terminal.warning(f"gc failed less than a day ago, see 'gc.log': {failure}")
        return
    if auto and not is_due(repository):
        return
    with Progress(app.terminal, "packing") as progress:
        report = run_gc(repository, options, progress.advance)
    if as_json:
        app.terminal.json(gc_members(report))
    elif not quiet:
        for line in iter_gc_lines(report):
            app.terminal.line(line)
    if report.collected.is_locked_out:
        app.terminal.warning("recorders were at work, so nothing was removed; run it again")
