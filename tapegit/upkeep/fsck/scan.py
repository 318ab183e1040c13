"""Reading every object of a store, in shares that several processes work on.

Rules:

- A share changes nothing and returns numbers and texts, so it may run in a forked child.
- Each frame is decompressed once: hash, form and links of its objects are checked while it is
  at hand. Ids that records refer to by number are taken from the index, so damage to one
  object does not spread to those that name it.
- What is wrong never stops the rest; what a damaged frame still gives is noted, so that the
  report says what salvage would get.

Source: tapesmaintenance(7), "Fsck"; tapesformat-pack(5), "Checking".
"""

from __future__ import annotations

import os
from array import array
from typing import TYPE_CHECKING, Final, NamedTuple

from tapegit.errors import DataError, StorageError, TapesError
from tapegit.formats.pack import KINDS_BY_NUMBER
from tapegit.objects.kind import KIND_NUMBERS, Kind
from tapegit.objects.oid import ObjectId, hash_framed
from tapegit.store.pack_file import PackFile, PackGoneError
from tapegit.upkeep.fsck.objectcheck import (
    FrameDamage,
    LinkBlock,
    LooseDamage,
    ObjectChecker,
    ScanResult,
)
from tapegit.upkeep.fsck.packcheck import describe
from tapegit.upkeep.fsck.packrecords import RecordJoiner, decode_records, salvage_records
from tapegit.upkeep.fsck.parallel import map_parts
from tapegit.upkeep.fsck.ropecheck import RopeChecker

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tapegit.objects.kind import Object
    from tapegit.store.loose import LooseSource
    from tapegit.upkeep.fsck.packcheck import CheckedPack
    from tapegit.upkeep.fsck.storemap import StoreMap

    Records = Sequence[bytes | None]
    OnProgress = Callable[[str, int], None]

# What it takes to check an object and its bytes, in microseconds, measured; for fair shares.
_COSTS_US: Final = {Kind.BLOB: 1.0, Kind.ROPE: 60.0, Kind.TURN: 9.0, Kind.TAG: 9.0}
_COST_PER_BYTE_US: Final = 0.002
_COST_LOOSE_US: Final = 60.0


class Share(NamedTuple):
    """What one process reads: frames as (place of the pack, number), and places of loose ones."""

    frames: list[tuple[int, int]]
    loose: range


