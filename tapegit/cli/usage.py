"""`tapes usage`."""

from __future__ import annotations

import csv
import io
import os
from typing import TYPE_CHECKING, Any, Final

import click

from tapegit.cli.app import App, pass_app
from tapegit.cli.types import json_option
from tapegit.graph.dates import parse_date
from tapegit.porcelain.usage.prices import load_prices
from tapegit.porcelain.usage.tool_usage import read_tool_usage
from tapegit.porcelain.usage.usage import BY, View, Wanted, read_usage
from tapegit.ui.usage import (
    format_statusline,
    format_tools,
    format_usage,
    iter_csv_rows,
    iter_tool_csv_rows,
    tool_members,
    usage_members,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tapegit.porcelain.usage.usage import UsageReport

VIEWS: Final = {"daily": "day", "weekly": "week", "monthly": "month"} | {by: by for by in BY}
STATUSLINE: Final = "statusline"
TOOL: Final = "tool"


@click.command("usage")
@click.option("--since", "--after", metavar="DATE", help="Only calls from DATE on")
@click.option("--until", "--before", metavar="DATE", help="Only calls up to DATE")
@click.option("--harness", metavar="NAME", help="Only those of a harness")
@click.option("--model", metavar="NAME", help="Only models with NAME in their name")
@click.option("--cwd", metavar="DIRECTORY", help="Only sessions in DIRECTORY or below it")
@click.option("--session", metavar="ID", help="Only sessions whose id begins so")
@click.option("--latency", is_flag=True, help="Show how long answers took, too")
@click.option("--errors", is_flag=True, help="Show how many calls went wrong, too")
@click.option("--csv", "as_csv", is_flag=True, help="Print comma-separated values")
@json_option
@click.argument("view", type=click.Choice([*VIEWS, TOOL, STATUSLINE]), default="model")
@pass_app
def command(app: App, /, view: str, as_csv: bool, as_json: bool, **given: Any) -> None:
    """Say what tokens were spent, and what they cost"""
    if as_csv and as_json:
        raise click.UsageError("--csv and --json exclude one another")
    wanted = _make_wanted(app, given)
    if view == STATUSLINE:
        _print_statusline(app, wanted, as_json=as_json)
    elif view == TOOL:
        _print_tools(app, wanted, as_csv=as_csv, as_json=as_json)
    else:
        by = VIEWS[view]
        report = _read(app, View(by, given["latency"], given["errors"]), wanted)
        _print(app, report, by, as_csv=as_csv, as_json=as_json, with_latency=given["latency"])
    app.raise_broken()


def _make_wanted(app: App, given: dict[str, Any]) -> Wanted:
    now_ms = app.clock()
    since, until, cwd = given["since"], given["until"], given["cwd"]
    return Wanted(
        since_ms=None if since is None else parse_date(since, now_ms),
        until_ms=None if until is None else parse_date(until, now_ms),
        harness=given["harness"],
        model=given["model"],
        cwd=None if cwd is None else os.path.normpath(os.path.join(app.directory, cwd)),
        session=given["session"],
    )


def _read(app: App, view: View, wanted: Wanted) -> UsageReport:
    return read_usage(
        app.repository,
        app.graph,
        load_prices(app.repository.config),
        view,
        wanted,
        on_broken=app.note_broken,
    )


def _print(
    app: App, report: UsageReport, by: str, *, as_csv: bool, as_json: bool, with_latency: bool
) -> None:
    if as_json:
        for spent in [*report.groups, report.total]:
            app.terminal.json(usage_members(spent, by if spent is not report.total else "total"))
    elif as_csv:
        _print_csv(app, iter_csv_rows(report.groups))
    else:
        shown = format_usage(report.groups, report.total, by, with_latency=with_latency)
        for line in shown.splitlines():
            app.terminal.line(line)


def _print_tools(app: App, wanted: Wanted, *, as_csv: bool, as_json: bool) -> None:
    prices = load_prices(app.repository.config)
    tools = read_tool_usage(app.repository, app.graph, prices, wanted, on_broken=app.note_broken)
    if as_json:
        for tool in tools:
            app.terminal.json(tool_members(tool))
    elif as_csv:
        _print_csv(app, iter_tool_csv_rows(tools))
    else:
        for line in format_tools(tools).splitlines():
            app.terminal.line(line)


def _print_csv(app: App, rows: Iterable[list[str]]) -> None:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    app.terminal.data(text.getvalue().encode("utf-8", "surrogatepass"))


def _print_statusline(app: App, wanted: Wanted, *, as_json: bool) -> None:
    """Print what was spent today, and by the newest session of this directory."""
    today = _read(
        app, View("day"), wanted._replace(since_ms=parse_date("today", app.clock()))
    ).total
    newest = app.resolver.resolve_default(app.directory)
    session = None
    if newest is not None and wanted.session is None:
        parts = newest.ref.split("/")
        groups = _read(app, View("session"), wanted).groups
        session = next((each for each in groups if each.name == parts[3]), None)
    if as_json:
        app.terminal.json(usage_members(today, "today"))
        if session is not None:
            app.terminal.json(usage_members(session, "session"))
    else:
        app.terminal.line(format_statusline(today, session))
