"""Refs whose objects are there: what lists of refs show.

A ref file has no checksum, but a ref never names an object that is not durable. So one whose
object is missing is damaged, and what it says is not shown as if it were its value.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tapegit.errors import ObjectNotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tapegit.objects.oid import ObjectId
    from tapegit.refs.loose import OnBroken
    from tapegit.refs.reader import Ref
    from tapegit.repository.repository import Repository


def iter_whole_refs(
    repository: Repository, prefix: str = "refs/", *, on_broken: OnBroken | None = None
) -> Iterator[Ref]:
    """Yield refs as `RefReader.iter_refs` does; one whose object is missing counts as broken.

    Raises:
        TapesError: A ref is broken, and there is no `on_broken`.
    """
    for ref in repository.refs.iter_refs(prefix, on_broken=on_broken):
        try:
            verify_whole(repository, ref.name, ref.oid)
        except ObjectNotFoundError as error:
            if on_broken is None:
                raise
            on_broken(ref.name, error)
        else:
            yield ref


def verify_whole(repository: Repository, name: str, oid: ObjectId) -> None:
    """Check that the object of a ref is there.

    Raises:
        ObjectNotFoundError: It is not.
    """
    if not repository.objects.contains(oid):
        raise ObjectNotFoundError(
            f"missing object '{oid}' for '{name}'",
            hint="its reflog has its values: 'tapes reflog show', then 'tapes update-ref'",
            oid=oid,
        )
