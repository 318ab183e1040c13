"""`doctor`, on recording: clients, what they keep, what of it is recorded, and why the rest is not.

Source: tapes-doctor(1).
"""

from __future__ import annotations

import json
import os
import shutil
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from tapegit.errors import TapesError
from tapegit.graph.lookup import SESSIONS, group_sessions, is_aside
from tapegit.graph.newest import find_latest
from tapegit.harness.launch.table import LAUNCHES
from tapegit.porcelain.doctor.doctor import DAY_MS, NOTE, OK, PROBLEM, WARNING, Check
from tapegit.porcelain.history.status import read_status
from tapegit.porcelain.imports.discovery import find_kept, is_own_store, iter_place, list_places
from tapegit.porcelain.imports.transcripts import (
    DOCUMENT_GROWS,
    NO_HARNESS,
    NOT_WANTED,
    NOTHING_CLOSED,
    REMOVED,
    ImportOptions,
    import_transcripts,
)
from tapegit.porcelain.remotes.remotes import list_remotes
from tapegit.recorder.sources.outcome import GROWN, NEW, SKIPPED
from tapegit.repository.watch_state import read_watch_state

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from tapegit.graph.turns import TurnGraph
    from tapegit.harness.places import Surroundings
    from tapegit.harness.plugins import KnownHarnesses
    from tapegit.porcelain.imports.discovery import HarnessPlace
    from tapegit.recorder.sources.outcome import ImportedFile
    from tapegit.repository.repository import Repository

CLEANUP_DAYS_DEFAULT: Final = 30
"""After so many days Claude Code deletes transcripts, unless its settings say otherwise."""

CLEANUP_DAYS_MAX: Final = 100_000
SOON_DAYS: Final = 7
SETTINGS_SIZE_MAX_BYTES: Final = 1 << 20
_CLAUDE_CODE: Final = "claude-code"
_SHOWN_MAX: Final = 3
_CAUSES: Final = (
    (REMOVED, "removed-on-purpose"),
    (NOTHING_CLOSED, "nothing-closed"),
    (DOCUMENT_GROWS, "still-written"),
    ("nothing in it can be read", "nothing-readable"),
    ("what is recorded of it is damaged", "recording-damaged"),
    ("not a plain file", "no-plain-file"),
)
"""The words for why a file is not recorded, by what its reason begins with."""


def check_recording(
    repository: Repository,
    graph: TurnGraph,
    known: KnownHarnesses,
    surroundings: Surroundings,
    directories: tuple[str, ...] | None,
) -> Iterator[Check]:
    """Yield what is recorded, and what is not.

    Args:
        repository: The store.
        graph: Its turns.
        known: The harnesses.
        surroundings: The home and the environment.
        directories: Whose sessions the store is for; None for all.
    """
    yield from check_recorded(repository)
    yield from check_newest(repository, graph)
    yield from check_watch(repository)
    places = list_places(known, surroundings)
    yield from check_places(places, surroundings)
    found = list(find_kept(places, known, directories))
    options = ImportOptions(known, is_dry_run=True)
    files = import_transcripts(repository, found, options)
    yield from check_files(files)
    yield from check_cleanup(repository, files, surroundings)


def check_recorded(repository: Repository) -> Iterator[Check]:
    """Yield how many sessions of which client are recorded."""
    folders = group_sessions(repository.refs.iter_refs(SESSIONS))
    counts = Counter(
        folder.split("/")[2] for folder, tapes in folders.items() if not is_aside(tapes)
    )
    if counts:
        each = ", ".join(f"{count} of {harness}" for harness, count in sorted(counts.items()))
        yield Check("recording", OK, "recorded", f"{_count(counts.total(), 'session')}: {each}")


def check_newest(repository: Repository, graph: TurnGraph) -> Iterator[Check]:
    """Yield when something was recorded last."""
    if find_latest(graph, repository.refs) is None:
        hint = "'tapes import' takes what is there, 'tapes record' runs a client"
        yield Check("recording", WARNING, "nothing-recorded", "nothing was recorded yet", hint)
        return
    latest = read_status(repository, graph).latest
    assert latest is not None
    days = max(0, repository.clock() - latest.tip.date_ms) // DAY_MS
    what = f"the newest is {latest.harness or latest.name}, {days} days ago"
    yield Check("recording", OK, "newest-recording", what)


def check_watch(repository: Repository) -> Iterator[Check]:
    """Yield who follows, and what failed."""
    watch = read_watch_state(repository.root)
    if watch is None or not watch.is_running:
        yield Check(
            "recording",
            NOTE,
            "not-watched",
            "nobody follows what clients write",
            "'tapes watch' records it while it is written",
        )
    else:
        yield Check("recording", OK, "watched", f"process {watch.pid} follows")
    if watch is not None and watch.failure_count:
        last = watch.failures[-1].reason if watch.failures else "unknown"
        what = f"{watch.failure_count} files could not be followed, the last: {last}"
        yield Check("recording", WARNING, "watch-failed", what)


