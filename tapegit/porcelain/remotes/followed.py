"""What a store last saw of a remote: the refs that follow those of it, read once for a push."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tapegit.graph.lookup import FETCHED, REMOTES

if TYPE_CHECKING:
    from tapegit.objects.oid import ObjectId
    from tapegit.repository.repository import Repository


class Followed(NamedTuple):
    """Refs of a store that follow a remote's.

    Attributes:
        sessions: Names of tapes and their tips, by `harness/session`; what follows no session is
            under the empty name, each by its full one.
        holds: What each ref holds, by its full name.
    """

    sessions: dict[str, list[tuple[str, ObjectId]]]
    holds: dict[str, ObjectId]


def read_followed(repository: Repository, remote: str | None) -> Followed:
    """Return what follows a remote; nothing does where it has no name.

    Raises:
        DataError: A ref is damaged.
    """
    followed = Followed({}, {})
    if remote is None:
        return followed
    prefix = f"{REMOTES}{remote}/"
    aside = f"{REMOTES}{remote}{FETCHED}"
    for ref in repository.refs.iter_refs(prefix):
        folder, tape = "", str(ref.name)
        if tape.startswith(aside):
            harness, session, tape = tape.removeprefix(aside).split("/", 2)
            folder = f"{harness}/{session}"
        followed.sessions.setdefault(folder, []).append((tape, ref.oid))
        followed.holds[ref.name] = ref.oid
    return followed
