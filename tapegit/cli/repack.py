"""`tapes repack`."""

from __future__ import annotations

import click

from tapegit.cli.app import App, pass_app
from tapegit.cli.types import json_option
from tapegit.porcelain.maintenance.repack import RepackOptions, run_repack
from tapegit.ui.gc import collected_members, iter_collected_lines
from tapegit.ui.progress import Progress


@click.command("repack")
@click.option("-a", "takes_all", is_flag=True, help="Put everything into one pack")
@click.option("-A", "takes_all_too", is_flag=True, help="The same")
@click.option("-d", "removes", is_flag=True, help="Remove what the new pack holds from elsewhere")
@click.option("-f", "forced", is_flag=True, help="Write everything anew, copy nothing")
@click.option("-F", "forced_too", is_flag=True, help="The same")
@click.option(
    "-g",
    "--geometric",
    "factor",
    type=click.IntRange(min=2, max=100),
    metavar="FACTOR",
    help="Fold small packs until each is FACTOR times as large as all smaller ones",
)
@click.option(
    "--cruft", is_flag=True, help="Unreachable objects get a pack of their own: always so"
)
@click.option(
    "--cruft-expiration", "expiration", metavar="TIME", help="Leave out those older than TIME"
)
@click.option("-l", "--local", is_flag=True, help="Accepted: a store has no others to borrow from")
@click.option("-n", "no_update", is_flag=True, help="Accepted: there is no file to update")
@click.option("--threads", type=click.IntRange(min=0), metavar="N", help="Compress in N threads")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing of what was done")
@json_option
@pass_app
def command(
    app: App,
    /,
    takes_all: bool,
    takes_all_too: bool,
    removes: bool,
    forced: bool,
    forced_too: bool,
    factor: int | None,
    expiration: str | None,
    threads: int | None,
    quiet: bool,
    as_json: bool,
    **_accepted: bool,
) -> None:
    """Rewrite packs"""
    takes_all = takes_all or takes_all_too
    if takes_all and factor is not None:
        raise click.UsageError("-a and --geometric exclude each other")
    options = RepackOptions(
        takes_all, removes, factor, expiration, forced or forced_too, threads or None
    )
    with Progress(app.terminal, "packing") as progress:
        done = run_repack(app.repository, options, progress.advance)
    if as_json:
        app.terminal.json(collected_members(done))
    elif not quiet:
        lines = list(iter_collected_lines(done)) or ["nothing new to pack"]
        for line in lines:
            app.terminal.line(line)
    if done.is_locked_out:
        app.terminal.warning("recorders were at work, so nothing was removed; run it again")
