"""`tapes show`."""

from __future__ import annotations

import re
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

import click

from tapegit.cli.app import App, pass_app, tell_session
from tapegit.cli.log_options import form_options, make_form, verify_one_form
from tapegit.cli.types import color_options, json_option
from tapegit.porcelain.history.show import (
    PartRange,
    ShownPart,
    ShownTag,
    ShownTurn,
    iter_chosen_parts,
    iter_raw,
    iter_selection,
    iter_shown,
    part_data,
)
from tapegit.porcelain.turns.parts import may_spawn
from tapegit.ui.show import (
    agent_members,
    bytes_members,
    print_part,
    print_tag,
    print_turn,
    shown_part_members,
    shown_turn_members,
    tag_members,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tapegit.graph.selection import Selected
    from tapegit.porcelain.history.show import Shown
    from tapegit.porcelain.turns.agents import AgentFinder, AgentTape
    from tapegit.ui.log import LogForm

FULL: Final = ("wanted", "pretty", "stat", "no_parts")
"""Arguments for which cli/log_full is loaded; so it is for `--oneline`."""

_RANGE: Final = re.compile(r"([0-9]{1,9})|([0-9]{1,9})?\.\.([0-9]{1,9})?")


def parse_part_range(
    ctx: click.Context, param: click.Parameter, text: str | None
) -> PartRange | None:
    """Return the parts that `N`, `A..B`, `A..` or `..B` means."""
    match = _RANGE.fullmatch(text or "")
    if text is None or match is None:
        if text is not None:
            raise click.BadParameter(f"'{text}' is neither N nor A..B")
        return None
    if match[1] is not None:
        return PartRange(int(match[1]), int(match[1]))
    return PartRange(int(match[2] or 0), int(match[3]) if match[3] is not None else None)


@click.command("show")
@click.option(
    "--part", metavar="N|A..B", callback=parse_part_range, help="Only these parts, from 0"
)
@click.option("--raw", is_flag=True, help="Print exact bytes: what a turn was read from, or a part")
@click.option(
    "-s", "--no-parts", "--no-patch", is_flag=True, help="Print the summary in place of the parts"
)
@form_options
@color_options
@json_option
@click.argument("revisions", metavar="[REVISION]...", nargs=-1)
@pass_app
def command(
    app: App,
    /,
    part: PartRange | None,
    raw: bool,
    agents: bool | None,
    as_json: bool,
    revisions: tuple[str, ...],
    **options: Any,
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
        for data in _iter_data(app, selected, part):
            app.terminal.data(data)
        return
    full = {name: options.pop(name) for name in FULL}
    verify_one_form(options["oneline"], as_json, full)
    is_full = any(full.values()) or options["oneline"] or full["wanted"] is not None
    module = import_module("tapegit.cli.show_full") if is_full and part is None else None
    form = make_form(app, always_decorate=module is not None and module.asks_refs(full), **options)
    shown: Iterator[Shown] = iter_shown(objects, selected)
    if part is not None:
        shown = (one for item in selected for one in iter_chosen_parts(objects, item.oid, part))
    with_agents = agents is not False
    if module is None:
        printer = Printer(app, form, with_agents=with_agents)
    else:
        printer = module.FullPrinter(app, form, full, with_agents=with_agents)
    for item in shown:
        if as_json:
            app.terminal.json(printer.members(item))
        else:
            printer.print(item)
    app.raise_broken()


def _iter_data(app: App, selected: Iterator[Selected], part: PartRange | None) -> Iterator[bytes]:
    objects = app.repository.objects
    for item in selected:
        if part is None:
            yield from iter_raw(objects, item)
        else:
            yield from (part_data(one.part) for one in iter_chosen_parts(objects, item.oid, part))


class Printer:
    """Prints what is shown, one after the other.

    Attributes:
        is_dense: No empty line stands between two turns.
    """

    is_dense = False

    def __init__(self, app: App, form: LogForm, *, with_agents: bool) -> None:
        self.app = app
        self.terminal = app.terminal
        self.form = form
        self._with_agents = with_agents
        self._finder: AgentFinder | None = None
        self._is_parted = False

    def print(self, shown: Shown) -> None:
        """Print one object or part, an empty line before a turn or a part after the first."""
        if isinstance(shown, ShownTag):
            self._is_parted = False  # it ends in an empty line of its own
            print_tag(self.terminal, shown.tag, self.form)
            return
        if isinstance(shown, ShownTurn | ShownPart) and self._is_parted and not self.is_dense:
            self.terminal.line("")
        self._is_parted = True
        if isinstance(shown, ShownTurn):
            self.print_turn(shown)
        elif isinstance(shown, ShownPart):
            print_part(self.terminal, shown.part)
        else:
            for piece in shown.pieces:
                self.terminal.data(piece)

    def print_turn(self, shown: ShownTurn) -> None:
        """Print a turn."""
        read_subject = self.app.graph.read_subject
        agents = [(agent, read_subject) for agent in self.find_agents(shown)]
        print_turn(self.terminal, shown, self.form, agents)

    def find_agents(self, shown: ShownTurn) -> tuple[AgentTape, ...]:
        """Return the tapes of the agents that a turn spawned; most turns cannot have any."""
        if not (self._with_agents and may_spawn(shown.turn)):
            return ()
        if self._finder is None:
            module = import_module("tapegit.porcelain.turns.agents")
            self._finder = module.AgentFinder(self.app.repository, self.app.graph)
        return self._finder.find(shown.oid, shown.turn)

    def members(self, shown: Shown) -> dict[str, object]:
        """Return what is shown as the members of a JSON object."""
        if isinstance(shown, ShownTurn):
            agents = [agent_members(agent) for agent in self.find_agents(shown)]
            return {**self.turn_members(shown), "agents": agents or None}
        if isinstance(shown, ShownTag):
            return tag_members(shown)
        if isinstance(shown, ShownPart):
            return shown_part_members(shown)
        return bytes_members(shown)

    def turn_members(self, shown: ShownTurn) -> dict[str, object]:
        """Return a turn as the members of a JSON object."""
        return shown_turn_members(shown)
