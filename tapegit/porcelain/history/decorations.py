"""Decorations: which refs are at a turn, as a log names them beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from tapegit.objects.oid import ObjectId
    from tapegit.refs.loose import OnBroken
    from tapegit.repository.repository import Repository

TAGS = "refs/tags/"
LINEAGE = "refs/lineage/"
"""Refs that say where sessions begin: the leader says it itself."""


class Decoration(NamedTuple):
    """What stands beside a turn: its kind, its short name, and its target.

    The kind is `head`, `branch`, `tag` or `ref`, or `graft` where history was cut off.

    `target` is the branch that HEAD names, and None for everything else.
    """

    kind: str
    name: str
    target: str | None = None


GRAFTED: Final = Decoration("graft", "grafted")
"""Beside a turn whose parents are left out, as in git."""

Decorations = dict["ObjectId", list[Decoration]]


def read_decorations(repository: Repository, on_broken: OnBroken | None = None) -> Decorations:
    """Return the refs at each turn that has any: HEAD first, then by name.

    Raises:
        DataError: A ref is damaged, and nobody takes it.
    """
    found: Decorations = {}
    head = repository.refs.read_head()
    if head.oid is not None:
        target = head.target.short if head.target is not None else None
        found[head.oid] = [Decoration("head", "HEAD", target)]
    for ref in repository.refs.iter_refs(on_broken=on_broken):
        if ref.name == head.target or ref.name.startswith(LINEAGE):
            continue
        oid, kind = ref.oid, "branch" if ref.name.is_branch else "ref"
        if ref.name.startswith(TAGS):
            oid, kind = ref.peeled or repository.peel_tag(ref.oid) or ref.oid, "tag"
        found.setdefault(oid, []).append(Decoration(kind, ref.name.short))
    return found
