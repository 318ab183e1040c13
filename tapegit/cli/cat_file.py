"""`tapes cat-file`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from tapegit.cli.app import App, pass_app
from tapegit.cli.types import json_option
from tapegit.objects.kind import parse_kind
from tapegit.porcelain.plumbing.batch import (
    FORMAT_DEFAULT,
    Batch,
    iter_line_batches,
    iter_stored,
    parse_format,
)
from tapegit.porcelain.plumbing.cat_file import format_pretty, iter_typed
from tapegit.ui.objects import answer_members, header_members, object_members

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tapegit.errors import DataError
    from tapegit.objects.oid import ObjectId
    from tapegit.porcelain.plumbing.batch import Answer


@click.command("cat-file")
@click.option("-e", "mode", flag_value="exists", help="Exit with 1 if the object does not exist")
@click.option("-p", "mode", flag_value="pretty", help="Print the object in the form for its kind")
@click.option("-t", "mode", flag_value="kind", help="Print the kind")
@click.option("-s", "mode", flag_value="size", help="Print the size in bytes")
@click.option(
    "--batch",
    is_flag=False,
    flag_value=FORMAT_DEFAULT,
    metavar="[FORMAT]",
    help="Print line and data of each object named on standard input",
)
@click.option(
    "--batch-check",
    is_flag=False,
    flag_value=FORMAT_DEFAULT,
    metavar="[FORMAT]",
    help="Print a line for each object named on standard input",
)
@click.option("--batch-all-objects", "all_objects", is_flag=True, help="Take every object")
@click.option("--buffer", is_flag=True, help="Do not flush after each answer")
@click.option("--unordered", is_flag=True, help="Take every object in the order that is fastest")
@click.option("-z", "nul", is_flag=True, help="Input lines and answers end with NUL")
@json_option
@click.argument("arguments", metavar="[KIND] OBJECT", nargs=-1)
@pass_app
def command(
    app: App,
    /,
    mode: str | None,
    batch: str | None,
    batch_check: str | None,
    as_json: bool,
    arguments: tuple[str, ...],
    **options: bool,
) -> None:
    """Print objects, or their kinds and sizes"""
    form = batch if batch is not None else batch_check
    if form is not None:
        if as_json and form != FORMAT_DEFAULT:
            raise click.UsageError("--json is a format itself")
        if mode or arguments or (batch is not None and batch_check is not None):
            raise click.UsageError("--batch and --batch-check take no object and no other mode")
        _print_batch(app, form, with_data=batch is not None, as_json=as_json, **options)
    elif mode is None and len(arguments) == 2:
        kind = parse_kind(arguments[0])
        oid = _resolve(app, arguments[1])
        pieces = iter_typed(app.repository.objects, oid, kind)
        if as_json:
            app.terminal.json(object_members(oid, kind, b"".join(pieces)))
            return
        for data in pieces:
            app.terminal.data(data)
    elif mode is not None and len(arguments) == 1:
        _print_one(app, mode, arguments[0], as_json=as_json)
    else:
        raise click.UsageError("give -e, -p, -s or -t and an object, or a kind and an object")


def _resolve(app: App, text: str) -> ObjectId:
    return app.resolver.resolve_object(text)


def _print_one(app: App, mode: str, text: str, *, as_json: bool) -> None:
    objects = app.repository.objects
    oid = _resolve(app, text)
    if mode == "exists":
        is_there = objects.find(oid) is not None
        if as_json:
            app.terminal.json({"oid": str(oid), "exists": is_there})
        if not is_there:
            click.get_current_context().exit(1)
    elif mode == "pretty":
        found = objects.read(oid)
        if as_json:
            app.terminal.json(object_members(oid, found.kind, found.data))
        else:
            app.terminal.data(format_pretty(found))
    else:
        header = objects.read_header(oid)
        if as_json:
            app.terminal.json(header_members(oid, header))
        else:
            app.terminal.record(header.kind if mode == "kind" else str(header.size_bytes))


def _print_batch(
    app: App,
    form: str,
    *,
    with_data: bool,
    as_json: bool,
    **options: bool,
) -> None:
    end = b"\0" if options["nul"] else b"\n"
    objects = app.repository.objects
    damaged: list[DataError] = []

    def note_damaged(error: DataError) -> None:
        if damaged:
            app.terminal.message(f"error: {error}")
        else:
            damaged.append(error)  # what makes the exit code, and is told last

    batch = Batch(
        objects,
        lambda text: _resolve(app, text),
        parse_format(form),
        with_data=with_data,
        end=end,
        on_damaged=note_damaged,
    )

    def give(answers: Iterable[Answer]) -> None:
        if as_json:
            for answer in answers:
                app.terminal.json(answer_members(answer))
        else:
            for data in batch.iter_output(answers):
                app.terminal.data(data)

    if options["all_objects"]:
        unordered = options["unordered"]
        give(batch.answer_all(iter_stored(objects) if unordered else objects.iter_oids()))
    else:
        for lines in iter_line_batches(app.stdin, end=end):
            give(batch.answer(lines))
            if not options["buffer"]:
                app.terminal.flush()
    if damaged:
        raise damaged[0]
