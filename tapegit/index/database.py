"""The file of the index: SQLite in `.tapes/index`, deleted and built anew whenever in doubt.

Rules: this module is the only one that knows sqlite3. A file is believed only if its schema is
the one below to the letter and each row has the checksum of its bytes; anything else is
damaged, and so is whatever SQLite says is. Where no file can be used (read-only medium, no
space, locked for long) the same tables are made in memory.

Source: tapesformat-index(5).
"""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final, NamedTuple

from tapegit.files import syscalls
from tapegit.objects.oid import hash_content

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path
    from typing import Any, Self

    Execute = Callable[..., sqlite3.Cursor]
    EncodeSum = Callable[[Iterable[bytes]], bytes]

INDEX_VERSION: Final = 3
FILE_NAME: Final = "index.sqlite"
TIMEOUT_S: Final = 5.0
CHECK_SIZE_BYTES: Final = 16

_SESSION_TABLE: Final = (
    "CREATE TABLE session (number INTEGER PRIMARY KEY, folder TEXT NOT NULL UNIQUE, "
    "tapes BLOB NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL, row BLOB NOT NULL, "
    "usage BLOB NOT NULL, probes BLOB NOT NULL, checksum BLOB NOT NULL)"
)
_CALL_TABLE: Final = (
    "CREATE TABLE call (session INTEGER NOT NULL, key BLOB NOT NULL, turn BLOB NOT NULL, "
    "time INTEGER, model TEXT, usage BLOB NOT NULL, context BLOB, checksum BLOB NOT NULL, "
    "PRIMARY KEY (session, key)) WITHOUT ROWID"
)
_KEY_INDEX: Final = "CREATE INDEX call_key ON call (key)"
_CONTEXT_INDEX: Final = "CREATE INDEX call_context ON call (context) WHERE context IS NOT NULL"
_STATED_TABLE: Final = (
    "CREATE TABLE stated (folder TEXT PRIMARY KEY, tapes BLOB NOT NULL, turns BLOB NOT NULL, "
    "ids BLOB NOT NULL, checksum BLOB NOT NULL) WITHOUT ROWID"
)
_SCHEMA: Final = (_SESSION_TABLE, _CALL_TABLE, _KEY_INDEX, _CONTEXT_INDEX, _STATED_TABLE)
_SHARERS: Final = (
    "SELECT DISTINCT other.session FROM call AS own JOIN call AS other USING (key) "
    "WHERE own.session = ?"
)
_CALLS: Final = (
    "SELECT mine.folder, own.key, own.turn, own.time, own.model, own.usage, own.context, "
    "own.checksum "
    "FROM call AS own JOIN session AS mine ON mine.number = own.session WHERE NOT EXISTS ("
    "SELECT 1 FROM call AS other JOIN session AS its ON its.number = other.session "
    "WHERE other.key = own.key AND other.session <> own.session "
    "AND (its.first, its.last, its.folder) < (mine.first, mine.last, mine.folder))"
)
_OWN_CALLS: Final = f"{_CALLS} AND own.session = ?"
_ALL_CALLS: Final = f"{_CALLS} ORDER BY own.time, own.key"
_CALLS_OF: Final = (
    "SELECT mine.folder, own.key, own.turn, own.time, own.model, own.usage, own.context, "
    "own.checksum FROM call AS own JOIN session AS mine ON mine.number = own.session "
    "WHERE mine.folder = ? ORDER BY own.time, own.key"
)
_HAVING_KEY: Final = (
    "SELECT own.key, mine.folder FROM temp.probe JOIN call AS own ON own.key = probe.value "
    "JOIN session AS mine ON mine.number = own.session"
)
_HAVING_CONTEXT: Final = (
    "SELECT own.context, mine.folder FROM temp.probe JOIN call AS own "
    "ON own.context = probe.value JOIN session AS mine ON mine.number = own.session"
)


class DamagedIndexError(Exception):
    """The file is not what this module wrote; it never leaves the package."""


class KeptCall(NamedTuple):
    """A call of a model: its key, the turn of its answer, time, model, encoded usage, context."""

    key: bytes
    turn: bytes
    time_ms: int | None
    model: str | None
    usage: bytes
    context: bytes | None = None


