"""What a push is to do to each ref, from what is here and what the remote said it has.

Rules: nothing is sent from here. A branch goes forward or is refused, unless the user forces
it; a tag is created once; a session keeps what the remote has of it; chains of notes are joined.

Source: tapes-push(1), tapesformat-git(5).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from tapegit.graph.ancestry import is_ancestor
from tapegit.graph.lookup import REMOTES
from tapegit.objects.kind import Kind
from tapegit.remote.conversation import NO_COMMIT
from tapegit.remote.mapping import make_session_objects
from tapegit.remote.ref_names import HEADS, NOTES, ROOT, SESSIONS, TAGS, tracking_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tapegit.graph.turns import TurnGraph
    from tapegit.objects.oid import ObjectId
    from tapegit.refs.names import RefName
    from tapegit.remote.git_objects import GitObjects
    from tapegit.remote.id_map import IdMap
    from tapegit.remote.ref_names import Shared
    from tapegit.repository.repository import Repository

UP_TO_DATE: Final = "="
NEW: Final = "*"
FORWARD: Final = " "
FORCED: Final = "+"
DELETED: Final = "-"
REJECTED: Final = "!"

FETCH_FIRST: Final = "diverged, fetch first"
DIVERGED: Final = "diverged, non-fast-forward"
BEHIND: Final = "behind, non-fast-forward"
STALE: Final = "stale info"
EXISTS: Final = "already exists"
MISSING: Final = "remote ref does not exist"
CUT_OFF: Final = "history is cut off here, fetch --unshallow"


class Wish(NamedTuple):
    """What is asked for: `tapes` is empty to delete; of a branch, tag or note it is one.

    Attributes:
        shared: The ref on the remote.
        label: What it is called here, for people.
        tapes: Names below a session's folder (else empty) and ids.
        is_forced: Set it whatever it is at.
    """

    shared: Shared
    label: str
    tapes: tuple[tuple[str, ObjectId], ...]
    is_forced: bool = False


class Planned(NamedTuple):
    """What is to become of a ref: its mark, and where it is to be, `tapes` as of a `Wish`."""

    wish: Wish
    mark: str
    old: bytes
    tapes: tuple[tuple[str, ObjectId], ...]
    reason: str | None = None
    forced: bool = False

    @property
    def is_sent(self) -> bool:
        """Whether the remote is asked to change something."""
        return self.mark not in (UP_TO_DATE, REJECTED)


class Seen(NamedTuple):
    """What a remote had when it was last looked at.

    Attributes:
        commits: By the full name of the ref.
        sessions: Name and turn of each tape that follows one there, by harness and session.
        left: As `commits`, when history was rewritten here.
    """

    commits: Mapping[str, bytes]
    sessions: Mapping[str, list[tuple[str, ObjectId]]]
    left: Mapping[str, bytes]


class Planner:
    """Compares wishes with what a remote has.

    Args:
        repository: The store.
        graph: Its turns.
        id_map: Which turn is which commit.
        made: Makes git objects.
        remote: The name of the remote, or None.
        advertised: What it has, by full name.
        seen: What it had when it was last looked at, and what follows its sessions.
    """

    def __init__(
        self,
        repository: Repository,
        graph: TurnGraph,
        id_map: IdMap,
        made: GitObjects,
        remote: str | None,
        advertised: Mapping[str, bytes],
        seen: Seen,
    ) -> None:
        self._repository = repository
        self._graph = graph
        self._id_map = id_map
        self._made = made
        self._remote = remote
        self._advertised = advertised
        self._seen = seen.commits
        self._followed = seen.sessions
        self._left = seen.left
        self.has_lease = False

    def list_known(self) -> list[ObjectId]:
        """Return turns that the remote has with all their ancestors, and that are here."""
        known = []
        for name, git_id in self._advertised.items():
            oid = self._id_map.find_turn(git_id)
            if oid is not None and self._repository.objects.contains(oid):
                known.append(oid)
            elif self._remote is not None and self._seen.get(name) == git_id:
                session = name.removeprefix(f"refs/tapes/{SESSIONS}/")
                known += (tip for _, tip in self._followed.get(session, ()))
        return list(dict.fromkeys(known))

    def list_replaced(self) -> list[ObjectId]:
        """Return turns that took the place of what the remote has, when history was rewritten here.

        What the remote has goes on from the same turns as they do, be those here or not.
        """
        branches = dict(self._followed.get("", ()))
        replaced = []
        for name, git_id in self._advertised.items():
            if self._seen.get(name) == git_id or self._left.get(name) != git_id:
                continue
            kind, _, rest = name.removeprefix(ROOT).partition("/")
            if kind == SESSIONS:
                replaced += [tip for _, tip in self._followed.get(rest, ())]
            elif kind == HEADS and (tip := branches.get(f"{REMOTES}{self._remote}/{rest}")):
                replaced.append(tip)
        return replaced

    def plan(self, wish: Wish) -> Planned:
        """Return what is to become of a ref.

        Raises:
            ObjectNotFoundError: A turn that the answer depends on is missing.
            DataError: One is damaged.
        """
        old = self._advertised.get(wish.shared.remote_name, NO_COMMIT)
        if not wish.tapes:
            if old == NO_COMMIT:
                return Planned(wish, REJECTED, old, (), MISSING)
            return self._leased(Planned(wish, DELETED, old, ()))
        if old == NO_COMMIT:
            return self._leased(Planned(wish, NEW, old, wish.tapes))
        if wish.shared.kind == SESSIONS:
            return self._plan_session(wish, old)
        if wish.shared.kind == TAGS:
            return self._plan_tag(wish, old)
        return self._plan_branch(wish, old)

    def _plan_branch(self, wish: Wish, old: bytes) -> Planned:
        new = wish.tapes[0][1]
        there = self._find_turn(old, new)
        if there == new:
            return Planned(wish, UP_TO_DATE, old, wish.tapes)
        is_known = there is not None and self._repository.objects.contains(there)
        if is_known and there is not None and is_ancestor(self._graph, there, new):
            return self._leased(Planned(wish, FORWARD, old, wish.tapes))
        if wish.is_forced or self.has_lease:
            return self._leased(Planned(wish, FORCED, old, wish.tapes, "forced update"))
        if not is_known or there is None:
            return Planned(wish, REJECTED, old, wish.tapes, FETCH_FIRST)
        is_behind = is_ancestor(self._graph, new, there)
        if is_behind and wish.shared.kind == NOTES:
            return Planned(wish, UP_TO_DATE, old, wish.tapes)
        return Planned(wish, REJECTED, old, wish.tapes, BEHIND if is_behind else DIVERGED)

    def _find_turn(self, commit: bytes, own: ObjectId) -> ObjectId | None:
        """Return the turn of a commit that the remote has, or None if it is not known here.

        A push whose answer was lost is not noted: then it is `own`, or an ancestor of it.
        """
        found = self._id_map.find_turn(commit)
        if found is None:
            self._made.ensure_mapped([own])
            found = self._id_map.find_turn(commit)
        return found

    def _leased(self, planned: Planned) -> Planned:
        """Refuse what is not where it was last seen, where that is asked for."""
        wish = planned.wish
        if not self.has_lease or wish.is_forced:
            return planned
        name = wish.shared.remote_name
        expected = self._seen.get(name, self._left.get(name, NO_COMMIT))
        if expected == planned.old:
            return planned
        return planned._replace(mark=REJECTED, reason=STALE)

    def _plan_tag(self, wish: Wish, old: bytes) -> Planned:
        oid = wish.tapes[0][1]
        if self.commit_of(oid) == old:
            return Planned(wish, UP_TO_DATE, old, wish.tapes)
        if wish.is_forced:
            return Planned(wish, FORCED, old, wish.tapes, "forced update")
        return Planned(wish, REJECTED, old, wish.tapes, EXISTS)

    def commit_of(self, oid: ObjectId) -> bytes:
        """Return the commit of a turn or of a tag object."""
        if self._repository.objects.read_header(oid).kind is Kind.TAG:
            return self._made.emit_tag(oid, _drop).git_id
        self._made.ensure_mapped([oid])
        return self._made.commit_of(oid).git_id

    def _plan_session(self, wish: Wish, old: bytes) -> Planned:
        """Keep what the remote has of a session: a union by name, the newer of each."""
        followed = self._followed.get(wish.shared.name, ())
        is_known = self._remote is not None and self._seen.get(wish.shared.remote_name) == old
        if is_known and list(wish.tapes) == followed:
            return Planned(wish, UP_TO_DATE, old, wish.tapes)
        # What follows it is all of it, unless somebody deleted some of these refs.
        if not (is_known and followed and self._session_commit(wish.shared, followed) == old):
            if self._session_commit(wish.shared, wish.tapes) == old:
                return Planned(wish, UP_TO_DATE, old, wish.tapes)
            reason = None if wish.is_forced else FETCH_FIRST
            mark = FORCED if wish.is_forced else REJECTED
            return Planned(wish, mark, old, wish.tapes, reason or "forced update")
        there = dict(followed)
        joined = dict(there)
        for name, oid in wish.tapes:
            before = there.get(name)
            if before is None or before == oid or is_ancestor(self._graph, before, oid):
                joined[name] = oid
            elif not is_ancestor(self._graph, oid, before):
                if not wish.is_forced:
                    return Planned(wish, REJECTED, old, wish.tapes, DIVERGED)
                joined[name] = oid
        tapes = tuple(sorted(joined.items()))
        return Planned(wish, UP_TO_DATE if joined == there else FORWARD, old, tapes)

    def _session_commit(self, shared: Shared, tapes: Sequence[tuple[str, ObjectId]]) -> bytes:
        """Return the commit of a session of these tapes."""
        oids = [oid for _, oid in tapes]
        self._made.ensure_mapped(oids)
        commits = {oid: self._made.commit_of(oid) for oid in oids}
        return make_session_objects(shared.name, sorted(tapes), commits)[-1].git_id


def _drop(_made: object) -> None:
    """Take an object of which only the id is wanted."""


def local_refs(shared: Shared, remote: str, name: str) -> RefName:
    """Return the ref that follows a tape which was pushed; `name` is empty but of a session."""
    followed = tracking_name(remote, shared)
    return type(followed)(f"{followed}/{name}") if name else followed
