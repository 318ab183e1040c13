"""`tapes log`."""

from __future__ import annotations

from typing import Any

import click

from tapegit.cli.app import App, pass_app, tell_session
from tapegit.cli.revisions import (
    AttachedOption,
    RevisionCommand,
    make_walk_options,
    set_options,
    walk_options,
)
from tapegit.cli.types import json_option
from tapegit.porcelain.abbreviation import Abbreviator
from tapegit.porcelain.decorations import read_decorations
from tapegit.porcelain.log import iter_log
from tapegit.porcelain.selection import select
from tapegit.ui.dates import DATE_MODES
from tapegit.ui.graph import GraphDrawer
from tapegit.ui.log import LogForm, print_log, turn_members

LENGTH_DEFAULT = 7
LENGTH_MIN = 4


@click.command("log", cls=RevisionCommand)
@set_options
@walk_options
@click.option("--oneline", is_flag=True, help="One line for each turn")
@click.option("--graph", is_flag=True, help="Draw the history beside the text")
@click.option("--decorate/--no-decorate", default=None, help="Name the refs at each turn")
@click.option("--date", type=click.Choice(DATE_MODES), default="default", help="How to write dates")
@click.option(
    "--abbrev",
    cls=AttachedOption,
    is_flag=False,
    flag_value=LENGTH_DEFAULT,
    default=LENGTH_DEFAULT,
    type=click.IntRange(0, 64),
    metavar="[N]",
    help="Shorten ids to at least N digits",
)
@json_option
@click.argument("revisions", metavar="[REVISION]...", nargs=-1)
@pass_app
def command(
    app: App,
    /,
    revisions: tuple[str, ...],
    oneline: bool,
    graph: bool,
    decorate: bool | None,
    as_json: bool,
    **options: Any,
) -> None:
    """List turns, newest first"""
    if graph and options["reverse"]:
        raise click.UsageError("--graph and --reverse exclude one another")
    form = _make_form(
        app,
        oneline=oneline,
        date=options.pop("date"),
        length=options.pop("abbrev"),
        decorate=decorate,
        graph=graph,
    )
    walk = make_walk_options(app.clock(), **options)
    selection = select(
        app.repository, app.resolver, revisions, directory=app.directory, on_broken=app.note_broken
    )
    tell_session(app, selection)
    entries = iter_log(app.repository, app.graph, selection, walk, with_graph=graph)
    if as_json:
        for entry in entries:
            app.terminal.json(turn_members(entry.oid, entry.data))
    else:
        print_log(app.terminal, entries, form)
    app.raise_broken()


def _make_form(
    app: App, *, oneline: bool, date: str, length: int, decorate: bool | None, graph: bool
) -> LogForm:
    is_decorated = app.terminal.color if decorate is None else decorate
    refs = read_decorations(app.repository, app.note_broken) if is_decorated else {}
    return LogForm(
        oneline=oneline,
        date=date,
        now_ms=app.clock(),
        abbreviate=Abbreviator(app.repository.objects, max(length, LENGTH_MIN)),
        decorate=lambda oid: refs.get(oid, ()),
        is_decorated=bool(refs),
        drawer=GraphDrawer() if graph else None,
    )
