"""`tapes diff`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from tapegit.cli.app import App, pass_app, tell_session
from tapegit.cli.types import AttachedOption, color_options, json_option, nul_option
from tapegit.porcelain.diff.diff import choose_sides, compare, list_changes
from tapegit.porcelain.history.abbreviation import Abbreviator
from tapegit.ui.diff import LINE_COUNT_DEFAULT, DiffForm
from tapegit.ui.diff_output import FORMATS, Output, print_comparison
from tapegit.ui.diff_words import MODES

if TYPE_CHECKING:
    from collections.abc import Callable

LENGTH_MIN = 7


def _format_options(command: Callable[..., Any]) -> Callable[..., Any]:
    for name, (words, text) in reversed(FORMATS.items()):
        command = click.option(*words, name.replace("-", "_"), is_flag=True, help=text)(command)
    return command


@click.command("diff")
@_format_options
@click.option(
    "--word-diff",
    cls=AttachedOption,
    is_flag=False,
    flag_value="plain",
    default="none",
    type=click.Choice(MODES),
    metavar="[MODE]",
    help="Show changed words: plain, color, porcelain or none",
)
@click.option(
    "--color-words", is_flag=True, help="Show changed words by colour, as --word-diff=color"
)
@click.option(
    "-U",
    "--unified",
    type=click.IntRange(0, 1 << 31),
    metavar="N",
    help="Show N same turns and lines around each change; else no turns, and 3 lines",
)
@click.option("-R", "swap", is_flag=True, help="Compare the second with the first")
@click.option("--merge-base", is_flag=True, help="Compare with what both have in common, as A...B")
@click.option(
    "-n", "--max-count", type=click.IntRange(0, 1 << 62), metavar="N", help="At most N turns"
)
@click.option("--exit-code", is_flag=True, help="Exit with 1 if anything differs, else with 0")
@click.option("--quiet", is_flag=True, help="Print nothing, and exit as with --exit-code")
@color_options
@nul_option
@json_option
@click.argument("revisions", metavar="REVISION [REVISION]", nargs=-1)
@pass_app
def command(
    app: App,
    /,
    revisions: tuple[str, ...],
    exit_code: bool,
    quiet: bool,
    swap: bool,
    merge_base: bool,
    **options: Any,
) -> None:
    """Compare two tapes, turn by turn"""
    sides = choose_sides(
        app.repository,
        app.resolver,
        app.graph,
        revisions,
        from_base=merge_base,
        directory=app.directory,
        warn=app.terminal.warning,
    )
    if sides is None:
        raise click.UsageError("give two revisions, a range, or one revision to compare with HEAD")
    if sides.selection is not None:
        tell_session(app, sides.selection)
    ends = (sides.new, sides.old) if swap else (sides.old, sides.new)
    comparison = compare(app.repository, app.graph, *ends)
    if not comparison.is_exact:
        app.terminal.warning(
            "too much differs for an exact alignment: some turns are paired by role"
        )
    if not quiet:
        output = _make_output(app, options)
        print_comparison(
            app.terminal,
            comparison,
            ends,
            lambda place: list_changes(app.repository, app.graph, place),
            output,
        )
    if (exit_code or quiet) and not comparison.is_same:
        click.get_current_context().exit(1)


def _make_output(app: App, options: dict[str, Any]) -> Output:
    count = options["unified"]
    form = DiffForm(
        abbreviate=Abbreviator(app.repository.objects, LENGTH_MIN),
        word_diff="color" if options["color_words"] else options["word_diff"],
        line_count=LINE_COUNT_DEFAULT if count is None else count,
    )
    return Output(
        formats=[name for name in FORMATS if options[name.replace("-", "_")]],
        form=form,
        turn_count=count or 0,
        place_count_max=options["max_count"],
        nul=options["nul"],
        as_json=options["as_json"],
    )
