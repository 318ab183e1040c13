"""Where reachability starts: HEAD, refs and reflogs.

Rules: nothing is left out and nothing is guessed. A root that cannot be read is an error,
since to go on without it would be to delete what it keeps.

Source: tapesmaintenance(7), "What gc keeps".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tapegit.objects.oid import ZERO_OID

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tapegit.objects.oid import ObjectId
    from tapegit.refs.reader import RefReader


class Root(NamedTuple):
    """An id that keeps objects, and the ref or reflog that names it."""

    oid: ObjectId
    where: str


def collect_roots(refs: RefReader) -> list[Root]:
    """Return every root, each id once: HEAD and refs before reflogs.

    Raises:
        TapesError: A root cannot be read.
    """
    seen: dict[ObjectId, str] = {}
    for root in _iter_roots(refs):
        if root.oid != ZERO_OID:
            seen.setdefault(root.oid, root.where)
    return [Root(oid, where) for oid, where in seen.items()]


def _iter_roots(refs: RefReader) -> Iterator[Root]:
    head = refs.read_head()
    if head.oid is not None:
        yield Root(head.oid, "HEAD")
    for ref in refs.iter_refs():
        yield Root(ref.oid, ref.name)
    for name in refs.iter_reflogs():
        for entry in refs.read_reflog(name):
            yield Root(entry.new, f"reflog of {name}")
            yield Root(entry.old, f"reflog of {name}")
