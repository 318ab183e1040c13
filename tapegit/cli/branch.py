"""`tapes branch`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click

from tapegit.cli.app import App, pass_app, tell_session
from tapegit.cli.tracking import set_up, set_upstream_of, unset_upstream_of
from tapegit.cli.types import attach_values, json_option
from tapegit.errors import RefNotFoundError
from tapegit.porcelain.branches.branch import (
    branch_name,
    copy_branch,
    create_branch,
    delete_branch,
    rename_branch,
)
from tapegit.porcelain.branches.branch_list import REMOTES, BranchFilter, list_branches
from tapegit.porcelain.turns.selection import select
from tapegit.refs.names import HEAD, RefName
from tapegit.ui.branch import branch_members, iter_branch_lines

if TYPE_CHECKING:
    from tapegit.objects.oid import ObjectId

FILTERS: Final = ("points_at", "contains", "no_contains", "merged", "no_merged")
SORT_KEYS: Final = ("refname", "time", "committerdate", "authordate", "creatordate")


def _sort_key(text: str) -> str:
    """Return a key, after `-` or not; git's dates all mean the time of the turn at the tip."""
    key = text.removeprefix("-")
    if key not in SORT_KEYS:
        raise click.BadParameter(f"'{text}' is none of {', '.join(SORT_KEYS)}")
    return text.removesuffix(key) + (key if key == "refname" else "time")


class _Branch(click.Command):
    """A command whose `--contains` and the like may stand without a value."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Give `--merged` and its kin at the end of the line the value HEAD."""
        if args and args[-1] in ("--contains", "--no-contains", "--merged", "--no-merged"):
            args = [*args, HEAD]
        return super().parse_args(ctx, attach_values(self, args))


@click.command("branch", cls=_Branch)
@click.option("-a", "--all", "takes_all", is_flag=True, help="List branches of remotes as well")
@click.option("-r", "--remotes", is_flag=True, help="List, or delete, branches of remotes")
@click.option("-l", "--list", "is_list", is_flag=True, help="List those that match a PATTERN")
@click.option("-v", "--verbose", count=True, help="Show the turn at the tip of each")
@click.option("--show-current", is_flag=True, help="Print the branch that is checked out")
@click.option(
    "--sort", type=_sort_key, default="refname", metavar="KEY", help="By refname, time or -KEY"
)
@click.option("--points-at", multiple=True, metavar="REV", help="Only branches that are at REV")
@click.option("--contains", multiple=True, metavar="REV", help="Only branches that reach REV")
@click.option("--no-contains", multiple=True, metavar="REV", help="Only branches that do not")
@click.option("--merged", multiple=True, metavar="REV", help="Only branches that REV reaches")
@click.option("--no-merged", multiple=True, metavar="REV", help="Only branches that it does not")
@click.option("-d", "--delete", "mode", flag_value="d", help="Delete branches")
@click.option("-D", "mode", flag_value="D", help="Delete them, merged or not")
@click.option("-m", "--move", "mode", flag_value="m", help="Rename a branch, with its reflog")
@click.option("-M", "mode", flag_value="M", help="Rename it, also over another one")
@click.option("-c", "--copy", "mode", flag_value="c", help="Copy a branch, with its reflog")
@click.option("-C", "mode", flag_value="C", help="Copy it, also over another one")
@click.option("-f", "--force", is_flag=True, help="Move a branch that exists; as -D, -M, -C")
@click.option("-u", "--set-upstream-to", "upstream", metavar="REF", help="Follow that of a remote")
@click.option("--unset-upstream", "mode", flag_value="unset", help="Follow nothing any more")
@click.option("-q", "--quiet", is_flag=True, help="Do not say what was deleted")
@json_option
@click.argument("words", metavar="[NAME [START] | PATTERN]...", nargs=-1)
@pass_app
def command(
    app: App,
    /,
    mode: str | None,
    upstream: str | None,
    force: bool,
    quiet: bool,
    show_current: bool,
    as_json: bool,
    words: tuple[str, ...],
    **listing: Any,
) -> None:
    """List, create, rename and delete branches"""
    if show_current:
        head = app.repository.refs.read_head()
        if head.target is not None:
            app.terminal.record(head.target.short)
    elif upstream is not None or mode == "unset":
        _follow(app, upstream, words, mode)
    elif mode in ("d", "D"):
        prefix = REMOTES if listing["remotes"] else None
        _delete(app, words, prefix, is_forced=force or mode == "D", quiet=quiet)
    elif mode is not None:
        _rename_or_copy(app, words, mode, is_forced=force or mode in ("M", "C"))
    elif words and not _lists(listing):
        _create(app, words, is_forced=force)
    else:
        _list(app, words, listing, as_json=as_json)


