"""`tapes show`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from tapegit.cli.app import App, pass_app, tell_session
from tapegit.cli.types import json_option
from tapegit.porcelain.decorations import read_decorations
from tapegit.porcelain.show import (
    ShownPart,
    ShownTag,
    ShownTurn,
    iter_raw,
    iter_selection,
    iter_shown,
)
from tapegit.ui.dates import DATE_MODES
from tapegit.ui.log import LogForm
from tapegit.ui.show import (
    bytes_members,
    print_part,
    print_tag,
    print_turn,
    shown_part_members,
    shown_turn_members,
    tag_members,
)

if TYPE_CHECKING:
    from tapegit.porcelain.show import Shown


@click.command("show")
@click.option("--raw", is_flag=True, help="Print the exact bytes that a turn was read from")
@click.option("--decorate/--no-decorate", default=None, help="Name the refs at each turn")
@click.option("--date", type=click.Choice(DATE_MODES), default="default", help="How to write dates")
@json_option
@click.argument("revisions", metavar="[REVISION]...", nargs=-1)
@pass_app
def command(
    app: App,
    /,
    raw: bool,
    decorate: bool | None,
    date: str,
    as_json: bool,
    revisions: tuple[str, ...],
) -> None:
    """Show turns and other objects"""
    if raw and as_json:
        raise click.UsageError("--raw and --json exclude one another")
    selection, selected = iter_selection(
        app.repository, app.resolver, app.graph, revisions, directory=app.directory
    )
    if selection is not None:
        tell_session(app, selection)
    objects = app.repository.objects
    if raw:
        for oid, _, _ in selected:
            for piece in iter_raw(objects, oid):
                app.terminal.data(piece)
        return
    form = _make_form(app, date=date, decorate=decorate)
    is_first = True
    for shown in iter_shown(objects, selected):
        if as_json:
            app.terminal.json(_members(shown))
            continue
        if isinstance(shown, ShownTurn) and not is_first:
            app.terminal.line("")
        is_first = isinstance(shown, ShownTag)  # it ends in an empty line of its own
        _print(app, shown, form)


def _print(app: App, shown: Shown, form: LogForm) -> None:
    if isinstance(shown, ShownTurn):
        print_turn(app.terminal, shown, form)
    elif isinstance(shown, ShownTag):
        print_tag(app.terminal, shown.tag, form)
    elif isinstance(shown, ShownPart):
        print_part(app.terminal, shown.part)
    else:
        for piece in shown.pieces:
            app.terminal.data(piece)


def _members(shown: Shown) -> dict[str, object]:
    if isinstance(shown, ShownTurn):
        return shown_turn_members(shown)
    if isinstance(shown, ShownTag):
        return tag_members(shown)
    if isinstance(shown, ShownPart):
        return shown_part_members(shown)
    return bytes_members(shown)


def _make_form(app: App, *, date: str, decorate: bool | None) -> LogForm:
    is_decorated = app.terminal.color if decorate is None else decorate
    refs = read_decorations(app.repository, app.note_broken) if is_decorated else {}
    return LogForm(
        oneline=False,
        date=date,
        now_ms=app.clock(),
        abbreviate=app.repository.objects.abbreviate,
        decorate=lambda oid: refs.get(oid, ()),
    )
