"""What a store has and which of it is needed: the first half of every gc.

Rules:

- Roots are read before the files: what a root needs was durable before the root moved, so it is
  in the files that are read afterwards. What comes to be needed later is `mark_since`'s to find.
- Something needed that is not in the files may be in the trash; then it is put back and the
  store is looked at again. If it is nowhere, that is an error, and nothing is removed.
- Nothing here takes a lock or changes an object.

Source: tapesmaintenance(7), "What gc keeps" and "How gc works", steps 3 and 6.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Final, NamedTuple

from tapegit.errors import ObjectNotFoundError
from tapegit.objects.links import iter_links
from tapegit.objects.oid import ObjectId
from tapegit.upkeep.gc.linkmap import LinkMap
from tapegit.upkeep.gc.packlinks import NONE
from tapegit.upkeep.inventory import Inventory, read_inventory
from tapegit.upkeep.roots import collect_roots

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tapegit.repository.repository import Repository
    from tapegit.upkeep.roots import Root

_ATTEMPTS: Final = 4


class Stock(NamedTuple):
    """A store at one moment.

    Attributes:
        inventory: Its files.
        links: Its objects by number.
        roots: What was read as roots.
        marks: The set of what the roots and the packs with a `.keep` file need.
    """

    inventory: Inventory
    links: LinkMap
    roots: list[Root]
    marks: bytearray

    def tips(self) -> list[int]:
        """Return the numbers of the roots."""
        return [self.links.find(root.oid) for root in self.roots]


def take_stock(repository: Repository) -> Stock:
    """Return what a store has and what of it is needed.

    Raises:
        ObjectNotFoundError: Something needed is missing; fields oid, needed_by.
        DataError: A root, an index or an object on the way is damaged.
        StorageError: Something cannot be read.
    """
    for attempt in range(_ATTEMPTS):
        roots = collect_roots(repository.refs)
        inventory = read_inventory(repository.root, repository.objects.loose)
        views = [pack.view for pack in inventory.packs]
        beyond = repository.objects.list_beyond()
        links = LinkMap(views, inventory.loose, repository.objects.loose, beyond)
        try:
            return Stock(inventory, links, roots, _mark(links, inventory, roots))
        except ObjectNotFoundError as error:
            oid = error.fields["oid"]
            assert isinstance(oid, ObjectId), "the error of a missing object names it"
            if attempt == _ATTEMPTS - 1 or not _restore(repository, links, oid):
                raise
    raise AssertionError("the last attempt returns or raises")


def _mark(links: LinkMap, inventory: Inventory, roots: Iterable[Root]) -> bytearray:
    marks = links.new_marks()
    tips = []
    for root in roots:
        number = links.find(root.oid)
        if number == NONE:
            raise ObjectNotFoundError(
                f"no object '{root.oid}', which '{root.where}' needs",
                hint="run 'tapes fsck' to see what else is missing",
                oid=root.oid,
                needed_by=root.where,
            )
        tips.append(number)
    links.mark(tips, marks)
    for place, pack in enumerate(inventory.packs):
        if pack.is_kept:
            numbers = range(links.bases[place], links.bases[place + 1])
            links.mark(map(links.first_of, numbers), marks, lenient=True)
    return marks


def _restore(repository: Repository, links: LinkMap, oid: ObjectId) -> bool:
    """Let a lookup bring an object, and what it needs, back from the trash; say if it could."""
    objects = repository.objects
    objects.refresh()
    is_found = objects.find(oid) is not None
    seen: set[ObjectId] = set()
    stack = [oid] if is_found else []
    while stack:
        wanted = stack.pop()
        if wanted in seen or links.find(wanted) != NONE:
            continue
        seen.add(wanted)
        if found := objects.find(wanted):
            stack.extend(link.oid for link in iter_links(found.kind, found.data))
    return is_found


def mark_since(stock: Stock, repository: Repository) -> list[int]:
    """Mark what has come to be needed since the stock was taken; return the numbers of it.

    Only roots that are new are walked, and only as far as what was marked before.

    Raises:
        ObjectNotFoundError: Something needed is missing.
        DataError: A root or an object on the way is damaged.
    """
    known = {root.oid for root in stock.roots}
    fresh = [root for root in collect_roots(repository.refs) if root.oid not in known]
    if not fresh:
        return []
    objects, links, marks = repository.objects, stock.links, stock.marks
    objects.refresh()
    newly: list[int] = []
    beyond = objects.list_beyond()
    outside: set[ObjectId] = set()
    stack = [(root.oid, root.where) for root in fresh]
    while stack:
        oid, needed_by = stack.pop()
        number = links.find(oid)
        if number != NONE:
            stack.extend(_mark_more(links, [number], marks, newly))
        elif oid not in outside:
            outside.add(oid)
            found = objects.find(oid)
            if found is None and oid in beyond:
                continue
            if found is None:
                raise ObjectNotFoundError(
                    f"no object '{oid}', which '{needed_by}' needs", oid=oid, needed_by=needed_by
                )
            stack.extend((link.oid, str(oid)) for link in iter_links(found.kind, found.data))
    return newly


def _mark_more(
    links: LinkMap, stack: list[int], marks: bytearray, newly: list[int]
) -> Iterator[tuple[ObjectId, str]]:
    """Mark objects and what they need; yield what of it was not there when stock was taken."""
    while stack:
        number = stack.pop()
        if marks[number]:
            continue
        marks[number] = 1
        newly.append(number)
        stack.extend([n for n in links.links_of(number) if n != NONE and not marks[n]])
        for missing in links.missing_of(number):
            if links.is_needed(number, missing.oid):
                yield missing.oid, str(links.oid_of(number))


def find_times(stock: Stock) -> array[int]:
    """Return when each unmarked object was last wanted, in ms, by its first number; else 0.

    Of several copies the youngest counts.
    """
    links, marks = stock.links, stock.marks
    times = array("q", bytes(8 * links.count))
    for place, pack in enumerate(stock.inventory.packs):
        base, after = links.bases[place], links.bases[place + 1]
        for number in iter_unset(marks, base, after):
            own = pack.mtime_ms if pack.cruft_times is None else pack.cruft_times[number - base]
            first = links.first_of(number)
            times[first] = max(times[first], own)
    for number in iter_unset(marks, links.loose_base, links.count):
        first = links.first_of(number)
        mtime_ms = stock.inventory.loose[number - links.loose_base].mtime_ms
        times[first] = max(times[first], mtime_ms)
    return times


def mark_young(stock: Stock, times: array[int], expire_ms: int | None) -> bytearray:
    """Return the set of what must not be removed: marked, young, or needed by what is young.

    Args:
        stock: The store.
        times: From `find_times`.
        expire_ms: What is not older than this is young; None: everything is.
    """
    links = stock.links
    kept = bytearray(stock.marks)
    young = [
        number
        for number in iter_unset(stock.marks, 0, links.count)
        if links.first_of(number) == number and (expire_ms is None or times[number] >= expire_ms)
    ]
    links.mark(young, kept, lenient=True)
    return kept


def iter_unset(marks: bytearray, start: int, after: int) -> Iterator[int]:
    """Yield the numbers from `start` that are not in a set, ascending."""
    number = marks.find(0, start, after)
    while number >= 0:
        yield number
        number = marks.find(0, number + 1, after)
