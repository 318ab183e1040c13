"""`tapes fsck`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from tapegit.cli.app import App, pass_app
from tapegit.cli.types import json_option
from tapegit.porcelain.maintenance.fsck import run_fsck, run_salvage
from tapegit.ui.fsck import finding_members, iter_finding_lines
from tapegit.ui.progress import Progress
from tapegit.upkeep.fsck.fsck import FsckOptions

if TYPE_CHECKING:
    from tapegit.porcelain.maintenance.fsck import FsckResult


@click.command("fsck")
@click.option("--full", is_flag=True, help="Read and verify every byte of packs too")
@click.option("--connectivity-only", is_flag=True, help="Check links only, not what is in blobs")
@click.option("--unreachable", is_flag=True, help="Report all objects that no ref needs")
@click.option("--dangling/--no-dangling", default=True, help="Report what nothing at all needs")
@click.option("--reflogs/--no-reflogs", default=True, help="Count as needed what reflogs name")
@click.option("--lost-found", is_flag=True, help="Write dangling objects into .tapes/lost-found")
@click.option("--salvage", is_flag=True, help="Get out of damaged files what can be got")
@json_option
@pass_app
def command(
    app: App,
    /,
    full: bool,
    connectivity_only: bool,
    unreachable: bool,
    dangling: bool,
    reflogs: bool,
    lost_found: bool,
    salvage: bool,
    as_json: bool,
) -> None:
    """Verify every object and link"""
    if connectivity_only and (full or salvage):
        raise click.UsageError("--connectivity-only goes with neither --full nor --salvage")
    if salvage and lost_found:
        raise click.UsageError("--salvage and --lost-found are two runs")
    options = FsckOptions(full, reflogs, dangling, unreachable)
    repository = app.repository
    with Progress(app.terminal, "checking") as progress:
        if salvage:
            result = run_salvage(repository, options, on_progress=progress.advance)
        else:
            result = run_fsck(
                repository, options, lost_found=lost_found, on_progress=progress.advance
            )
    _print(app, result, as_json=as_json)
    click.get_current_context().exit(result.code)


def _print(app: App, result: FsckResult, *, as_json: bool) -> None:
    for finding in result.findings:
        if as_json:
            app.terminal.json(finding_members(finding))
            continue
        for line in iter_finding_lines(finding):
            app.terminal.line(line)
