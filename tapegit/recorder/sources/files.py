"""Files to record: which there are below the paths given, and their bytes.

Rules: only plain files are read, whatever the path names; a link that was named is followed,
one that was found in a folder is not, nor is a store. A file is read up to the size it had when
it was opened, so what is appended meanwhile waits for the next import. A file that is compressed
with zstd stands for what it holds.
"""

from __future__ import annotations

import errno
import os
import stat
from itertools import chain
from typing import TYPE_CHECKING, Final, Self

from tapegit.errors import FormatError, TranscriptError, TruncatedError
from tapegit.formats.zstd import is_frame, iter_stream
from tapegit.repository.discover import is_store
from tapegit.repository.layout import STORE_NAME

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import TracebackType

CHUNK_SIZE_BYTES: Final = 1 << 20
DECOMPRESSED_SIZE_MAX_BYTES: Final = 1 << 32
_CLOSED_NAMES: Final = frozenset({STORE_NAME, ".git"})
_FLAGS: Final = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC


def iter_source_paths(paths: Iterable[str]) -> Iterator[str]:
    """Yield the files that paths name, those in folders by name, each once."""
    seen: set[str] = set()
    for path in paths:
        for found in walk_files(path) if os.path.isdir(path) else (path,):
            if found not in seen:
                seen.add(found)
                yield found


def walk_files(top: str) -> Iterator[str]:
    """Yield the plain files below a folder, each folder's own files first, by name.

    What cannot be listed is passed over, and so are stores and what git keeps: neither ever
    holds a transcript.
    """
    for folder, files in iter_folders(top):
        yield from (os.path.join(folder, name) for name in files)


def iter_folders(top: str) -> Iterator[tuple[str, list[str]]]:
    """Yield a folder and those below it, each with the names of its plain files, by name."""
    waiting = [top]
    while waiting:
        folder = waiting.pop()
        files, folders = _list_folder(folder)
        yield folder, files
        inner = (os.path.join(folder, name) for name in reversed(folders))
        waiting += [path for path in inner if not is_store(path)]


def _list_folder(path: str) -> tuple[list[str], list[str]]:
    """Return the names of plain files and of folders in a folder; a link is neither."""
    files, folders = [], []
    try:
        with os.scandir(path) as entries:
            for entry in entries:
                if entry.is_file(follow_symlinks=False):
                    files.append(entry.name)
                elif entry.is_dir(follow_symlinks=False) and entry.name not in _CLOSED_NAMES:
                    folders.append(entry.name)
    except OSError:
        pass  # gone, or not to be read: what was seen of it still counts
    return sorted(files), sorted(folders)


class SourceFile:
    """A plain file, open for reading; a context manager.

    Raises (on entering):
        TranscriptError: There is none, it is something else, or it may not be read.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.size_bytes = 0
        self.status: os.stat_result | None = None
        self._fd = -1

    def __enter__(self) -> Self:
        try:
            self._fd = os.open(self.path, _FLAGS)
        except (OSError, ValueError) as error:
            raise _refused(self.path, error) from error
        status = os.fstat(self._fd)
        if not stat.S_ISREG(status.st_mode):
            os.close(self._fd)
            what = "a folder" if stat.S_ISDIR(status.st_mode) else "a special file"
            raise TranscriptError(
                f"cannot import '{self.path}': it is {what}, not a plain file",
                path=self.path,
                reason="not a plain file",
            )
        self.size_bytes = status.st_size
        self.status = status
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        os.close(self._fd)

    def __iter__(self) -> Iterator[bytes]:
        """Yield the bytes of the file, each time from its beginning."""
        return self.iter_chunks()

    def iter_chunks(self) -> Iterator[bytes]:
        """Yield the bytes of the file from its beginning, decompressed if they are compressed.

        Raises:
            TranscriptError: The file cannot be read, or not be decompressed.
        """
        stored = self.iter_stored()
        head = next(stored, b"")
        chunks = chain((head,), stored) if head else iter(())
        return self._iter_decompressed(chunks) if is_frame(head) else chunks

    def iter_stored(self, position: int = 0) -> Iterator[bytes]:
        """Yield the bytes of the file from a position on, as they are.

        Raises:
            TranscriptError: The file cannot be read.
        """
        while position < self.size_bytes:
            chunk = self.read_stored(position, CHUNK_SIZE_BYTES)
            if not chunk:
                return  # it became shorter
            position += len(chunk)
            yield chunk

    def read_stored(self, position: int, size_bytes: int) -> bytes:
        """Return some bytes of the file as they are, fewer where it ends.

        Raises:
            TranscriptError: The file cannot be read.
        """
        wanted = min(size_bytes, self.size_bytes - position)
        try:
            return os.pread(self._fd, wanted, position)
        except OSError as error:
            raise _refused(self.path, error) from error

    def _iter_decompressed(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        size_bytes = 0
        try:
            for chunk in iter_stream(chunks, where=self.path):
                size_bytes += len(chunk)
                if size_bytes > DECOMPRESSED_SIZE_MAX_BYTES:
                    raise _undone(self.path, "more than 4 GiB when decompressed")
                yield chunk
        except (FormatError, TruncatedError) as error:
            raise _undone(self.path, "it is compressed, and damaged") from error


def _undone(path: str, reason: str) -> TranscriptError:
    return TranscriptError(f"cannot import '{path}': {reason}", path=path, reason=reason)


def _refused(path: str, error: OSError | ValueError) -> TranscriptError:
    number = error.errno if isinstance(error, OSError) else None
    reason = os.strerror(number).lower() if number else "no path"
    if number == errno.ENXIO:
        reason = "it is a socket or a device"
    return TranscriptError(f"cannot import '{path}': {reason}", path=path, reason=reason)
