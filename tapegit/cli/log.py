"""`tapes log`.

What only some logs need, filters, formats, statistics, agents, is in cli/log_full, which is
loaded when it is asked for: the log that most people read begins at once.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

import click

from tapegit.cli.app import App, pass_app, tell_session
from tapegit.cli.log_options import (
    LENGTH_MIN,
    choice_options,
    form_options,
    make_form,
    verify_one_form,
)
from tapegit.cli.revisions import RevisionCommand, make_walk_options, set_options, walk_options
from tapegit.cli.types import color_options, json_option, nul_option
from tapegit.errors import RefNotFoundError
from tapegit.porcelain.history.abbreviation import Abbreviator
from tapegit.porcelain.history.log import iter_log
from tapegit.porcelain.turns.selection import select
from tapegit.ui.graph import GraphDrawer
from tapegit.ui.log import print_log, turn_members

if TYPE_CHECKING:
    from tapegit.graph.walk import WalkOptions
    from tapegit.porcelain.turns.selection import Selection
    from tapegit.ui.log import LogForm

FULL: Final = (
    *("roles", "tools", "models", "files", "patterns"),
    *("wanted", "pretty", "stat", "patch", "nul", "agents"),
)
"""Arguments that only a log in full has; of these, how patterns are read says nothing alone."""
HOW: Final = ("all_match", "invert_grep", "ignore_case", "syntax")
LOOKS: Final = ("oneline", "date", "abbrev", "abbrev_commit", "decorate")


class LogCommand(RevisionCommand):
    """`log`: what follows `--` are paths, as for git's."""

    path_option = "--file"


@click.command("log", cls=LogCommand)
@set_options
@walk_options
@choice_options
@form_options
@click.option("-p", "-u", "--patch", is_flag=True, help="Show what each turn says, in full")
@click.option("--graph", is_flag=True, help="Draw the history beside the text")
@color_options
@nul_option
@json_option
@click.argument("revisions", metavar="[REVISION]... [-- PATH...]", nargs=-1)
@pass_app
def command(
    app: App,
    /,
    revisions: tuple[str, ...],
    graph: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """List turns, newest first"""
    if graph and options["reverse"]:
        raise click.UsageError("--graph and --reverse exclude one another")
    if graph and options["nul"]:
        raise click.UsageError("--graph and -z exclude one another")
    if graph and options["agents"] is None:
        options["agents"] = True
    _take_pickaxe(options)
    asked = {name: options.pop(name) for name in (*FULL, *HOW)}
    looks = {name: options.pop(name) for name in LOOKS}
    verify_one_form(looks["oneline"], as_json, asked)
    walk = make_walk_options(app.clock(), **options)
    selection, files = _select(app, revisions)
    asked["files"] += files
    tell_session(app, selection)
    if any(asked[name] for name in FULL) or asked["wanted"] is not None:
        full = import_module("tapegit.cli.log_full")
        form = _make_form(app, graph=graph, always_decorate=full.asks_refs(asked), **looks)
        full.show(app, selection, walk, form, as_json=as_json, **asked)
    else:
        _show_plain(app, selection, walk, _make_form(app, graph=graph, **looks), as_json=as_json)
    app.raise_broken()


def _take_pickaxe(values: dict[str, Any]) -> None:
    """Turn what `-S` and `-G` say into patterns and their syntax, as `--grep` has them.

    A turn is something that was said, so what git looks for in a change is looked for in it.

    Raises:
        UsageError: There are two of them, or one beside `--grep`.
    """
    rows = ((values.pop("said"), "fixed"), (values.pop("matched"), "extended"))
    given = [(text, syntax) for text, syntax in rows if text is not None]
    if not given:
        return
    if len(given) > 1 or values["patterns"]:
        raise click.UsageError("-S, -G and --grep exclude one another")
    values["patterns"] = (given[0][0],)
    values["syntax"] = values["syntax"] or given[0][1]


def _select(app: App, words: tuple[str, ...]) -> tuple[Selection, tuple[str, ...]]:
    """Return what to walk, and the words from the first on that name files and no revision.

    Raises:
        UserError: A word names neither, or there is nothing to walk.
        DataError: A ref or an object on the way is damaged.
    """
    try:
        selection = select(
            app.repository, app.resolver, words, directory=app.directory, on_broken=app.note_broken
        )
    except RefNotFoundError as error:
        unknown = error.fields.get("name")
        files = words[words.index(unknown) :] if unknown in words else ()
        if not files or not all(_is_file(app, word) for word in files):
            raise
        return _select(app, words[: -len(files)])[0], files
    return selection, ()


def _is_file(app: App, word: str) -> bool:
    return os.path.lexists(os.path.join(app.directory, word))


def _show_plain(
    app: App, selection: Selection, walk: WalkOptions, form: LogForm, *, as_json: bool
) -> None:
    with_graph = form.drawer is not None
    entries = iter_log(app.repository, app.graph, selection, walk, with_graph=with_graph)
    if not as_json:
        print_log(app.terminal, entries, form)
        return
    for entry in entries:
        app.terminal.json(turn_members(entry.oid, entry.data))


def _make_form(app: App, *, graph: bool, abbrev: int, **looks: Any) -> LogForm:
    form = make_form(app, abbrev=abbrev, **looks)
    return form._replace(
        abbreviate=Abbreviator(app.repository.objects, max(abbrev, LENGTH_MIN)),
        drawer=GraphDrawer() if graph else None,
    )
