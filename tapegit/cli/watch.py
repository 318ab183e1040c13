"""`tapes watch`."""

from __future__ import annotations

import os
import signal
import sys
from functools import partial
from threading import Event

import click

from tapegit.cli.app import App, pass_app
from tapegit.cli.harnesses import choose_harness, get_surroundings
from tapegit.cli.types import json_option
from tapegit.harness.plugins import load_harnesses
from tapegit.porcelain.imports.discovery import is_own_store, list_directories, list_places
from tapegit.porcelain.imports.watch import WatchOptions, watch
from tapegit.porcelain.imports.watch_service import SeenEnviron, install, uninstall
from tapegit.repository.repository import Repository
from tapegit.repository.watch_state import read_watch_state
from tapegit.ui.imports import print_watched
from tapegit.ui.watch import iter_watch_lines, watch_members
from tapegit.watch.service import Job, Service, make_service

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


@click.command("watch")
@click.option("--harness", metavar="NAME", help="Only those of a harness")
@click.option("--install", "action", flag_value="install", help="Do it as a service of yours")
@click.option("--uninstall", "action", flag_value="uninstall", help="Remove that service")
@click.option("--status", "action", flag_value="status", help="Say what it did, and what failed")
@click.option("-n", "--dry-run", is_flag=True, help="With --install, print what would be written")
@json_option
@pass_app
def command(
    app: App, /, harness: str | None, action: str | None, dry_run: bool, as_json: bool
) -> None:
    """Record transcripts while they are written"""
    if dry_run and action != "install":
        raise click.UsageError("--dry-run goes with --install")
    if action == "status":
        _show_status(app, as_json=as_json)
        return
    known = load_harnesses(app.terminal.warning)
    wanted = choose_harness(known, harness)
    environ = SeenEnviron(app.environ)
    places = list_places(known, get_surroundings(environ), wanted)
    if action is not None:
        service = _make_service(app, environ, wanted)
        if dry_run:
            app.terminal.message(f"would write {service.path}")
            app.terminal.text(service.text)
            return
        _manage(app, service, action)
        return
    root = app.repository.root
    own = None
    if not is_own_store(root):
        own = list_directories(root, app.directory, app.environ.get("PWD"))
    stop = _listen()
    if not as_json:
        app.terminal.message(f"watching {len(places)} folders for {root}")
    watch(
        partial(Repository.open, root, clock=app.clock, actor=app.actor),
        WatchOptions(known, places, own, wanted),
        stop,
        on_import=partial(print_watched, app.terminal, as_json=as_json),
        on_failure=app.terminal.warning,
    )


def _listen() -> Event:
    """Return what is set when this process is told to end."""
    stop = Event()
    for number in SIGNALS:
        signal.signal(number, lambda _number, _frame: stop.set())
    return stop


def _show_status(app: App, *, as_json: bool) -> None:
    state = read_watch_state(app.root)
    if as_json:
        app.terminal.json(watch_members(state))
        return
    for line in iter_watch_lines(state, now_ms=app.clock()):
        app.terminal.line(*line)


def _make_service(app: App, environ: SeenEnviron, harness: str | None) -> Service:
    root = app.root
    is_own = is_own_store(root)
    command = [sys.executable, "-m", "tapegit", "--tapes-dir", str(root), "watch"]
    if harness is not None:
        command += ["--harness", harness]
    home = os.path.expanduser("~")
    directory = home if is_own else app.directory
    job = Job(command, str(root), directory, environ.asked, is_own=is_own)
    return make_service(sys.platform, home, app.environ.get("XDG_CONFIG_HOME"), job)


def _manage(app: App, service: Service, action: str) -> None:
    search_path = app.environ.get("PATH")
    if action == "install":
        report = install(service, search_path=search_path)
        app.terminal.line(f"{'Wrote' if report.has_changed else 'Unchanged'}: {report.path}")
    else:
        report = uninstall(service, search_path=search_path)
        app.terminal.line(f"Removed: {report.path}")
    for text, reason in report.failed:
        app.terminal.warning(f"{reason}: call it yourself: {text}")
