"""`tapes redact`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from tapegit.cli.app import App, pass_app
from tapegit.cli.types import json_option
from tapegit.porcelain.secrets.redact import run_redact
from tapegit.porcelain.secrets.redact_choice import VALUE_LENGTH_MAX, Choice, choose_secrets
from tapegit.ui.progress import Progress
from tapegit.ui.secrets import iter_redacted_lines, redacted_members

if TYPE_CHECKING:
    from tapegit.porcelain.secrets.redact import Redacted


@click.command("redact")
@click.option("--value", "has_value", is_flag=True, help="The secret is on standard input")
@click.option("--rule", "rules", multiple=True, metavar="RULE", help="All that RULE finds")
@click.option("--all", "has_all", is_flag=True, help="All that any rule finds")
@click.option("--continue", "goes_on", is_flag=True, help="Finish what was stopped, and no more")
@click.option("-n", "--dry-run", is_flag=True, help="Only say what would be done")
@json_option
@click.argument("findings", metavar="[FINDING]...", nargs=-1)
@pass_app
def command(
    app: App,
    /,
    goes_on: bool,
    dry_run: bool,
    as_json: bool,
    **given: object,
) -> None:
    """Take a secret out of history, and out of the store"""
    choice = _choose(app, **given)  # type: ignore[arg-type]
    is_given = bool(choice.findings or choice.rules or choice.has_all or choice.value is not None)
    if is_given == goes_on:
        raise click.UsageError("name findings, or one of --value, --rule, --all, --continue")
    if not goes_on:
        app.terminal.warning(
            "change the key first: whoever has read it has it, and no rewriting takes it back"
        )
    repository = app.repository
    secrets = choose_secrets(repository, app.resolver, choice) if is_given else None
    with Progress(app.terminal, "reading") as progress:
        done = run_redact(repository, secrets, is_dry_run=dry_run, on_progress=progress.advance)
    if as_json or is_given or done.was_pending:
        _print(app, done, as_json=as_json, has_value=choice.value is not None)


def _choose(
    app: App,
    *,
    has_value: bool,
    rules: tuple[str, ...],
    has_all: bool,
    findings: tuple[str, ...],
) -> Choice:
    if has_value and (rules or has_all or findings):
        raise click.UsageError("--value goes with no other choice")
    value = None
    if has_value:
        value = app.stdin.read(VALUE_LENGTH_MAX + 2)
        value = value.removesuffix(b"\n").removesuffix(b"\r")
    return Choice(findings, rules, has_all, value)


def _print(app: App, done: Redacted, *, as_json: bool, has_value: bool) -> None:
    if as_json:
        app.terminal.json(redacted_members(done))
        return
    for line in iter_redacted_lines(done):
        app.terminal.line(line)
    if done.moved and not done.is_dry_run:
        app.terminal.hint("clones and remotes that have it keep it; see tapes-redact(1)")
    if has_value and not done.is_dry_run:
        app.terminal.hint(
            "files of clients may have it still, and no rule finds it there:"
            " 'tapes config --user redact.NAME.pattern' makes one"
        )
