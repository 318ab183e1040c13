"""`tapes show` with a format, statistics, or without parts: what cli/show loads for these."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tapegit.cli.log_full import asks_refs, make_layout
from tapegit.cli.show import Printer
from tapegit.porcelain.history.log import LogEntry
from tapegit.ui.log_full import iter_shown, print_full, stat_members
from tapegit.ui.show import print_parts, shown_turn_members

if TYPE_CHECKING:
    from tapegit.cli.app import App
    from tapegit.porcelain.history.show import ShownTurn
    from tapegit.ui.log import LogForm

__all__ = ["FullPrinter", "asks_refs"]


class FullPrinter(Printer):
    """Prints turns in a form of the user's choice, and their parts below unless they are counted.

    Args:
        app: Of this run.
        form: How ids, dates and refs look.
        asked: The values of the options of cli/show that only a full one has.
        with_agents: Show the agents that a turn spawned.
    """

    def __init__(
        self, app: App, form: LogForm, asked: dict[str, Any], *, with_agents: bool
    ) -> None:
        super().__init__(app, form, with_agents=with_agents)
        self._with_parts = not (asked.pop("no_parts") or asked["stat"])
        layout = make_layout(app, form, **asked)
        has_form = form.oneline or asked["wanted"] is not None or asked["pretty"] is not None
        self.is_dense = layout.is_dense
        self._layout = layout if has_form else layout._replace(preset=iter_shown)

    def print_turn(self, shown: ShownTurn) -> None:
        """Print a turn."""
        agents = self.find_agents(shown)
        entry = LogEntry(shown.oid, shown.data, agents=() if self._with_parts else agents)
        print_full(self.terminal, (entry,), self._layout)
        if self._with_parts:
            read_subject = self.app.graph.read_subject
            listed = [(agent, read_subject) for agent in agents]
            print_parts(self.terminal, shown.parts, self.form, listed)

    def turn_members(self, shown: ShownTurn) -> dict[str, object]:
        """Return a turn as the members of a JSON object."""
        members = shown_turn_members(shown, with_parts=self._with_parts)
        measure = self._layout.measure
        return (
            members if measure is None else {**members, "stat": stat_members(measure(shown.turn))}
        )
