"""What a run of gc will do, decided before anything is written.

Rules: a pack with a `.keep` file is never touched; no object is written that is in a pack which
stays; a section is copied as it is only if it is needed as a whole and as large and as tightly
packed as a new one would be.

Source: tapesmaintenance(7), "How gc works", step 4.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Final, NamedTuple

from tapegit.formats.pack import KINDS_BY_NUMBER
from tapegit.objects.kind import Kind
from tapegit.upkeep.gc.geometry import FACTOR, count_to_fold
from tapegit.upkeep.gc.stock import find_times, iter_unset, mark_young

if TYPE_CHECKING:
    from array import array

    from tapegit.upkeep.gc.stock import Stock
    from tapegit.upkeep.packview import PackView

AUTO_DEAD_SHARE: Final = 5
"""An automatic run folds a pack for what is to be removed when that is one in so many."""

_SECTION_BLOB_BYTES_MIN: Final = 96 << 20
_SECTION_TURN_BYTES_MIN: Final = 12 << 20
_SECTION_OBJECT_COUNT_MIN: Final = 3 << 16
_LARGE_FRAME_BYTES_MIN: Final = 8 << 20


class Fold(Enum):
    """Which packs go into the new one."""

    NONE = "none"
    GEOMETRIC = "geometric"
    ALL = "all"


class Wish(NamedTuple):
    """What a run was asked for.

    Attributes:
        fold: Which packs to fold.
        factor: How much larger each pack must be than all smaller ones.
        expire_ms: Unreachable objects last wanted before this go; None: none do.
        is_auto: Fold a pack for what is to be removed only if that is much.
        is_cruft_touched: Whether unreachable objects move to the cruft pack.
        is_forced: Write everything anew, copy no section.
    """

    fold: Fold = Fold.GEOMETRIC
    factor: int = FACTOR
    expire_ms: int | None = None
    is_auto: bool = False
    is_cruft_touched: bool = True
    is_forced: bool = False


class Plan(NamedTuple):
    """What a run will do; objects are numbers of the stock's `LinkMap`.

    Attributes:
        folded: The places of the packs that go.
        fresh: The set of objects to write into the new pack.
        copied: The sections to copy into it, as (place of the pack, section).
        cruft: What goes into the new cruft pack; None where the cruft packs stay as they are.
        times: When each unmarked object was last wanted, in ms.
        expired: The set of what is removed for good: no pack will have it.
        estimated_bytes: How large the new pack is at most, as far as sizes tell.
    """

    folded: list[int]
    fresh: bytearray
    copied: list[tuple[int, int]]
    cruft: list[int] | None
    times: array[int]
    expired: list[int]
    estimated_bytes: int

    @property
    def writes_pack(self) -> bool:
        """Whether there is anything for the new pack."""
        return bool(self.copied) or 1 in self.fresh


def make_plan(stock: Stock, wish: Wish) -> Plan:
    """Return what a run will do.

    Raises:
        DataError: A young loose object is damaged beyond its links.
    """
    times = find_times(stock)
    kept = mark_young(stock, times, wish.expire_ms)
    folded, fresh_bytes = _choose_packs(stock, kept, wish)
    settled = _find_settled(stock, folded)
    links, marks = stock.links, stock.marks
    fresh = bytearray(links.count)
    _set_difference(fresh, marks, settled)
    copied = [] if wish.is_forced else _choose_sections(stock, folded, fresh)
    if fresh.find(1) < 0 and copied and len(folded) == 1 and not wish.is_forced:
        folded, copied = [], []
    cruft: list[int] | None = None
    expired: list[int] = []
    if wish.is_cruft_touched:
        cruft = []
        for number in iter_unset(marks, 0, links.count):
            if links.first_of(number) != number or settled[number]:
                continue
            if not kept[number]:
                expired.append(number)
            elif number < links.loose_base or links.find_kind(number) is not None:
                # A damaged file nobody needs is left to itself until it is too old.
                cruft.append(number)
        if _is_cruft_same(stock, cruft, times):
            cruft = None
    return Plan(folded, fresh, copied, cruft, times, expired, fresh_bytes)


def _choose_packs(stock: Stock, kept: bytearray, wish: Wish) -> tuple[list[int], int]:
    """Return the packs to fold, and the size of all that goes into the new one."""
    links = stock.links
    loose_bytes = sum(
        stock.inventory.loose[number - links.loose_base].size_bytes
        for number in range(links.loose_base, links.count)
        if stock.marks[number]
    )
    usual = [
        (pack.view.size_bytes, place)
        for place, pack in enumerate(stock.inventory.packs)
        if not pack.is_kept and not pack.is_cruft
    ]
    if wish.fold is Fold.NONE:
        return [], loose_bytes
    if wish.fold is Fold.ALL:
        total = loose_bytes + sum(size for size, _ in usual)
        is_done = len(usual) == 1 and not loose_bytes and not wish.is_forced
        dead = _count_dead(stock, kept, usual[0][1]) if is_done else 0
        return ([] if is_done and not dead else [place for _, place in usual]), total
    spoilt = [pair for pair in usual if _is_spoilt(stock, kept, pair[1], wish)]
    rest = sorted(pair for pair in usual if pair not in spoilt)
    fresh_bytes = loose_bytes + sum(size for size, _ in spoilt)
    count = count_to_fold([size for size, _ in rest], fresh_bytes=fresh_bytes, factor=wish.factor)
    chosen = spoilt + rest[:count]
    return [place for _, place in chosen], loose_bytes + sum(size for size, _ in chosen)


def _is_spoilt(stock: Stock, kept: bytearray, place: int, wish: Wish) -> bool:
    """Return whether a pack holds so much to be removed that it is folded for that."""
    dead = _count_dead(stock, kept, place)
    if not wish.is_auto:
        return dead > 0
    return dead * AUTO_DEAD_SHARE >= stock.inventory.packs[place].view.index.object_count


def _count_dead(stock: Stock, kept: bytearray, place: int) -> int:
    links = stock.links
    numbers = iter_unset(kept, links.bases[place], links.bases[place + 1])
    return sum(not kept[links.first_of(number)] for number in numbers)


def _find_settled(stock: Stock, folded: list[int]) -> bytearray:
    """Return the set of objects that are in a pack which stays."""
    links = stock.links
    settled = links.new_marks()
    for place, pack in enumerate(stock.inventory.packs):
        if place in folded or (pack.is_cruft and not pack.is_kept):
            continue
        base, after = links.bases[place], links.bases[place + 1]
        if links.canonical is None:
            settled[base:after] = b"\1" * (after - base)
        else:
            for number in links.canonical[base:after]:
                settled[number] = 1
    return settled


def _set_difference(target: bytearray, left: bytearray, right: bytearray) -> None:
    """Put into an empty set what is in the one and not in the other."""
    size = len(target)
    both = int.from_bytes(left, "little") & ~int.from_bytes(right, "little")
    target[:] = both.to_bytes(size, "little") if size else b""


def _choose_sections(stock: Stock, folded: list[int], fresh: bytearray) -> list[tuple[int, int]]:
    """Return the sections to copy as they are, and take their objects out of `fresh`."""
    links = stock.links
    chosen: list[tuple[int, int]] = []
    for place in folded:
        view, base = stock.inventory.packs[place].view, links.bases[place]
        for section in range(view.section_count):
            ordinals = view.ordinals_of(section)
            start, after = base + ordinals.start, base + ordinals.stop
            is_whole = fresh.count(1, start, after) == after - start
            if is_whole and _is_full(view, section):
                fresh[start:after] = bytes(after - start)
                chosen.append((place, section))
    return chosen


def _is_full(view: PackView, section: int) -> bool:
    """Return whether a new section with the same objects would not be tighter."""
    index = view.index
    blob_bytes = blob_frames = turn_bytes = 0
    for frame in view.frames_of(section):
        kind = KINDS_BY_NUMBER[index.frame_kind_numbers[frame]]
        if kind is Kind.BLOB:
            blob_bytes += index.frame_content_sizes[frame]
            blob_frames += 1
        elif kind is Kind.TURN:
            turn_bytes += index.frame_compressed_sizes[frame]
    is_full = (
        blob_bytes >= _SECTION_BLOB_BYTES_MIN
        or turn_bytes >= _SECTION_TURN_BYTES_MIN
        or len(view.ordinals_of(section)) >= _SECTION_OBJECT_COUNT_MIN
    )
    # The last blob frame of a section is as small as it happens to be.
    return is_full and blob_bytes >= (blob_frames - 1) * _LARGE_FRAME_BYTES_MIN


def _is_cruft_same(stock: Stock, cruft: list[int], times: array[int]) -> bool:
    """Return whether the cruft packs hold just what they should, with its times."""
    places = stock.inventory.cruft_places
    if not cruft:
        return not places
    if len(places) != 1:
        return False
    base, after = stock.links.bases[places[0]], stock.links.bases[places[0] + 1]
    known = stock.inventory.packs[places[0]].cruft_times
    assert known is not None, "a cruft pack has times"
    return len(cruft) == after - base and all(
        base <= number < after and known[number - base] == times[number] for number in cruft
    )
