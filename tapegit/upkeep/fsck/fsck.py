"""fsck: every root, every link, every object, and with `full` every byte.

Rules:

- Nothing is changed and no lock is taken, so it runs beside recorders and gc. Refs are read
  before objects are listed, for objects are there before a ref names them; a pack that gc
  moved away meanwhile means to look again; whatever seems to be missing is asked for once
  more before it is called so.
- One finding never hides another one: what cannot be read is reported and passed over.
- Memory is a few numbers for each object, and one frame for each process.

Source: tapesmaintenance(7), "Fsck".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from tapegit.errors import ConfigError, DataError, StorageError, TapesError, UnsafePathError
from tapegit.formats.pack import KINDS_BY_NUMBER
from tapegit.objects.oid import ObjectId
from tapegit.repository.layout import SHALLOW_NAME, TOMBSTONES_NAME
from tapegit.repository.tombstones import read_tombstones
from tapegit.store.loose import LooseEntry
from tapegit.upkeep.fsck.findings import (
    BROKEN_LINK,
    CORRUPT,
    DAMAGED,
    DANGLING,
    ERROR,
    LOST,
    MISSING,
    REF,
    REFLOG,
    UNREACHABLE,
    Finding,
)
from tapegit.upkeep.fsck.linktable import LinkTable, find_losers
from tapegit.upkeep.fsck.packcheck import describe
from tapegit.upkeep.fsck.packfolder import open_packs
from tapegit.upkeep.fsck.parallel import count_jobs
from tapegit.upkeep.fsck.refcheck import RefCheck
from tapegit.upkeep.fsck.scan import Progress, Scanner, scan_store
from tapegit.upkeep.fsck.scanlinks import kinds_of
from tapegit.upkeep.fsck.storemap import NONE, StoreMap

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tapegit.objects.kind import Kind
    from tapegit.repository.repository import Repository
    from tapegit.upkeep.fsck.objectcheck import ScanResult
    from tapegit.upkeep.fsck.refcheck import RefRoot
    from tapegit.upkeep.fsck.scan import OnProgress

_ATTEMPTS: Final = 5
_JOBS_FROM_COUNT: Final = 5000
"""With fewer objects a second process costs more than it saves."""
_REFS_LOOKED_AT: Final = 200


class FsckOptions(NamedTuple):
    """What to check and what to report.

    `full` reads and verifies every byte of packs; `reflogs` lets what only reflogs name count
    as needed; `dangling` and `unreachable` report what nothing needs.
    """

    full: bool = False
    reflogs: bool = True
    dangling: bool = True
    unreachable: bool = False
    jobs: int | None = None


class FsckReport(NamedTuple):
    """What was found, worst first.

    Attributes:
        findings: One for each line of the report.
        damaged_packs: Names of packs, `pack-<checksum>`, where the pack file is damaged.
        broken_indexes: Names of packs whose index is missing or damaged.
        damaged_loose: Paths in the store of loose objects that are damaged.
        object_count: How many objects were looked at, each once.
    """

    findings: list[Finding]
    damaged_packs: list[str]
    broken_indexes: list[str]
    damaged_loose: list[str]
    object_count: int


class _ChangedError(Exception):
    """A pack went away under the check: look at the folders again."""


def check_store(
    repository: Repository, options: FsckOptions, *, on_progress: OnProgress | None = None
) -> FsckReport:
    """Check a store.

    Args:
        repository: The store.
        options: What to check.
        on_progress: Is told what is being read, and how many more bytes of the store were.

    Raises:
        StorageError: Packs kept changing, or the system refused to list them.
    """
    for _ in range(_ATTEMPTS):
        try:
            return _Fsck(repository, options, on_progress).run()
        except _ChangedError:
            repository.objects.refresh()
    raise StorageError(
        "cannot check the store: its packs change faster than they can be read",
        hint="try again when gc has ended",
    )


class _Fsck:
    def __init__(
        self, repository: Repository, options: FsckOptions, on_progress: OnProgress | None
    ) -> None:
        self._repository = repository
        self._options = options
        self._on_progress = on_progress
        self._refs = RefCheck(repository.refs)
        self._findings: list[Finding] = []
        self._confirmed: dict[bytes, bool] = {}

    def run(self) -> FsckReport:
        self._check_config()
        self._check_tombstones()
        self._refs.read(reflogs=self._options.reflogs)
        folder = open_packs(self._repository, full=self._options.full)
        self._findings += folder.findings
        self.store = StoreMap(folder.packs, self._list_loose())
        results = self._scan()
        for result in results:
            for place, number in result.loose_kinds:
                self.store.loose_kinds[place] = number
        links = LinkTable(self.store, (block for result in results for block in result.blocks))
        tips = list(self._find_tips())
        marks = links.mark(number for _, number in tips)
        self._report_errors(results)
        lost = self._report_damage(results)
        self._report_lost(lost, links, tips)
        self._report_links(results, marks)
        self._check_peeled()
        self._findings += self._refs.findings
        self._report_unneeded(links, marks)
        damaged = {self.store.packs[d.place].name for result in results for d in result.damage}
        damaged.update(pack.name for pack in folder.packs if pack.is_damaged)
        return FsckReport(
            self._findings,
            sorted(damaged | set(folder.unusable)),
            folder.broken_indexes + sorted(self._wrong_indexes(results)),
            [
                self._loose_path(damage.place)
                for result in results
                for damage in result.loose_damage
                if damage.is_known
            ],
            self.store.count - len(self.store.firsts),
        )

    def _check_config(self) -> None:
        try:
            _ = self._repository.config
        except ConfigError as error:
            self._findings.append(Finding(CORRUPT, str(error), where="config"))

    def _check_tombstones(self) -> None:
        try:
            read_tombstones(self._repository.root)
        except (DataError, StorageError, UnsafePathError) as error:
            self._findings.append(Finding(CORRUPT, str(error), where=TOMBSTONES_NAME))

    def _list_loose(self) -> list[LooseEntry]:
        root = self._repository.root

        def note(folder: str, error: TapesError) -> None:
            where = f"objects/{folder}"
            self._findings.append(Finding(CORRUPT, describe(error, root / where), where=where))

        loose = self._repository.objects.loose
        return [LooseEntry(oid, 0, 0) for oid in loose.iter_oids(on_broken=note)]

    def _scan(self) -> list[ScanResult]:
        objects, full = self._repository.objects, self._options.full
        jobs = self._options.jobs or count_jobs()
        if self.store.count < _JOBS_FROM_COUNT:
            jobs = 1
        progress = None if self._on_progress is None else Progress(self._on_progress, jobs)
        scanner = Scanner(self.store, objects.loose, objects.find, full=full, progress=progress)
        results = scan_store(scanner, self.store, jobs=jobs, full=full)
        if any(result.gone_packs for result in results):
            raise _ChangedError
        return results

    def _find_tips(self) -> Iterator[tuple[str, int]]:
        """Yield each root that is there, and report those that are not."""
        for root in self._refs.roots:
            number = self.store.find(root.oid)
            if number != NONE:
                yield root.name, number
            elif not self._is_there(root.oid):
                self._report_root(root)

    def _check_peeled(self) -> None:
        for name, oid, peeled in self._refs.peeled:
            try:
                end = self._repository.peel_tag(oid)
            except TapesError:
                continue  # the tag has its own finding
            if end is not None and end != peeled:
                what = f"packed-refs says that it ends at {peeled}, not {end}"
                self._refs.findings.append(Finding(REF, what, where=name, oid=oid))

    def _report_root(self, root: RefRoot) -> None:
        label = REFLOG if root.in_reflog else REF
        self._refs.findings.append(
            Finding(label, f"its object {root.oid} is missing", where=root.name, oid=root.oid)
        )

    def _is_there(self, oid: bytes) -> bool:
        """Return whether an object that the map lacks is in the store after all."""
        known = self._confirmed.get(oid)
        if known is None:
            try:
                known = self._repository.objects.contains(ObjectId(oid))
            except TapesError:
                known = False
            self._confirmed[oid] = known
        return known

    def _kind_of(self, number: int) -> Kind | None:
        return KINDS_BY_NUMBER.get(self.store.kind_number_of(number))

    def _report_errors(self, results: Iterable[ScanResult]) -> None:
        seen: set[tuple[int, str]] = set()
        for result in results:
            for number, what in result.errors:
                first = self.store.first_of(number)
                if (first, what) not in seen:
                    seen.add((first, what))
                    oid = self.store.oid_of(number)
                    self._findings.append(Finding(ERROR, what, self._kind_of(number), oid))
        for name in sorted(self._wrong_indexes(results)):
            what = "it states other facts of turns than its pack"
            path = f"objects/pack/{name}.idx"
            self._findings.append(Finding(CORRUPT, what, where=path, in_pack=True))

    def _wrong_indexes(self, results: Iterable[ScanResult]) -> set[str]:
        return {
            self.store.packs[self.store.pack_place(number)].name
            for result in results
            for number in result.wrong_facts
        }

    def _report_damage(self, results: Iterable[ScanResult]) -> dict[int, bool]:
        """Report damaged frames and files; return the numbers concerned, true where lost."""
        bad: dict[int, bool] = {}
        for result in results:
            for damage in sorted(result.damage):
                pack = self.store.packs[damage.place]
                start = pack.index.frame_offsets[damage.frame]
                count = damage.object_count
                what = f"frame {damage.frame} at byte {start}: {damage.what} ({count} objects)"
                where = f"objects/pack/{pack.name}.pack"
                self._findings.append(Finding(CORRUPT, what, where=where, in_pack=True))
            for place, what, is_known in result.loose_damage:
                self._findings.append(Finding(CORRUPT, what, where=self._loose_path(place)))
                if is_known:
                    bad[self.store.loose_base + place] = True
            bad.update(dict.fromkeys(result.damaged, False))
            bad.update(dict.fromkeys(result.lost, True))
        return bad

    def _loose_path(self, place: int) -> str:
        name = self.store.loose[place].oid.hex()
        return f"objects/{name[:2]}/{name[2:]}"

    def _report_lost(
        self, bad: dict[int, bool], links: LinkTable, tips: list[tuple[str, int]]
    ) -> None:
        """Report the objects of which no good copy is in the store."""
        worst: dict[int, bool] = {}
        for number, is_lost in bad.items():
            first = self.store.first_of(number)
            others = [n for n in self.store.copies_of(first) if n not in bad]
            if not others:
                worst[first] = worst.get(first, True) and is_lost
        lost = [number for number, is_lost in worst.items() if is_lost]
        needed_by = find_losers(links, tips, lost, count_max=_REFS_LOOKED_AT)
        for number, is_lost in sorted(worst.items()):
            label = LOST if is_lost else DAMAGED
            oid, kind = self.store.oid_of(number), self._kind_of(number)
            names = tuple(dict.fromkeys(needed_by.get(number, ())))
            self._findings.append(Finding(label, "", kind, oid, needed_by=names))

    def _report_links(self, results: Iterable[ScanResult], marks: bytearray) -> None:
        """Report the links of needed objects that lead nowhere, or to another kind."""
        missing: dict[bytes, Kind | None] = {}
        beyond = self._list_beyond()
        seen: set[tuple[int, bytes]] = set()
        for result in results:
            for wanted in result.wanted:
                if not wanted.bits >> self.store.kind_number_of(wanted.target) & 1:
                    self._report_link(
                        wanted.source, self.store.id_of(wanted.target), wanted.bits, seen
                    )
            for absent in result.absent:
                source = self.store.first_of(absent.source)
                is_cut = absent.oid in beyond
                if marks[source] and not is_cut and not self._is_there(absent.oid):
                    kind = self._report_link(source, absent.oid, absent.bits, seen)
                    missing[absent.oid] = kind
        for oid, kind in missing.items():
            self._findings.append(Finding(MISSING, "", kind, ObjectId(oid)))

    def _list_beyond(self) -> frozenset[bytes]:
        """Return what may be missing because history was cut off; report a damaged list of it."""
        try:
            return self._repository.objects.list_beyond()
        except (DataError, StorageError, UnsafePathError) as error:
            self._findings.append(Finding(CORRUPT, str(error), where=SHALLOW_NAME))
            return frozenset()

    def _report_link(
        self, source: int, oid: bytes, bits: int, seen: set[tuple[int, bytes]]
    ) -> Kind | None:
        kinds = kinds_of(bits)
        kind = kinds[0] if len(kinds) == 1 else None
        source = self.store.first_of(source)
        if (source, oid) not in seen:
            seen.add((source, oid))
            self._findings.append(
                Finding(
                    BROKEN_LINK,
                    "",
                    self._kind_of(source),
                    self.store.oid_of(source),
                    target=ObjectId(oid),
                    target_kind=kind,
                )
            )
        return kind

    def _report_unneeded(self, links: LinkTable, marks: bytearray) -> None:
        options, store = self._options, self.store
        if not (options.dangling or options.unreachable):
            return
        firsts = store.firsts
        unneeded = [n for n in range(store.count) if not marks[n] and n not in firsts]
        needed = links.mark_needed(unneeded)
        for number in unneeded:
            is_dangling = not needed[number]
            if options.unreachable or (options.dangling and is_dangling):
                label = DANGLING if is_dangling and options.dangling else UNREACHABLE
                if options.unreachable:
                    label = UNREACHABLE
                kind = self._kind_of(number)
                if kind is not None:
                    self._findings.append(Finding(label, "", kind, store.oid_of(number)))
