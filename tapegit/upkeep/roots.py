"""Where reachability starts: refs, HEAD and reflogs.

Rules: nothing is left out and nothing is guessed. A root that cannot be read is an error,
since to go on without it would be to delete what it keeps; `collect_roots` with `on_broken`
is for fsck alone, which reports and deletes nothing.

Source: tapesmaintenance(7), "What gc keeps".
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple, Protocol

from tapegit.errors import TapesError
from tapegit.objects.oid import ZERO_OID

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tapegit.objects.oid import ObjectId
    from tapegit.refs.names import RefName
    from tapegit.refs.reader import RefReader


class OnBroken(Protocol):
    """Takes what could not be read: a ref's or reflog's name, and why."""

    def __call__(self, name: str, error: TapesError) -> None:
        """Take one."""


class Root(NamedTuple):
    """An id that keeps objects, and the ref or reflog that names it."""

    oid: ObjectId
    where: str


def collect_roots(refs: RefReader, *, on_broken: OnBroken | None = None) -> list[Root]:
    """Return every root, each id once: HEAD and refs before reflogs.

    Args:
        refs: The refs of the store.
        on_broken: Takes what cannot be read, which is then passed over.

    Raises:
        TapesError: A root cannot be read, and there is no `on_broken`.
    """
    seen: dict[ObjectId, str] = {}
    for root in _iter_roots(refs, on_broken):
        if root.oid != ZERO_OID:
            seen.setdefault(root.oid, root.where)
    return [Root(oid, where) for oid, where in seen.items()]


def _iter_roots(refs: RefReader, on_broken: OnBroken | None) -> Iterator[Root]:
    yield from _try("HEAD", partial(_read_head, refs), on_broken)
    for ref in refs.iter_refs(on_broken=on_broken):
        yield Root(ref.oid, ref.name)
    for name in refs.iter_reflogs():
        yield from _try(name, partial(_read_reflog, refs, name), on_broken)
        if on_broken is not None:
            yield from _sound_reflog(refs, name)


def _try(name: str, read: Callable[[], list[Root]], on_broken: OnBroken | None) -> Iterator[Root]:
    try:
        yield from read()
    except TapesError as error:
        if on_broken is None:
            raise
        on_broken(name, error)


def _read_head(refs: RefReader) -> list[Root]:
    head = refs.read_head()
    return [] if head.oid is None else [Root(head.oid, "HEAD")]


def _read_reflog(refs: RefReader, name: RefName) -> list[Root]:
    where = f"reflog of {name}"
    entries = refs.read_reflog(name)
    return [Root(oid, where) for entry in entries for oid in (entry.new, entry.old)]


def _sound_reflog(refs: RefReader, name: RefName) -> Iterator[Root]:
    """Yield what the sound lines of a reflog name, for a report that goes on after damage."""
    try:
        entries = refs.read_sound_reflog(name)
    except TapesError:
        return  # reported already, by the reading that found it unreadable
    for entry in entries:
        yield Root(entry.new, f"reflog of {name}")
        yield Root(entry.old, f"reflog of {name}")
