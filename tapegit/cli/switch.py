"""`tapes switch`."""

from __future__ import annotations

import click

from tapegit.cli.app import App, pass_app
from tapegit.cli.checkout import go, new_target
from tapegit.porcelain.branches.checkout import Target, find_target


@click.command("switch")
@click.option("-c", "--create", metavar="NAME", help="Create the branch NAME and check it out")
@click.option("-C", "--force-create", metavar="NAME", help="The same, or move it there")
@click.option("-d", "--detach", is_flag=True, help="Go to a turn itself, without a branch")
@click.option("-f", "--force", is_flag=True, help="Nothing: no file of yours is in the way")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but errors")
@click.argument("target", metavar="[BRANCH | REV | -]", required=False)
@pass_app
def command(
    app: App,
    /,
    create: str | None,
    force_create: str | None,
    detach: bool,
    force: bool,  # git's word for what is done anyway
    quiet: bool,
    target: str | None,
) -> None:
    """Check out a branch"""
    if create is not None or force_create is not None:
        if detach or (create is not None and force_create is not None):
            raise click.UsageError("-c, -C and --detach exclude one another")
        name = create if create is not None else force_create
        assert name is not None, "one of them is given"
        creates = "new" if create is not None else "reset"
        go(app, new_target(app, name, target), creates=creates, quiet=quiet)
        return
    if target is None and not detach:
        raise click.UsageError("give a branch, or -c and a name for a new one")
    if detach:
        shown = target or "HEAD"
        found = find_target(app.repository, app.resolver, shown, takes_turns=True)
        go(app, Target(None, found.oid or app.resolver.resolve(shown), shown), quiet=quiet)
        return
    assert target is not None, "it was asked for above"
    found = find_target(app.repository, app.resolver, target, takes_turns=False)
    go(app, found, quiet=quiet)
