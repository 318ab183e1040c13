"""`tapes update-ref`."""

from __future__ import annotations

import click

from tapegit.cli.app import App, pass_app
from tapegit.porcelain.plumbing.ref_commands import (
    RefCommand,
    iter_commands,
    iter_records,
    parse_value,
)
from tapegit.porcelain.plumbing.update_ref import apply_commands, run_session
from tapegit.refs.names import RefName
from tapegit.refs.store import ANY


@click.command("update-ref")
@click.option("-d", "delete", is_flag=True, help="Delete the ref")
@click.option("-m", "message", metavar="REASON", help="The reason, for the reflog")
@click.option("--no-deref", is_flag=True, help="Change a symbolic ref itself, not what it names")
@click.option("--stdin", "from_stdin", is_flag=True, help="Read commands from standard input")
@click.option("-z", "nul", is_flag=True, help="With --stdin: values end with NUL")
@click.argument("arguments", metavar="[REF [NEW] [OLD]]", nargs=-1)
@pass_app
def command(
    app: App,
    /,
    delete: bool,
    message: str | None,
    no_deref: bool,
    from_stdin: bool,
    nul: bool,
    arguments: tuple[str, ...],
) -> None:
    """Set refs, one or many at once, and only if unchanged"""
    if message == "":
        raise click.UsageError("refusing to make a change with an empty message")
    if from_stdin:
        if arguments or delete or no_deref:
            raise click.UsageError("--stdin takes no other mode and no arguments")
        _run_session(app, message or "update-ref", nul=nul)
        return
    if nul:
        raise click.UsageError("-z is for --stdin")
    change = _parse_arguments(app, arguments, delete=delete, deref=not no_deref)
    apply_commands(app.repository, [change], message=message or "update-ref")


def _run_session(app: App, message: str, *, nul: bool) -> None:
    records = iter_records(app.stdin, nul=nul)
    commands = iter_commands(records, app.resolver.resolve_object, nul=nul)
    for answer in run_session(app.repository, commands, message=message):
        app.terminal.record(answer)
        app.terminal.flush()


def _parse_arguments(
    app: App, arguments: tuple[str, ...], *, delete: bool, deref: bool
) -> RefCommand:
    count_min, count_max = (1, 2) if delete else (2, 3)
    if not count_min <= len(arguments) <= count_max:
        raise click.UsageError("give a ref and its new value" if not delete else "give a ref")
    values = [parse_value(text, app.resolver.resolve_object) for text in arguments[1:]]
    name = RefName.parse(arguments[0])
    new = None if delete else values.pop(0)
    return RefCommand("update", name, new, values[0] if values else ANY, deref)
