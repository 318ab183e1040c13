"""`tapes import`."""  # noqa: N999 - the name of the command, and only ever imported by name

from __future__ import annotations

import click

from tapegit.cli.app import App, pass_app
from tapegit.cli.types import json_option
from tapegit.errors import TranscriptError
from tapegit.porcelain.gc import start_auto
from tapegit.porcelain.import_transcripts import import_transcripts
from tapegit.ui.imports import print_imports
from tapegit.ui.progress import Progress


@click.command("import")
@click.option("-n", "--dry-run", is_flag=True, help="Write nothing, but say what would be new")
@json_option
@click.argument("paths", metavar="FILE...", nargs=-1, required=True, type=click.Path())
@pass_app
def command(app: App, /, dry_run: bool, as_json: bool, paths: tuple[str, ...]) -> None:
    """Record transcripts that a harness wrote"""
    repository = app.repository
    with Progress(app.terminal, "importing") as progress:
        files = import_transcripts(repository, paths, dry_run=dry_run, on_progress=progress.advance)
    refused = next((file for file in files if file.reason and file.path in paths), None)
    others = [path for path in paths if refused is None or path != refused.path]
    print_imports(app.terminal, files, others, as_json=as_json, dry_run=dry_run)
    if not dry_run and (failure := start_auto(repository)):
        app.terminal.warning(f"gc failed less than a day ago, see 'gc.log': {failure}")
    if refused is not None:
        raise TranscriptError(
            f"'{refused.path}' was not imported: {refused.reason}",
            path=refused.path,
            reason=refused.reason,
        )
