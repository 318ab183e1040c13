"""What became of imported files, as text and as JSON."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from tapegit.recorder.sources.outcome import GROWN, NEW, SKIPPED, UNCHANGED
from tapegit.ui.terminal import Styled

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tapegit.recorder.sources.outcome import ImportedFile
    from tapegit.ui.terminal import Terminal

FAILURE_SHOWN_MAX: Final = 10
"""How many unreadable records of one file are listed for people."""

_SESSION_LENGTH_MAX: Final = 40
_STYLES: Final = {NEW: "green", GROWN: "cyan"}


def print_imports(
    terminal: Terminal,
    files: Sequence[ImportedFile],
    named: Sequence[str],
    *,
    as_json: bool,
    dry_run: bool,
) -> None:
    """Print one JSON object per file and one that sums up; or what is new, and what went wrong.

    Of the files that were skipped those in `named` are told, not those that a folder held.
    """
    if as_json:
        for file in files:
            terminal.json(_members(file))
        terminal.json({"summary": summary_members(files)})
        return
    for file in files:
        if file.state == SKIPPED and file.path in named:
            terminal.warning(f"'{file.path}' is skipped: {file.reason}")
        _print_file(terminal, file)
    terminal.line(f"{'would be: ' if dry_run else ''}{summarize(files)}")


def print_watched(terminal: Terminal, files: Sequence[ImportedFile], *, as_json: bool) -> None:
    """Print what is new of files that are followed, at once."""
    for file in files:
        if as_json:
            terminal.json(_members(file))
        else:
            _print_file(terminal, file)
    terminal.flush()


def summarize(files: Sequence[ImportedFile]) -> str:
    """Return how many files are new, grown, unchanged and skipped, what was unreadable, secret."""
    counts = Counter(file.state for file in files)
    parts = [f"{counts[state]} {state}" for state in (NEW, GROWN, UNCHANGED, SKIPPED)]
    unreadable = sum(file.unreadable_count for file in files)
    records = "record" if unreadable == 1 else "records"
    text = f"{', '.join(parts)}, {unreadable} unreadable {records}"
    secrets = sum(count for file in files for _, count in file.redacted)
    if not secrets:
        return text
    return f"{text}, {secrets} {'secret' if secrets == 1 else 'secrets'} redacted"


def summary_members(files: Iterable[ImportedFile]) -> dict[str, object]:
    """Return the counts of `summarize` as the members of a JSON object."""
    counts = Counter(dict.fromkeys((NEW, GROWN, UNCHANGED, SKIPPED), 0))
    secrets: Counter[str] = Counter()
    unreadable = 0
    for file in files:
        counts[file.state] += 1
        unreadable += file.unreadable_count
        secrets.update(dict(file.redacted))
    return {**counts, "unreadable": unreadable, "redacted": dict(sorted(secrets.items()))}


def _print_file(terminal: Terminal, file: ImportedFile) -> None:
    for failure in file.failures[:FAILURE_SHOWN_MAX]:
        terminal.warning(f"{file.path}:{failure.line}: {failure.reason}; kept as it is")
    more = file.unreadable_count - FAILURE_SHOWN_MAX
    if more > 0:
        terminal.warning(f"{file.path}: {more} more records that cannot be read")
    if file.state in _STYLES:
        turns = "turn" if file.turn_count == 1 else "turns"
        session = (file.session or "unnamed")[:_SESSION_LENGTH_MAX]
        terminal.line(
            Styled(file.state, _STYLES[file.state]),
            f"\t{session}\t{file.turn_count} {turns}\t",
            file.path,
        )


def _members(file: ImportedFile) -> dict[str, object]:
    """Return what became of a file as the members of a JSON object."""
    return {
        "path": file.path,
        "state": file.state,
        "reason": file.reason,
        "harness": file.harness,
        "session": file.session,
        "turns": file.turn_count if file.harness is not None else None,
        "bytes": file.size_bytes if file.harness is not None else None,
        "tip": str(file.tip) if file.tip is not None else None,
        "unreadable": [
            {"line": failure.line, "reason": failure.reason} for failure in file.failures
        ]
        or None,
        "unreadable_count": file.unreadable_count or None,
        "redacted": dict(file.redacted) or None,
    }
