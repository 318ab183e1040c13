"""Files to record: which there are below the paths given, and their bytes.

Rules: only plain files are read, whatever the path names; a link that was named is followed,
one that was found in a folder is not. A file is read up to the size it had when it was opened,
so what is appended meanwhile waits for the next import. A file that is compressed with zstd
stands for what it holds.
"""

from __future__ import annotations

import errno
import os
import stat
from itertools import chain
from typing import TYPE_CHECKING, Final, Self

from tapegit.errors import FormatError, TranscriptError, TruncatedError
from tapegit.formats.zstd import is_frame, iter_stream

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import TracebackType

CHUNK_SIZE_BYTES: Final = 1 << 20
DECOMPRESSED_SIZE_MAX_BYTES: Final = 1 << 32
_FLAGS: Final = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC


def iter_source_paths(paths: Iterable[str]) -> Iterator[str]:
    """Yield the files that paths name, those in folders by name, each once."""
    seen: set[str] = set()
    for path in paths:
        for found in _walk(path) if os.path.isdir(path) else (path,):
            if found not in seen:
                seen.add(found)
                yield found


def _walk(top: str) -> Iterator[str]:
    for folder, folders, names in os.walk(top):
        folders.sort()
        for name in sorted(names):
            path = os.path.join(folder, name)
            if stat.S_ISREG(_mode(path)):
                yield path


def _mode(path: str) -> int:
    try:
        return os.lstat(path).st_mode
    except OSError:
        return 0


class SourceFile:
    """A plain file, open for reading; a context manager.

    Raises (on entering):
        TranscriptError: There is none, it is something else, or it may not be read.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.size_bytes = 0
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
        stored = self._iter_stored()
        head = next(stored, b"")
        chunks = chain((head,), stored) if head else iter(())
        return self._iter_decompressed(chunks) if is_frame(head) else chunks

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

    def _iter_stored(self) -> Iterator[bytes]:
        position = 0
        while position < self.size_bytes:
            wanted = min(CHUNK_SIZE_BYTES, self.size_bytes - position)
            try:
                chunk = os.pread(self._fd, wanted, position)
            except OSError as error:
                raise _refused(self.path, error) from error
            if not chunk:
                return  # it became shorter
            position += len(chunk)
            yield chunk


def _undone(path: str, reason: str) -> TranscriptError:
    return TranscriptError(f"cannot import '{path}': {reason}", path=path, reason=reason)


def _refused(path: str, error: OSError | ValueError) -> TranscriptError:
    number = error.errno if isinstance(error, OSError) else None
    reason = os.strerror(number).lower() if number else "no path"
    if number == errno.ENXIO:
        reason = "it is a socket or a device"
    return TranscriptError(f"cannot import '{path}': {reason}", path=path, reason=reason)
