"""`tapes pack-objects`."""

from __future__ import annotations

from pathlib import Path

import click

from tapegit.cli.app import App, pass_app
from tapegit.cli.types import json_option
from tapegit.porcelain.plumbing.pack_objects import (
    PackOptions,
    find_reachable,
    iter_pack,
    parse_names,
    write_pack,
)
from tapegit.ui.packs import pack_members


@click.command("pack-objects")
@click.option("--stdout", "to_stdout", is_flag=True, help="Write the pack to standard output")
@click.option("--revs", is_flag=True, help="Read revisions, and pack what they reach")
@click.option("--all", "all_refs", is_flag=True, help="With --revs: every ref and HEAD too")
@click.option("--reflog", "with_reflogs", is_flag=True, help="With --revs: reflogs too")
@click.option("--incremental", is_flag=True, help="Leave out what is in a pack already")
@click.option("--unpacked", is_flag=True, help="The same, with --revs")
@click.option("--honor-pack-keep", is_flag=True, help="Leave out what is in a pack with .keep")
@click.option("--non-empty", is_flag=True, help="Accepted: no empty pack is ever written")
@click.option("--threads", type=click.IntRange(min=0), metavar="N", help="Compress in N threads")
@click.option("-q", "--quiet", is_flag=True, help="Accepted: there is no progress to show")
@json_option
@click.argument("base_name", required=False, type=click.Path(path_type=Path))
@pass_app
def command(
    app: App,
    /,
    to_stdout: bool,
    revs: bool,
    all_refs: bool,
    with_reflogs: bool,
    incremental: bool,
    unpacked: bool,
    honor_pack_keep: bool,
    threads: int | None,
    as_json: bool,
    base_name: Path | None,
    **_accepted: bool,
) -> None:
    """Write a pack of the objects named on standard input"""
    if to_stdout == (base_name is not None):
        raise click.UsageError("give either --stdout or a base name")
    if to_stdout and as_json:
        raise click.UsageError("--stdout and --json exclude one another")
    if not revs and (all_refs or with_reflogs or unpacked):
        raise click.UsageError("--all, --reflog and --unpacked need --revs")
    repository = app.repository
    if revs:
        tokens = [line.decode("utf-8", "surrogateescape").strip() for line in app.stdin]
        tokens = [token for token in tokens if token] + ["--all"] * all_refs
        oids = find_reachable(repository, app.resolver, tokens, with_reflogs=with_reflogs)
    else:
        oids = parse_names(app.stdin)
    options = PackOptions(incremental or unpacked, honor_pack_keep, threads or None)
    if base_name is None:
        for block in iter_pack(repository, oids, options):
            app.terminal.data(block)
    elif summary := write_pack(repository, oids, base_name, options):
        if as_json:
            app.terminal.json(pack_members(summary.checksum, summary.object_count))
        else:
            app.terminal.record(summary.checksum.hex())
