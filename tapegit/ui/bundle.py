"""What a bundle holds, in the words of `git bundle verify`, and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


class ShownRef(Protocol):
    """A ref of a bundle."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def oid(self) -> object:
        """What it points to."""


class ShownPrerequisite(Protocol):
    """An object that a bundle builds on."""

    @property
    def oid(self) -> object:
        """Its id."""

    @property
    def comment(self) -> str:
        """What it is, for people."""


def format_bundle_ref(ref: ShownRef) -> str:
    """Return `<id> <name>`."""
    return f"{ref.oid} {ref.name}"


def bundle_ref_members(ref: ShownRef) -> dict[str, object]:
    """Return a ref as the members of a JSON object."""
    return {"ref": ref.name, "oid": str(ref.oid)}


def iter_bundle_lines(
    refs: Sequence[ShownRef], prerequisites: Sequence[ShownPrerequisite]
) -> Iterator[str]:
    """Yield what a bundle contains and what it requires."""
    count = len(refs)
    yield f"The bundle contains {'this ref' if count == 1 else f'these {count} refs'}:"
    yield from map(format_bundle_ref, refs)
    if not prerequisites:
        yield "The bundle records a complete history."
        return
    count = len(prerequisites)
    yield f"The bundle requires {'this object' if count == 1 else f'these {count} objects'}:"
    for prerequisite in prerequisites:
        yield f"{prerequisite.oid} {prerequisite.comment}".rstrip()


def bundle_members(
    path: str,
    object_count: int,
    refs: Sequence[ShownRef],
    prerequisites: Sequence[ShownPrerequisite],
) -> dict[str, object]:
    """Return a verified bundle as the members of a JSON object."""
    return {
        "bundle": path,
        "objects": object_count,
        "refs": [bundle_ref_members(ref) for ref in refs],
        "prerequisites": [str(prerequisite.oid) for prerequisite in prerequisites],
        "complete": not prerequisites,
    }
