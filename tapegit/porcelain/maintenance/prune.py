"""`prune`: loose objects that nothing needs, moved into the trash."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tapegit.graph.dates import parse_date
from tapegit.upkeep.gc.collect import hold_upkeep
from tapegit.upkeep.gc.packlinks import NONE
from tapegit.upkeep.gc.remove import Doomed, remove
from tapegit.upkeep.gc.stock import find_times, mark_young, take_stock

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tapegit.objects.kind import Kind
    from tapegit.objects.oid import ObjectId
    from tapegit.repository.repository import Repository


class Pruned(NamedTuple):
    """A loose object that went, or would go."""

    oid: ObjectId
    kind: Kind | None


def run_prune(
    repository: Repository,
    *,
    expire: str | None = None,
    heads: Iterable[ObjectId] = (),
    is_dry_run: bool = False,
) -> list[Pruned]:
    """Move loose objects into the trash that nothing needs and that are too old.

    Args:
        repository: The store.
        expire: How old they must be, as a person types a date; None: any age.
        heads: More objects to keep, with what they need.
        is_dry_run: Only say which.

    Raises:
        LockedError: Another process is at it, or writers did not leave in time.
        InvalidNameError: The date is none.
        ObjectNotFoundError: Something needed is missing; nothing was removed.
        DataError: Something is damaged; nothing was removed.
        StorageError: The system refused.
    """
    now_ms = repository.clock()
    expire_ms = parse_date(expire or "now", now_ms)
    with hold_upkeep(repository.root):
        stock = take_stock(repository)
        links = stock.links
        tips = [links.find(oid) for oid in heads]
        links.mark([tip for tip in tips if tip != NONE], stock.marks)
        kept = mark_young(stock, find_times(stock), expire_ms)
        doomed = [entry for entry in stock.inventory.loose if not kept[links.find(entry.oid)]]
        pruned = [Pruned(entry.oid, links.find_kind(links.find(entry.oid))) for entry in doomed]
        if not is_dry_run:
            remove(repository, stock, Doomed([], [], doomed), (), now_ms=now_ms)
    return pruned
