"""`tapes mktag`."""

from __future__ import annotations

import click

from tapegit.cli.app import App, pass_app
from tapegit.cli.types import json_option
from tapegit.objects.kind import Kind
from tapegit.porcelain.plumbing.hash_object import read_stream
from tapegit.porcelain.plumbing.mktag import make_tag


@click.command("mktag")
@json_option
@pass_app
def command(app: App, /, as_json: bool) -> None:
    """Create a tag object from its text on standard input"""
    data = read_stream(app.stdin, Kind.TAG, "-")
    oid = str(make_tag(app.repository, data))
    if as_json:
        app.terminal.json({"oid": oid})
    else:
        app.terminal.record(oid)
