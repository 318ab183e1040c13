"""`tapes mktag`."""

from __future__ import annotations

import click

from tapegit.cli.app import App, pass_app
from tapegit.objects.kind import Kind
from tapegit.porcelain.hash_object import read_stream
from tapegit.porcelain.mktag import make_tag


@click.command("mktag")
@pass_app
def command(app: App, /) -> None:
    """Create a tag object from its text on standard input"""
    data = read_stream(app.stdin, Kind.TAG, "-")
    app.terminal.record(str(make_tag(app.repository, data)))
