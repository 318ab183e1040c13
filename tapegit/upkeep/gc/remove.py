"""Moving into the trash what is not needed where it is: the one step of gc that keeps writers out.

Rules:

- Everything is judged again inside the gate, when no writer is between its first object and
  its ref: roots that are new are walked, files that were touched since are left alone, a
  `.keep` file that appeared is honoured.
- A pack goes only if everything needed of it is in another pack that stays. Its pack file goes
  first: what is left of it after a crash is nobody's, and swept later.
- A loose object that is needed and in a pack needs no gate: it is only a second copy.

Source: tapesmaintenance(7), "How gc works", step 6.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final, NamedTuple

from tapegit.files.trash import Trash
from tapegit.repository.gate import GC_TIMEOUT_S, RemoverGate
from tapegit.upkeep.gc.stock import mark_since

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from tapegit.files.trash import TrashBatch
    from tapegit.formats.packindex import PackIndex
    from tapegit.repository.repository import Repository
    from tapegit.store.loose import LooseEntry
    from tapegit.upkeep.gc.rewrite import NewPack
    from tapegit.upkeep.gc.stock import Stock
    from tapegit.upkeep.inventory import PackEntry

GATE_TIMEOUT_S: Final = GC_TIMEOUT_S
"""How long writers may take to leave."""


class Doomed(NamedTuple):
    """What may go.

    Attributes:
        places: Packs of the stock.
        loose_copies: Loose objects that are needed, and in a pack.
        loose_unneeded: Loose objects that nothing needed.
    """

    places: list[int]
    loose_copies: list[LooseEntry]
    loose_unneeded: list[LooseEntry]


class Removed(NamedTuple):
    """How many files went into the trash."""

    pack_count: int = 0
    loose_count: int = 0
    kept_back_count: int = 0


def remove(
    repository: Repository,
    stock: Stock,
    doomed: Doomed,
    new_packs: Sequence[NewPack],
    *,
    now_ms: int,
) -> Removed:
    """Move what is not needed into the trash.

    Raises:
        LockedError: Writers did not leave in time; nothing was removed.
        ObjectNotFoundError: Something needed is missing; nothing was removed.
        DataError: A root or an object is damaged; nothing was removed.
        StorageError: A file cannot be moved.
    """
    batch = Trash(repository.root).open_batch(now_ms)
    pack_count = loose_count = kept_back = 0
    if doomed.places or doomed.loose_unneeded:
        with RemoverGate(repository.root, GATE_TIMEOUT_S):
            newly = mark_since(stock, repository)
            blocked = _find_blocked(stock, doomed.places, new_packs, newly)
            names = {pack.name for pack in new_packs}
            for place in doomed.places:
                entry = stock.inventory.packs[place]
                if entry.view.path.stem in names:
                    continue
                if place in blocked or _is_wanted(stock, place, entry):
                    kept_back += 1
                    continue
                pack_count += _put_pack(batch, entry.view.path)
            unmarked = _still_unneeded(repository, stock, doomed.loose_unneeded)
            kept_back += len(doomed.loose_unneeded) - len(unmarked)
            loose_count += _put_loose(repository, batch, unmarked)
    loose_count += _put_loose(repository, batch, doomed.loose_copies)
    repository.objects.refresh()
    return Removed(pack_count, loose_count, kept_back)


def _find_blocked(
    stock: Stock, places: Sequence[int], new_packs: Sequence[NewPack], newly: Iterable[int]
) -> set[int]:
    """Return the packs that hold what has come to be needed and is in no pack that stays."""
    going = set(places)
    staying: list[PackIndex] = [pack.pack_index for pack in new_packs]
    staying += [p.view.index for n, p in enumerate(stock.inventory.packs) if n not in going]
    links = stock.links
    blocked: set[int] = set()
    for number in newly:
        if number < links.loose_base:
            oid = links.oid_of(number)
            if all(index.find_position(oid) < 0 for index in staying):
                blocked.add(links.pack_place(number))
    return blocked


def _is_wanted(stock: Stock, place: int, entry: PackEntry) -> bool:
    """Return whether somebody has put a hand on a pack since the stock was taken."""
    path = entry.view.path
    if os.path.lexists(path.with_suffix(".keep")):
        return True
    try:
        mtime_ms = os.lstat(path).st_mtime_ns // 1_000_000
    except OSError:
        return False  # gone, so there is nothing to leave alone
    if mtime_ms == entry.mtime_ms:
        return False
    # A writer found an object here and counts on it: only what was needed anyway is elsewhere.
    base, after = stock.links.bases[place], stock.links.bases[place + 1]
    return stock.marks.find(0, base, after) >= 0


def _put_pack(batch: TrashBatch, path: Path) -> int:
    is_moved = batch.put(path)
    batch.put(path.with_suffix(".idx"))
    batch.put(path.with_suffix(".cruft"))
    return int(is_moved)


def _still_unneeded(
    repository: Repository, stock: Stock, entries: Iterable[LooseEntry]
) -> list[LooseEntry]:
    """Return the loose objects that nothing came to need and nobody has touched."""
    links, loose = stock.links, repository.objects.loose
    left: list[LooseEntry] = []
    for entry in entries:
        if stock.marks[links.find(entry.oid)]:
            continue
        try:
            mtime_ms = os.lstat(loose.path_of(entry.oid)).st_mtime_ns // 1_000_000
        except OSError:
            continue
        if mtime_ms == entry.mtime_ms:
            left.append(entry)
    return left


def _put_loose(repository: Repository, batch: TrashBatch, entries: Iterable[LooseEntry]) -> int:
    loose = repository.objects.loose
    return sum(batch.put(loose.path_of(entry.oid)) for entry in entries)
