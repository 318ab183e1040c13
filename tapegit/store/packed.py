"""All packs of a folder, as one source.

Rules:

- The folder is listed when something is first looked for, and an index is opened only when
  the packs before it did not have what was asked for: newest first, since what is young is
  asked for most. What is opened stays open.
- An index that cannot be read makes its pack unreadable, no other. It is an error only for
  who finds nothing elsewhere: what is asked for may be in it.
- A pack without index is one whose index is still being written, or was lost. It is looked
  into last: its index is made in memory.
- A pack that is gone when a frame is to be read was folded by gc: the folder is listed again.

Source: tapesformat-pack(5), tapesformat-packindex(5).
"""

from __future__ import annotations

import os
import re
import time
from heapq import merge
from itertools import groupby
from typing import TYPE_CHECKING, Final

from tapegit.errors import DataError, StorageError, TapesError, UnsafePathError
from tapegit.files import syscalls
from tapegit.files.durable import fsync_dir
from tapegit.files.oserrors import storage_error
from tapegit.store.frames import FrameCache
from tapegit.store.index_file import build_index_of, read_index_of
from tapegit.store.pack_file import PackGoneError
from tapegit.store.pack_lookup import PackLookup
from tapegit.store.pack_reader import PackReader
from tapegit.store.source import ObjectHeader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tapegit.formats.packindex import PackIndex
    from tapegit.objects.kind import Object
    from tapegit.objects.oid import ObjectId, OidPrefix
    from tapegit.store.source import TurnFacts

_NAME: Final = re.compile(r"pack-[0-9a-f]{64}\.(?:idx|pack|cruft)", re.ASCII)
_SMALL_OBJECT_COUNT_MAX: Final = 1 << 11
_TRACED_COUNT_MAX: Final = 1 << 14
"""Several times what `ObjectDatabase.read_many` takes ahead."""
_YOUNG_NS: Final = 3600 * 1_000_000_000
"""An index younger than this may have a name that its writer has not synced yet."""
_SETTLED_NS: Final = 2_000_000_000
"""A folder whose time is older than this when listed changes its time with its next change."""


