"""Recordings of the wire and the transcripts of the same sessions: which belong together.

A harness that does not tell the proxy its session leaves two recordings with ids of their own.
They are one session if the provider's ids of answers say so. Where a transcript has no such ids
they are one if they were made at the same time, an answer of both has one context, and no other
transcript, and no other recording, comes nearer.

Pure over what the index keeps.

Source: tapes-sessions(1), "Two recordings of one session".
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tapegit.index.database import IndexFile
    from tapegit.index.session import Probes, SessionRow

OVERLAP_MS: Final = 60_000
"""Two clocks, and a proxy that hears of a session before its file is begun."""


class Joins(NamedTuple):
    """Which transcript each recording belongs to, by folder.

    Attributes:
        by_id: What ids of answers say: calls that both have are one call each.
        by_context: What contexts say: the calls of the recording are those of the transcript.
    """

    by_id: dict[str, str]
    by_context: dict[str, str]


def find_joins(
    file: IndexFile, rows: Mapping[str, SessionRow], probes: Mapping[str, Probes]
) -> Joins:
    """Return which recordings belong to which transcripts.

    Args:
        file: The index, up to date.
        rows: All sessions.
        probes: Those of the sessions that were recorded on the wire alone.

    Raises:
        DamagedIndexError: The file is damaged.
        OSError: It cannot be read now.
    """
    written = rows.keys() - probes.keys()
    if not written:
        return Joins({}, {})
    keys = {key for each in probes.values() for key in each.keys}
    holders = _group(file.find_keys(sorted(keys)), written)
    by_id = {}
    for folder, each in probes.items():
        shared = Counter(holder for key in each.keys for holder in holders.get(key, ()))
        if shared:
            by_id[folder] = min(shared, key=lambda other: (-shared[other], _age(rows[other])))
    left = {folder: each for folder, each in probes.items() if folder not in by_id}
    return Joins(by_id, _join_by_context(file, rows, left, written))


def join_rows(rows: Mapping[str, SessionRow], joins: Joins) -> list[SessionRow]:
    """Return one row for each session: that of its transcript, where it has one."""
    partners = {**joins.by_id, **joins.by_context}
    joined = defaultdict(list)
    for folder, other in sorted(partners.items()):
        joined[other].append(folder)
    return [
        _join(row, [(each, rows[each]) for each in joined[folder]], joins)
        if folder in joined
        else row
        for folder, row in rows.items()
        if folder not in partners
    ]


def _join(row: SessionRow, others: list[tuple[str, SessionRow]], joins: Joins) -> SessionRow:
    usage = row.usage
    for folder, other in others:
        if folder in joins.by_id:
            usage = tuple(map(_add, usage, other.usage))
    recorded = [other for _, other in others]
    return row._replace(
        first_ms=min(_known([row.first_ms, *(each.first_ms for each in recorded)]), default=None),
        last_ms=max(_known([row.last_ms, *(each.last_ms for each in recorded)]), default=None),
        tape_count=row.tape_count + sum(each.tape_count for each in recorded),
        name=row.name or next((each.name for each in recorded if each.name), None),
        usage=usage,
        joined=tuple(folder for folder, _ in others),
    )


def _join_by_context(
    file: IndexFile,
    rows: Mapping[str, SessionRow],
    probes: Mapping[str, Probes],
    written: Iterable[str],
) -> dict[str, str]:
    """Return the pairs of which each is the other's nearest."""
    contexts = {context for each in probes.values() for context in each.contexts}
    holders = _group(file.find_contexts(sorted(contexts)), written)
    pairs: dict[tuple[str, str], int] = Counter()
    for folder, each in probes.items():
        for context in each.contexts:
            for other in holders.get(context, ()):
                if _overlap(rows[folder], rows[other]):
                    pairs[folder, other] += 1
    ordered = sorted(pairs, key=lambda pair: (-pairs[pair], _distance(rows, pair), pair))
    nearest: dict[str, str] = {}
    for folder, other in ordered:
        nearest.setdefault(folder, other)
        nearest.setdefault(other, folder)
    return {
        folder: nearest[folder]
        for folder in probes
        if folder in nearest and nearest[nearest[folder]] == folder
    }


def _group(found: Iterable[tuple[bytes, str]], wanted: Iterable[str]) -> dict[bytes, set[str]]:
    wanted = set(wanted)
    holders: dict[bytes, set[str]] = defaultdict(set)
    for key, folder in found:
        if folder in wanted:
            holders[key].add(folder)
    return holders


def _overlap(one: SessionRow, other: SessionRow) -> bool:
    times = (one.first_ms, one.last_ms, other.first_ms, other.last_ms)
    if any(time is None for time in times):
        return False
    begin = max(one.first_ms or 0, other.first_ms or 0)
    return begin - OVERLAP_MS <= min(one.last_ms or 0, other.last_ms or 0)


def _distance(rows: Mapping[str, SessionRow], pair: tuple[str, str]) -> int:
    one, other = (rows[folder] for folder in pair)
    return abs((one.first_ms or 0) - (other.first_ms or 0))


def _age(row: SessionRow) -> tuple[int, int, str]:
    return row.first_ms or 0, row.last_ms or 0, row.ref


def _known(times: Iterable[int | None]) -> list[int]:
    return [time for time in times if time is not None]


def _add(one: int | None, other: int | None) -> int | None:
    return one if other is None else other if one is None else one + other
