"""`tapes verify-pack`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from tapegit.cli.app import App, pass_app
from tapegit.cli.types import json_option
from tapegit.porcelain.plumbing.verify_pack import verify_one
from tapegit.ui.packs import format_packed_object, packed_object_members, verified_pack_members

if TYPE_CHECKING:
    from tapegit.upkeep.fsck.packlist import PackedObject


@click.command("verify-pack")
@click.option("-v", "--verbose", is_flag=True, help="List the objects of each pack")
@click.option("-s", "--stat-only", is_flag=True, help="Only print how many objects there are")
@json_option
@click.argument("packs", metavar="PACK...", nargs=-1, required=True)
@pass_app
def command(
    app: App, /, verbose: bool, stat_only: bool, as_json: bool, packs: tuple[str, ...]
) -> None:
    """Verify packs and list what they hold"""

    def show(found: PackedObject) -> None:
        if as_json:
            app.terminal.json(packed_object_members(found))
        else:
            app.terminal.record(format_packed_object(found))

    code = 0
    for given in packs:
        verified = verify_one(given, show if verbose and not stat_only else None)
        if as_json:
            app.terminal.json(verified_pack_members(verified))
        elif verified.error is None:
            if verbose or stat_only:
                app.terminal.record(f"non delta: {verified.object_count} objects")
            if verbose:
                app.terminal.record(f"{verified.path}: ok")
        else:
            app.terminal.message(f"error: {verified.error}")
            if verbose:
                app.terminal.record(f"{verified.path}: bad")
        code = code or int(verified.error is not None)
    click.get_current_context().exit(code)
