"""`tapes rev-list`."""

from __future__ import annotations

from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any

import click

from tapegit.cli.app import App, pass_app
from tapegit.cli.revisions import (
    RevisionCommand,
    iter_input_tokens,
    make_walk_options,
    set_options,
    walk_options,
)
from tapegit.cli.types import AttachedOption, json_option
from tapegit.porcelain.plumbing.rev_list import (
    LEFT,
    RIGHT,
    Form,
    count_lines,
    format_line,
    line_members,
    list_objects,
    list_turns,
    sort_points,
)
from tapegit.porcelain.plumbing.tips import iter_points

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tapegit.porcelain.plumbing.rev_list import Line

LENGTH_DEFAULT = 7
LENGTH_MIN = 4


@click.command("rev-list", cls=RevisionCommand)
@set_options
@click.option("--stdin", is_flag=True, help="Read more revisions from standard input, one a line")
@walk_options
@click.option("--no-walk", is_flag=True, help="Only the turns named, not their ancestors")
@click.option("--objects", is_flag=True, help="List tags, blobs and ropes as well, after the turns")
@click.option("--no-object-names", is_flag=True, help="With --objects: ids alone")
@click.option("--parents", is_flag=True, help="Print the parents of each turn after it")
@click.option("--timestamp", is_flag=True, help="Print the date of each turn before it, in ms")
@click.option("--left-right", is_flag=True, help="Mark which side of a...b reaches a turn")
@click.option("--left-only", is_flag=True, help="Only what the left side of a...b reaches")
@click.option("--right-only", is_flag=True, help="Only what the right side of a...b reaches")
@click.option("--abbrev-commit", is_flag=True, help="Shorten ids, as long as they are unique")
@click.option(
    "--abbrev",
    cls=AttachedOption,
    is_flag=False,
    flag_value=LENGTH_DEFAULT,
    default=LENGTH_DEFAULT,
    type=click.IntRange(0, 64),
    metavar="[N]",
    help="With --abbrev-commit: at least N digits",
)
@click.option("--count", is_flag=True, help="Print how many there are, and nothing else")
@click.option("--quiet", is_flag=True, help="Print nothing; the exit code says if all is there")
@json_option
@click.argument("revisions", metavar="REVISION...", nargs=-1)
@pass_app
def command(
    app: App,
    /,
    revisions: tuple[str, ...],
    stdin: bool,
    no_walk: bool,
    objects: bool,
    count: bool,
    quiet: bool,
    **options: Any,
) -> None:
    """List the ids of reachable turns and objects"""
    if not (revisions or stdin):
        raise click.UsageError("give a revision, or --all")
    form = _take_form(app, options)
    as_json = options.pop("as_json")
    walk = make_walk_options(app.clock(), **options)
    tokens = chain(revisions, iter_input_tokens(app.stdin)) if stdin else revisions
    refs = app.repository.refs
    tips = sort_points(
        iter_points(app.resolver, refs, tokens, is_peeled=not objects, on_broken=app.note_broken)
    )
    if objects:
        lines = list_objects(app.repository.objects, app.graph, tips, walk, form)
    else:
        lines = list_turns(app.graph, tips, walk, form, no_walk=no_walk)
    if count:
        _print_count(app, count_lines(lines, form), as_json=as_json)
    else:
        _print(app, lines, form, quiet=quiet, as_json=as_json)
    app.raise_broken()


def _take_form(app: App, options: dict[str, Any]) -> Form:
    """Take the options that say how a line looks out of the others."""
    abbrev = max(options.pop("abbrev"), LENGTH_MIN)
    is_short = options.pop("abbrev_commit")
    left, right = options.pop("left_only"), options.pop("right_only")
    if left and right:
        raise click.UsageError("--left-only and --right-only exclude one another")
    return Form(
        sides=LEFT if left else RIGHT if right else LEFT + RIGHT,
        marks=options.pop("left_right"),
        parents=options.pop("parents"),
        dates=options.pop("timestamp"),
        kinds=not options.pop("no_object_names"),
        abbreviate=partial(app.repository.objects.abbreviate, length_min=abbrev)
        if is_short
        else str,
    )


def _print(app: App, lines: Iterable[Line], form: Form, *, quiet: bool, as_json: bool) -> None:
    for line in lines:
        if as_json and not quiet:
            app.terminal.json(line_members(line, form))
        elif not quiet:
            app.terminal.record(format_line(line, form))


def _print_count(app: App, text: str, *, as_json: bool) -> None:
    if as_json:
        numbers = [int(number) for number in text.split("\t")]
        app.terminal.json(
            dict(zip(("left", "right"), numbers, strict=True))
            if "\t" in text
            else {"count": numbers[0]}
        )
    else:
        app.terminal.record(text)