def _lists(listing: dict[str, Any]) -> bool:
    return listing["is_list"] or listing["verbose"] or any(listing[name] for name in FILTERS)


def _create(app: App, words: tuple[str, ...], *, is_forced: bool) -> None:
    if len(words) > 2:
        raise click.UsageError("a branch takes a name and one turn to begin at")
    name = branch_name(words[0])
    start, shown = start_point(app, words[1] if len(words) == 2 else None)
    create_branch(app.repository, name, start, shown, is_forced=is_forced)
    set_up(app, name, app.resolver.find_ref(words[1]) if len(words) == 2 else None)


def _follow(app: App, upstream: str | None, words: tuple[str, ...], mode: str | None) -> None:
    if upstream is None:
        unset_upstream_of(app, words)
    elif mode is not None:
        raise click.UsageError("-u stands alone")
    else:
        set_upstream_of(app, upstream, words)


def start_point(app: App, text: str | None) -> tuple[ObjectId, str]:
    """Return where a branch begins that is given no turn: at HEAD, or at the newest session."""
    if text is not None:
        return app.resolver.resolve(text), text
    selection = select(app.repository, app.resolver, (), directory=app.directory)
    tell_session(app, selection, "beginning at")
    session = selection.session
    return selection.starts[0], HEAD if session is None else session.ref.short


def _rename_or_copy(app: App, words: tuple[str, ...], mode: str, *, is_forced: bool) -> None:
    if len(words) not in (1, 2):
        raise click.UsageError("give the new name, or the old one and the new one")
    new = branch_name(words[-1])
    old = branch_name(words[0]) if len(words) == 2 else _current(app)
    action = rename_branch if mode in ("m", "M") else copy_branch
    action(app.repository, old, new, is_forced=is_forced)


def _current(app: App) -> RefName:
    head = app.repository.refs.read_head()
    if head.target is None:
        raise RefNotFoundError(
            "HEAD is detached: no branch is checked out",
            hint="give the old name and the new one",
            name=HEAD,
        )
    return head.target


def _delete(
    app: App, words: tuple[str, ...], prefix: str | None, *, is_forced: bool, quiet: bool
) -> None:
    if not words:
        raise click.UsageError("give the name of a branch")
    names = [
        RefName.parse(prefix + word) if prefix is not None else branch_name(word) for word in words
    ]
    for name in names:
        forced = is_forced or prefix is not None
        gone = delete_branch(app.repository, app.graph, name, is_forced=forced)
        if not quiet:
            what = "remote-tracking branch" if prefix is not None else "branch"
            was = app.repository.objects.abbreviate(gone.oid)
            app.terminal.line(f"Deleted {what} {gone.name.short} (was {was}).")
            if prefix is None:
                app.terminal.hint(f"'tapes branch {gone.name.short} {was}' brings it back")


def _list(app: App, words: tuple[str, ...], listing: dict[str, Any], *, as_json: bool) -> None:
    revisions = {
        name: tuple(app.resolver.resolve(text) for text in listing[name]) for name in FILTERS
    }
    takes_all, remotes = listing["takes_all"], listing["remotes"]
    chosen = BranchFilter(words, not remotes or takes_all, remotes or takes_all, **revisions)
    is_verbose = bool(listing["verbose"])
    branches = list_branches(
        app.repository,
        app.graph,
        chosen,
        is_verbose=is_verbose or as_json,
        sort=listing["sort"],
        on_broken=app.note_broken,
    )
    if as_json:
        for branch in branches:
            app.terminal.json(branch_members(branch))
    else:
        for line in iter_branch_lines(branches, verbosity=listing["verbose"]):
            app.terminal.line(*line)
    app.raise_broken()
