"""The file of words: SQLite with FTS5 in `.tapes/index`, deleted and built anew when in doubt.

Rules: one process writes at a time, under a lock of its own; readers read while it does. The
file is believed only if its schema is the one below to the letter. Its words are never shown:
they only say where to look, and what is found is read from the store.

Source: tapesformat-search(5).
"""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final, NamedTuple

from tapegit.errors import DataError, StorageError
from tapegit.files import syscalls
from tapegit.formats.zstd import decompress, make_compressor

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Any, Self

    from tapegit.search.conditions import Condition
    from tapegit.search.documents import Document

SEARCH_VERSION: Final = 9
SHOWN_SIZE_MAX_BYTES: Final = 16 << 10
"""Of larger turns only the beginning is kept: the rest is read from the store."""
BEGINNING_LENGTH: Final = 4096
FILE_NAME: Final = "search.sqlite"
TIMEOUT_S: Final = 5.0
SHOWN_LEVEL: Final = 12
BLOCK_SIZE_BYTES: Final = 1 << 20
"""Of the texts that are compressed together, before; more only by the last one."""
CACHE_KIB: Final = 16_384

_SESSION_TABLE: Final = (
    "CREATE TABLE session (number INTEGER PRIMARY KEY, leader BLOB NOT NULL UNIQUE, "
    "harness TEXT, id TEXT, cwd TEXT)"
)
_TURN_TABLE: Final = (
    "CREATE TABLE turn (number INTEGER PRIMARY KEY, oid BLOB NOT NULL UNIQUE, "
    "session INTEGER NOT NULL, step INTEGER NOT NULL, time INTEGER, role TEXT NOT NULL, "
    "model TEXT, tools TEXT, errors TEXT, files INTEGER NOT NULL, block INTEGER, place INTEGER)"
)
_PLACE_INDEX: Final = "CREATE INDEX turn_place ON turn (session, step)"
_STATE_TABLE: Final = (
    "CREATE TABLE state (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID"
)
_WORD_TABLE: Final = (
    "CREATE VIRTUAL TABLE words USING fts5(text, files, content='', "
    "tokenize='unicode61 remove_diacritics 2')"
)
_BLOCK_TABLE: Final = "CREATE TABLE block (number INTEGER PRIMARY KEY, data BLOB NOT NULL)"
_SCHEMA: Final = (
    _SESSION_TABLE,
    _TURN_TABLE,
    _PLACE_INDEX,
    _STATE_TABLE,
    _WORD_TABLE,
    _BLOCK_TABLE,
)
_PART_END: Final = "\x1e"
_TURN_END: Final = b"\x1d"
_SPACES: Final = {0x1D: " ", 0x1E: " "}
_PRAGMAS: Final = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = OFF",
    f"PRAGMA cache_size = -{CACHE_KIB}",
    "PRAGMA temp_store = FILE",
)
SIDE_NAMES: Final = ("", "-wal", "-shm", "-journal")

_DAMAGED: Final = ("malformed", "no such", "not a database", "decode")
"""Words of errors that SQLite takes for passing ones, where the file is damaged."""
_NO_VALUES: Final = (UnicodeDecodeError, TypeError, OverflowError)
"""Of a value of another type than was written, or of a message of SQLite that quotes the file."""


class DamagedSearchError(Exception):
    """The file is not what this module wrote; it never leaves the package."""


class SessionFields(NamedTuple):
    """What the leader of a tape says: its id, the harness, the session, the directory."""

    leader: bytes
    harness: str | None
    id: str | None
    cwd: str | None


class TurnFields(NamedTuple):
    """A turn: its id, where it stands, and what fields say of it."""

    oid: bytes
    place: Place
    time_ms: int | None
    role: str
    model: str | None


class Place(NamedTuple):
    """Where a turn stands: its session, and its step from the leader on."""

    session: SessionFields
    step: int


class Shown(NamedTuple):
    """What of a turn a line is shown of: its texts, and those that failed.

    `is_cut` says that these are only the beginning.
    """

    texts: tuple[str, ...]
    failures: tuple[str, ...]
    is_cut: bool = False


class FoundTurn(NamedTuple):
    """A turn that a query found; a lower rank is a better match."""

    oid: bytes
    step: int
    time_ms: int | None
    role: str
    harness: str | None
    session: str | None
    leader: bytes
    rank: float


