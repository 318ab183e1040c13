"""One run over the objects of a store: take stock, plan, write, remove.

What gc and repack have in common. Whoever calls this holds the lock of upkeep, so that no two
of them write the same packs; recorders are kept out by the last step alone.

Source: tapesmaintenance(7), "How gc works".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from tapegit.errors import LockedError
from tapegit.files.durable import TemporaryFile, fsync_dir
from tapegit.files.locks import Lock
from tapegit.repository.layout import PACK_NAME, TMP_NAME
from tapegit.store.index_builder import build_index
from tapegit.store.pack_file import PackFile
from tapegit.upkeep.gc.memory import return_large_buffers
from tapegit.upkeep.gc.plan import make_plan
from tapegit.upkeep.gc.remove import Doomed, Removed, remove
from tapegit.upkeep.gc.rewrite import Quality, write_cruft_pack, write_pack
from tapegit.upkeep.gc.stock import take_stock
from tapegit.upkeep.inventory import list_pack_files, verify_folders

if TYPE_CHECKING:
    from pathlib import Path

    from tapegit.files.locks import HeldLock
    from tapegit.repository.repository import Repository
    from tapegit.store.loose import LooseEntry
    from tapegit.upkeep.gc.plan import Plan, Wish
    from tapegit.upkeep.gc.rewrite import OnProgress
    from tapegit.upkeep.gc.stock import Stock

UPKEEP_LOCK: Final = "locks/upkeep"
SMALL_PACK_BYTES: Final = 32 << 20
"""An automatic run writes a pack below this size in frames that are quick to read."""


class Collected(NamedTuple):
    """What a run did, or with `is_dry_run` would do; sizes in bytes.

    Attributes:
        packs_before: Packs when it began, cruft packs included.
        packs_folded: Packs that went into the new one.
        written_count: Objects written anew into the new pack.
        copied_count: Objects copied with their sections.
        cruft_count: Unreachable objects that are kept in the cruft pack.
        expired_count: Unreachable objects that no pack has any more.
        loose_count: Loose objects that went into the new pack.
        written_bytes: What was written for packs and indexes.
        pack_name: The new pack, or None.
        removed: What went into the trash.
        is_locked_out: Writers did not leave in time, so nothing was removed.
    """

    packs_before: int
    packs_folded: int
    written_count: int
    copied_count: int
    cruft_count: int
    expired_count: int
    loose_count: int
    written_bytes: int = 0
    pack_name: str | None = None
    removed: Removed = Removed()
    is_locked_out: bool = False


def hold_upkeep(root: Path) -> HeldLock:
    """Return the context in which only this process changes packs; it does not wait.

    Raises:
        UnsafePathError: A folder of the store is a link; on entry:
        LockedError: Another process is at it; the field is holder.
    """
    verify_folders(root)
    return Lock(root / UPKEEP_LOCK).exclusive(timeout_s=0.0)


def collect(
    repository: Repository,
    wish: Wish,
    *,
    quality: Quality | None = None,
    removes: bool = True,
    is_dry_run: bool = False,
    on_progress: OnProgress | None = None,
) -> Collected:
    """Fold packs, pack what is loose, and move what is not needed into the trash.

    Args:
        repository: The store.
        wish: What to fold, and what is too old.
        quality: How to compress; by default as the size asks for.
        removes: Whether what is written anew goes from its old place.
        is_dry_run: Only say what would be done.
        on_progress: Is told how many objects are written, and the size of each.

    Raises:
        ObjectNotFoundError: Something needed is missing; nothing was changed.
        DataError: Something is damaged; nothing was removed.
        StorageError: The system refused; what was needed is where it was.
    """
    return_large_buffers()
    if not is_dry_run:
        index_packs(repository)
    stock = take_stock(repository)
    plan = make_plan(stock, wish)
    planned = _describe(stock, plan)
    if is_dry_run:
        return planned
    if quality is None:
        quality = Quality(cold=not wish.is_auto or plan.estimated_bytes >= SMALL_PACK_BYTES)
    new = write_pack(repository, stock, plan, quality, on_progress)
    cruft = write_cruft_pack(repository, stock, plan, quality, on_progress)
    written = [pack for pack in (new, cruft) if pack is not None]
    repository.objects.refresh()
    removed, is_locked_out = Removed(), False
    if removes:
        doomed = find_doomed(stock, plan)
        try:
            removed = remove(repository, stock, doomed, written, now_ms=repository.clock())
        except LockedError:
            is_locked_out = True
    sizes = (p.summary.size_bytes + p.summary.index_size_bytes for p in written)
    return planned._replace(
        written_bytes=sum(sizes),
        copied_count=new.copied_count if new else 0,
        pack_name=new.name if new else None,
        removed=removed,
        is_locked_out=is_locked_out,
    )


def find_doomed(stock: Stock, plan: Plan) -> Doomed:
    """Return what a plan leaves without use, once its packs are written."""
    links = stock.links
    places = list(plan.folded)
    if plan.cruft is not None:
        places += stock.inventory.cruft_places
    copies, unneeded = [], []
    in_cruft = set() if plan.cruft is None else set(plan.cruft)
    expired = set(plan.expired)
    for entry in stock.inventory.loose:
        number = links.find(entry.oid)
        if stock.marks[number]:
            copies.append(entry)
        elif number in in_cruft or number in expired or _is_packed(stock, number, entry):
            unneeded.append(entry)
    return Doomed(places, copies, unneeded)


def _is_packed(stock: Stock, number: int, entry: LooseEntry) -> bool:
    """Return whether a pack has an object that nothing needs, and for as long as the file."""
    links = stock.links
    if number >= links.loose_base:
        return False
    pack = stock.inventory.packs[links.pack_place(number)]
    return not pack.is_cruft and pack.mtime_ms >= entry.mtime_ms


def _describe(stock: Stock, plan: Plan) -> Collected:
    links = stock.links
    packs = stock.inventory.packs
    copied = sum(len(packs[place].view.ordinals_of(section)) for place, section in plan.copied)
    places = stock.inventory.cruft_places if plan.cruft is None else []
    kept_cruft = sum(packs[place].view.index.object_count for place in places)
    return Collected(
        packs_before=len(packs),
        packs_folded=len(plan.folded),
        written_count=plan.fresh.count(1),
        copied_count=copied,
        cruft_count=kept_cruft if plan.cruft is None else len(plan.cruft),
        expired_count=len(plan.expired),
        loose_count=plan.fresh.count(1, links.loose_base),
    )


def index_packs(repository: Repository) -> int:
    """Give each pack without an index one, durably; return how many got one.

    Raises:
        DataError: Such a pack is damaged.
        StorageError: The index cannot be written.
    """
    pack_dir = repository.root / PACK_NAME
    count = 0
    for name, suffixes in list_pack_files(pack_dir).items():
        if ".pack" not in suffixes or ".idx" in suffixes:
            continue
        with PackFile(pack_dir / f"{name}.pack") as file:
            built = build_index(file, find_facts=repository.objects.find_facts)
        with TemporaryFile(repository.root / TMP_NAME, "idx", 0o444) as temporary:
            temporary.write(built.encode())
            temporary.sync()
            temporary.replace(pack_dir / f"{name}.idx")
        fsync_dir(pack_dir)
        count += 1
    if count:
        repository.objects.refresh()
    return count
