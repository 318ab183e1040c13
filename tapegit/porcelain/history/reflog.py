"""`reflog`: where refs have been, and forgetting it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple

from tapegit.errors import DataError, InvalidNameError, ObjectNotFoundError, RefNotFoundError
from tapegit.graph.ancestry import is_ancestor
from tapegit.graph.dates import parse_date
from tapegit.objects.canonical import INTEGER_MAX
from tapegit.objects.oid import ZERO_OID
from tapegit.refs.names import HEAD, RefName

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tapegit.formats.reflog import ReflogEntry
    from tapegit.graph.turns import TurnGraph
    from tapegit.objects.oid import ObjectId
    from tapegit.repository.repository import Repository

DAY_MS: Final = 86_400_000


class ShownEntry(NamedTuple):
    """One move of a ref: `ref@{number}` is where it was after it, newest first."""

    name: RefName
    number: int
    entry: ReflogEntry


class Expiry(NamedTuple):
    """What to forget: moves before these times, in milliseconds since the epoch.

    `unreachable_ms` is for moves to objects that the ref no longer reaches.
    """

    before_ms: int
    unreachable_ms: int
    is_rewriting: bool = False
    is_dry_run: bool = False


def parse_expiry(text: str, now_ms: int) -> int:
    """Return the time before which moves are to be forgotten; `now` and `all` forget all of them.

    Raises:
        InvalidNameError: The text is no date.
    """
    if text in ("now", "all"):
        return INTEGER_MAX
    return 0 if text == "false" else parse_date(text, now_ms)


def list_entries(
    repository: Repository, name: RefName, *, count_max: int | None = None
) -> list[ShownEntry]:
    """Return the moves of a ref, newest first; none where it has no reflog.

    Raises:
        RefNotFoundError: There is neither such a ref nor a reflog of it.
    """
    entries = repository.refs.read_reflog(name)
    if not entries and name != HEAD and repository.refs.find(name) is None:
        raise RefNotFoundError(f"no ref and no reflog '{name}'", name=name)
    shown = [ShownEntry(name, number, entry) for number, entry in enumerate(reversed(entries))]
    return shown if count_max is None else shown[:count_max]


def has_reflog(repository: Repository, name: RefName) -> bool:
    """Return whether a ref has a reflog."""
    return bool(repository.refs.read_reflog(name))


def iter_logged(repository: Repository) -> Iterator[RefName]:
    """Yield every ref that has a reflog, by name."""
    return repository.refs.iter_reflogs()


def expire(
    repository: Repository, graph: TurnGraph, names: Iterable[RefName], expiry: Expiry
) -> list[tuple[RefName, int]]:
    """Forget old moves; return how many of each ref.

    Raises:
        DataError: A reflog is damaged.
    """
    expired = []
    for name in names:
        judge = _Judge(repository, graph, name, expiry)
        if expiry.is_dry_run:
            entries = repository.refs.read_reflog(name)
            count = sum(not judge.keeps(entry) for entry in entries)
        else:
            count = repository.refs.expire_reflog(name, judge.keeps, rewrite=expiry.is_rewriting)
        expired.append((name, count))
    return expired


def delete_entries(
    repository: Repository, wanted: dict[RefName, set[int]], *, is_rewriting: bool = False
) -> None:
    """Forget single moves, by their numbers as `list_entries` gives them.

    Raises:
        InvalidNameError: A ref has no move of such a number.
    """
    for name, numbers in wanted.items():
        entries = repository.refs.read_reflog(name)
        if max(numbers) >= len(entries):
            raise InvalidNameError(
                f"reflog of '{name}' has only {len(entries)} entries",
                text=f"{name}@{{{max(numbers)}}}",
                rule="an entry of the reflog",
            )
        doomed = frozenset(entries[-1 - number] for number in numbers)
        repository.refs.expire_reflog(name, partial(_is_not_in, doomed), rewrite=is_rewriting)


def _is_not_in(doomed: frozenset[ReflogEntry], entry: ReflogEntry) -> bool:
    return entry not in doomed


class _Judge:
    """Decides which moves of one ref stay."""

    def __init__(
        self, repository: Repository, graph: TurnGraph, name: RefName, expiry: Expiry
    ) -> None:
        self._graph = graph
        self._expiry = expiry
        self._tip = repository.refs.find(name)

    def keeps(self, entry: ReflogEntry) -> bool:
        if entry.time_ms < self._expiry.before_ms:
            return False
        if entry.time_ms >= self._expiry.unreachable_ms:
            return True
        return self._reaches(entry.new)

    def _reaches(self, oid: ObjectId) -> bool:
        """Return whether the ref still leads to an object; what cannot be read, it does not."""
        if self._tip is None or oid == ZERO_OID:
            return False
        try:
            return is_ancestor(self._graph, oid, self._tip)
        except (DataError, ObjectNotFoundError):
            return False
