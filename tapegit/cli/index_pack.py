"""`tapes index-pack`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from tapegit.cli.app import App, pass_app
from tapegit.cli.types import json_option
from tapegit.errors import RepositoryNotFoundError
from tapegit.porcelain.plumbing.index_pack import index_file, receive_stream
from tapegit.ui.packs import pack_members

if TYPE_CHECKING:
    from tapegit.repository.repository import Repository


@click.command("index-pack")
@click.option("--stdin", "from_stdin", is_flag=True, help="Take a pack from standard input")
@click.option("-o", "index", metavar="INDEX", help="Write the index to this file")
@click.option(
    "--keep", is_flag=False, flag_value="", metavar="[MESSAGE]", help="Also write a .keep file"
)
@click.option("--strict", is_flag=True, help="Refuse a pack that needs objects which are nowhere")
@click.option(
    "--max-input-size",
    "size_max",
    type=click.IntRange(0),
    metavar="BYTES",
    help="Refuse more bytes",
)
@json_option
@click.argument("pack", metavar="[PACK]", required=False)
@pass_app
def command(
    app: App,
    /,
    from_stdin: bool,
    index: str | None,
    keep: str | None,
    strict: bool,
    size_max: int | None,
    as_json: bool,
    pack: str | None,
) -> None:
    """Build and verify the index of a pack"""
    if from_stdin == (pack is not None):
        raise click.UsageError("give a pack file or --stdin")
    if not from_stdin:
        if keep is not None or size_max is not None:
            raise click.UsageError("--keep and --max-input-size go with --stdin")
        built = index_file(str(pack), index=index, repository=_find_store(app), strict=strict)
        if as_json:
            app.terminal.json(pack_members(built.identity.checksum, built.object_count))
        else:
            app.terminal.record(built.identity.checksum.hex())
        return
    if index is not None:
        raise click.UsageError("-o goes with a pack file")
    received = receive_stream(
        app.repository, app.stdin, strict=strict, keep=keep, size_max=size_max or None
    )
    if as_json:
        app.terminal.json(pack_members(received.checksum, received.object_count))
        return
    word = "pack" if keep is None else "keep"
    app.terminal.record(f"{word}\t{received.checksum.hex()}")


def _find_store(app: App) -> Repository | None:
    try:
        return app.repository
    except RepositoryNotFoundError:
        return None
