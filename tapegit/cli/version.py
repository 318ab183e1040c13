"""`tapes version`."""

from __future__ import annotations

import click

from tapegit.cli.app import App, pass_app
from tapegit.cli.types import json_option
from tapegit.porcelain.maintenance.version import DISTRIBUTION, find_version, format_version


@click.command("version")
@click.option("--build-options", is_flag=True, help="Also name Python and the libraries in use")
@json_option
@pass_app
def command(app: App, /, build_options: bool = False, as_json: bool = False) -> None:
    """Say which program and which version this is"""
    found = find_version()
    parts = found.parts if build_options else ()
    if as_json:
        app.terminal.json(
            {"program": "tapes", "distribution": DISTRIBUTION, "version": found.version}
            | dict(parts)
        )
        return
    app.terminal.line(format_version(found.version))
    for name, version in parts:
        app.terminal.line(f"{name}: {version}")
