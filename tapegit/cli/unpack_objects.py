"""`tapes unpack-objects`."""

from __future__ import annotations

import click

from tapegit.cli.app import App, pass_app
from tapegit.porcelain.plumbing.unpack_objects import unpack_stream


@click.command("unpack-objects")
@click.option("-n", "dry_run", is_flag=True, help="Only verify the pack")
@click.option("-q", "quiet", is_flag=True, help="Say nothing of what was done")
@click.option("-r", "recover", is_flag=True, help="Take what can be had of a damaged pack")
@click.option(
    "--max-input-size",
    "size_max",
    type=click.IntRange(0),
    metavar="BYTES",
    help="Refuse more bytes",
)
@pass_app
def command(app: App, /, dry_run: bool, quiet: bool, recover: bool, size_max: int | None) -> None:
    """Write the objects of a pack as loose objects"""
    unpacked = unpack_stream(
        app.repository, app.stdin, dry_run=dry_run, recover=recover, size_max=size_max or None
    )
    for what in unpacked.damage:
        app.terminal.warning(what)
    if not quiet:
        app.terminal.message(f"unpacked {unpacked.object_count} objects")
    if unpacked.damage:
        click.get_current_context().exit(1)
