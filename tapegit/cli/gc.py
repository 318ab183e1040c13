"""`tapes gc`."""

from __future__ import annotations

import click

from tapegit.cli.app import App, pass_app
from tapegit.cli.types import json_option
from tapegit.porcelain.maintenance.gc import GcOptions, is_due, run_gc, start_auto
from tapegit.porcelain.secrets.retention import find_old, retain
from tapegit.porcelain.secrets.rewriting import finish_stopped
from tapegit.ui.gc import gc_members, iter_gc_lines
from tapegit.ui.progress import Progress
from tapegit.ui.secrets import forgotten_members, iter_forgotten_lines


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
@click.option("--keep-sessions", metavar="AGE", help="Say which sessions are older, such as 90d")
@click.option("--force", is_flag=True, help="With --keep-sessions: forget them, for good")
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
    keep_sessions: str | None,
    force: bool,
    dry_run: bool,
    quiet: bool,
    as_json: bool,
) -> None:
    """Pack what is loose, fold packs, drop what is unreachable"""
    _verify_together(
        ("--prune", prune is not None, "--no-prune", no_prune),
        ("--auto", auto, "--keep-sessions", keep_sessions is not None),
    )
    if force and keep_sessions is None:
        raise click.UsageError("--force goes with --keep-sessions")
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
    if keep_sessions is not None:
        is_done = force and not dry_run
        _retain(app, keep_sessions, is_dry_run=not is_done, quiet=quiet, as_json=as_json)
        if not is_done:
            return
    _run(app, options, quiet=quiet, as_json=as_json)


def _verify_together(*pairs: tuple[str, bool, str, bool]) -> None:
    for one, has_one, other, has_other in pairs:
        if has_one and has_other:
            raise click.UsageError(f"{one} and {other} exclude each other")


def _run(app: App, options: GcOptions, *, quiet: bool, as_json: bool) -> None:
    repository = app.repository
    with Progress(app.terminal, "packing") as progress:
        report = run_gc(repository, options, progress.advance)
    if as_json:
        app.terminal.json(gc_members(report))
    elif not quiet:
        for line in iter_gc_lines(report):
            app.terminal.line(line)
    if report.collected.is_locked_out:
        app.terminal.warning("recorders were at work, so nothing was removed; run it again")


def _retain(app: App, age: str, *, is_dry_run: bool, quiet: bool, as_json: bool) -> None:
    """Forget what is older than an age, or say what would be."""
    if not is_dry_run and finish_stopped(app.repository):
        app.terminal.note("finished what a former run had begun")
    old = find_old(app.repository, app.graph, age)
    with Progress(app.terminal, "reading") as progress:
        done = retain(
            app.repository, old.folders, is_dry_run=is_dry_run, on_progress=progress.advance
        )
    if as_json:
        app.terminal.json({**forgotten_members(done), "kept": list(old.kept)})
    elif not quiet:
        for line in iter_forgotten_lines(done) if old.folders else ("no session is that old",):
            app.terminal.line(line)
        for session in old.kept:
            app.terminal.line(f"kept {session}, which a branch, a tag or another session leads to")
    if is_dry_run and old.folders and not as_json:
        app.terminal.hint("with --force they are forgotten")
