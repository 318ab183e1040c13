"""`tapes export`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from tapegit.cli.app import App, pass_app, tell_session
from tapegit.porcelain.export.agents import link_agents
from tapegit.porcelain.export.export import (
    choose,
    iter_raw_bytes,
    iter_turns,
    prepare,
    verify_exact,
)
from tapegit.porcelain.export.request import REQUEST_FORMATS, export_request, verify_lossless
from tapegit.porcelain.plumbing.streams import write_output
from tapegit.ui.export import (
    RENDERERS,
    export_members,
    iter_text,
    request_members,
    tell_losses,
    tell_raw,
    tell_redacted,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tapegit.porcelain.export.export import Choice, Prepared

RAW = "raw"
LINKED = ("html", "markdown")
"""Formats that say which call spawned an agent."""


@click.command("export")
@click.option(
    "--format",
    "form",
    type=click.Choice([RAW, *RENDERERS, *REQUEST_FORMATS]),
    help="What to write; raw if none is given",
)
@click.option("-o", "--output", metavar="FILE", help="Write to FILE, not to standard output")
@click.option("--require-exact", is_flag=True, help="Fail if anything differs from the source")
@click.option(
    "--json", "as_json", is_flag=True, help="With -o, say what was written; else as jsonl"
)
@click.argument("revision", metavar="[SESSION|REVISION]", required=False)
@pass_app
def command(
    app: App,
    /,
    form: str | None,
    output: str | None,
    require_exact: bool,
    as_json: bool,
    revision: str | None,
) -> None:
    """Write a session as its source, or for people and programs"""
    output = None if output == "-" else output
    if as_json and output is None:
        if form not in (None, "jsonl"):
            raise click.UsageError(f"--json prints no {form}; -o FILE puts that into a file")
        form = "jsonl"
    form = form or RAW
    choice = choose(app.repository, app.resolver, app.graph, revision, directory=app.directory)
    if choice.selection is not None:
        tell_session(app, choice.selection)
    if form in REQUEST_FORMATS:
        _export_request(app, choice, form, output, is_exact=require_exact, as_json=as_json)
        return
    if form in LINKED:
        choice = link_agents(app.repository, app.graph, choice)
    prepared = prepare(app.repository, app.graph, choice, is_raw=form == RAW)
    if require_exact:
        verify_exact(prepared)
    pieces = _iter_pieces(app, prepared, form)
    if output is None:
        for piece in pieces:
            app.terminal.data(piece)
    else:
        size_bytes = write_output(output, pieces, store=app.root)
        if as_json:
            app.terminal.json(export_members(form, output, size_bytes, prepared))
    if prepared.raw is not None:
        tell_raw(app.terminal, prepared.raw)
    tell_redacted(app.terminal, prepared.redacted_count)


def _export_request(
    app: App, choice: Choice, form: str, output: str | None, *, is_exact: bool, as_json: bool
) -> None:
    made = export_request(app.repository.objects, app.graph, choice, form)
    if is_exact:
        verify_lossless(made)
    if output is None:
        app.terminal.data(made.body + b"\n")
    else:
        size_bytes = write_output(output, (made.body, b"\n"), store=app.root)
        if as_json:
            app.terminal.json(request_members(form, output, size_bytes, made))
    tell_losses(app.terminal, made)
    tell_redacted(app.terminal, made.redacted_count)


def _iter_pieces(app: App, prepared: Prepared, form: str) -> Iterator[bytes]:
    objects, sections = app.repository.objects, prepared.choice.sections
    if prepared.raw is not None:
        return iter_raw_bytes(objects, prepared.raw)
    return iter_text(form, sections, iter_turns(objects, sections))
