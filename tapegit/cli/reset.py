"""`tapes reset`."""

from __future__ import annotations

import os

import click

from tapegit.cli.app import App, pass_app
from tapegit.errors import RefNotFoundError, UserError
from tapegit.porcelain.branches.reset import reset
from tapegit.refs.names import HEAD


@click.command("reset")
@click.option("--soft", is_flag=True, help="What reset does in any case: move the branch alone")
@click.option("--hard", "mode", flag_value="--hard", help="Refused: it is for files")
@click.option("--mixed", "mode", flag_value="--mixed", help="Refused: it is for files")
@click.option("--merge", "mode", flag_value="--merge", help="Refused: it is for files")
@click.option("--keep", "mode", flag_value="--keep", help="Refused: it is for files")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but errors")
@click.argument("words", metavar="[REV]", nargs=-1)
@pass_app
def command(
    app: App,
    /,
    soft: bool,  # git's word for what is done anyway
    mode: str | None,
    quiet: bool,
    words: tuple[str, ...],
) -> None:
    """Move the branch that is checked out to another turn"""
    shown = words[0] if words else HEAD
    if mode is not None:
        raise UserError(
            f"tapes keeps no files of yours, so '{mode}' has no meaning",
            hint=f"'tapes reset {shown}' moves the branch; "
            f"'git reset {mode} <commit>' is for files",
        )
    if len(words) > 1:
        raise _refuse_paths()
    try:
        oid = app.resolver.resolve(shown)
    except RefNotFoundError:
        if os.path.lexists(os.path.join(app.directory, shown)):
            raise _refuse_paths() from None
        raise
    done = reset(app.repository, oid, shown)
    if not quiet:
        subject = app.graph.read_subject(done.after)
        text = f"{subject.role}: {subject.summary}" if subject.summary else subject.role
        at = app.repository.objects.abbreviate(done.after)
        app.terminal.line(f"HEAD is now at {at} {text}")
        if done.before != done.after:
            name = done.branch.short if done.branch is not None else HEAD
            app.terminal.hint(f"'tapes reset {name}@{{1}}' goes back")


def _refuse_paths() -> UserError:
    return UserError(
        "tapes has no index and keeps no files of yours, so paths have no meaning",
        hint="'tapes reset <rev>' moves the branch; 'git reset -- <path>' is for files",
    )
