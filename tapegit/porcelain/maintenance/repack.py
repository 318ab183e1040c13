"""`repack`: packs written anew, and nothing deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tapegit.graph.dates import parse_date
from tapegit.upkeep.gc.collect import Collected, collect, hold_upkeep
from tapegit.upkeep.gc.plan import Fold, Wish
from tapegit.upkeep.gc.rewrite import Quality

if TYPE_CHECKING:
    from tapegit.repository.repository import Repository
    from tapegit.upkeep.gc.rewrite import OnProgress


class RepackOptions(NamedTuple):
    """What a repack was asked for.

    Attributes:
        takes_all: Fold every pack, not only what is loose.
        removes: Remove what is in the new pack from its old place.
        factor: Fold so that each pack is so many times as large as all smaller ones.
        expiration: Leave out unreachable objects older than this date, as a person types it.
        is_forced: Write everything anew, also what could be copied.
        threads: How many compress at a time.
    """

    takes_all: bool = False
    removes: bool = False
    factor: int | None = None
    expiration: str | None = None
    is_forced: bool = False
    threads: int | None = None


def run_repack(
    repository: Repository, options: RepackOptions, on_progress: OnProgress | None = None
) -> Collected:
    """Write one pack of what is loose, of every pack, or of as many as keep the progression.

    Unreachable objects go to the cruft pack where packs are folded, else stay where they are.

    Raises:
        LockedError: Another process is at it.
        InvalidNameError: The date is none.
        ObjectNotFoundError: Something needed is missing; nothing was removed.
        DataError: Something is damaged; nothing was removed.
        StorageError: The system refused.
    """
    fold = Fold.NONE
    if options.takes_all:
        fold = Fold.ALL
    elif options.factor is not None:
        fold = Fold.GEOMETRIC
    expire_ms = None
    if options.expiration is not None:
        expire_ms = parse_date(options.expiration, repository.clock())
    wish = Wish(
        fold,
        factor=options.factor or 2,
        expire_ms=expire_ms,
        is_cruft_touched=fold is not Fold.NONE,
        is_forced=options.is_forced,
    )
    with hold_upkeep(repository.root):
        return collect(
            repository,
            wish,
            quality=Quality(threads=options.threads),
            removes=options.removes,
            on_progress=on_progress,
        )
