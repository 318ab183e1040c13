"""`tapes import`."""  # noqa: N999 - the name of the command, and only ever imported by name

from __future__ import annotations

import click

from tapegit.cli.app import App, pass_app
from tapegit.cli.harnesses import choose_harness, get_surroundings
from tapegit.cli.types import json_option
from tapegit.errors import TranscriptError
from tapegit.harness.plugins import load_harnesses
from tapegit.porcelain.imports.discovery import (
    find_kept,
    find_named,
    find_own_store,
    list_directories,
    list_places,
)
from tapegit.porcelain.imports.transcripts import ImportOptions, import_transcripts
from tapegit.porcelain.maintenance.gc import start_auto
from tapegit.repository.repository import Repository
from tapegit.ui.imports import print_imports
from tapegit.ui.progress import Progress


@click.command("import")
@click.option(
    "--all", "every", is_flag=True, help="Take the sessions of every project, into your own store"
)
@click.option("--harness", metavar="NAME", help="Only those of a harness")
@click.option("-n", "--dry-run", is_flag=True, help="Write nothing, but say what would be new")
@json_option
@click.argument("paths", metavar="[PATH]...", nargs=-1, type=click.Path())
@pass_app
def command(
    app: App,
    /,
    every: bool,
    harness: str | None,
    dry_run: bool,
    as_json: bool,
    paths: tuple[str, ...],
) -> None:
    """Record transcripts that a harness wrote"""
    if every and paths:
        raise click.UsageError("--all takes no paths")
    repository = _open_own(app) if every else app.repository
    known = load_harnesses(app.terminal.warning)
    wanted = choose_harness(known, harness)
    if paths:
        found = find_named(paths)
    else:
        directory, logical = app.directory, app.environ.get("PWD")
        own = None if every else list_directories(repository.root, directory, logical)
        places = list_places(known, get_surroundings(app.environ), wanted)
        found = find_kept(places, known, own)
    options = ImportOptions(known, wanted, is_dry_run=dry_run)
    with Progress(app.terminal, "importing") as progress:
        files = import_transcripts(repository, found, options, on_progress=progress.advance)
    refused = next((file for file in files if file.reason and file.path in paths), None)
    others = [path for path in paths if refused is None or path != refused.path]
    print_imports(app.terminal, files, others, as_json=as_json, dry_run=dry_run)
    if not dry_run and (failure := start_auto(repository)):
        app.terminal.warning(f"gc failed less than a day ago, see 'gc.log': {failure}")
    if refused is not None:
        raise TranscriptError(
            f"'{refused.path}' was not imported: {refused.reason}",
            hint="'tapes help import' says which files of which harnesses are taken",
            path=refused.path,
            reason=refused.reason,
        )


def _open_own(app: App) -> Repository:
    """Return the user's own store, and say so where another one is nearer."""
    root = find_own_store(app.named_store)
    return Repository.open(root, clock=app.clock, actor=app.actor)
