"""`tapes checkout`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

import click

from tapegit.cli.app import App, pass_app
from tapegit.cli.branch import start_point
from tapegit.cli.tracking import set_up
from tapegit.errors import RefNotFoundError, UserError
from tapegit.porcelain.branches.branch import branch_name
from tapegit.porcelain.branches.checkout import Target, find_target, switch
from tapegit.refs.names import HEAD
from tapegit.ui.branch import ADVICE, iter_code_lines

if TYPE_CHECKING:
    from tapegit.objects.oid import ObjectId
    from tapegit.porcelain.branches.checkout import Switched

FILES: Final = "tapegit.checkout.files"


class CheckoutCommand(click.Command):
    """Knows whether words came after `--`: they would be files."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Note what comes after `--`, and parse all."""
        ctx.meta[FILES] = tuple(args[args.index("--") + 1 :]) if "--" in args else ()
        return super().parse_args(ctx, args)


@click.command("checkout", cls=CheckoutCommand)
@click.option("-b", "create", metavar="NAME", help="Create the branch NAME and check it out")
@click.option("-B", "force_create", metavar="NAME", help="The same, or move it there")
@click.option("-d", "--detach", is_flag=True, help="Go to a turn itself, without a branch")
@click.option("-f", "--force", is_flag=True, help="Nothing: no file of yours is in the way")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but errors")
@click.argument("words", metavar="[BRANCH | REV | -]", nargs=-1)
@click.pass_context
@pass_app
def command(
    app: App,
    ctx: click.Context,
    /,
    create: str | None,
    force_create: str | None,
    detach: bool,
    force: bool,  # git's word for what is done anyway
    quiet: bool,
    words: tuple[str, ...],
) -> None:
    """Check out a branch or a turn"""
    if len(words) > 1 or ctx.meta[FILES]:
        raise _refuse_files(words)
    target = words[0] if words else None
    if create is not None or force_create is not None:
        if create is not None and force_create is not None:
            raise click.UsageError("-b and -B exclude one another")
        name = create if create is not None else force_create
        assert name is not None, "one of them is given"
        creates = "new" if create is not None else "reset"
        go(app, new_target(app, name, target), creates=creates, quiet=quiet)
        return
    shown = target or HEAD
    try:
        found = find_target(app.repository, app.resolver, shown, takes_turns=True)
    except RefNotFoundError:
        if os.path.lexists(os.path.join(app.directory, shown)):
            raise _refuse_files(words) from None
        raise
    if detach or (target is None and app.repository.refs.read_head().target is None):
        found = Target(None, found.oid or app.resolver.resolve(shown), shown)
    elif target is None:
        found = found._replace(branch=app.repository.refs.read_head().target)
    go(app, found, quiet=quiet, is_advised=not detach)


def _refuse_files(words: tuple[str, ...]) -> UserError:
    return UserError(
        "tapes keeps no files of yours, so there is none to check out",
        hint=f"'git checkout {' '.join(words)}' does that; 'tapes show <rev>' shows what an "
        "agent read and wrote",
    )


def new_target(app: App, name: str, start: str | None) -> Target:
    """Return the branch that is to be created, and where; nowhere in a store without turns."""
    branch = branch_name(name)
    oid: ObjectId | None
    try:
        oid, shown = start_point(app, start)
    except RefNotFoundError:
        if start is not None:
            raise
        oid, shown = None, name
    return Target(branch, oid, shown, app.resolver.find_ref(start) if start is not None else None)


def go(
    app: App,
    target: Target,
    *,
    creates: str | None = None,
    quiet: bool,
    is_advised: bool = False,
) -> None:
    """Move HEAD and say so; `is_advised` explains a HEAD that was not asked to be detached."""
    if creates is None and target.start is not None:
        creates = "new"
    switched = switch(app.repository, app.graph, target, creates=creates)
    if target.branch is not None:
        set_up(app, target.branch, target.start)
    if not quiet:
        _tell(app, switched, target, is_advised=is_advised)


def _tell(app: App, switched: Switched, target: Target, *, is_advised: bool) -> None:
    """Say on standard error where HEAD was and where it is, as git does."""
    before, after = switched.before, switched.after
    if before.target is None and before.oid is not None and before.oid != after.oid:
        app.terminal.note(f"Previous HEAD position was {_subject(app, before.oid)}")
    if after.target is not None:
        name = after.target.short
        if switched.is_reset and before.target == after.target:
            app.terminal.note(f"Reset branch '{name}'")
        elif switched.is_new:
            app.terminal.note(f"Switched to a new branch '{name}'")
        elif after.oid is None and before.target != after.target:
            app.terminal.note(f"Switched to branch '{name}', which has no turns yet")
        elif switched.is_reset:
            app.terminal.note(f"Switched to and reset branch '{name}'")
        elif before.target == after.target:
            app.terminal.note(f"Already on '{name}'")
        else:
            app.terminal.note(f"Switched to branch '{name}'")
    elif after.oid is not None:
        if before.target is not None and is_advised:
            app.terminal.note(f"Note: switching to '{target.shown}'.\n\n{ADVICE}")
        app.terminal.note(f"HEAD is now at {_subject(app, after.oid)}")
    if switched.code is not None and before.oid != after.oid:
        for line in iter_code_lines(switched.code):
            app.terminal.hint(line)
        app.terminal.hint("'tapes resume' lets an agent go on from here")


def _subject(app: App, oid: ObjectId) -> str:
    subject = app.graph.read_subject(oid)
    text = f"{subject.role}: {subject.summary}" if subject.summary else subject.role
    return f"{app.repository.objects.abbreviate(oid)} {text}"
