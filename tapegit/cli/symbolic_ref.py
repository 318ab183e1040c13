"""`tapes symbolic-ref`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from tapegit.cli.app import App, pass_app
from tapegit.cli.types import json_option, ref_name
from tapegit.errors import RefNotFoundError
from tapegit.porcelain.plumbing.symbolic_ref import delete_symbolic, read_symbolic, set_symbolic

if TYPE_CHECKING:
    from tapegit.refs.names import RefName


@click.command("symbolic-ref")
@click.option("-d", "--delete", is_flag=True, help="Delete the symbolic ref, not what it names")
@click.option("-q", "--quiet", is_flag=True, help="Print nothing if the ref is not symbolic")
@click.option("--short", is_flag=True, help="Print 'main' for refs/heads/main")
@click.option("--recurse/--no-recurse", default=True, help="Follow a chain to its end, or one step")
@click.option("-m", "message", metavar="REASON", help="The reason, for the reflog")
@json_option
@click.argument("name", type=ref_name)
@click.argument("target", type=ref_name, required=False)
@pass_app
def command(
    app: App,
    /,
    delete: bool,
    quiet: bool,
    short: bool,
    recurse: bool,
    message: str | None,
    as_json: bool,
    name: RefName,
    target: RefName | None,
) -> None:
    """Read, set and delete refs that name refs"""
    if message == "":
        raise click.UsageError("refusing to make a change with an empty message")
    if delete and target is not None:
        raise click.UsageError("--delete takes one ref")
    if target is not None:
        set_symbolic(app.repository, name, target, message=message or "symbolic-ref")
        return
    try:
        if delete:
            delete_symbolic(app.repository, name)
            return
        found = read_symbolic(app.repository, name, recurse=recurse)
    except RefNotFoundError:
        if quiet:
            click.get_current_context().exit(1)
        raise
    if as_json:
        app.terminal.json({"ref": str(name), "target": str(found)})
    else:
        app.terminal.record(found.short if short else found)