def check_places(places: Iterable[HarnessPlace], surroundings: Surroundings) -> Iterator[Check]:
    """Yield which clients are installed and which keep files."""
    path = surroundings.environ.get("PATH")
    for launch in LAUNCHES:
        programs = [name for name in launch.programs if shutil.which(name, path=path)]
        if programs:
            yield Check("harness", OK, "client-installed", f"{launch.name}: '{programs[0]}'")
    for each in places:
        if not os.path.isdir(each.place.folder):
            continue
        try:
            count = sum(1 for _ in iter_place(each.place))
        except TapesError as error:
            yield Check("harness", WARNING, "folder-unreadable", f"{each.harness}: {error}")
            continue
        what = f"{each.harness}: {count} files in '{each.place.folder}'"
        yield Check("harness", OK, "folder-found", what)


def check_files(files: Iterable[ImportedFile]) -> Iterator[Check]:
    """Yield what is not recorded, and why."""
    reasons: dict[str, list[str]] = {}
    waiting: list[str] = []
    unreadable: list[str] = []
    for file in files:
        if file.state in (NEW, GROWN):
            waiting.append(file.path)
        elif file.state == SKIPPED and file.reason not in (NO_HARNESS, NOT_WANTED):
            reasons.setdefault(str(file.reason), []).append(file.path)
        if file.unreadable_count:
            unreadable.append(file.path)
    if waiting:
        what = f"{_count(len(waiting), 'transcript')} with turns that are not recorded"
        yield Check("recording", WARNING, "not-imported", what, "'tapes import' records them")
    for reason, paths in sorted(reasons.items()):
        what = f"{reason}: {_name_some(paths)}"
        yield Check("recording", WARNING, "not-captured", what, cause=find_cause(reason))
    if unreadable:
        what = f"records that cannot be read, and are kept as they are: {_name_some(unreadable)}"
        yield Check("recording", NOTE, "records-unreadable", what, cause="unknown-records")


def find_cause(reason: str) -> str:
    """Return the word for why a file is not recorded."""
    for text, cause in _CAUSES:
        if reason.startswith(text):
            return cause
    return "unreadable"


def _name_some(paths: list[str]) -> str:
    shown = ", ".join(f"'{path}'" for path in paths[:_SHOWN_MAX])
    more = len(paths) - _SHOWN_MAX
    return f"{shown} and {more} more" if more > 0 else shown


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def check_cleanup(
    repository: Repository, files: Iterable[ImportedFile], surroundings: Surroundings
) -> Iterator[Check]:
    """Yield what a harness is about to delete that is not recorded."""
    days = read_cleanup_days(surroundings)
    limit_ms = repository.clock() - max(0, days - SOON_DAYS) * DAY_MS
    old = 0
    for file in files:
        if file.harness == _CLAUDE_CODE and file.state in (NEW, GROWN):
            try:
                old += os.stat(file.path).st_mtime_ns // 1_000_000 < limit_ms
            except OSError:
                continue
    if old:
        what = (
            f"{old} transcripts that are not recorded are deleted by Claude Code"
            f" within {SOON_DAYS} days: it keeps them for {days}"
        )
        yield Check("harness", PROBLEM, "about-to-be-deleted", what, "'tapes import' records them")


def read_cleanup_days(surroundings: Surroundings) -> int:
    """Return for how many days Claude Code keeps transcripts."""
    folder = surroundings.folder("CLAUDE_CONFIG_DIR", ".claude")
    try:
        with open(os.path.join(folder, "settings.json"), "rb") as file:
            settings: Any = json.loads(file.read(SETTINGS_SIZE_MAX_BYTES))
    except (OSError, ValueError, RecursionError):
        return CLEANUP_DAYS_DEFAULT
    days: Any = settings.get("cleanupPeriodDays") if isinstance(settings, dict) else None
    if not isinstance(days, int) or isinstance(days, bool):
        return CLEANUP_DAYS_DEFAULT
    return min(max(days, 0), CLEANUP_DAYS_MAX)


def check_copies(repository: Repository) -> Iterator[Check]:
    """Yield where other copies of the store are, and whether it lies in the way of a clean."""
    has_copy = False
    for remote in list_remotes(repository):
        known = repository.refs.iter_refs(f"refs/remotes/{remote.name}/")
        if any(True for _ in known):
            has_copy = True
            yield Check("remote", OK, "remote", f"{remote.shown}: '{remote.url.shown}'")
        else:
            what = f"nothing is known to be at {remote.shown}: '{remote.url.shown}'"
            yield Check("remote", NOTE, "nothing-pushed", what, "'tapes push' brings it there")
    if has_copy or is_own_store(repository.root):
        return
    holder = find_work_tree(repository.root)
    if holder is not None:
        yield Check(
            "store",
            WARNING,
            "only-copy-in-work-tree",
            f"the only copy lies inside the work tree '{holder}': 'git clean -fdx' deletes it",
            "add a remote with 'tapes remote add', or use 'tapes init --user'",
        )
    else:
        yield Check("remote", NOTE, "no-remote", "no other store has a copy")


def find_work_tree(root: Path) -> Path | None:
    """Return the work tree of git that a store lies in, or None."""
    for folder in root.absolute().parents:
        if os.path.lexists(folder / ".git"):
            return folder
    return None
