"""`fsck`: what is wrong with a store, and with `--salvage` getting out of it what can be got."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tapegit.upkeep.fsck.findings import DAMAGED, NOTICE, Finding, exit_code
from tapegit.upkeep.fsck.fsck import FsckOptions, check_store
from tapegit.upkeep.fsck.lostfound import write_lost_found
from tapegit.upkeep.salvage.salvage import is_needed, salvage

if TYPE_CHECKING:
    from tapegit.repository.repository import Repository
    from tapegit.upkeep.fsck.scan import OnProgress
    from tapegit.upkeep.salvage.salvage import Salvaged


class FsckResult(NamedTuple):
    """What to print and the exit code."""

    findings: list[Finding]
    code: int
    object_count: int


def run_fsck(
    repository: Repository,
    options: FsckOptions,
    *,
    lost_found: bool = False,
    on_progress: OnProgress | None = None,
) -> FsckResult:
    """Check a store.

    Args:
        repository: The store.
        options: What to check.
        lost_found: Also write the dangling objects to `lost-found`.
        on_progress: As of `check_store`.

    Raises:
        TapesError: The store cannot be checked at all.
    """
    report = check_store(repository, options, on_progress=on_progress)
    if lost_found:
        write_lost_found(repository, report.findings)
    return FsckResult(report.findings, exit_code(report.findings), report.object_count)


def run_salvage(
    repository: Repository, options: FsckOptions, *, on_progress: OnProgress | None = None
) -> FsckResult:
    """Check a store, salvage what is damaged, and check again.

    The findings are those of the first check, what was done, and what the second check finds
    that is not a repetition; the exit code is that of the second check.

    Raises:
        TapesError: The store cannot be checked, or what was salvaged cannot be written.
    """
    before = check_store(repository, options._replace(full=True), on_progress=on_progress)
    findings = list(before.findings)
    if not is_needed(before):
        return FsckResult(findings, exit_code(findings), before.object_count)
    findings = [f for f in findings if f.label != DAMAGED]
    findings += _describe(salvage(repository, before))
    after = check_store(repository, options._replace(full=True), on_progress=on_progress)
    known = set(findings)
    findings += [finding for finding in after.findings if finding not in known]
    return FsckResult(findings, exit_code(after.findings), after.object_count)


def _describe(salvaged: Salvaged) -> list[Finding]:
    done = [Finding(NOTICE, f"built the index of '{name}' anew") for name in salvaged.indexes]
    if salvaged.pack is not None:
        what = f"{salvaged.object_count} objects are now in '{salvaged.pack}'"
        done.append(Finding(NOTICE, what))
    done += [Finding(NOTICE, f"put aside as '{path}'") for path in salvaged.put_aside]
    return done + [Finding(NOTICE, note) for note in salvaged.notes]
