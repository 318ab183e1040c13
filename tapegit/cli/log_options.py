"""Options that `log` and `show` share, what they make, and those with which `log` chooses turns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click

from tapegit.cli.types import AttachedOption
from tapegit.porcelain.history.decorations import GRAFTED, read_decorations
from tapegit.ui.dates import DATE_MODES
from tapegit.ui.log import LogForm

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tapegit.cli.app import App
    from tapegit.objects.oid import ObjectId
    from tapegit.porcelain.history.decorations import Decoration

ROLES: Final = ("session", "system", "user", "assistant", "tool", "event", "note")
LENGTH_DEFAULT: Final = 7
LENGTH_MIN: Final = 4


def choice_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add what chooses turns by what is in them; cli/log_full takes the values."""
    for option in reversed(
        (
            click.option(
                "--role",
                "roles",
                multiple=True,
                type=click.Choice(ROLES),
                help="Only turns of this role (can be repeated)",
            ),
            click.option(
                "--tool",
                "tools",
                multiple=True,
                metavar="NAME",
                help="Only turns that call this tool; may hold wildcards (can be repeated)",
            ),
            click.option(
                "--model",
                "models",
                multiple=True,
                metavar="NAME",
                help="Only turns of models with NAME in their name (can be repeated)",
            ),
            click.option(
                "--file",
                "files",
                multiple=True,
                metavar="FILE",
                help="Only turns whose calls name this file, or one below it (can be repeated)",
            ),
            click.option(
                "--grep",
                "patterns",
                multiple=True,
                metavar="PATTERN",
                help="Only turns that say what matches (can be repeated)",
            ),
            click.option(
                "-S", "said", metavar="WORDS", help="Only turns that say these words, as --grep -F"
            ),
            click.option(
                "-G", "matched", metavar="PATTERN", help="Only turns that match, as --grep -E"
            ),
            click.option("--all-match", is_flag=True, help="Only turns that match every --grep"),
            click.option("--invert-grep", is_flag=True, help="Only turns that do not match"),
            click.option(
                "-i", "--regexp-ignore-case", "ignore_case", is_flag=True, help="Ignore case"
            ),
            *(
                click.option(*names, "syntax", flag_value=value, help=text)
                for names, value, text in (
                    (("--basic-regexp",), "basic", "Patterns are basic ones (the default)"),
                    (("-E", "--extended-regexp"), "extended", "Patterns are extended ones"),
                    (("-F", "--fixed-strings"), "fixed", "Patterns are fixed texts"),
                    (("-P", "--perl-regexp"), "perl", "Patterns are like Perl's"),
                )
            ),
        )
    ):
        command = option(command)
    return command


def form_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add what decides how a turn looks."""
    for option in reversed(
        (
            click.option("--oneline", is_flag=True, help="One line for each turn"),
            click.option(
                "--format",
                "wanted",
                metavar="FORMAT",
                help="How to write a turn; a preset, or text",
            ),
            click.option(
                "--pretty",
                "pretty",
                cls=AttachedOption,
                is_flag=False,
                flag_value="medium",
                metavar="[FORMAT]",
                help="The same",
            ),
            click.option("--stat", is_flag=True, help="Count parts, bytes, tool calls and files"),
            click.option(
                "--decorate/--no-decorate", default=None, help="Name the refs at each turn"
            ),
            click.option(
                "--agents/--no-agents",
                default=None,
                help="Show the tapes of agents where they were spawned",
            ),
            click.option("--abbrev-commit", is_flag=True, help="Shorten the id of each turn too"),
            click.option(
                "--date",
                type=click.Choice(DATE_MODES),
                default="default",
                help="How to write dates",
            ),
            click.option(
                "--abbrev",
                cls=AttachedOption,
                is_flag=False,
                flag_value=LENGTH_DEFAULT,
                default=LENGTH_DEFAULT,
                type=click.IntRange(0, 64),
                metavar="[N]",
                help="Shorten ids to at least N digits",
            ),
        )
    ):
        command = option(command)
    return command


def verify_one_form(oneline: bool, as_json: bool, asked: dict[str, Any]) -> None:
    """Refuse a format beside what is one itself.

    Raises:
        UsageError: There are two.
    """
    if asked["wanted"] is None and asked["pretty"] is None:
        return
    if oneline or as_json:
        raise click.UsageError(f"{'--oneline' if oneline else '--json'} is a format itself")


def make_form(
    app: App,
    *,
    oneline: bool,
    date: str,
    abbrev: int,
    decorate: bool | None,
    abbrev_commit: bool = False,
    always_decorate: bool = False,
) -> LogForm:
    """Return how turns look; refs are read if they are to be shown, or if a format asks."""
    is_decorated = (app.terminal.color if decorate is None else decorate) or always_decorate
    refs = read_decorations(app.repository, app.note_broken) if is_decorated else {}
    objects = app.repository.objects
    length = max(abbrev, LENGTH_MIN)

    def abbreviate(oid: ObjectId) -> str:
        return objects.abbreviate(oid, length)

    def decorate_turn(oid: ObjectId) -> Sequence[Decoration]:
        found = refs.get(oid, [])
        return [GRAFTED, *found] if is_decorated and objects.lacks_parents(oid) else found

    return LogForm(
        oneline=oneline,
        date=date,
        now_ms=app.clock(),
        abbreviate=abbreviate,
        decorate=decorate_turn,
        is_decorated=is_decorated and bool(refs or objects.cuts),
        is_abbreviated=abbrev_commit,
    )
