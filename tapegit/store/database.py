"""The objects of a store, wherever they are: packs, loose files, and what gc threw away.

Rules:

- A reader takes no lock. Between looking into the folders and opening a file, gc may have
  moved the object; so a miss looks again, as long as packs come and go, and then in the
  trash, before it is believed.
- One good copy is enough: where one source is damaged the others are asked, and the damage
  is reported only if none of them has the object.
- What is written here is loose and durable; bulk writes go to `PackWriter`.

Source: tapesformat-store(5), "Promises".
"""

from __future__ import annotations

from bisect import bisect_left
from contextlib import closing
from heapq import merge
from itertools import groupby, islice
from typing import TYPE_CHECKING, Final

from tapegit.errors import DataError, ObjectNotFoundError, StorageError, TapesError, UnsafePathError
from tapegit.files.safe_read import read_file
from tapegit.files.trash import Trash
from tapegit.formats.shallow import SIZE_MAX_BYTES, decode_shallow
from tapegit.objects.kind import Kind
from tapegit.objects.turn import decode_links
from tapegit.store.index_file import read_index
from tapegit.store.loose import LooseSource
from tapegit.store.packed import PackedSource
from tapegit.store.read_ahead import iter_ahead
from tapegit.store.source import ObjectHeader

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from tapegit.formats.packindex import PackIndex
    from tapegit.formats.shallow import Cut
    from tapegit.objects.kind import Object
    from tapegit.objects.oid import ObjectId, OidPrefix
    from tapegit.store.loose_batch import LooseBatch
    from tapegit.store.pack_reader import PackReader
    from tapegit.store.source import TurnFacts

ABBREVIATION_LENGTH_MIN: Final = 7
_PACK_FOLDER: Final = "objects/pack"
_SHALLOW_NAME: Final = "shallow"
_LOOK_COUNT_MAX: Final = 8
"""How often packs may come and go while one object is looked for."""
_CHUNK_COUNT_MIN: Final = 128
_CHUNK_COUNT_MAX: Final = 8192
_READY_SIZE_MAX_BYTES: Final = 48 << 20


