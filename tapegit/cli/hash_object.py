"""`tapes hash-object`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from tapegit.cli.app import App, pass_app
from tapegit.cli.types import json_option
from tapegit.cli.types import kind as kind_type
from tapegit.porcelain.plumbing import hash_object

if TYPE_CHECKING:
    from tapegit.objects.kind import Kind


@click.command("hash-object")
@click.option(
    "-t",
    "kind",
    type=kind_type,
    default="blob",
    metavar="KIND",
    help="The kind of object: blob by default",
)
@click.option("-w", "write", is_flag=True, help="Store the object")
@click.option("--stdin", "from_stdin", is_flag=True, help="Read an object from standard input")
@click.option("--stdin-paths", is_flag=True, help="Read paths from standard input, one per line")
@click.option("--literally", is_flag=True, help="Do not check that the data is valid")
@json_option
@click.argument("paths", metavar="[FILE]...", nargs=-1, type=click.Path())
@pass_app
def command(
    app: App,
    /,
    kind: Kind,
    write: bool,
    from_stdin: bool,
    stdin_paths: bool,
    literally: bool,
    as_json: bool,
    paths: tuple[str, ...],
) -> None:
    """Compute the id of a file and store it as an object"""
    if stdin_paths and (paths or from_stdin):
        raise click.UsageError("--stdin-paths takes neither files nor --stdin")
    store = app.repository if write else None

    def hash_one(data: bytes, path: str | None) -> None:
        oid = hash_object.hash_object(kind, data, store=store, literally=literally)
        if as_json:
            members = {"oid": str(oid), "kind": str(kind), "size": len(data), "path": path}
            app.terminal.json(members)
        else:
            app.terminal.record(str(oid))
        app.terminal.flush()

    if from_stdin:
        hash_one(hash_object.read_stream(app.stdin, kind, "-"), None)
    for path in paths:
        hash_one(hash_object.read_file(path, kind), path)
    if stdin_paths:
        for line in app.stdin:
            path = os.fsdecode(line.rstrip(b"\n"))
            hash_one(hash_object.read_file(path, kind), path)
