"""`tapes rev-parse`."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import click

from tapegit.cli.app import App, pass_app
from tapegit.cli.revisions import RevisionCommand, set_options, token_option
from tapegit.cli.types import AttachedOption, json_option
from tapegit.errors import UserError
from tapegit.porcelain.plumbing.rev_parse import (
    AS_FULL_NAME,
    AS_OID,
    AS_SHORT_NAME,
    AS_WRITTEN,
    QUERIES,
    answer_query,
    describe_point,
    format_parsed,
    list_candidates,
    verify_single,
)
from tapegit.porcelain.plumbing.tips import iter_points

if TYPE_CHECKING:
    from collections.abc import Callable

    from tapegit.objects.oid import ObjectId
    from tapegit.porcelain.plumbing.rev_parse import Parsed

LENGTH_DEFAULT = 7
LENGTH_MIN = 4

_QUERY_TEXTS = {
    "--tapes-dir": "Print where the store is, relative from the directory that has it",
    "--absolute-tapes-dir": "Print where the store is",
    "--show-toplevel": "Print the directory that has the store",
    "--show-prefix": "Print where the current directory is below that one",
    "--show-cdup": "Print the way up to that one",
    "--is-inside-work-tree": "Print whether the current directory is that one or below it",
    "--is-inside-tapes-dir": "Print whether the current directory is in the store",
    "--show-object-format": "Print the name of the hash of ids",
}


def _query_options(command: Callable[..., object]) -> Callable[..., object]:
    for name, text in reversed(_QUERY_TEXTS.items()):
        command = token_option(name, text=text)(command)
    return command


@click.command("rev-parse", cls=RevisionCommand)
@click.option("--verify", is_flag=True, help="Take exactly one revision, and fail if it is none")
@click.option("-q", "--quiet", is_flag=True, help="With --verify: fail with 1, say nothing")
@click.option(
    "--short",
    cls=AttachedOption,
    is_flag=False,
    flag_value=LENGTH_DEFAULT,
    type=click.IntRange(min=0),
    metavar="[N]",
    help="As --verify, and print at least N digits, as many as are unique",
)
@click.option("--symbolic", "form", flag_value=AS_WRITTEN, help="Print revisions as written")
@click.option(
    "--symbolic-full-name", "form", flag_value=AS_FULL_NAME, help="Print full names of refs"
)
@click.option("--abbrev-ref", "form", flag_value=AS_SHORT_NAME, help="Print short names of refs")
@click.option("--default", metavar="REVISION", help="Take this if no revision is given")
@click.option("--disambiguate", metavar="PREFIX", help="Print every id that begins with PREFIX")
@set_options
@_query_options
@json_option
@click.argument("revisions", metavar="[REVISION]...", nargs=-1)
@pass_app
def command(
    app: App,
    /,
    revisions: tuple[str, ...],
    verify: bool,
    quiet: bool,
    short: int | None,
    form: str | None,
    default: str | None,
    disambiguate: str | None,
    as_json: bool,
) -> None:
    """Turn revisions into ids"""
    tokens = [token for token in revisions if token not in QUERIES]
    if default is not None and not tokens:
        tokens = [default]
    for name in revisions:
        if name in QUERIES:
            _print_answer(app, name, as_json=as_json)
    if disambiguate is not None:
        for oid in list_candidates(app.repository.objects, disambiguate):
            _print_oid(app, oid, as_json=as_json)
    try:
        if verify or short is not None:
            verify_single(tokens)
        ends = _parse(app, tokens)
    except UserError:
        if not (verify and quiet):
            raise
        click.get_current_context().exit(1)
    for parsed in ends:
        _print(app, parsed, form or AS_OID, short, as_json=as_json)
    app.raise_broken()


def _parse(app: App, tokens: list[str]) -> list[Parsed]:
    if not tokens:
        return []
    refs = app.repository.refs
    points = iter_points(
        app.resolver,
        refs,
        tokens,
        is_peeled=False,
        with_head=False,
        on_broken=app.note_broken,
    )
    return [describe_point(app.resolver, refs, point) for point in points]


def _print(app: App, parsed: Parsed, form: str, short: int | None, *, as_json: bool) -> None:
    if as_json:
        named = {} if parsed.ref is None else {"ref": str(parsed.ref)}
        members = {"revision": parsed.text, "oid": str(parsed.oid), **named}
        app.terminal.json({**members, "excluded": parsed.is_excluded})
        return
    abbreviate: Callable[[ObjectId], str] = str
    if short is not None:
        length = max(short, LENGTH_MIN)
        abbreviate = partial(app.repository.objects.abbreviate, length_min=length)
    text = format_parsed(parsed, app.repository.refs, form, abbreviate)
    if text is not None:
        app.terminal.record(text)


def _print_answer(app: App, name: str, *, as_json: bool) -> None:
    text = answer_query(name, app.root)
    if as_json:
        app.terminal.json({name.removeprefix("--").replace("-", "_"): text})
    else:
        app.terminal.record(text)


def _print_oid(app: App, oid: ObjectId, *, as_json: bool) -> None:
    if as_json:
        app.terminal.json({"oid": str(oid)})
    else:
        app.terminal.record(str(oid))
