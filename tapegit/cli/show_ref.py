"""`tapes show-ref`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from tapegit.cli.app import App, pass_app
from tapegit.cli.types import json_option
from tapegit.errors import RefNotFoundError
from tapegit.porcelain.plumbing.show_ref import RefChoice, list_refs, verify_refs

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tapegit.porcelain.plumbing.show_ref import ShownRef

LENGTH_MIN = 4
MISSING_CODE = 2


@click.command("show-ref")
@click.option("--head", is_flag=True, help="Show HEAD too")
@click.option("--heads", "--branches", "heads", is_flag=True, help="Only branches")
@click.option("--tags", is_flag=True, help="Only tags")
@click.option("-d", "--dereference", is_flag=True, help="Show what tags lead to as well")
@click.option("--verify", is_flag=True, help="Take exact names, and fail if one is missing")
@click.option("--exists", is_flag=True, help="Exit with 2 if the ref does not exist, print nothing")
@click.option(
    "-s",
    "--hash",
    "hash_length",
    is_flag=False,
    flag_value=64,
    type=click.IntRange(0, 64),
    metavar="[N]",
    help="Print ids alone, or their first N digits",
)
@click.option(
    "--abbrev",
    is_flag=False,
    flag_value=7,
    type=click.IntRange(0, 64),
    metavar="[N]",
    help="Shorten ids to N digits, or more to be unique",
)
@click.option("-q", "--quiet", is_flag=True, help="Print nothing")
@json_option
@click.argument("names", metavar="[PATTERN]...", nargs=-1)
@pass_app
def command(
    app: App,
    /,
    hash_length: int | None,
    abbrev: int | None,
    quiet: bool,
    as_json: bool,
    names: tuple[str, ...],
    **options: bool,
) -> None:
    """List refs with their ids"""
    length = abbrev if abbrev is not None else hash_length
    try:
        count = 0
        for shown in _iter_shown(app, names, **options):
            count += 1
            if not quiet and not options["exists"]:
                _print(app, shown, length, bare=hash_length is not None, as_json=as_json)
    except RefNotFoundError:
        if options["exists"]:
            click.get_current_context().exit(MISSING_CODE)
        if quiet:
            click.get_current_context().exit(1)
        raise
    app.raise_broken()
    if not count:
        click.get_current_context().exit(1)


def _iter_shown(
    app: App,
    names: tuple[str, ...],
    *,
    dereference: bool,
    verify: bool,
    exists: bool,
    **kinds: bool,
) -> Iterable[ShownRef]:
    if verify or exists:
        if not names or (exists and len(names) > 1):
            raise click.UsageError(f"{'--exists' if exists else '--verify'} requires a ref")
        return verify_refs(app.repository, names, dereference=dereference)
    choice = RefChoice(names, **kinds)
    return list_refs(app.repository, choice, dereference=dereference, on_broken=app.note_broken)


def _print(app: App, shown: ShownRef, length: int | None, *, bare: bool, as_json: bool) -> None:
    if as_json:
        app.terminal.json({"ref": shown.label, "oid": str(shown.oid)})
        return
    text = str(shown.oid)
    if length:
        text = app.repository.objects.abbreviate(shown.oid, max(length, LENGTH_MIN))
    app.terminal.record(text if bare else f"{text} {shown.label}")
