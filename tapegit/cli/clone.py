"""`tapes clone`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from tapegit.cli.app import App, pass_app
from tapegit.cli.remotes import make_surroundings, report_fetched, talk_options
from tapegit.cli.types import json_option
from tapegit.errors import ProtocolError
from tapegit.graph.selection import count_words
from tapegit.porcelain.remotes.fetch import DEPTH_MAX, REJECTED
from tapegit.porcelain.remotes.pull import CloneOptions, clone
from tapegit.remote.urls import mask_password
from tapegit.repository.repository import Repository

if TYPE_CHECKING:
    from pathlib import Path


@click.command("clone")
@click.option("-b", "--branch", metavar="NAME", help="Take only this branch, and check it out")
@click.option("--session", metavar="ID", help="Take only this session")
@click.option(
    "--depth",
    metavar="N",
    type=click.IntRange(1, DEPTH_MAX),
    help="Take that many turns of each history",
)
@talk_options
@json_option
@click.argument("url")
@click.argument("directory", required=False, type=click.Path(file_okay=False))
@pass_app
def command(
    app: App,
    /,
    as_json: bool,
    url: str,
    directory: str | None,
    **how: Any,
) -> None:
    """Make a store with the tapes of a remote"""

    def open_store(root: Path) -> Repository:
        return Repository.open(root, clock=app.clock, actor=app.actor)

    options = CloneOptions(how["branch"], how["session"], how["depth"])
    surroundings = make_surroundings(app, quiet=how["quiet"], progress=how["progress"])
    repository, report, head = clone(url, directory, options, surroundings, open_store)
    app.terminal.clear_status()
    wrong = [ref for ref in report.refs if ref.mark == REJECTED]
    if as_json:
        members = {"path": str(repository.root), "branch": head, "refs": len(report.refs)}
        app.terminal.json(members)
    elif not how["quiet"]:
        if how["verbose"]:
            report_fetched(app, mask_password(url), report, as_json=False)
        count = count_words(len(report.refs) - len(wrong), "ref")
        app.terminal.note(f"Cloned {count} into '{repository.root.parent}'")
    for ref in wrong:
        app.terminal.warning(f"'{ref.remote_name}' was refused: {ref.reason}")
    if wrong:
        raise ProtocolError(f"{count_words(len(wrong), 'ref')} refused", hint="the others are here")
