"""What the commands that talk to remotes share: surroundings, and reports of refs."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

import click

from tapegit.errors import ProtocolError, RemovedError
from tapegit.porcelain.remotes.push_plan import REJECTED
from tapegit.remote.connection import Surroundings
from tapegit.ui.remotes import RefLine, format_porcelain_line, iter_ref_lines, ref_members
from tapegit.ui.stages import Stages

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tapegit.cli.app import App
    from tapegit.objects.oid import ObjectId
    from tapegit.porcelain.remotes.fetch import FetchedRef, FetchReport
    from tapegit.porcelain.remotes.push import PushedRef

_NAMED_MAX: Final = 5


def talk_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say how much is told.

    They are `verbose`, `quiet` and `progress`, which is None for the default.
    """
    verbose = click.option("-v", "--verbose", is_flag=True, help="Name also what is up to date")
    quiet = click.option("-q", "--quiet", is_flag=True, help="Print nothing but errors")
    progress = click.option(
        "--progress/--no-progress",
        default=None,
        help="Show how far it has come; without either if a terminal is there",
    )
    return verbose(quiet(progress(command)))


def make_surroundings(
    app: App, *, quiet: bool = False, progress: bool | None = False
) -> Surroundings:
    """Return what connections are made with: the environment, and whether one can be asked."""
    stages = Stages(app.terminal, is_shown=False if quiet and not progress else progress)

    def tell(text: str) -> None:
        for line in text.split("\n"):
            if line.strip():
                app.terminal.note(f"remote: {line.rstrip()}")

    is_interactive = sys.stdin.isatty() and sys.stderr.isatty()
    return Surroundings(app.environ, tell, is_interactive=is_interactive, watch=stages.show)


def report_fetched(
    app: App,
    where: str,
    report: FetchReport,
    *,
    as_json: bool,
    quiet: bool = False,
    verbose: bool = False,
) -> None:
    """Print what a fetch did to each ref: on standard error for people, else as JSON."""
    app.terminal.clear_status()
    refs: Sequence[FetchedRef] = report.refs
    if quiet and not as_json:
        refs = [ref for ref in refs if ref.mark == REJECTED]
    elif verbose and not as_json:
        refs = [*refs, *report.same]
    lines = [
        RefLine(
            ref.mark,
            ref.kind,
            _short(ref.remote_name) if ref.remote_name else "(none)",
            _short_local(ref.local) if ref.local else "(none)",
            _abbreviate(app, ref.old),
            _abbreviate(app, ref.oid),
            ref.reason,
        )
        for ref in refs
    ]
    if as_json:
        for ref, line in zip(refs, lines, strict=True):
            ids = {"old": ref.old, "new": ref.oid}
            app.terminal.json(
                ref_members(line._replace(target=ref.local or ref.remote_name), _texts(ids).get)
            )
        return
    if lines:
        app.terminal.note(f"From {where}")
    for text in iter_ref_lines(lines):
        app.terminal.note(text)


def raise_refused(refs: Sequence[FetchedRef], remote: str) -> None:
    """Say of a fetch that it left refs out, and what can be done.

    Raises:
        RemovedError: Some have what was removed here on purpose.
        ProtocolError: Some are not what they ought to be.
    """
    wrong = [ref for ref in refs if ref.mark == REJECTED]
    removed = [ref for ref in wrong if ref.is_removed]
    if removed:
        shorts = [_short(ref.remote_name) for ref in removed]
        names = ", ".join(shorts[:_NAMED_MAX])
        gone = next((short for short in shorts if short.startswith("sessions/")), "NAME")
        raise RemovedError(
            f"{_count(wrong)} refused: {names} of '{remote}' would bring back"
            " what was removed on purpose",
            hint=f"'tapes push --force-with-lease {remote} NAME' puts what you have in its place,"
            f" 'tapes push --delete {remote} {gone}' removes it there too;"
            " whoever pushed it has to clone anew",
        )
    if wrong:
        hint = "nothing of them was installed; the others are here"
        if any("collides with" in (ref.reason or "") for ref in wrong):
            hint += f"\n'tapes remote prune {remote}' removes what is gone there, and in the way"
        raise ProtocolError(f"{_count(wrong)} refused", hint=hint)


def _count(refs: Sequence[FetchedRef]) -> str:
    return "1 ref was" if len(refs) == 1 else f"{len(refs)} refs were"


def report_pushed(
    app: App,
    where: str,
    refs: Sequence[PushedRef],
    *,
    as_json: bool,
    is_porcelain: bool,
    quiet: bool,
    verbose: bool = False,
) -> None:
    """Print what a push did to each ref; what was up to date already only where asked for."""
    app.terminal.clear_status()
    if not (as_json or is_porcelain or verbose):
        refs = [ref for ref in refs if ref.mark != "=" and (ref.is_failed or not quiet)]
    lines = [
        RefLine(
            ref.mark,
            ref.shared.kind,
            ref.label,
            ref.shared.short,
            _abbreviate(app, ref.old),
            _abbreviate(app, ref.oid),
            ref.reason,
            ref.is_remote_reason,
        )
        for ref in refs
    ]
    if as_json:
        for ref, line in zip(refs, lines, strict=True):
            ids = {"old": ref.old, "new": ref.oid}
            target = ref.shared.remote_name
            app.terminal.json(ref_members(line._replace(target=target), _texts(ids).get))
    elif is_porcelain:
        app.terminal.record(f"To {where}")
        for ref, line in zip(refs, lines, strict=True):
            source = app.resolver.find_ref(line.source) if line.source else None
            target = ref.shared.remote_name
            full = line._replace(source=source or line.source, target=target)
            app.terminal.record(format_porcelain_line(full))
        app.terminal.record("Done")
    else:
        if lines:
            app.terminal.note(f"To {where}")
        for text in iter_ref_lines(lines):
            app.terminal.note(text)
        if not quiet and all(ref.mark == "=" for ref in refs):
            app.terminal.note("Everything up-to-date")


def _texts(ids: dict[str, ObjectId | None]) -> dict[str, str | None]:
    return {key: None if oid is None else str(oid) for key, oid in ids.items()}


def _abbreviate(app: App, oid: ObjectId | None) -> str | None:
    return None if oid is None else app.repository.objects.abbreviate(oid)


def _short(name: str) -> str:
    return name.removeprefix("refs/tapes/").removeprefix("heads/").removeprefix("tags/")


def _short_local(name: str) -> str:
    for prefix in ("refs/heads/", "refs/remotes/", "refs/tags/", "refs/"):
        if name.startswith(prefix):
            return name.removeprefix(prefix)
    return name