def divide(store: StoreMap, *, jobs: int, full: bool) -> list[Share]:
    """Return the work on a store in shares that take about the same time each.

    Args:
        store: The store.
        jobs: How many shares.
        full: Whether frames of blobs are read as well.
    """
    costs: list[tuple[float, int, int]] = []
    for place, pack in enumerate(store.packs):
        index = pack.index
        if pack.is_unreadable:
            continue
        for frame, number in enumerate(index.frame_kind_numbers):
            kind = KINDS_BY_NUMBER[number]
            if full or kind is not Kind.BLOB:
                cost = _COSTS_US[kind] * index.record_count(frame)
                cost += _COST_PER_BYTE_US * index.frame_content_sizes[frame]
                costs.append((cost, place, frame))
    loose = len(store.loose)
    shares = [Share([], range(loose * n // jobs, loose * (n + 1) // jobs)) for n in range(jobs)]
    totals = [_COST_LOOSE_US * len(share.loose) for share in shares]
    for cost, place, frame in sorted(costs, reverse=True):
        least = totals.index(min(totals))
        totals[least] += cost
        shares[least].frames.append((place, frame))
    return shares


def scan_store(scanner: Scanner, store: StoreMap, *, jobs: int, full: bool) -> list[ScanResult]:
    """Return what all shares of a store gave."""
    return map_parts(scanner.scan, divide(store, jobs=jobs, full=full), jobs=jobs)


class Progress:
    """Tells how far a scan has come; only the process that it was made in is heard.

    Args:
        tell: Is told what is being read, and how many more bytes were.
        jobs: How many processes share the work; they are taken to be equally fast.
    """

    def __init__(self, tell: OnProgress, jobs: int) -> None:
        self._tell = tell
        self._jobs = jobs
        self._pid = os.getpid()

    def advance(self, what: str, size_bytes: int) -> None:
        """Note that more bytes were read."""
        if os.getpid() == self._pid:
            self._tell(what, size_bytes * self._jobs)


class Scanner:
    """Reads shares of a store.

    Args:
        store: The store, numbered.
        loose: Its loose objects.
        find: Returns an object from anywhere in the store, verified, or None.
        full: Hash and verify everything; else only what links need is read.
        progress: Is told how far it has come.
    """

    def __init__(
        self,
        store: StoreMap,
        loose: LooseSource,
        find: Callable[[ObjectId], Object | None],
        *,
        full: bool,
        progress: Progress | None = None,
    ) -> None:
        self._progress = progress
        self._store = store
        self._loose = loose
        self._ropes = RopeChecker(find)
        self._is_full = full
        self._result = ScanResult()
        self._checker = ObjectChecker(store, self._ropes, self._result)

    def scan(self, share: Share) -> ScanResult:
        """Read a share and return what was found."""
        self._result = ScanResult()
        self._checker = ObjectChecker(self._store, self._ropes, self._result)
        frames_by_pack: dict[int, list[int]] = {}
        for place, frame in sorted(share.frames):
            frames_by_pack.setdefault(place, []).append(frame)
        for place, frames in frames_by_pack.items():
            try:
                with PackFile(self._store.packs[place].path) as file:
                    self._scan_pack(place, frames, file)
            except PackGoneError:
                self._result.gone_packs.append(place)
        self._scan_loose(share.loose)
        return self._result

    def _scan_pack(self, place: int, frames: list[int], file: PackFile) -> None:
        pack, base = self._store.packs[place], self._store.bases[place]
        joiner: RecordJoiner | None = None
        for frame in frames:
            section = pack.index.frame_sections[frame]
            if joiner is None or joiner.number != section:
                joiner = RecordJoiner(pack, base, section, file)
            records, error = read_records(pack, frame, file)
            wrong = self._check_frame(joiner, frame, records)
            if error is not None:
                what = describe(error, pack.path)
                self._result.damage.append(FrameDamage(place, frame, len(records), what))
                self._note_damaged(joiner, frame, len(records), wrong)
            elif wrong:
                what = "its bytes are not of the ids that the index states"
                self._result.damage.append(FrameDamage(place, frame, len(wrong), what))
            self._result.lost.extend(wrong)
            if self._progress is not None:
                self._progress.advance(pack.path.name, pack.index.frame_content_sizes[frame])

    def _note_damaged(self, joiner: RecordJoiner, frame: int, count: int, lost: list[int]) -> None:
        """Note the objects of a damaged frame that salvage gets."""
        start = joiner.base + joiner.pack.index.frame_first_ordinals[frame]
        gone = set(lost)
        numbers = range(start, start + count)
        self._result.damaged.extend([number for number in numbers if number not in gone])

    def _check_frame(self, joiner: RecordJoiner, frame: int, records: Records) -> list[int]:
        """Check what there is of the records of a frame; return the numbers of the wrong ones."""
        index = joiner.pack.index
        kind = KINDS_BY_NUMBER[index.frame_kind_numbers[frame]]
        first = index.frame_first_ordinals[frame]
        if kind is Kind.BLOB:
            return _find_wrong_blobs(joiner, first, records)
        check = self._checker.check_packed if self._is_full else self._checker.follow_mentions
        if kind is Kind.TAG:
            check = self._checker.check_packed
        wrong: list[int] = []
        block = LinkBlock(joiner.base + first, array("I"), array("I"))
        for ordinal, record in enumerate(records, first):
            if record is None or not check(joiner, kind, ordinal, record, block.targets):
                wrong.append(joiner.base + ordinal)
                if kind is Kind.TURN:
                    self._checker.follow_facts(joiner, ordinal, block.targets)
            block.ends.append(len(block.targets))
        self._result.blocks.append(block)
        return wrong

    def _scan_loose(self, places: range) -> None:
        for place in places:
            oid = self._store.loose[place].oid
            try:
                found = self._loose.find(oid)
            except TapesError as error:
                what = describe(error, self._loose.path_of(oid))
                is_known = not isinstance(error, StorageError)
                self._result.loose_damage.append(LooseDamage(place, what, is_known))
                continue
            if found is None:
                self._result.loose_gone.append(place)
                continue
            self._result.loose_kinds.append((place, KIND_NUMBERS[found.kind]))
            if found.kind is not Kind.BLOB:
                number = self._store.loose_base + place
                block = LinkBlock(number, array("I"), array("I"))
                self._checker.check_loose(number, oid, found, block.targets)
                block.ends.append(len(block.targets))
                self._result.blocks.append(block)


def _find_wrong_blobs(joiner: RecordJoiner, first: int, records: Records) -> list[int]:
    index = joiner.pack.index
    positions = index.positions[first : first + len(records)].tolist()
    return [
        number
        for number, oid, data in zip(
            range(joiner.base + first, joiner.base + first + len(records)),
            map(index.id_at, positions),
            records,
            strict=True,
        )
        if data is None or hash_framed(b"blob %d\0" % len(data), data) != oid
    ]


def read_records(
    pack: CheckedPack, frame: int, file: PackFile
) -> tuple[Records, TapesError | None]:
    """Return the records of a frame, and where it is damaged why, with None for what is gone."""
    index = pack.index
    count = index.record_count(frame)
    try:
        packed = pack.read_frame(file, frame)
    except (DataError, StorageError) as error:
        return [None] * count, error
    size = index.frame_content_sizes[frame]
    try:
        return decode_records(packed, count, size, where=pack.path), None
    except DataError as error:
        return salvage_records(packed, count, size, where=pack.path), error
