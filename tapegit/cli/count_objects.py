"""`tapes count-objects`."""

from __future__ import annotations

import click

from tapegit.cli.app import App, pass_app
from tapegit.cli.types import json_option
from tapegit.ui.count_objects import counts_members, format_short, iter_long
from tapegit.upkeep.counts import count_objects


@click.command("count-objects")
@click.option("-v", "--verbose", is_flag=True, help="Count packs too, and what is garbage")
@click.option("-H", "--human-readable", "human", is_flag=True, help="Sizes as people read them")
@json_option
@pass_app
def command(app: App, /, verbose: bool, human: bool, as_json: bool) -> None:
    """Count objects and the space they take"""
    counts = count_objects(app.repository)
    for path in counts.garbage if verbose else ():
        app.terminal.warning(f"garbage found: {path}")
    if as_json:
        app.terminal.json(counts_members(counts))
    elif verbose:
        for line in iter_long(counts, human=human):
            app.terminal.record(line)
    else:
        app.terminal.record(format_short(counts, human=human))
