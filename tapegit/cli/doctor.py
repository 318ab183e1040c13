"""`tapes doctor`."""

from __future__ import annotations

import getpass
import os
from typing import TYPE_CHECKING

import click

from tapegit.cli.app import App, pass_app
from tapegit.cli.harnesses import get_surroundings
from tapegit.cli.types import json_option
from tapegit.harness.plugins import load_harnesses
from tapegit.porcelain.doctor.doctor import OK, PROBLEM, Check, check_store_health, fix, guarded
from tapegit.porcelain.doctor.index import check_index, drop_index, renew_words
from tapegit.porcelain.doctor.recording import check_copies, check_recording
from tapegit.porcelain.doctor.report import write_report
from tapegit.porcelain.doctor.wire import check_losses, check_upstreams
from tapegit.porcelain.imports.discovery import is_own_store, list_directories
from tapegit.porcelain.maintenance.version import find_version
from tapegit.ui.doctor import check_members, iter_check_lines

if TYPE_CHECKING:
    from tapegit.porcelain.doctor.doctor import Mend


@click.command("doctor")
@click.option("--fix", "fixes", is_flag=True, help="Mend what can be mended without any loss")
@click.option("--report", metavar="FILE", help="Write what goes with a report of a bug")
@click.option("--quick", is_flag=True, help="Do not follow every link of the store")
@json_option
@pass_app
def command(app: App, /, fixes: bool, report: str | None, quick: bool, as_json: bool) -> None:
    """Say what is recorded, what is not and why, and how the store is"""
    checks = _look(app, quick=quick)
    for check in checks:
        if as_json:
            app.terminal.json(check_members(check))
            continue
        for line in iter_check_lines(check):
            app.terminal.line(line)
    if report is not None:
        members = [check_members(check) for check in checks]
        home = os.path.expanduser("~")
        write_report(app.repository, members, report, home=home, user=_user())
    failed = [check for check in checks if check.state == PROBLEM]
    if fixes:
        done = _fix(app, checks)
        failed = [check for check in failed if check.reason not in done]
    if failed:
        click.get_current_context().exit(1)


def _look(app: App, *, quick: bool) -> list[Check]:
    repository = app.repository
    own = is_own_store(repository.root)
    wanted = (
        None if own else list_directories(repository.root, app.directory, app.environ.get("PWD"))
    )
    known = load_harnesses(app.terminal.warning)
    surroundings = get_surroundings(app.environ)
    return [
        Check("program", OK, "version", _describe_program()),
        Check("program", OK, "store-found", f"the store is '{repository.root}'"),
        *check_store_health(repository, is_quick=quick),
        *guarded("index", lambda: check_index(repository)),
        *guarded("remote", lambda: check_copies(repository)),
        *guarded(
            "recording",
            lambda: check_recording(repository, app.graph, known, surroundings, wanted),
        ),
        *guarded("recording", lambda: check_losses(repository)),
        *guarded("recording", lambda: check_upstreams(repository)),
    ]


def _fix(app: App, checks: list[Check]) -> set[str]:
    """Mend what can be mended, say so, and return the reasons that are no more."""
    done = set()
    words = (lambda repository: renew_words(repository, app.graph), "brought it up to date")
    more: dict[str, tuple[Mend, str]] = {
        "index-damaged": (drop_index, "deleted the index; it is made anew when it is needed"),
        "words-damaged": words,
        "words-behind": words,
    }
    for fixed in fix(app.repository, checks, more):
        if fixed.is_done:
            done.add(fixed.reason)
            app.terminal.note(f"{fixed.reason}: {fixed.what}")
        else:
            app.terminal.warning(f"{fixed.reason}: {fixed.what}")
    return done


def _describe_program() -> str:
    found = find_version()
    return f"tapes {found.version}, Python {dict(found.parts)['python']}"


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""
