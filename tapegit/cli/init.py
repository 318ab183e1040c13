"""`tapes init`."""

from __future__ import annotations

import click

from tapegit.cli.app import App, pass_app
from tapegit.cli.types import json_option
from tapegit.porcelain.maintenance.init import init


@click.command("init")
@click.option("--user", is_flag=True, help="Create your own store, for all projects")
@click.option("-b", "--initial-branch", "branch", metavar="NAME", help="The first branch: main")
@click.option("-q", "--quiet", is_flag=True, help="Print nothing but errors")
@json_option
@click.argument("directory", required=False, type=click.Path(file_okay=False))
@pass_app
def command(
    app: App, /, user: bool, branch: str | None, quiet: bool, as_json: bool, directory: str | None
) -> None:
    """Create a store"""
    if user and directory is not None:
        raise click.UsageError("--user takes no directory")
    report = init(directory, named_store=app.named_store, user=user, branch=branch)
    if as_json:
        app.terminal.json({"path": str(report.root), "new": report.is_new})
    elif not quiet:
        what = "Initialized empty" if report.is_new else "Existing"
        app.terminal.line(f"{what} tapes store in {report.root}")
    for text in report.warnings:
        app.terminal.warning(text)
    for text in () if quiet or as_json else report.advice:
        app.terminal.hint(text)