class KeptIds(NamedTuple):
    """The ids that the turns of a session state, encoded, and what they were read from."""

    tapes: bytes
    turns: bytes
    ids: bytes


class Entry(NamedTuple):
    """What is kept of a session.

    Attributes:
        tapes: A hash of what it was worked out from.
        first: The place in the order in which a shared call is counted: the first one of
            (first, last, folder) has it.
        last: The second part of that.
        row: The row, encoded.
        calls: The calls of models, each key once.
        probes: By what the transcript of the same session is found, encoded.
    """

    tapes: bytes
    first: int
    last: int
    row: bytes
    calls: Sequence[KeptCall] = ()
    probes: bytes = b""


class KeptRow(NamedTuple):
    """What is kept of a session: what it was worked out from, and row, usage, probes, encoded."""

    tapes: bytes
    row: bytes
    usage: bytes
    probes: bytes = b""


class IndexFile:
    """The tables, open for one process; use as a context manager."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        # A text that is none is another folder than any that there is, and so it is damaged.
        connection.text_factory = lambda data: data.decode("utf-8", "surrogateescape")
        self._connection = connection

    @classmethod
    def open(cls, folder: Path) -> IndexFile:
        """Open the file of a store, it and its folder made as needed, for reading and writing.

        Raises:
            OSError: No file can be written there.
            DamagedIndexError: The file is in use and cannot be made anew.
        """
        path = folder / FILE_NAME
        if folder.is_symlink() or path.is_symlink():
            raise OSError("a link")
        with suppress(FileExistsError):
            syscalls.mkdir(folder)
        for _ in range(2):
            try:
                return cls(_connect(str(path)))
            except DamagedIndexError:
                remove(folder)
        raise DamagedIndexError

    @classmethod
    def open_read_only(cls, folder: Path) -> IndexFile:
        """Open the file of a store that cannot be written to.

        Raises:
            DamagedIndexError: There is no file, or it is not one of ours.
            OSError: It cannot be read now.
        """
        path = (folder / FILE_NAME).absolute()
        if folder.is_symlink() or path.is_symlink() or not path.is_file():
            raise DamagedIndexError
        uri = f"{path.as_uri()}?mode=ro"
        try:
            connection = sqlite3.connect(uri, uri=True, timeout=TIMEOUT_S, isolation_level=None)
        except sqlite3.Error as error:
            raise _translate(error) from error
        try:
            connection.execute("PRAGMA trusted_schema = OFF")
            is_ours = _read_schema(connection) == (INDEX_VERSION, _SCHEMA)
        except sqlite3.Error as error:
            connection.close()
            raise _translate(error) from error
        if not is_ours:
            connection.close()
            raise DamagedIndexError
        return cls(connection)

    @classmethod
    def in_memory(cls) -> IndexFile:
        """Make the tables in memory."""
        return cls(_connect(":memory:"))

    def __enter__(self) -> Self:
        """Use the file."""
        return self

    def __exit__(self, *error: object) -> None:
        """Give the file back."""
        with suppress(sqlite3.Error):
            self._connection.close()

    def read_tapes(self) -> dict[str, bytes]:
        """Return what each session was worked out from, by folder.

        Raises:
            DamagedIndexError: The file is damaged.
            OSError: It cannot be read now.
        """
        return dict(self._select("SELECT folder, tapes FROM session"))

    def read_rows(self) -> dict[str, KeptRow]:
        """Return the row of each session, by folder, each verified.

        Raises:
            DamagedIndexError: The file is damaged.
            OSError: It cannot be read now.
        """
        rows = {}
        select = "SELECT folder, tapes, row, usage, probes, checksum FROM session"
        for folder, *fields, checksum in self._select(select):
            if not _is_sound(folder, fields, checksum):
                raise DamagedIndexError
            rows[folder] = KeptRow(*fields)
        return rows

    def read_sums(self) -> dict[str, bytes]:
        """Return the encoded sum of the calls of each session, by folder; not verified.

        Raises:
            DamagedIndexError: The file is damaged.
            OSError: It cannot be read now.
        """
        return dict(self._select("SELECT folder, usage FROM session"))

    def read_calls(self) -> list[tuple[str, KeptCall]]:
        """Return each call once, with the folder of the first session that has it, by time.

        Raises:
            DamagedIndexError: The file is damaged.
            OSError: It cannot be read now.
        """
        return list(map(_verify_call, self._select(_ALL_CALLS)))

    def read_calls_of(self, folder: str) -> list[KeptCall]:
        """Return each call that a session has, whosever it counts for, by time.

        Raises:
            DamagedIndexError: The file is damaged.
            OSError: It cannot be read now.
        """
        return [call for _, call in map(_verify_call, self._select(_CALLS_OF, folder))]

    def find_keys(self, keys: Iterable[bytes]) -> list[tuple[bytes, str]]:
        """Return (key, folder) for each session that has a call of one of these keys.

        Raises:
            DamagedIndexError: The file is damaged.
            OSError: It cannot be read now.
        """
        return self._probe(_HAVING_KEY, keys)

    def find_contexts(self, contexts: Iterable[bytes]) -> list[tuple[bytes, str]]:
        """Return (context, folder) for each session that has a call of one of these contexts.

        Raises:
            DamagedIndexError: The file is damaged.
            OSError: It cannot be read now.
        """
        return self._probe(_HAVING_CONTEXT, contexts)

    def read_ids(self) -> dict[str, KeptIds]:
        """Return the ids that the turns of each session state, by folder, each verified.

        Raises:
            DamagedIndexError: The file is damaged.
            OSError: It cannot be read now.
        """
        kept = {}
        for folder, *fields, checksum in self._select("SELECT * FROM stated"):
            if not _is_sound(folder, fields, checksum):
                raise DamagedIndexError
            kept[folder] = KeptIds(*fields)
        return kept

    def update_ids(self, gone: Iterable[str], changed: Mapping[str, KeptIds]) -> None:
        """Replace the ids of sessions and forget others, at once or not at all.

        Raises:
            DamagedIndexError: The file is damaged.
            OSError: It is locked, or cannot be written.
        """
        with self._change() as execute:
            for folder in gone:
                execute("DELETE FROM stated WHERE folder = ?", (folder,))
            for folder, ids in changed.items():
                row = (folder, *ids, _check(folder, *ids))
                execute("INSERT OR REPLACE INTO stated VALUES (?, ?, ?, ?, ?)", row)

    @contextmanager
    def _change(self) -> Iterator[Execute]:
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection.execute
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            raise _translate(error) from error

    def update(
        self,
        gone: Iterable[str],
        changed: Mapping[str, Entry],
        encode_sum: EncodeSum,
    ) -> None:
        """Replace what changed and forget what is gone, at once or not at all.

        Args:
            gone: Folders.
            changed: What is to be kept, by folder.
            encode_sum: Returns the encoded sum of encoded usages.

        Raises:
            DamagedIndexError: The file is damaged.
            OSError: It is locked, or cannot be written.
        """
        with self._change():
            self._replace(gone, changed, encode_sum)

    def _replace(
        self, gone: Iterable[str], changed: Mapping[str, Entry], encode_sum: EncodeSum
    ) -> None:
        execute = self._connection.execute
        dirty: set[int] = set()
        for folder in [*gone, *changed]:
            for (number,) in execute("SELECT number FROM session WHERE folder = ?", (folder,)):
                dirty.update(other for (other,) in execute(_SHARERS, (number,)))
                execute("DELETE FROM call WHERE session = ?", (number,))
                execute("DELETE FROM session WHERE number = ?", (number,))
        for folder, entry in changed.items():
            number = execute(
                "INSERT INTO session (folder, tapes, first, last, row, usage, probes, checksum) "
                "VALUES (?, ?, ?, ?, ?, x'', ?, x'')",
                (folder, entry.tapes, entry.first, entry.last, entry.row, entry.probes),
            ).lastrowid
            assert number is not None
            dirty.add(number)
            self._connection.executemany(
                "INSERT INTO call VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                ((number, *call, _check_call(folder, call)) for call in entry.calls),
            )
            dirty.update(other for (other,) in execute(_SHARERS, (number,)))
        for number in dirty:
            self._sum(number, encode_sum)

    def _sum(self, number: int, encode_sum: EncodeSum) -> None:
        execute = self._connection.execute
        select = "SELECT folder, tapes, row, probes FROM session WHERE number = ?"
        for folder, tapes, row, probes in execute(select, (number,)).fetchall():
            calls = map(_verify_call, execute(_OWN_CALLS, (number,)))
            usage = encode_sum(call.usage for _, call in calls)
            execute(
                "UPDATE session SET usage = ?, checksum = ? WHERE number = ?",
                (usage, _check(folder, tapes, row, usage, probes), number),
            )

    def _probe(self, sql: str, values: Iterable[bytes]) -> list[tuple[Any, ...]]:
        try:
            self._connection.execute("CREATE TEMP TABLE IF NOT EXISTS probe (value BLOB)")
            self._connection.execute("BEGIN")
            try:
                self._connection.execute("DELETE FROM temp.probe")
                insert = "INSERT INTO temp.probe VALUES (?)"
                self._connection.executemany(insert, ((value,) for value in values))
                return self._connection.execute(sql).fetchall()
            finally:
                self._connection.execute("ROLLBACK")
        except sqlite3.Error as error:
            raise _translate(error) from error

    def _select(self, sql: str, *values: str) -> list[tuple[Any, ...]]:
        try:
            return self._connection.execute(sql, values).fetchall()
        except sqlite3.Error as error:
            raise _translate(error) from error


def remove(folder: Path) -> None:
    """Delete the file, and what SQLite put beside it first.

    Raises:
        OSError: It cannot be deleted.
    """
    for name in (f"{FILE_NAME}-journal", f"{FILE_NAME}-wal", f"{FILE_NAME}-shm", FILE_NAME):
        with suppress(FileNotFoundError):
            syscalls.unlink(folder / name)


def _connect(path: str) -> sqlite3.Connection:
    try:
        connection = sqlite3.connect(path, timeout=TIMEOUT_S, isolation_level=None)
    except sqlite3.Error as error:
        raise _translate(error) from error
    try:
        _make_tables(connection)
    except sqlite3.Error as error:
        connection.close()
        raise _translate(error) from error
    except DamagedIndexError:
        connection.close()
        raise
    return connection


def _make_tables(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA trusted_schema = OFF")
    found = _read_schema(connection)
    if found == (0, ()):
        connection.execute("BEGIN IMMEDIATE")
        if _read_schema(connection) == (0, ()):
            for sql in _SCHEMA:
                connection.execute(sql)
            connection.execute(f"PRAGMA user_version = {INDEX_VERSION}")
        connection.execute("COMMIT")
        found = _read_schema(connection)
    if found != (INDEX_VERSION, _SCHEMA):
        raise DamagedIndexError


def _translate(error: sqlite3.Error) -> Exception:
    """Return what an error means: the file cannot be used now, or is damaged."""
    # Locked, read-only, no space: the file may be sound.
    is_passing = isinstance(error, sqlite3.OperationalError)
    return OSError(str(error)) if is_passing else DamagedIndexError(str(error))


def _read_schema(connection: sqlite3.Connection) -> tuple[int, tuple[str, ...]]:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    rows = connection.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY rowid")
    return version, tuple(sql for (sql,) in rows)


def _is_sound(folder: Any, fields: Sequence[Any], checksum: Any) -> bool:
    try:
        is_sound: bool = _check(folder, *fields) == checksum
    except (AttributeError, TypeError):
        return False  # of another type than any that was written
    return is_sound


def _verify_call(row: tuple[Any, ...]) -> tuple[str, KeptCall]:
    """Return a call, and the folder of its session.

    Raises:
        DamagedIndexError: The row is not as it was written.
    """
    folder, *fields, checksum = row
    call = KeptCall(*fields)
    try:
        is_sound = _check_call(folder, call) == checksum
    except (AttributeError, TypeError) as error:
        raise DamagedIndexError from error
    if not is_sound:
        raise DamagedIndexError
    return folder, call


def _check_call(folder: str, call: KeptCall) -> bytes:
    time = b"" if call.time_ms is None else b"%d" % call.time_ms
    model = b"" if call.model is None else b"=" + call.model.encode("utf-8", "surrogatepass")
    return _check(folder, call.key, call.turn, time, model, call.usage, call.context or b"")


def _check(folder: str, *fields: bytes) -> bytes:
    parts = (folder.encode("utf-8", "surrogatepass"), *fields)
    framed = b"".join(b"%d:%s" % (len(part), part) for part in parts)
    return hash_content(framed)[:CHECK_SIZE_BYTES]
