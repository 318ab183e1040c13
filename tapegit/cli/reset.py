"""`tapes reset`."""

from __future__ import annotations

import os

import click

from tapegit.cli.app import App, pass_app
from tapegit.errors import RefNotFoundError, UserError
from tapegit.porcelain.branches.reset import reset
from tapegit.refs.names import HEAD


@click.command("reset")
@click.option("--soft", "mode", flag_value="--soft", help="What reset does in any case")
@click.option("--mixed", "mode", flag_value="--mixed", help="The same")
@click.option("--hard", "mode", flag_value="--hard", help="The same: no file is touched")
@click.option("--merge", "mode", flag_value="--merge", help="The same: no file is touched")
@click.option("--keep", "mode", flag_value="--keep", help="The same: no file is touched")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but errors")
@click.argument("words", metavar="[REV]", nargs=-1)
@pass_app
def command(app: App, /, mode: str | None, quiet: bool, words: tuple[str, ...]) -> None:
    """Move the branch that is checked out to another turn"""
    shown = words[0] if words else HEAD
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
        if mode in ("--hard", "--merge", "--keep"):
            app.terminal.hint(f"none of your files was touched; 'git reset {mode}' is for files")
        if done.before not in (None, done.after):
            name = done.branch.short if done.branch is not None else HEAD
            app.terminal.hint(f"'tapes reset {name}@{{1}}' goes back")


def _refuse_paths() -> UserError:
    return UserError(
        "tapes has no index and keeps no files of yours, so paths have no meaning",
        hint="'tapes reset <rev>' moves the branch; 'git reset -- <path>' is for files",
    )
