"""`tapes log` with filters, formats, statistics or agents: what cli/log loads for these."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from tapegit.dialects.parts import part_members
from tapegit.objects.turn import decode_turn
from tapegit.porcelain.history.log_choice import ChosenLog
from tapegit.porcelain.turns.agents import AgentFinder
from tapegit.porcelain.turns.choice import TurnChoice
from tapegit.porcelain.turns.parts import iter_parts, read_body
from tapegit.porcelain.turns.patterns import compile_pattern
from tapegit.porcelain.turns.stat import measure
from tapegit.ui.log import turn_members
from tapegit.ui.log_full import (
    ONELINE,
    PRESET_DEFAULT,
    PRESETS,
    LogLayout,
    find_preset,
    iter_head,
    print_full,
    stat_members,
)
from tapegit.ui.show import agent_members

if TYPE_CHECKING:
    from tapegit.cli.app import App
    from tapegit.graph.walk import WalkOptions
    from tapegit.porcelain.history.log import LogEntry
    from tapegit.porcelain.turns.selection import Selection
    from tapegit.ui.log import LogForm


def asks_refs(asked: dict[str, Any]) -> bool:
    """Return whether a format shows the refs at a turn, whatever the terminal is."""
    form = _find_form(asked["wanted"], asked["pretty"], oneline=False)[1]
    return form is not None and form.asks_refs


def show(
    app: App,
    selection: Selection,
    walk: WalkOptions,
    form: LogForm,
    *,
    as_json: bool,
    **asked: Any,
) -> None:
    """Print a log; `asked` are the values of the options of cli/log that only a full log has."""
    layout = make_layout(app, form, **asked)
    choice = _make_choice(**asked)
    find = app.repository.objects.find
    log = ChosenLog(
        app.repository,
        app.graph,
        selection,
        walk,
        keep=(lambda data: choice.takes(find, data)) if choice != TurnChoice() else None,
        agents=make_finder(app, selection) if asked["agents"] else None,
        with_graph=form.drawer is not None,
    )
    if as_json:
        for entry in log:
            app.terminal.json(_members(entry, layout))
    else:
        print_full(app.terminal, log, layout)


def make_finder(app: App, selection: Selection | None) -> AgentFinder:
    """Return what finds the agents of turns; the lines of what is walked help."""
    starts = selection.starts if selection is not None else ()
    return AgentFinder(app.repository, app.graph, starts)


def make_layout(
    app: App,
    form: LogForm,
    *,
    wanted: str | None,
    pretty: str | None,
    stat: bool,
    patch: bool = False,
    nul: bool = False,
    **asked: Any,
) -> LogLayout:
    """Return how turns look, from the values of options.

    Raises:
        UserError: A format has a field that is not known.
    """
    preset, text, is_dense = _find_form(wanted, pretty, oneline=form.oneline)
    objects = app.repository.objects
    if patch and wanted is None and pretty is None and not form.oneline:
        preset = iter_head
    if ONELINE in (wanted, pretty) and not form.is_abbreviated:
        form = form._replace(abbreviate=str)
    return LogLayout(
        form=form,
        preset=preset,
        is_dense=is_dense,
        format=text,
        read_body=lambda turn: read_body(objects.find, turn),
        measure=(lambda turn: measure(objects.find, turn)) if stat else None,
        read_parts=(lambda turn: iter_parts(objects.find, turn)) if patch else None,
        nul=nul,
    )


def _find_form(wanted: str | None, pretty: str | None, *, oneline: bool) -> Any:
    name = wanted if wanted is not None else pretty
    if name is None:
        name = ONELINE if oneline else PRESET_DEFAULT
    try:
        return find_preset(name)
    except KeyError:
        raise click.BadParameter(
            f"'{name}' is no format: one of {', '.join(PRESETS)}, or text with placeholders",
            param_hint="--format",
        ) from None


def _make_choice(
    *,
    roles: tuple[str, ...],
    tools: tuple[str, ...],
    models: tuple[str, ...],
    files: tuple[str, ...],
    patterns: tuple[str, ...],
    **how: Any,
) -> TurnChoice:
    if "" in files:
        raise click.BadParameter("an empty text is no path", param_hint="--file")
    compiled = tuple(
        compile_pattern(text, how["syntax"] or "basic", ignore_case=how["ignore_case"])
        for text in patterns
    )
    return TurnChoice(
        roles,
        tools,
        models,
        files,
        compiled,
        needs_all=how["all_match"],
        is_inverted=bool(compiled) and how["invert_grep"],
    )


def _members(entry: LogEntry, layout: LogLayout) -> dict[str, object]:
    members = turn_members(entry.oid, entry.data)
    if layout.measure is not None:
        members["stat"] = stat_members(layout.measure(decode_turn(entry.data)))
    if layout.read_parts is not None:
        parts = layout.read_parts(decode_turn(entry.data))
        members["parts"] = [part_members(part) for part in parts]
    if entry.agents:
        members["agents"] = [agent_members(agent) for agent in entry.agents]
    return members
