"""Sources that grow, and are read on from where reading ended the last time.

Rules: a source is read on only if it is the same file, not shorter, and still has the bytes by
which reading ended; and if all that its new turns name, and all tips, are in the store. Else it
is read from its beginning. What is made of it is the same either way.

A file whose middle was rewritten, with the same length, is not noticed here: what rests is
recorded from its beginning.

Source: tapes-watch(1).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tapegit.formats.zstd import is_frame
from tapegit.objects.kind import Kind
from tapegit.objects.links import iter_links
from tapegit.recorder.sources.source import SourceRecorder

if TYPE_CHECKING:
    from collections.abc import Callable

    from tapegit.harness.facts import Harness
    from tapegit.objects.oid import ObjectId
    from tapegit.recorder.sources.files import SourceFile
    from tapegit.recorder.sources.runs import Write
    from tapegit.recorder.sources.source import RecordedSource
    from tapegit.redact.redactor import Redactor

SOURCE_COUNT_MAX: Final = 8
"""How many sources are kept half read; the one that was read longest ago is forgotten first."""

TAIL_SIZE_BYTES: Final = 4096


class GrowingSources:
    """Sources that this process has read as far as they were written."""

    def __init__(self) -> None:
        self._kept: dict[str, _Reading] = {}

    def record(
        self,
        harness: Harness,
        file: SourceFile,
        write: Write,
        is_here: Callable[[ObjectId], bool],
        redactor: Redactor,
        rules: object,
    ) -> RecordedSource:
        """Write the objects of what is closed of a source, and return what was made of it.

        Args:
            harness: Whose source it is.
            file: The source, open.
            write: Stores an object and returns its id.
            is_here: Says whether an object is in the store, to be relied on.
            redactor: Finds the secrets that are not to be stored.
            rules: By what rules it does: equal ones find the same.

        Raises:
            TranscriptError: The file cannot be read.
        """
        reading = self._kept.pop(file.path, None)
        source = None
        if reading is not None and reading.may_go_on(harness, file, rules):
            source = reading.go_on(file, write, is_here)
        if source is None:
            reading = _Reading(harness, file, redactor, rules)
            source = reading.begin(file, write)
        if reading is not None and not reading.is_compressed:
            self._kept[file.path] = reading
            if len(self._kept) > SOURCE_COUNT_MAX:
                del self._kept[next(iter(self._kept))]
        return source

    def forget(self) -> None:
        """Read every source from its beginning: what was written may not be there."""
        self._kept.clear()


class _Reading:
    """One source, read as far as it was written."""

    def __init__(
        self, harness: Harness, file: SourceFile, redactor: Redactor, rules: object
    ) -> None:
        self._harness = harness
        self._rules = rules
        self._file = _identify(file)
        self._position = 0
        self._tail = b""
        self._new: set[ObjectId] = set()
        self._tips: list[ObjectId] = []
        self._is_here: Callable[[ObjectId], bool] | None = None
        self._is_whole = True
        self._recorder = SourceRecorder(harness, self._store, redactor=redactor)
        self.is_compressed = is_frame(file.read_stored(0, TAIL_SIZE_BYTES))

    def may_go_on(self, harness: Harness, file: SourceFile, rules: object) -> bool:
        """Return whether a file is still the one that was read, but for what follows."""
        if harness is not self._harness or rules != self._rules:
            return False
        if _identify(file) != self._file or file.size_bytes < self._position:
            return False
        before = self._position - len(self._tail)
        return file.read_stored(before, len(self._tail)) == self._tail

    def begin(self, file: SourceFile, write: Write) -> RecordedSource:
        """Read a source from its beginning."""
        self._write = write
        for chunk in file.iter_chunks():
            self._feed(chunk)
        return self._hold()

    def go_on(
        self, file: SourceFile, write: Write, is_here: Callable[[ObjectId], bool]
    ) -> RecordedSource | None:
        """Read what follows; return None where the store has lost something of what was read."""
        self._write, self._is_here = write, is_here
        self._new.clear()
        if not all(map(is_here, self._tips)):
            return None  # before anything is written that would go on from what is gone
        for chunk in file.iter_stored(self._position):
            self._feed(chunk)
        source = self._hold()
        return source if self._is_whole and all(map(self._has, self._tips)) else None

    def _hold(self) -> RecordedSource:
        source = self._recorder.hold()
        self._tips = [oid for tape in source.tapes for oid in (tape.tip, *tape.left_behind)]
        return source

    def _feed(self, chunk: bytes) -> None:
        self._position += len(chunk)
        self._tail = (self._tail + chunk[-TAIL_SIZE_BYTES:])[-TAIL_SIZE_BYTES:]
        self._recorder.feed(chunk)

    def _store(self, kind: Kind, data: bytes) -> ObjectId:
        oid = self._write(kind, data)
        if self._is_here is not None:
            if kind is Kind.TURN and not all(
                self._has(link.oid) for link in iter_links(kind, data)
            ):
                self._is_whole = False
            self._new.add(oid)
        return oid

    def _has(self, oid: ObjectId) -> bool:
        assert self._is_here is not None
        return oid in self._new or self._is_here(oid)


def _identify(file: SourceFile) -> tuple[int, int]:
    assert file.status is not None
    return file.status.st_dev, file.status.st_ino