class PackedSource:
    """The packs of a folder; it satisfies `ObjectSource`.

    Attributes:
        cache: The frames read last, of all packs.
    """

    def __init__(self, pack_dir: Path, cache: FrameCache | None = None) -> None:
        self.pack_dir = pack_dir
        self.cache = FrameCache() if cache is None else cache
        self._large: list[PackReader] = []  # opened; the one with the last hit is first
        self._small = PackLookup()  # opened too, and asked together
        self._waiting: list[str] = []  # names of packs to open, the next one last
        self._orphans: list[str] = []  # names of packs without index, the same
        self._packs: dict[str, int] = {}  # each with the time of its index, -1 without one
        self._cruft: set[str] = set()
        self._broken: dict[str, TapesError] = {}
        self._freshened: set[str] = set()
        self._unsynced: set[str] = set()
        self._durable: set[str] = set()
        self._listed_ns = -1
        self._opened_count = 0
        self._traced: dict[ObjectId, tuple[PackReader, int]] = {}

    @property
    def packs(self) -> list[PackReader]:
        """Every pack that can be opened, also those without index, by name."""
        return sorted(self._open_all(), key=lambda reader: reader.path)

    @property
    def broken(self) -> dict[str, TapesError]:
        """Why a pack cannot be opened, by the name of its pack file."""
        self._open_all()
        return dict(self._broken)

    def contains(self, oid: ObjectId) -> bool:
        """Return whether a pack has the object, by its index.

        Raises:
            TapesError: None has it as far as can be read, but one cannot be opened.
        """
        if self.locate(oid) is None:
            self.raise_broken()
            return False
        return True

    def find(self, oid: ObjectId) -> Object | None:
        """Return the object, verified, or None.

        Raises:
            DataError: Every copy is damaged, or none is found and a pack cannot be opened.
            StorageError: The system refused to read it.
        """
        errors: list[TapesError] = []
        found = self.find_opened(oid, errors) or self.find_waiting(oid, errors)
        if found is None:
            if errors:
                raise errors[0]
            self.raise_broken()
        return found

    def find_opened(self, oid: ObjectId, errors: list[TapesError]) -> Object | None:
        """Return the object from a pack that is open, or None; damage is added to `errors`."""
        for reader in (*self._small.candidates(oid), *self._large):
            found = self._read(reader, oid, errors)
            if found is not None:
                if self._large and reader is not self._large[0]:
                    self._prefer(reader)
                return found
        return None

    def find_waiting(self, oid: ObjectId, errors: list[TapesError]) -> Object | None:
        """Return the object from a pack that is not open yet, or None; as `find_opened`."""
        for reader in self._iter_opening():
            found = self._read(reader, oid, errors)
            if found is not None:
                return found
        return None

    def locate_opened(self, oid: ObjectId) -> tuple[PackReader, int] | None:
        """Return an open pack that has the object and its ordinal there, or None."""
        traced = self._traced.get(oid)
        if traced is not None:
            return traced
        for reader in self._small.candidates(oid):
            ordinal = reader.locate(oid)
            if ordinal >= 0:
                return reader, ordinal
        for reader in self._large:
            ordinal = reader.locate(oid)
            if ordinal >= 0:
                if reader is not self._large[0]:
                    self._prefer(reader)
                return reader, ordinal
        return None

    def locate(self, oid: ObjectId) -> tuple[PackReader, int] | None:
        """Return a pack that has the object and its ordinal there, or None."""
        located = self.locate_opened(oid)
        if located is not None:
            return located
        for reader in self._iter_opening():
            ordinal = reader.locate(oid)
            if ordinal >= 0:
                return reader, ordinal
        return None

    def find_header(self, oid: ObjectId) -> ObjectHeader | None:
        """Return kind and size, or None; the object is read, for an unverified size lies."""
        found = self.find(oid)
        return None if found is None else ObjectHeader(found.kind, len(found.data))

    def find_facts(self, oid: ObjectId) -> TurnFacts | None:
        """Return what an index knows of a turn, or None."""
        located = self.locate(oid)
        return None if located is None else located[0].facts_at(located[1])

    def find_facts_opened(self, oid: ObjectId) -> tuple[bool, TurnFacts | None]:
        """Return whether an open pack has the object, and what it knows of a turn."""
        located = self.locate_opened(oid)
        if located is None:
            return False, None
        reader, ordinal = located
        facts = reader.facts_at(ordinal)
        if facts is not None:
            self._trace(oid, located, facts)
        return True, facts

    def _trace(self, oid: ObjectId, located: tuple[PackReader, int], facts: TurnFacts) -> None:
        """Keep where a turn is, and its parent: a walk asks for that next, a log for both again."""
        traced = self._traced
        if len(traced) >= _TRACED_COUNT_MAX:
            traced.clear()
        traced[oid] = located
        if len(facts.parents) == 1:
            reader, ordinal = located
            parent = reader.parent_at(ordinal)
            if parent >= 0:
                traced[facts.parents[0]] = reader, parent

    def match_prefix(self, prefix: OidPrefix, *, count_max: int = 2) -> list[ObjectId]:
        """Return up to `count_max` ids that begin with the prefix, ascending.

        Raises:
            TapesError: There is none as far as can be read, but a pack cannot be opened.
        """
        self.refresh()
        matches: set[ObjectId] = set()
        for reader in self._open_all():
            matches.update(reader.index.match_prefix(prefix, count_max))
        if not matches:
            self.raise_broken()
        return sorted(matches)[:count_max]

    def find_neighbours(self, oid: ObjectId) -> list[bytes]:
        """Return ids, or their beginnings, of which one is as near to this one as any in a pack."""
        if self._waiting or self._orphans or self._listed_ns == -1:
            self._open_all()
        near = list(self._small.iter_neighbours(oid))
        for reader in self._large:
            near += reader.index.find_neighbours(oid)
        return near

    def iter_oids(self) -> Iterator[ObjectId]:
        """Yield every id in a pack once, ascending.

        Raises:
            TapesError: A pack cannot be opened; raised after all ids of the others.
        """
        self.refresh()
        streams = [
            map(reader.index.oid_at, range(reader.index.object_count))
            for reader in self._open_all()
        ]
        for oid, _ in groupby(merge(*streams)):
            yield oid
        self.raise_broken()

    def find_keeper(self, oid: ObjectId) -> str | None:
        """Return the name of a pack that has the object and will keep it, or None."""
        for reader in self._iter_holders(oid):
            name = reader.path.name
            if name not in self._cruft and reader.path.exists():
                return name
        return None

    def freshen(self, oid: ObjectId) -> bool:
        """Return whether a pack has the object and will keep it; its time is set to now.

        A cruft pack does not count: what is in it has a time of its own and is on its way out.
        """
        for reader in self._iter_holders(oid):
            name = reader.path.name
            if name in self._freshened:
                return True
            if name not in self._cruft:
                try:
                    syscalls.utime(reader.path)
                except OSError:
                    continue  # gone or not ours: then the writer writes its own copy
                self._freshened.add(name)
                if name not in self._durable:
                    self._unsynced.add(name)
                return True
        return False

    def sync_names(self) -> None:
        """Make the names of the packs durable that were freshened and may not be yet.

        A pack that appeared just now is of a writer who may not have synced the folder so far.

        Raises:
            StorageError: The folder could not be synced.
        """
        oldest_ns = time.time_ns() - _YOUNG_NS
        if any(not 0 <= self._packs.get(name, -1) < oldest_ns for name in self._unsynced):
            fsync_dir(self.pack_dir)
        self._durable |= self._unsynced
        self._unsynced.clear()

    def forget_freshened(self) -> None:
        """Set times again from here on: gc may have removed packs since the last transaction."""
        self._freshened.clear()

    def refresh(self, *, is_certain: bool = False) -> bool:
        """Look at the folder again if its time says so; return whether packs came or went.

        Args:
            is_certain: Look whatever its time says.
        """
        try:
            mtime_ns = os.stat(self.pack_dir).st_mtime_ns
        except FileNotFoundError:
            mtime_ns = 0
        except OSError as error:
            raise storage_error(error, "read", self.pack_dir) from error
        if mtime_ns == self._listed_ns and not is_certain:
            return False
        # A time that is not settled yet may stay the same when the folder changes again.
        self._listed_ns = mtime_ns if time.time_ns() - mtime_ns > _SETTLED_NS else -2
        return self._list()

    def raise_broken(self) -> None:
        """Raise the error of a pack that cannot be opened, if there is one."""
        for error in self._broken.values():
            raise error

    def _list(self) -> bool:
        """Take over what is in the folder; return whether that is news."""
        times = self._read_times()
        before = self._packs
        self._packs = packs = {
            name: times.get(f"{name[:-5]}.idx", -1) for name in times if name.endswith(".pack")
        }
        self._cruft = {f"{name[:-6]}.pack" for name in times if name.endswith(".cruft")}
        readers = self._opened()
        if any(reader.path.name not in packs for reader in readers):
            self._keep([reader for reader in readers if reader.path.name in packs])
        # A pack that could not be opened is tried again if its index was made anew.
        self._broken = {
            name: error
            for name, error in self._broken.items()
            if before.get(name) == packs.get(name)
        }
        opened = {reader.path.name for reader in self._opened()} | set(self._broken)
        waiting = {name for name in packs if name not in opened}
        self._waiting = sorted((n for n in waiting if packs[n] >= 0), key=packs.__getitem__)
        self._orphans = sorted(n for n in waiting if packs[n] < 0)
        return packs != before

    def _read_times(self) -> dict[str, int]:
        """Return the files of packs in the folder, and of indexes the times of modification."""
        times: dict[str, int] = {}
        try:
            with os.scandir(self.pack_dir) as entries:
                for entry in entries:
                    if _NAME.fullmatch(entry.name):
                        is_index = entry.name.endswith(".idx")
                        times[entry.name] = _mtime_ns(entry) if is_index else 0
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise storage_error(error, "list", self.pack_dir) from error
        return times

    def _opened(self) -> list[PackReader]:
        return [*self._large, *self._small.readers]

    def _open_all(self) -> list[PackReader]:
        for _ in self._iter_opening():
            pass
        return self._opened()

    def _prefer(self, reader: PackReader) -> None:
        """Ask a large pack before the others from here on."""
        if reader in self._large:
            self._large.remove(reader)
            self._large.insert(0, reader)

    def _keep(self, readers: list[PackReader]) -> None:
        """Let these be the packs that are open."""
        self._large, self._small = [], PackLookup()
        self._traced = {}
        for reader in readers:
            self._add(reader)

    def _add(self, reader: PackReader) -> None:
        if reader.index.object_count > _SMALL_OBJECT_COUNT_MAX:
            self._large.append(reader)
        else:
            self._small.add(reader)

    def _iter_opening(self) -> Iterator[PackReader]:
        """Open one pack after the other and yield it, as long as the caller goes on."""
        if self._listed_ns == -1:
            self.refresh()
        while self._waiting or self._orphans:
            if self._waiting:
                reader = self._open(self._waiting.pop(), read_index_of)
            else:
                reader = self._open(self._orphans.pop(), build_index_of)
            if reader is not None:
                self._add(reader)
                yield reader

    def _iter_holders(self, oid: ObjectId) -> Iterator[PackReader]:
        for reader in (*self._small.candidates(oid), *self._large):
            if reader.index.find_position(oid) >= 0:
                yield reader
        for reader in self._iter_opening():
            if reader.index.find_position(oid) >= 0:
                yield reader

    def _open(self, name: str, load: Callable[[Path], PackIndex]) -> PackReader | None:
        path = self.pack_dir / name
        try:
            index = load(path)
        except (FileNotFoundError, PackGoneError):
            return None
        except TapesError as error:
            self._broken[name] = error
            return None
        self._opened_count += 1
        return PackReader(path, index, self.cache, self._opened_count)

    def _read(self, reader: PackReader, oid: ObjectId, errors: list[TapesError]) -> Object | None:
        ordinal = reader.locate(oid)
        if ordinal < 0:
            return None
        try:
            return reader.read_at(ordinal, oid)
        except PackGoneError:
            self._keep([other for other in self._opened() if other is not reader])
            self._listed_ns = -2
        except (DataError, StorageError, UnsafePathError) as error:
            errors.append(error)
        return None


def _mtime_ns(entry: os.DirEntry[str]) -> int:
    try:
        return entry.stat(follow_symlinks=False).st_mtime_ns
    except OSError:
        return 0  # gone in this instant: its turn to be opened will show it
