"""`tapes push`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click

from tapegit.cli.app import App, pass_app
from tapegit.cli.remotes import make_surroundings, report_pushed, talk_options
from tapegit.cli.types import json_option
from tapegit.errors import NonFastForwardError, RefusedError
from tapegit.porcelain.remotes.followed import read_followed
from tapegit.porcelain.remotes.push import PushOptions
from tapegit.porcelain.remotes.push_again import push_until_settled
from tapegit.porcelain.remotes.push_choice import PushChoice, choose
from tapegit.porcelain.remotes.push_line import PushLine
from tapegit.porcelain.remotes.push_plan import BEHIND, DIVERGED, EXISTS, FETCH_FIRST, STALE
from tapegit.porcelain.remotes.push_scan import describe_contents, refuse_findings
from tapegit.porcelain.remotes.remotes import choose_remote, set_upstream
from tapegit.porcelain.secrets.redaction import load_redactor
from tapegit.remote.ref_names import HEADS
from tapegit.ui.remotes import iter_notice

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tapegit.objects.oid import ObjectId
    from tapegit.porcelain.remotes.followed import Followed
    from tapegit.porcelain.remotes.push import Inspect, PushReport
    from tapegit.porcelain.remotes.push_plan import Planned, Wish
    from tapegit.porcelain.remotes.remotes import Remote
    from tapegit.remote.connection import Surroundings


_DIVERGED: Final = "somebody else pushed: 'tapes fetch' gets it, or '--auto-fork' keeps both"
_WAYS_OUT: Final = {
    FETCH_FIRST: _DIVERGED,
    DIVERGED: _DIVERGED,
    BEHIND: "the remote has more of it than is here: 'tapes pull' gets that",
    STALE: "somebody moved it: 'tapes fetch' shows where to",
    EXISTS: "tags stay where they are; '--force' moves one",
}
"""What to say of the first reason of these that something was refused for."""


@click.command("push")
@click.option("-u", "--set-upstream", is_flag=True, help="Let the branches follow those pushed to")
@click.option("--all", "takes_branches", is_flag=True, help="Push all branches")
@click.option("--sessions", "takes_sessions", is_flag=True, help="Push this repository's sessions")
@click.option("--tags", "takes_tags", is_flag=True, help="Push all tags")
@click.option("--notes", "takes_notes", is_flag=True, help="Push all notes")
@click.option("-f", "--force", is_flag=True, help="Overwrite what is on the remote")
@click.option("--force-with-lease", is_flag=True, help="Overwrite it if nobody moved it since")
@click.option("-n", "--dry-run", is_flag=True, help="Say what would be done, and send nothing")
@click.option("-d", "--delete", is_flag=True, help="Delete refs of the remote")
@click.option("--auto-fork", is_flag=True, help="Push what diverged to a branch of its own")
@click.option("--allow-finding", multiple=True, metavar="ID", help="Let a secret go, or 'all'")
@click.option("--porcelain", is_flag=True, help="Print a line for each ref that scripts can read")
@talk_options
@json_option
@click.argument("remote", required=False)
@click.argument("refs", metavar="[REF | SRC:DST]...", nargs=-1)
@pass_app
def command(
    app: App, /, remote: str | None, refs: tuple[str, ...], as_json: bool, **how: Any
) -> None:
    """Send turns and refs to a remote"""
    if how["delete"] and not refs:
        raise click.UsageError("name what to delete")
    chosen_remote = choose_remote(app.repository, remote)
    surroundings = make_surroundings(app, quiet=how["quiet"], progress=how["progress"])
    where = chosen_remote.push_url.shown
    with PushLine(app.repository, chosen_remote.push_url, surroundings) as line:
        followed = read_followed(app.repository, chosen_remote.name)
        report = push_until_settled(
            app.repository,
            chosen_remote.name,
            line,
            _choose(app, refs, how, followed),
            PushOptions(how["force_with_lease"], how["auto_fork"], how["dry_run"], followed),
            _make_inspection(app, where, how["allow_finding"], surroundings),
        )
    report_pushed(
        app,
        where,
        report.refs,
        as_json=as_json,
        is_porcelain=how["porcelain"],
        quiet=how["quiet"],
        verbose=how["verbose"],
    )
    if how["set_upstream"] and not how["dry_run"]:
        _set_upstreams(app, chosen_remote, report)
    _raise_failed(report, where)


def _choose(app: App, refs: tuple[str, ...], how: dict[str, Any], followed: Followed) -> list[Wish]:
    """Return what is asked for, and say what is left out of it."""
    choice = PushChoice(
        refs,
        how["takes_branches"],
        how["takes_sessions"],
        how["takes_tags"],
        how["takes_notes"],
        is_delete=how["delete"],
        is_forced=how["force"],
        there=followed.sessions,
    )
    chosen = choose(app.repository, app.graph, app.resolver, choice, app.directory)
    if chosen.session is not None:
        app.terminal.message(f"HEAD is unborn: pushing {chosen.session.short}")
    if chosen.outside_count:
        count = chosen.outside_count
        what = (
            "1 session of another directory is"
            if count == 1
            else (f"{count} sessions of other directories are")
        )
        app.terminal.message(f"{what} not pushed")
        app.terminal.hint("'tapes push REMOTE SESSION...' pushes sessions that are named")
    return chosen.wishes


def _make_inspection(
    app: App, where: str, allowed: tuple[str, ...], surroundings: Surroundings
) -> Inspect:
    """Return what looks at turns before they leave, and says once who will be able to read them."""

    def inspect(turns: list[ObjectId], planned: Sequence[Planned], is_first: bool) -> None:
        sent = [each for each in planned if each.is_sent and each.tapes]
        if not sent:
            return
        redactor = load_redactor(app.repository.config)
        refuse_findings(app.repository, redactor, turns, sent, allowed, surroundings.watch)
        if is_first:
            for line in iter_notice(describe_contents(app.repository, turns, sent), where):
                app.terminal.message(line)

    return inspect


def _set_upstreams(app: App, remote: Remote, report: PushReport) -> None:
    if remote.name is None:
        raise click.UsageError("an upstream is a branch of a remote that has a name")
    for ref in report.refs:
        if ref.shared.kind == HEADS and not ref.is_failed and ref.label:
            set_upstream(app.repository, ref.label, remote.name, ref.shared.name)
            app.terminal.note(
                f"branch '{ref.label}' set up to track '{remote.name}/{ref.shared.name}'."
            )


def _raise_failed(report: PushReport, where: str) -> None:
    failed = [ref for ref in report.refs if ref.is_failed]
    if not failed:
        return
    message = f"failed to push some refs to '{where}'"
    if any(ref.is_remote_reason for ref in failed):
        raise RefusedError(message, url=where)
    reasons = {ref.reason for ref in failed}
    hint = next((text for reason, text in _WAYS_OUT.items() if reason in reasons), None)
    raise NonFastForwardError(message, hint=hint, name=failed[0].shared.remote_name)
