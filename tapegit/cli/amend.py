"""`tapes amend`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from tapegit.cli.app import App, pass_app
from tapegit.cli.editor import edit
from tapegit.cli.types import json_option
from tapegit.dialects.parts import ToolCall
from tapegit.errors import UserError
from tapegit.porcelain.branches.amend import amend, find_amendable
from tapegit.refs.names import HEAD

if TYPE_CHECKING:
    from typing import BinaryIO

    from tapegit.porcelain.branches.amend import Amendable, Amended


@click.command("amend")
@click.option("--part", type=click.IntRange(min=0), metavar="N", help="Which part, from 0")
@click.option("--text", metavar="WORDS", help="The new text; else the editor is opened")
@click.option("-F", "--file", type=click.File("rb"), metavar="FILE", help="Take it from a file")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but errors")
@json_option
@click.argument("rev", metavar="[REV]", default=HEAD)
@pass_app
def command(
    app: App,
    /,
    part: int | None,
    text: str | None,
    file: BinaryIO | None,
    quiet: bool,
    as_json: bool,
    rev: str,
) -> None:
    """Replace a part of a turn, and go on from there"""
    if text is not None and file is not None:
        raise click.UsageError("--text and -F exclude one another")
    selected = app.resolver.resolve_selected(rev)
    number = part
    if selected.selector is not None:
        if selected.selector.what != "part" or part is not None:
            raise click.UsageError("name one part: REV:part/N, or REV with --part N")
        number = selected.selector.number
    oid = app.resolver.peel_to_turn(selected.oid, rev)
    found = find_amendable(app.repository, app.graph, oid, number)
    if file is not None:
        text = file.read().decode("utf-8", "replace")
    done = amend(app.repository, app.graph, found, _ask(app, found, text), rev)
    _tell(app, done, found, quiet=quiet, as_json=as_json)


def _ask(app: App, found: Amendable, text: str | None) -> str:
    """Return the new text: the one given, or what the editor saves."""
    if text is not None:
        return text
    extension = ".json" if isinstance(found.part, ToolCall) else ".txt"
    written = edit(app, found.text, what="the part", extension=extension)
    if written is None:
        raise UserError("the editor saved nothing, so nothing was changed")
    # An editor ends the last line whether the text did or not.
    return written if found.text.endswith("\n") else written.removesuffix("\n")


def _tell(app: App, done: Amended, found: Amendable, *, quiet: bool, as_json: bool) -> None:
    name = done.branch.short if done.branch is not None else HEAD
    if as_json:
        members: dict[str, object] = {
            "oid": str(done.oid),
            "before": str(done.before),
            "part": found.number,
            "left": done.left_count,
            "thinking": done.thinking_count,
        }
        if done.branch is not None:
            members["ref"] = done.branch
        app.terminal.json(members)
    if quiet:
        return
    subject = app.graph.read_subject(done.oid)
    says = f"{subject.role}: {subject.summary}" if subject.summary else subject.role
    if not as_json:
        at = app.repository.objects.abbreviate(done.oid)
        where = name if done.branch is not None else f"detached {HEAD}"
        app.terminal.line(f"[{where} {at}] {says}")
    if done.thinking_count:
        app.terminal.warning(
            f"{done.thinking_count} signed thinking of this message is gone: it vouched for "
            "other words"
        )
    if done.secret_count:
        app.terminal.warning("a secret in the new text was replaced by a placeholder")
    if done.left_count:
        count = done.left_count
        turns = "1 turn that followed is" if count == 1 else f"{count} turns that followed are"
        app.terminal.hint(f"{turns} no longer on it")
    app.terminal.hint(f"'tapes reset {name}@{{1}}' goes back to what was")