class ObjectDatabase:
    """Every object of the store whose folder (`.tapes`) is `root`; an `ObjectSource`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.loose = LooseSource(root / "objects", root / "tmp")
        self.packed = PackedSource(root / "objects" / "pack")
        self._trash = Trash(root)
        self._trashed: dict[str, PackIndex | None] = {}
        self._cuts: dict[ObjectId, Cut] | None = None

    @property
    def cuts(self) -> dict[ObjectId, Cut]:
        """The turns that may lack parents, because their history was cut off, and their commits.

        Raises:
            DataError: The list of them is damaged.
            StorageError: It cannot be read.
        """
        if self._cuts is None:
            path = self.root / _SHALLOW_NAME
            try:
                self._cuts = decode_shallow(read_file(path, size_max=SIZE_MAX_BYTES), path)
            except FileNotFoundError:
                self._cuts = {}
        return self._cuts

    def lacks_parents(self, oid: ObjectId) -> bool:
        """Return whether history was cut off before a turn, so that a parent of it is not here.

        Raises:
            DataError: The list of such turns, or the turn, is damaged.
        """
        if oid not in self.cuts:
            return False
        return not all(map(self.contains, decode_links(self.read(oid).data).parents))

    def forget_cuts(self) -> None:
        """Read the list of turns whose history was cut off again when it is next asked for."""
        self._cuts = None

    def list_beyond(self) -> frozenset[ObjectId]:
        """Return the parents of turns that were cut off: each may be missing.

        Raises:
            DataError: The list of such turns, or one of them, is damaged.
            StorageError: It cannot be read.
        """
        found = (self.find(oid) for oid in self.cuts)
        return frozenset(
            parent
            for turn in found
            if turn is not None and turn.kind is Kind.TURN
            for parent in decode_links(turn.data).parents
        )

    @property
    def packs(self) -> list[PackReader]:
        """Every pack that can be opened, by name."""
        return self.packed.packs

    def contains(self, oid: ObjectId) -> bool:
        """Return whether the object is in this store, without reading its data.

        Raises:
            TapesError: It is nowhere, but a pack cannot be opened.
        """
        is_here = self._is_here(oid)
        for _ in range(_LOOK_COUNT_MAX):
            if is_here or not self._look_again():
                break
            is_here = self._is_here(oid)
        if is_here or self._restore(oid):
            return True
        self.packed.raise_broken()
        return False

    def find(self, oid: ObjectId) -> Object | None:
        """Return the object, verified, or None where no source has it.

        Raises:
            DataError: Every copy of the object is damaged, or no copy is found and the index
                of a pack is damaged.
            StorageError: The system refused to read it.
        """
        errors: list[TapesError] = []
        found = self._find_here(oid, errors)
        for _ in range(_LOOK_COUNT_MAX):
            if found is not None or not self._look_again():
                break
            found = self._find_here(oid, errors)
        if found is None and not errors and self._restore(oid):
            found = self._find_here(oid, errors)
        if found is None:
            if errors:
                raise errors[0]
            self.packed.raise_broken()
        return found

    def read(self, oid: ObjectId) -> Object:
        """Return the object, verified.

        Raises:
            ObjectNotFoundError: No source has it.
            DataError: Every copy of the object is damaged.
            StorageError: The system refused to read it.
        """
        found = self.find(oid)
        if found is None:
            raise object_not_found(oid)
        return found

    def find_header(self, oid: ObjectId) -> ObjectHeader | None:
        """Return kind and size, or None; the object is read, for an unverified size lies."""
        found = self.find(oid)
        return None if found is None else ObjectHeader(found.kind, len(found.data))

    def read_header(self, oid: ObjectId) -> ObjectHeader:
        """Return kind and size; raises as `read`."""
        found = self.read(oid)
        return ObjectHeader(found.kind, len(found.data))

    def find_facts(self, oid: ObjectId) -> TurnFacts | None:
        """Return what a pack index knows of a turn, or None where no index knows it."""
        is_here, facts = self.packed.find_facts_opened(oid)
        if is_here or self.loose.contains(oid):
            return facts
        return self.packed.find_facts(oid)

    def trace_leader(self, oid: ObjectId) -> ObjectId:
        """Return the leader of a turn's tape, or the farthest turn towards it that is known.

        Known is what the index of one pack says: a turn that is not packed is returned as it is.
        """
        located = self.packed.locate(oid)
        if located is None:
            return oid
        reader, ordinal = located
        return reader.index.oid_at(reader.index.positions[reader.trace_leader(ordinal)])

    def match_prefix(self, prefix: OidPrefix, *, count_max: int = 2) -> list[ObjectId]:
        """Return up to `count_max` ids that begin with the prefix, ascending.

        Raises:
            TapesError: There is none as far as can be read, but a pack cannot be opened.
        """
        matches = set(self.loose.match_prefix(prefix, count_max=count_max))
        matches.update(self.packed.match_prefix(prefix, count_max=count_max))
        if not matches:
            self.packed.raise_broken()
        return sorted(matches)[:count_max]

    def iter_oids(self) -> Iterator[ObjectId]:
        """Yield every id in this store once, ascending.

        Raises:
            TapesError: A pack cannot be opened; raised after all that can be read.
        """
        # Loose first: what gc moves into a pack meanwhile is then in one of the two.
        loose = list(self.loose.iter_oids())
        for oid, _ in groupby(merge(loose, self.packed.iter_oids())):
            yield oid
        self.packed.raise_broken()

    def read_many(self, oids: Iterable[ObjectId]) -> Iterator[tuple[ObjectId, Object | None]]:
        """Yield each id asked for with its object or None, in the order asked.

        Up to some thousand ids are taken ahead, so that each frame is read once for all that
        are in it; from what is not a list fewer at first. Memory is bounded however many are
        asked for.

        Raises:
            DataError: Every copy of one of them is damaged.
            StorageError: The system refused to read one.
        """
        asked = iter(oids)
        count = _CHUNK_COUNT_MAX if isinstance(oids, list | tuple) else _CHUNK_COUNT_MIN
        while True:
            chunk: list[ObjectId] = []
            try:
                chunk.extend(islice(asked, count))
            except TapesError:
                # Who asks met a hole, say: what was asked for before it is answered first.
                yield from self._read_chunk(chunk)
                raise
            if not chunk:
                return
            yield from self._read_chunk(chunk)
            count = min(2 * count, _CHUNK_COUNT_MAX)

    def abbreviate(self, oid: ObjectId, length_min: int = ABBREVIATION_LENGTH_MIN) -> str:
        """Return the shortest first digits, at least `length_min`, that no other id here shares."""
        length = length_min
        for near in (*self.loose.find_neighbours(oid), *self.packed.find_neighbours(oid)):
            length = max(length, common_length(oid, near) + 1)
        return oid.hex()[:length]

    def write(self, kind: Kind, data: bytes) -> ObjectId:
        """Store an object durably, unless it is here, and return its id.

        Raises:
            FormatError: The data is larger than an object of its kind may be.
            StorageError: It could not be stored.
        """
        with self.begin_batch() as batch:
            oid = batch.write(kind, data)
            batch.commit()
        return oid

    def find_keeper(self, oid: ObjectId) -> str | None:
        """Return what has a good copy of an object and will keep it, or None.

        As a batch looks for it, but nothing is touched: whoever relies on the object without
        naming it by a ref must have a batch freshen it before the gate is left. The same text
        stands for the same pack or file.
        """
        return self.packed.find_keeper(oid) or self.loose.find_keeper(oid)

    def begin_batch(self) -> LooseBatch:
        """Return a batch for the loose objects of one transaction.

        `batch.write(kind, data)` as often as needed, then `batch.commit()`, then the refs.
        """
        self.packed.forget_freshened()
        return self.loose.begin_batch(self.packed)

    def refresh(self) -> None:
        """Look at the folders again: another process added packs or gc moved objects."""
        self._cuts = None
        self.loose.forget_listings()
        self.packed.refresh(is_certain=True)

    def _is_here(self, oid: ObjectId) -> bool:
        return (
            self.packed.locate_opened(oid) is not None
            or self.loose.contains(oid)
            or self.packed.locate(oid) is not None
        )

    def _look_again(self) -> bool:
        """Look at the folders once more after a miss; return whether to try again."""
        self.loose.forget_listings()
        return self.packed.refresh()

    def _find_here(self, oid: ObjectId, errors: list[TapesError]) -> Object | None:
        """Return a good copy from any source, or None; what is damaged is added to `errors`.

        Packs that are open come first, then the loose file, then packs that must be opened.
        """
        found = self.packed.find_opened(oid, errors)
        if found is not None:
            return found
        try:
            found = self.loose.find(oid)
        except (DataError, StorageError, UnsafePathError) as error:
            errors.append(error)
        return found or self.packed.find_waiting(oid, errors)

    def _read_chunk(self, chunk: list[ObjectId]) -> Iterator[tuple[ObjectId, Object | None]]:
        ready = self._read_ahead(chunk)
        if ready is None:
            half = len(chunk) // 2
            yield from self._read_chunk(chunk[:half])
            yield from self._read_chunk(chunk[half:])
            return
        for place, oid in enumerate(chunk):
            found = ready.pop(place, None)
            yield oid, self.find(oid) if found is None else found

    def _read_ahead(self, chunk: list[ObjectId]) -> dict[int, Object] | None:
        """Return, by place in the chunk, what packs have of it, or None where that is too much."""
        located = []
        for place, oid in enumerate(chunk):
            found_at = self.packed.locate_opened(oid)
            if found_at is None and not self._is_loose(oid):
                found_at = self.packed.locate(oid)
            if found_at is not None:
                located.append((found_at[0].number, found_at[1], place, found_at[0]))
        located.sort()
        wanted = [(ordinal, chunk[place]) for _, ordinal, place, _ in located]
        runs = []
        at = 0
        while at < len(located):
            number, _, _, reader = located[at]
            end = bisect_left(located, (number + 1,))
            runs.append(reader.find_run(wanted, at, end))
            at = runs[-1].end
        ready: dict[int, Object] = {}
        size_bytes = 0
        with closing(iter_ahead(runs, self.packed.cache)) as waiting:
            for run, frame in waiting:
                for at, found in run.reader.iter_run(run, wanted, frame):
                    if found is None:
                        continue  # `find` asks the other sources, and reports it if none has it
                    ready[located[at][2]] = found
                    size_bytes += len(found.data)
                    if size_bytes > _READY_SIZE_MAX_BYTES and len(chunk) > 1:
                        return None
        return ready

    def _is_loose(self, oid: ObjectId) -> bool:
        """Return whether there is a loose copy, so that no further pack need be opened for it."""
        try:
            return self.loose.contains(oid)
        except (StorageError, UnsafePathError):
            return False  # a pack may have it all the same

    def _restore(self, oid: ObjectId) -> bool:
        """Move an object that gc threw away back to its place; return whether it was there."""
        name = oid.hex()
        if self._trash.restore(f"objects/{name[:2]}/{name[2:]}"):
            return True
        for _, batch in self._trash.iter_batches():
            for index_path in sorted((batch / _PACK_FOLDER).glob("pack-*.idx")):
                if self._is_trashed_in(index_path, oid):
                    for ending in (".pack", ".idx"):
                        self._trash.restore(f"{_PACK_FOLDER}/{index_path.stem}{ending}")
                    self.packed.refresh(is_certain=True)
                    return True
        return False

    def _is_trashed_in(self, index_path: Path, oid: ObjectId) -> bool:
        key = str(index_path)
        if key not in self._trashed:
            try:
                self._trashed[key] = read_index(index_path)
            except (FileNotFoundError, TapesError):
                self._trashed[key] = None  # nothing can be found by it
        index = self._trashed[key]
        return index is not None and index.find_position(oid) >= 0


def common_length(one: bytes, other: bytes) -> int:
    """Return how many hexadecimal digits two ids have in common at their start."""
    for index, (left, right) in enumerate(zip(one, other, strict=True)):
        if left != right:
            return 2 * index + (left >> 4 == right >> 4)
    return 2 * len(one)


def object_not_found(oid: ObjectId) -> ObjectNotFoundError:
    """Return the error for an object that no source has."""
    return ObjectNotFoundError(
        f"no object '{oid}'", hint="run 'tapes fsck' to see what needs it", oid=oid
    )
