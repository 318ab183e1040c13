"""`tapes pack-refs`."""

from __future__ import annotations

import click

from tapegit.cli.app import App, pass_app


@click.command("pack-refs")
@click.option("--all", "takes_all", is_flag=True, help="Every ref, not only tags and packed ones")
@click.option("--prune/--no-prune", default=True, help="Remove the files; on by default")
@pass_app
def command(app: App, /, takes_all: bool, prune: bool) -> None:
    """Put loose refs into one sorted file"""
    app.repository.refs.pack_refs(all=takes_all, prune=prune)
