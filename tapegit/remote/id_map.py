"""Which turn is which commit: a list that is derived, in files that are read as they lie.

Rules: nothing is believed without its checksum; a file that is damaged is passed over, which
costs time and no more. What is looked up is found by bisection in the mapped file, so a run
that pushes one turn does not read a hundred thousand.

Source: tapesformat-git(5), "The id map".
"""

from __future__ import annotations

import os
import re
import struct
from array import array
from bisect import bisect_left
from typing import TYPE_CHECKING, Final, NamedTuple

from tapegit.errors import DataError, StorageError, UnsafePathError
from tapegit.files import syscalls
from tapegit.files.durable import replace_file_cheaply
from tapegit.files.oserrors import storage_error
from tapegit.files.safe_read import map_file
from tapegit.objects.oid import OID_SIZE_BYTES, ObjectId, hash_content
from tapegit.remote.mapping import GIT_ID_SIZE_BYTES, MAPPING_VERSION, Commit
from tapegit.repository.layout import TMP_NAME

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

MAGIC: Final = b"TGIT"
FOLDER: Final = "remote"
RUN_COUNT_MAX: Final = 8
BULK_RATIO: Final = 10
"""With so many records for each that is looked up, looking at all of them takes longer."""
_HEADER: Final = struct.Struct("<4sIQ")
_TIME_SIZE_BYTES: Final = 5
_RECORD_SIZE_BYTES: Final = OID_SIZE_BYTES + GIT_ID_SIZE_BYTES + _TIME_SIZE_BYTES
_TRAILER_SIZE_BYTES: Final = 32
_NAME: Final = re.compile(rf"commits-{MAPPING_VERSION}-([0-9]{{1,9}})", re.ASCII)
_GIT_ID_END: Final = OID_SIZE_BYTES + GIT_ID_SIZE_BYTES


class Mapped(NamedTuple):
    """A turn and its commit."""

    oid: ObjectId
    commit: Commit


class _Run(NamedTuple):
    """One file: its records ascending by turn, and their numbers ascending by commit."""

    path: Path
    records: memoryview
    by_commit: array[int]

    @property
    def length(self) -> int:
        return len(self.by_commit)

    def oid_at(self, number: int) -> bytes:
        start = number * _RECORD_SIZE_BYTES
        return bytes(self.records[start : start + OID_SIZE_BYTES])

    def git_id_at(self, number: int) -> bytes:
        start = number * _RECORD_SIZE_BYTES + OID_SIZE_BYTES
        return bytes(self.records[start : start + GIT_ID_SIZE_BYTES])

    def record_at(self, number: int) -> tuple[bytes, bytes]:
        start = number * _RECORD_SIZE_BYTES
        record = bytes(self.records[start : start + _RECORD_SIZE_BYTES])
        return record[:OID_SIZE_BYTES], record[OID_SIZE_BYTES:]

    def at(self, number: int) -> Mapped:
        start = number * _RECORD_SIZE_BYTES
        record = bytes(self.records[start : start + _RECORD_SIZE_BYTES])
        time_s = int.from_bytes(record[_GIT_ID_END:], "little")
        git_id = record[OID_SIZE_BYTES:_GIT_ID_END]
        return Mapped(ObjectId(record[:OID_SIZE_BYTES]), Commit(git_id, time_s))


