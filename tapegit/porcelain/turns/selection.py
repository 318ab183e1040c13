"""Where a reading command starts: the revisions given, every ref, or what stands for none.

While HEAD is unborn a command without a revision takes the newest session of the working
directory, else the newest of all, and says which: only the user moves HEAD, so in a store that
only recorders write to it stays unborn.

Source: tapesrevisions(7), "The newest recording".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tapegit.errors import RefNotFoundError
from tapegit.porcelain.plumbing.tips import is_set, iter_points
from tapegit.refs.names import HEAD

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tapegit.graph.newest import DefaultSession
    from tapegit.graph.resolve import Resolver
    from tapegit.objects.oid import ObjectId
    from tapegit.refs.loose import OnBroken
    from tapegit.repository.repository import Repository


class Selection(NamedTuple):
    """What to walk.

    Attributes:
        starts: Turns to start from.
        exclude: Turns to leave out, with all that they reach.
        session: The session that was taken because HEAD is unborn.
    """

    starts: list[ObjectId]
    exclude: list[ObjectId]
    session: DefaultSession | None = None


def select(
    repository: Repository,
    resolver: Resolver,
    tokens: Sequence[str],
    *,
    directory: str | None,
    on_broken: OnBroken | None = None,
) -> Selection:
    """Return where to start.

    Args:
        repository: The store.
        resolver: Its resolver.
        tokens: Revisions, ranges and names of sets as they were typed; see porcelain/tips.
        directory: The working directory.
        on_broken: Takes (name, error) of a ref of a set that cannot be read.

    Raises:
        UserError: A revision names nothing, or there is nothing at all.
        DataError: A ref or an object on the way is damaged.
    """
    starts: dict[ObjectId, None] = {}
    exclude: dict[ObjectId, None] = {}
    for point in iter_points(resolver, repository.refs, tokens, on_broken=on_broken):
        (exclude if point.is_excluded else starts)[point.oid] = None
    if starts or any(map(is_set, tokens)):
        return Selection(list(starts), list(exclude))
    if repository.refs.read_head().oid is not None:
        return Selection([resolver.resolve(HEAD)], list(exclude))
    session = resolver.resolve_default(directory)
    if session is None:
        raise RefNotFoundError(
            "nothing was recorded here yet",
            hint="'tapes import FILE' records the transcript of a session",
            name=HEAD,
        )
    return Selection([session.oid], list(exclude), session)
