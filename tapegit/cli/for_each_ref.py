"""`tapes for-each-ref`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from tapegit.cli.app import App, pass_app
from tapegit.cli.types import json_option
from tapegit.errors import DataError, FormatError, ObjectNotFoundError
from tapegit.porcelain.plumbing.for_each_ref import (
    FORMAT_DEFAULT,
    RefFilter,
    list_refs,
    parse_sort_key,
)
from tapegit.porcelain.plumbing.ref_format import parse_format

if TYPE_CHECKING:
    from tapegit.errors import TapesError
    from tapegit.objects.oid import ObjectId


@click.command("for-each-ref")
@click.option("--format", "form", default=FORMAT_DEFAULT, metavar="FORMAT", help="What to print")
@click.option("--sort", multiple=True, metavar="KEY", help="Sort by a field; -KEY: descending")
@click.option("--count", type=click.IntRange(min=1), metavar="N", help="Stop after N refs")
@click.option("--points-at", multiple=True, metavar="OBJECT", help="Only refs that name OBJECT")
@click.option("--contains", multiple=True, metavar="TURN", help="Only refs that reach TURN")
@click.option("--no-contains", multiple=True, metavar="TURN", help="Only refs that do not")
@click.option("--merged", multiple=True, metavar="TURN", help="Only refs that TURN reaches")
@click.option("--no-merged", multiple=True, metavar="TURN", help="Only refs that it does not")
@click.option("--omit-empty", is_flag=True, help="Print no empty line")
@json_option
@click.argument("patterns", metavar="[PATTERN]...", nargs=-1)
@pass_app
def command(
    app: App,
    /,
    form: str,
    sort: tuple[str, ...],
    count: int | None,
    omit_empty: bool,
    as_json: bool,
    patterns: tuple[str, ...],
    **revisions: Any,
) -> None:
    """List refs in a format of your own"""
    ref_format = parse_format(form)
    chosen = RefFilter(
        patterns, **{name: _resolve(app, texts) for name, texts in revisions.items()}
    )
    views = list_refs(
        app.repository,
        app.graph,
        chosen,
        sort=[parse_sort_key(text) for text in sort],
        count_max=count,
        now_ms=app.clock(),
        on_broken=lambda name, error: _note_broken(app, name, error),
    )
    for view in views:
        try:
            text = str(view.target.found.kind) if as_json else ref_format.expand(view)
        except (DataError, ObjectNotFoundError) as error:
            app.note_broken(view.name, error)
            continue
        if as_json:
            app.terminal.json({"ref": view.name, "oid": str(view.target.oid), "kind": text})
        elif text or not omit_empty:
            app.terminal.record(text)
    app.raise_broken()


def _note_broken(app: App, name: str, error: TapesError) -> None:
    """Warn of a ref whose file says nothing, as git does; that of a missing object is kept."""
    if isinstance(error, FormatError) and name != "packed-refs":
        app.terminal.warning(f"ignoring broken ref '{name}': {error}")
    else:
        app.note_broken(name, error)


def _resolve(app: App, texts: tuple[str, ...]) -> tuple[ObjectId, ...]:
    return tuple(app.resolver.resolve(text) for text in texts)