class SearchFile:
    """The tables, open for one process; use as a context manager."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._compressor = make_compressor(SHOWN_LEVEL)
        self._block: list[bytes] = []
        self._block_size = 0
        self._next_block: int | None = None
        self._opened: tuple[int, list[bytes]] | None = None

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Open the file of a store for reading and writing, made or made anew as needed.

        Raises:
            OSError: No file can be written there.
        """
        path = folder / FILE_NAME
        if folder.is_symlink() or path.is_symlink():
            raise OSError("a link")
        with suppress(FileExistsError):
            syscalls.mkdir(folder)
        for _ in range(2):
            try:
                return cls(_connect(str(path)))
            except DamagedSearchError:
                remove(folder)
        raise OSError("the file is in use and cannot be made anew")

    @classmethod
    def open_read_only(cls, folder: Path) -> Self | None:
        """Open the file for reading, or return None where there is none to be believed."""
        path = folder / FILE_NAME
        if folder.is_symlink() or path.is_symlink() or not path.is_file():
            return None
        try:
            connection = sqlite3.connect(f"file:{_quote(str(path))}?mode=ro", uri=True)
        except sqlite3.Error:
            return None
        try:
            _verify_schema(connection)
        except (sqlite3.Error, DamagedSearchError, *_NO_VALUES):
            connection.close()
            return None
        return cls(connection)

    @classmethod
    def in_memory(cls) -> Self:
        """Make the tables in memory."""
        return cls(_connect(":memory:"))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def find_place(self, oid: bytes) -> Place | None:
        """Return where a turn stands, or None where it is not in the file."""
        row = self._one(
            "SELECT session.leader, session.harness, session.id, session.cwd, turn.step "
            "FROM turn JOIN session ON session.number = turn.session WHERE turn.oid = ?",
            oid,
        )
        return None if row is None else Place(SessionFields(bytes(row[0]), *row[1:4]), row[4])

    def read_state(self, name: str) -> bytes | None:
        """Return a value that was kept under a name."""
        row = self._one("SELECT value FROM state WHERE name = ?", name)
        return None if row is None else bytes(row[0])

    def keep_state(self, name: str, value: bytes) -> None:
        """Keep a value under a name."""
        self._run("INSERT OR REPLACE INTO state VALUES (?, ?)", name, value)

    def _number_session(self, fields: SessionFields) -> int:
        """Return the number of the session of a leader, which is added where it is new."""
        row = self._one("SELECT number FROM session WHERE leader = ?", fields.leader)
        if row is not None:
            return int(row[0])
        cursor = self._run(
            "INSERT INTO session (leader, harness, id, cwd) VALUES (?, ?, ?, ?)", *fields
        )
        return int(cursor.lastrowid or 0)

    def add_turn(self, fields: TurnFields, document: Document) -> None:
        """Add a turn that is not in the file, with its words."""
        tools = "".join(f"\n{name.lower()}" for name in document.tools) + "\n"
        errors = " ".join(document.errors)
        cursor = self._run(
            "INSERT INTO turn (oid, session, step, time, role, model, tools, errors, files) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            fields.oid,
            self._number_session(fields.place.session),
            fields.place.step,
            *fields[2:],
            tools if document.tools else None,
            errors or None,
            len(document.files),
        )
        self._run(
            "INSERT INTO words (rowid, text, files) VALUES (?, ?, ?)",
            cursor.lastrowid,
            "\n".join(document.texts),
            "\n".join(document.files),
        )
        self._keep_shown(int(cursor.lastrowid or 0), Shown(document.texts, document.failures))

    def _keep_shown(self, number: int, shown: Shown) -> None:
        """Put the texts of a turn into the block that is being filled, if they are not too long."""
        data = _encode_shown(shown)
        if len(data) > SHOWN_SIZE_MAX_BYTES:
            data = _encode_shown(cut_shown(shown))
        if self._next_block is None:
            row = self._one("SELECT coalesce(max(number), 0) + 1 FROM block")
            self._next_block = int(row[0]) if row is not None else 1
        place = len(self._block)
        self._block.append(data)
        self._block_size += len(data)
        self._run(
            "UPDATE turn SET block = ?, place = ? WHERE number = ?", self._next_block, place, number
        )
        if self._block_size >= BLOCK_SIZE_BYTES:
            self._end_block()

    def _end_block(self) -> None:
        """Write the block that is being filled."""
        if self._block and self._next_block is not None:
            frame = self._compressor.compress(_TURN_END.join(self._block))
            self._run("INSERT INTO block VALUES (?, ?)", self._next_block, frame)
        self._forget_block()

    def _forget_block(self) -> None:
        self._block, self._block_size, self._next_block = [], 0, None

    def find_shown(self, oid: bytes) -> Shown | None:
        """Return the texts of a turn, or None where they are not kept, or damaged."""
        row = self._one("SELECT block, place FROM turn WHERE oid = ? AND block IS NOT NULL", oid)
        if row is None:
            return None
        number, place = row
        if self._opened is None or self._opened[0] != number:
            self._opened = (number, self._read_block(number))
        items = self._opened[1]
        return _decode_shown(items[place]) if place < len(items) else None

    def _read_block(self, number: int) -> list[bytes]:
        """Return the turns of a block; none where it is missing or damaged."""
        row = self._one("SELECT data FROM block WHERE number = ?", number)
        size_max = BLOCK_SIZE_BYTES + SHOWN_SIZE_MAX_BYTES + 1
        try:
            data = decompress(bytes(row[0]), size_max=size_max, where=FILE_NAME) if row else b""
        except DataError:
            return []
        return data.split(_TURN_END)

    def drop_turns_except(self, wanted: set[bytes]) -> int:
        """Take out what is not wanted any more; return how many turns.

        Their words stay in the tables of FTS5, where no turn leads to them.
        """
        with database_errors():
            gone = [
                (number,)
                for number, oid in self._run("SELECT number, oid FROM turn").fetchall()
                if bytes(oid) not in wanted
            ]
            self._connection.executemany("DELETE FROM turn WHERE number = ?", gone)
        return len(gone)

    def find(self, condition: Condition, count_max: int | None = None) -> Iterator[FoundTurn]:
        """Yield the turns that a condition is true of, the best first, then the newest.

        Args:
            condition: What is asked for.
            count_max: At most so many; None for all.
        """
        rank, source, where = "0.0", "turn", condition.where
        first: list[str] = []
        if condition.match is not None:
            first = [condition.match]
        if condition.is_needed:
            rank, source = "bm25(words)", "words JOIN turn ON turn.number = words.rowid"
            where = f"words MATCH ? AND {where}"
        elif condition.match is not None:
            rank = "coalesce(ranked.rank, 0.0)"
            source = (
                "turn LEFT JOIN (SELECT rowid, bm25(words) AS rank FROM words WHERE words MATCH ?)"
                " AS ranked ON ranked.rowid = turn.number"
            )
        cursor = self._run(
            f"SELECT turn.oid, turn.step, turn.time, turn.role, session.harness, session.id, "  # noqa: S608 - parameters are bound; the rest is ours
            f"session.leader, {rank} AS value FROM {source} "
            "JOIN session ON session.number = turn.session "
            f"WHERE {where} ORDER BY value, coalesce(turn.time, 0) DESC, turn.step DESC, "
            "turn.oid LIMIT ?",
            *first,
            *condition.values,
            -1 if count_max is None else count_max,
        )
        with database_errors():
            for row in cursor:
                oid, step, time_ms, role, harness, session, leader, value = row
                yield FoundTurn(
                    bytes(oid), step, time_ms, role, harness, session, bytes(leader), value
                )

    def find_at(self, leader: bytes, step: int) -> list[bytes]:
        """Return the turns that stand at a step of a session; there are several where it forks."""
        rows = self._run(
            "SELECT turn.oid FROM turn JOIN session ON session.number = turn.session "
            "WHERE session.leader = ? AND turn.step = ?",
            leader,
            step,
        )
        with database_errors():
            return [bytes(row[0]) for row in rows]

    def optimize(self) -> None:
        """Put the words together as small as they get; worth it when many were added."""
        self._run("INSERT INTO words (words) VALUES ('optimize')")
        self._run("VACUUM")

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Keep what is written inside together."""
        self._run("BEGIN IMMEDIATE")
        try:
            yield
            self._end_block()
        except BaseException:
            self._forget_block()
            with suppress(sqlite3.Error):
                self._connection.rollback()
            raise
        self._run("COMMIT")

    def _one(self, statement: str, *values: object) -> tuple[Any, ...] | None:
        with database_errors():
            row: tuple[Any, ...] | None = self._run(statement, *values).fetchone()
            return row

    def _run(self, statement: str, *values: object) -> sqlite3.Cursor:
        with database_errors():
            return self._connection.execute(statement, values)


@contextmanager
def database_errors() -> Iterator[None]:
    """Turn what SQLite says into what a caller can do something about.

    Raises:
        DamagedSearchError: The file is damaged.
        StorageError: It cannot be read or written.
    """
    try:
        yield
    except sqlite3.OperationalError as error:
        if any(word in str(error) for word in _DAMAGED):
            raise DamagedSearchError(str(error)) from error
        raise StorageError(
            f"the index of words cannot be used: {error}",
            hint="it may be deleted at any time: '.tapes/index/search.sqlite'",
        ) from error
    except (sqlite3.DatabaseError, *_NO_VALUES) as error:
        raise DamagedSearchError(str(error)) from error


def remove(folder: Path) -> None:
    """Remove the file and what belongs to it; what is not there needs nothing.

    Raises:
        OSError: It cannot be removed.
    """
    for side in SIDE_NAMES:
        with suppress(FileNotFoundError):
            syscalls.unlink(folder / f"{FILE_NAME}{side}")


def _connect(path: str) -> sqlite3.Connection:
    try:
        connection = sqlite3.connect(path, timeout=TIMEOUT_S, isolation_level=None)
    except sqlite3.Error as error:
        raise OSError(str(error)) from error
    try:
        for pragma in _PRAGMAS:
            connection.execute(pragma)
        if not _read_schema(connection):
            _create(connection)
        _verify_schema(connection)
    except sqlite3.OperationalError as error:
        connection.close()
        if any(word in str(error) for word in _DAMAGED):
            raise DamagedSearchError(str(error)) from error
        raise OSError(str(error)) from error
    except (sqlite3.DatabaseError, DamagedSearchError, *_NO_VALUES) as error:
        connection.close()
        raise DamagedSearchError(str(error)) from error
    return connection


def _create(connection: sqlite3.Connection) -> None:
    connection.execute("BEGIN IMMEDIATE")
    for statement in _SCHEMA:
        connection.execute(statement)
    connection.execute("INSERT INTO words (words, rank) VALUES ('automerge', 8)")
    connection.execute(f"PRAGMA user_version = {SEARCH_VERSION}")
    connection.execute("COMMIT")


def _read_schema(connection: sqlite3.Connection) -> list[str]:
    rows = connection.execute(
        "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'words_%'"
    )
    return sorted(str(row[0]) for row in rows)


def _verify_schema(connection: sqlite3.Connection) -> None:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version != SEARCH_VERSION or _read_schema(connection) != sorted(_SCHEMA):
        raise DamagedSearchError("another schema")
    connection.execute("SELECT rowid FROM words WHERE words MATCH '\"a\"' LIMIT 1").fetchall()


def cut_shown(shown: Shown) -> Shown:
    """Return the beginning of what is shown of a long turn; failures are not kept then."""
    texts: list[str] = []
    left = BEGINNING_LENGTH
    for text in shown.texts:
        texts.append(text[:left])
        left -= len(texts[-1])
        if not left:
            break
    return Shown(tuple(texts), (), is_cut=True)


def _encode_shown(shown: Shown) -> bytes:
    """Return texts as bytes; the separators within one are taken for spaces."""
    count = str(len(shown.failures)) + ("+" if shown.is_cut else "")
    texts = (text.translate(_SPACES) for text in (*shown.failures, *shown.texts))
    text = _PART_END.join((count, *texts))
    return text.encode("utf-8", "surrogatepass")


def _decode_shown(data: bytes) -> Shown | None:
    count, *texts = data.decode("utf-8", "surrogatepass").split(_PART_END)
    digits = count.removesuffix("+")
    if not digits.isdecimal() or int(digits) > len(texts):
        return None
    place = int(digits)
    return Shown(tuple(texts[place:]), tuple(texts[:place]), is_cut=digits != count)


def _quote(path: str) -> str:
    return path.replace("%", "%25").replace("?", "%3f").replace("#", "%23")