class IdMap:
    """The id map of the store whose folder (`.tapes`) is `root`, and what is new in this run."""

    def __init__(self, root: Path) -> None:
        self._folder = root / FOLDER
        self._tmp_dir = root / TMP_NAME
        self._runs = list(_iter_runs(self._folder))
        self._new: dict[bytes, bytes] = {}  # commit and time as in a record
        self._new_by_commit: dict[bytes, ObjectId] = {}
        self._found: dict[bytes, ObjectId] = {}

    def find_commit(self, oid: ObjectId) -> Commit | None:
        """Return the commit of a turn, or None where it is not known."""
        found = self._new.get(oid)
        if found is not None:
            time_s = int.from_bytes(found[GIT_ID_SIZE_BYTES:], "little")
            return Commit(found[:GIT_ID_SIZE_BYTES], time_s)
        for run in self._runs:
            number = bisect_left(range(run.length), bytes(oid), key=run.oid_at)
            if number < run.length and (mapped := run.at(number)).oid == oid:
                return mapped.commit
        return None

    def find_turn(self, git_id: bytes) -> ObjectId | None:
        """Return the turn of a commit, or None where it is not known."""
        found = self._new_by_commit.get(git_id) or self._found.get(git_id)
        if found is not None:
            return found
        for run in self._runs:
            place = bisect_left(run.by_commit, git_id, key=run.git_id_at)
            if place < run.length and (mapped := run.at(run.by_commit[place])).commit[0] == git_id:
                self._found[git_id] = mapped.oid
                return mapped.oid
        return None

    def look_up(self, git_ids: Collection[bytes]) -> None:
        """Look many commits up at once, so that `find_turn` knows them."""
        wanted = frozenset(git_ids)
        for run in self._runs:
            if run.length > BULK_RATIO * len(wanted):
                continue  # one by one is faster
            records = bytes(run.records)
            for start in range(OID_SIZE_BYTES, len(records), _RECORD_SIZE_BYTES):
                git_id = records[start : start + GIT_ID_SIZE_BYTES]
                if git_id in wanted:
                    self._found[git_id] = ObjectId(records[start - OID_SIZE_BYTES : start])

    def add(self, oid: ObjectId, commit: Commit) -> None:
        """Note the commit of a turn, until `save` for this run alone."""
        self._new[oid] = commit.git_id + commit.time_s.to_bytes(_TIME_SIZE_BYTES, "little")
        self._new_by_commit[commit.git_id] = oid

    def _choose_joined(self) -> list[_Run]:
        """Return the files to join: a large one is not written again for a few small ones."""
        longest = max(run.length for run in self._runs)
        return [run for run in self._runs if 2 * run.length < longest] or self._runs

    def save(self) -> None:
        """Keep what is new; where it cannot be kept, it will be computed again."""
        if not self._new:
            return
        runs = self._choose_joined() if len(self._runs) + 1 >= RUN_COUNT_MAX else []
        mapped = self._new
        if runs:
            mapped = dict(mapped)
            mapped.update(run.record_at(number) for run in runs for number in range(run.length))
        numbers = [_number_of(run.path) for run in self._runs]
        path = self._folder / f"commits-{MAPPING_VERSION}-{max(numbers, default=-1) + 1}"
        data = _encode(mapped)
        try:
            replace_file_cheaply(path, data, tmp_dir=self._tmp_dir)
            for run in runs:
                syscalls.unlink(run.path)
        except (OSError, StorageError):
            return  # it is derived
        self._runs = list(_iter_runs(self._folder))
        self._new, self._new_by_commit = {}, {}


def _encode(mapped: dict[bytes, bytes]) -> bytes:
    records = sorted(oid + rest for oid, rest in mapped.items())
    order = sorted(
        range(len(records)), key=lambda number: records[number][OID_SIZE_BYTES:_GIT_ID_END]
    )
    packed = struct.pack(f"<{len(order)}I", *order)
    head = _HEADER.pack(MAGIC, MAPPING_VERSION, len(records))
    data = b"".join([head, *records, packed])
    return data + hash_content(data)


def _iter_runs(folder: Path) -> Iterator[_Run]:
    """Yield the files that can be read."""
    try:
        names = sorted(name for name in os.listdir(folder) if _NAME.fullmatch(name))
    except FileNotFoundError:
        return
    except OSError as error:
        raise storage_error(error, "list", folder) from error
    for name in names:
        try:
            run = _decode(folder / name, map_file(folder / name))
        except (FileNotFoundError, UnsafePathError, DataError, StorageError):
            continue  # it is derived
        if run is not None:
            yield run


def _decode(path: Path, data: memoryview) -> _Run | None:
    if len(data) < _HEADER.size + _TRAILER_SIZE_BYTES:
        return None
    magic, version, count = _HEADER.unpack_from(data)
    end = _HEADER.size + count * _RECORD_SIZE_BYTES
    is_whole = len(data) == end + 4 * count + _TRAILER_SIZE_BYTES
    if (magic, version) != (MAGIC, MAPPING_VERSION) or not is_whole:
        return None
    body, trailer = data[:-_TRAILER_SIZE_BYTES], data[-_TRAILER_SIZE_BYTES:]
    if hash_content(body) != trailer:
        return None
    by_commit = array("I")
    by_commit.frombytes(data[end : end + 4 * count])
    return _Run(path, data[_HEADER.size : end], by_commit)


def _number_of(path: Path) -> int:
    found = _NAME.fullmatch(path.name)
    return int(found[1]) if found is not None else -1
