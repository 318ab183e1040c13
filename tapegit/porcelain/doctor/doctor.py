"""`doctor`: what is recorded and what is not, why, and whether the store is well.

Rules: it looks and changes nothing; `fix` does what loses nothing: it finishes what was stopped,
deletes what is derived and damaged, and lets gc run. A check that cannot be made is itself told
of. Reasons are words that do not change; their texts may.

Source: tapes-doctor(1).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from tapegit.errors import TapesError
from tapegit.files.oserrors import storage_errors
from tapegit.porcelain.maintenance.gc import GcOptions, is_due, run_gc
from tapegit.porcelain.secrets.rewriting import finish_stopped
from tapegit.repository.tombstones import read_tombstones
from tapegit.rewrite.carry_out import find_journal
from tapegit.upkeep.fsck.findings import NOTICE
from tapegit.upkeep.fsck.fsck import FsckOptions, check_store
from tapegit.upkeep.gc import auto

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tapegit.repository.repository import Repository

    Mend = Callable[[Repository], object]

OK: Final = "ok"
NOTE: Final = "note"
WARNING: Final = "warning"
PROBLEM: Final = "problem"

DAY_MS: Final = 86_400_000
_FINDING_COUNT_MAX: Final = 5


class Check(NamedTuple):
    """What was looked at and how it is.

    Attributes:
        area: `program`, `store`, `recording`, `harness`, `index` or `remote`.
        state: `OK`, `NOTE`, `WARNING` or `PROBLEM`.
        reason: A word for what is the case.
        what: It in words, for people.
        hint: What to do, or None.
        is_fixable: Whether `--fix` does it.
        cause: Of what is not captured: why, in a word that does not change.
    """

    area: str
    state: str
    reason: str
    what: str
    hint: str | None = None
    is_fixable: bool = False
    cause: str | None = None


class Fixed(NamedTuple):
    """What was done for a check, or why it could not be."""

    reason: str
    what: str
    is_done: bool = True


def check_store_health(repository: Repository, *, is_quick: bool = False) -> Iterator[Check]:
    """Yield how a store is.

    Args:
        repository: The store.
        is_quick: Leave out the check of every link.
    """
    yield from guarded("store", lambda: _check_rewriting(repository))
    yield from guarded("store", lambda: _check_gc(repository))
    yield from guarded("store", lambda: _check_removed(repository))
    if not is_quick:
        yield from guarded("store", lambda: _check_objects(repository))


def fix(
    repository: Repository, checks: list[Check], more: Mapping[str, tuple[Mend, str]]
) -> Iterator[Fixed]:
    """Do what is safe for each check that says so, and yield what was done.

    Args:
        repository: The store.
        checks: What was found.
        more: What mends what is not of the store, by reason, and that in words.
    """
    work: dict[str, tuple[Mend, str]] = {
        "rewriting-unfinished": (_finish_rewriting, "finished what was stopped"),
        "gc-due": (_collect, "ran gc"),
        "gc-failed": (_collect, "ran gc"),
        **more,
    }
    for reason in dict.fromkeys(check.reason for check in checks if check.is_fixable):
        do, what = work[reason]
        try:
            with storage_errors("mend", repository.root):
                do(repository)
        except TapesError as error:
            yield Fixed(reason, str(error), is_done=False)
        else:
            yield Fixed(reason, what)


def guarded(area: str, look: Callable[[], Iterator[Check]]) -> Iterator[Check]:
    """Yield checks, and where one cannot be made why."""
    try:
        yield from look()
    except TapesError as error:
        yield Check(area, PROBLEM, error.code_name, str(error), error.hint)


def _check_rewriting(repository: Repository) -> Iterator[Check]:
    if find_journal(repository.root) is not None:
        yield Check(
            "store",
            PROBLEM,
            "rewriting-unfinished",
            "a redaction was stopped: what it takes out is still there",
            "'tapes redact --continue' finishes it",
            is_fixable=True,
        )


def _check_gc(repository: Repository) -> Iterator[Check]:
    failure = auto.find_failure(repository.root, repository.clock())
    if failure is not None:
        text = failure.splitlines()[0].removeprefix("tapes: error: ")
        yield Check("store", WARNING, "gc-failed", f"gc failed: {text}", None, is_fixable=True)
    elif is_due(repository):
        what = "there is much that is not packed"
        yield Check("store", NOTE, "gc-due", what, "'tapes gc' packs it", is_fixable=True)


def _check_removed(repository: Repository) -> Iterator[Check]:
    removed = read_tombstones(repository.root)
    if len(removed):
        days = max(0, repository.clock() - max(stone.time_ms for stone in removed)) // DAY_MS
        what = f"{len(removed)} ids were removed on purpose, the last {days} days ago"
        yield Check("store", OK, "removed", what)


def _check_objects(repository: Repository) -> Iterator[Check]:
    report = check_store(repository, FsckOptions(dangling=False))
    faults = [finding for finding in report.findings if finding.label != NOTICE]
    for finding in faults[:_FINDING_COUNT_MAX]:
        where = finding.oid or finding.where or ""
        what = f"{finding.label} {where}: {finding.what}".replace(" :", ":").rstrip(": ")
        yield Check("store", PROBLEM, "store-damaged", what, "'tapes fsck --full' tells more")
    if not faults:
        count = report.object_count
        yield Check("store", OK, "store-whole", f"{count} objects, every link leads somewhere")


def _finish_rewriting(repository: Repository) -> None:
    finish_stopped(repository)


def _collect(repository: Repository) -> None:
    run_gc(repository, GcOptions())
    auto.write_log(repository.root, "")
