"""`tapes search`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from tapegit.cli.app import App, pass_app
from tapegit.cli.types import json_option
from tapegit.graph.dates import parse_date
from tapegit.porcelain.history.search import Wanted, group_by_session, search
from tapegit.ui.counting import Counting
from tapegit.ui.dates import DATE_MODES
from tapegit.ui.search import (
    hit_line,
    hit_members,
    neighbour_line,
    session_line,
    session_members,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tapegit.errors import TapesError
    from tapegit.objects.oid import ObjectId
    from tapegit.porcelain.history.search import Hit


@click.command("search")
@click.option("-E", "--regex", metavar="PATTERN", help="Only text that a regular expression finds")
@click.option("-i", "--ignore-case", is_flag=True, help="Let the expression pass over case")
@click.option("--since", "--after", metavar="DATE", help="Only turns from DATE on")
@click.option("--until", "--before", metavar="DATE", help="Only turns up to DATE")
@click.option("--branch", metavar="REV", help="Only turns that REV reaches")
@click.option("-n", "--max-count", type=click.IntRange(0), metavar="N", help="At most N turns")
@click.option(
    "-C", "--context", type=click.IntRange(0, 1000), default=0, metavar="N", help="And N around"
)
@click.option("-l", "--sessions", "is_list", is_flag=True, help="Only the sessions they are in")
@click.option("--date", type=click.Choice(DATE_MODES), default="short", help="How to write dates")
@json_option
@click.argument("query", metavar="[QUERY]...", nargs=-1)
@pass_app
def command(
    app: App,
    /,
    is_list: bool,
    date: str,
    as_json: bool,
    query: tuple[str, ...],
    **given: Any,
) -> None:
    """Find turns by what was said in them"""
    wanted = _make_wanted(app, query, given)
    with Counting(app.terminal, "indexing", "turns") as counting:
        hits = search(
            app.repository,
            app.graph,
            wanted,
            on_broken=lambda name, error: _note_broken(app, name, error),
            on_progress=counting.advance,
        )
        first = next(hits, None)
    if first is None:
        app.raise_broken()
        click.get_current_context().exit(1)
    _print(app, _chain(first, hits), is_list=is_list, as_json=as_json, date=date)
    app.raise_broken()


def _chain(first: Hit, rest: Iterator[Hit]) -> Iterator[Hit]:
    yield first
    yield from rest


def _make_wanted(app: App, query: tuple[str, ...], given: dict[str, Any]) -> Wanted:
    """Return what the options and the query ask for."""
    now_ms = app.clock()
    since, until, branch = given["since"], given["until"], given["branch"]
    return Wanted(
        query=" ".join(query),
        pattern=given["regex"],
        ignores_case=given["ignore_case"],
        since_ms=None if since is None else parse_date(since, now_ms),
        until_ms=None if until is None else parse_date(until, now_ms),
        tip=None if branch is None else app.resolver.resolve(branch),
        count_max=given["max_count"],
        context_count=given["context"],
    )


def _note_broken(app: App, name: str, error: TapesError) -> None:
    if name.startswith("refs/") or name == "packed-refs":
        app.note_broken(name, error)
    else:
        app.terminal.warning(f"not searched: {error}")


def _print(app: App, hits: Iterator[Hit], *, is_list: bool, as_json: bool, date: str) -> None:
    if is_list:
        for found in group_by_session(hits):
            if as_json:
                app.terminal.json(session_members(found))
            else:
                app.terminal.line(*session_line(found, _short(app, found.leader)))
        return
    for hit in hits:
        if as_json:
            app.terminal.json(hit_members(hit))
            continue
        for turn in hit.before:
            app.terminal.line(*neighbour_line(turn, _short(app, turn.oid)))
        app.terminal.line(
            *hit_line(hit, _short(app, hit.oid), date=date, now_ms=app.clock()),
        )
        for turn in hit.after:
            app.terminal.line(*neighbour_line(turn, _short(app, turn.oid)))
        if hit.before or hit.after:
            app.terminal.line("--")


def _short(app: App, oid: ObjectId) -> str:
    return app.repository.objects.abbreviate(oid)
