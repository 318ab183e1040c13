"""`tapes bundle`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from tapegit.cli.app import App, pass_app
from tapegit.cli.types import json_option
from tapegit.porcelain.remotes.bundle import (
    choose_contents,
    filter_refs,
    iter_bundle,
    open_bundle,
    take_bundle,
    verify_bundle,
    write_bundle,
)
from tapegit.ui.bundle import (
    bundle_members,
    bundle_ref_members,
    format_bundle_ref,
    iter_bundle_lines,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tapegit.formats.bundle import BundleRef

_READS = {"ignore_unknown_options": True}


@click.group("bundle")
def command() -> None:
    """Move refs and their objects in one file"""


@command.command("create", context_settings=_READS)
@click.option("-q", "--quiet", is_flag=True, help="Say nothing of what was done")
@click.argument("file", type=click.Path())
@click.argument("revisions", metavar="REVISION...", nargs=-1, required=True)
@pass_app
def create(app: App, /, quiet: bool, file: str, revisions: tuple[str, ...]) -> None:
    """Write a bundle of refs, ranges (a..b) or sets of refs (--all, --branches, --sessions)"""
    contents = choose_contents(app.repository, app.resolver, revisions)
    for name in contents.left_out:
        app.terminal.warning(f"ref '{name}' is left out: the exclusions leave nothing of it")
    if file == "-":
        for part in iter_bundle(app.repository, contents):
            app.terminal.data(part)
        return
    write_bundle(app.repository, contents, file)
    if not quiet:
        app.terminal.message(f"{len(contents.oids)} objects are in '{file}'")


@command.command("verify")
@click.option("-q", "--quiet", is_flag=True, help="Do not list what is in the bundle")
@json_option
@click.argument("file", type=click.Path())
@pass_app
def verify(app: App, /, quiet: bool, as_json: bool, file: str) -> None:
    """Check a bundle, and that it can be taken into this store"""
    with open_bundle(file, app.stdin) as bundle:
        count = verify_bundle(app.repository, bundle)
    refs, prerequisites = bundle.header.refs, bundle.header.prerequisites
    if as_json:
        app.terminal.json(bundle_members(file, count, refs, prerequisites))
        return
    if not quiet:
        for line in iter_bundle_lines(refs, prerequisites):
            app.terminal.line(line)
    app.terminal.message(f"{file} is okay")


@command.command("list-heads")
@json_option
@click.argument("file", type=click.Path())
@click.argument("names", metavar="[REF]...", nargs=-1)
@pass_app
def list_heads(app: App, /, as_json: bool, file: str, names: tuple[str, ...]) -> None:
    """List the refs of a bundle"""
    with open_bundle(file, app.stdin) as bundle:
        refs = filter_refs(bundle.header, names)
    _print_refs(app, refs, as_json=as_json)


@command.command("unbundle")
@json_option
@click.argument("file", type=click.Path())
@click.argument("names", metavar="[REF]...", nargs=-1)
@pass_app
def unbundle(app: App, /, as_json: bool, file: str, names: tuple[str, ...]) -> None:
    """Take the objects of a bundle into the store, and list its refs; no ref moves"""
    with open_bundle(file, app.stdin) as bundle:
        refs = take_bundle(app.repository, bundle, names)
    _print_refs(app, refs, as_json=as_json)


def _print_refs(app: App, refs: Iterable[BundleRef], *, as_json: bool) -> None:
    for ref in refs:
        if as_json:
            app.terminal.json(bundle_ref_members(ref))
        else:
            app.terminal.record(format_bundle_ref(ref))
