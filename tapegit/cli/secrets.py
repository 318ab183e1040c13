"""`tapes secrets` and its subcommands."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from tapegit.cli.app import App, pass_app
from tapegit.cli.types import json_option
from tapegit.porcelain.secrets.secrets import list_rules, scan
from tapegit.ui.progress import Progress
from tapegit.ui.secrets import finding_line, finding_members

if TYPE_CHECKING:
    from tapegit.rewrite.scan import Finding


@click.group("secrets")
def command() -> None:
    """Look for secrets in what was recorded"""


@command.command("scan")
@json_option
@click.argument("revisions", metavar="[REVISION]...", nargs=-1)
@pass_app
def scan_(app: App, /, as_json: bool, revisions: tuple[str, ...]) -> None:
    """Look for secrets in all tapes, or in those of revisions; exit with 1 if there are any"""
    repository = app.repository
    with Progress(app.terminal, "looking") as progress:
        findings = list(
            scan(repository, app.graph, app.resolver, revisions, on_progress=progress.advance)
        )
    for finding in findings:
        _print(app, finding, as_json=as_json)
    if findings:
        app.terminal.hint("change these keys first; 'tapes redact FINDING' takes one out")
        click.get_current_context().exit(1)


def _print(app: App, finding: Finding, *, as_json: bool) -> None:
    oid = None if finding.oid is None else str(finding.oid)
    if as_json:
        members = finding_members(
            oid=oid,
            part=finding.part,
            rule=finding.rule,
            count=finding.times,
            where=finding.where,
        )
        app.terminal.json(members)
        return
    short = finding.where if finding.oid is None else app.repository.objects.abbreviate(finding.oid)
    app.terminal.record(finding_line(f"{short}:{finding.part}", finding.rule, finding.times))


@command.command("list")
@json_option
@pass_app
def list_(app: App, /, as_json: bool) -> None:
    """List the rules that secrets are found by"""
    for rule in list_rules(app.repository):
        if as_json:
            members: dict[str, object] = {"rule": rule.name, "meaning": rule.meaning}
            if rule.version:
                members["version"] = rule.version
            app.terminal.json(members)
        else:
            app.terminal.record(f"{rule.name}\t{rule.meaning}")
