"""`tapes reflog` and its subcommands."""

from __future__ import annotations

import re

import click

from tapegit.cli.app import App, pass_app
from tapegit.cli.revisions import RevisionCommand
from tapegit.cli.types import json_option
from tapegit.errors import InvalidNameError, RefNotFoundError
from tapegit.porcelain.history import reflog
from tapegit.refs.names import HEAD, RefName
from tapegit.ui.dates import DATE_MODES
from tapegit.ui.reflog import format_entry, reflog_members

_ENTRY = re.compile(r"(.*)@\{([0-9]{1,9})\}")


class ReflogGroup(click.Group):
    """A group in which `show` may be left out."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put `show` before what is no subcommand."""
        if not args or args[0] not in (*self.commands, "-h", "--help"):
            args = ["show", *args]
        return super().parse_args(ctx, args)


@click.group("reflog", cls=ReflogGroup)
def command() -> None:
    """Show and manage where refs have been"""


@command.command("show", cls=RevisionCommand)
@click.option(
    "-n", "--max-count", type=click.IntRange(min=0), metavar="N", help="Only the newest N"
)
@click.option("--date", type=click.Choice(DATE_MODES), help="Show when, not the number")
@json_option
@click.argument("ref", default="HEAD")
@pass_app
def show(app: App, /, max_count: int | None, date: str | None, as_json: bool, ref: str) -> None:
    """Show the moves of a ref, newest first"""
    name = _parse_ref(app, ref)
    for shown in reflog.list_entries(app.repository, name, count_max=max_count):
        if as_json:
            app.terminal.json(reflog_members(shown))
        else:
            abbreviated = app.repository.objects.abbreviate(shown.entry.new)
            now_ms = app.clock()
            app.terminal.line(*format_entry(shown, abbreviated, ref, date=date, now_ms=now_ms))


@command.command("list")
@pass_app
def list_(app: App, /) -> None:
    """List the refs that have a reflog"""
    for name in reflog.iter_logged(app.repository):
        app.terminal.record(name)


@command.command("exists")
@click.argument("ref")
@pass_app
def exists(app: App, /, ref: str) -> None:
    """Exit with 1 if a ref has no reflog"""
    if not reflog.has_reflog(app.repository, RefName.parse(ref)):
        click.get_current_context().exit(1)


@command.command("expire")
@click.option(
    "--expire", "before", default="90 days ago", metavar="TIME", help="Forget older moves"
)
@click.option(
    "--expire-unreachable",
    "unreachable",
    default="30 days ago",
    metavar="TIME",
    help="Forget older moves to what the ref no longer reaches",
)
@click.option("--all", "take_all", is_flag=True, help="Every ref that has a reflog")
@click.option("--rewrite", is_flag=True, help="Let each move begin where the one before it ended")
@click.option("-n", "--dry-run", is_flag=True, help="Only say how many would go")
@click.option("-v", "--verbose", is_flag=True, help="Say how many go")
@click.argument("refs", nargs=-1)
@pass_app
def expire(
    app: App,
    /,
    before: str,
    unreachable: str,
    take_all: bool,
    rewrite: bool,
    dry_run: bool,
    verbose: bool,
    refs: tuple[str, ...],
) -> None:
    """Forget old moves"""
    now_ms = app.clock()
    expiry = reflog.Expiry(
        reflog.parse_expiry(before, now_ms),
        reflog.parse_expiry(unreachable, now_ms),
        rewrite,
        dry_run,
    )
    if take_all:
        names = list(reflog.iter_logged(app.repository))
    else:
        names = [_parse_ref(app, ref) for ref in refs]
    for name, count in reflog.expire(app.repository, app.graph, names, expiry):
        if verbose or dry_run:
            app.terminal.line(f"{name}: {count} {'would go' if dry_run else 'gone'}")


@command.command("delete")
@click.option("--rewrite", is_flag=True, help="Let each move begin where the one before it ended")
@click.argument("entries", metavar="REF@{N}...", nargs=-1, required=True)
@pass_app
def delete(app: App, /, rewrite: bool, entries: tuple[str, ...]) -> None:
    """Forget single moves"""
    wanted: dict[RefName, set[int]] = {}
    for text in entries:
        match = _ENTRY.fullmatch(text)
        if match is None:
            raise InvalidNameError(f"not a reflog entry: '{text}'", text=text, rule="REF@{N}")
        wanted.setdefault(_parse_ref(app, match[1] or HEAD), set()).add(int(match[2]))
    reflog.delete_entries(app.repository, wanted, is_rewriting=rewrite)


def _parse_ref(app: App, text: str) -> RefName:
    """Return the ref that a name means; one that is gone may still have a reflog."""
    name = RefName.try_parse(text) or app.resolver.find_ref(text)
    if name is None:
        raise RefNotFoundError(f"no ref '{text}'", name=text)
    return name
