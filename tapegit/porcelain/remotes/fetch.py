"""`fetch`: what is new on a remote, verified into the store, and the refs that follow it.

Rules: nothing of a ref that is wrong is installed; it is named with the reason, and the others
go on. No branch of the user's moves. What moved backwards on the remote is followed and said;
the reflog has where it was.

Source: tapes-fetch(1), tapesformat-git(5).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from tapegit.errors import (
    DataError,
    InvalidNameError,
    ObjectNotFoundError,
    ProtocolError,
    RemovedError,
)
from tapegit.graph.ancestry import is_ancestor
from tapegit.graph.turns import TurnGraph
from tapegit.objects.kind import Kind, object_id
from tapegit.porcelain.remotes.fetch_choice import choose_refs
from tapegit.refs.collisions import Names
from tapegit.refs.names import RefName
from tapegit.remote.connection import UPLOAD, connect
from tapegit.remote.conversation import Limit, Upload
from tapegit.remote.git_objects import GitObjects
from tapegit.remote.id_map import IdMap
from tapegit.remote.incoming import Incoming, ReceivedPack, read_meta
from tapegit.remote.receiving import receive_git_pack
from tapegit.remote.ref_names import (
    HEADS,
    META,
    NOTES,
    SESSIONS,
    TAGS,
    Shared,
    parse_remote_name,
    tracking_name,
)
from tapegit.remote.scratch import ScratchFolder
from tapegit.remote.seen import read_seen, write_seen
from tapegit.repository.layout import TMP_NAME
from tapegit.repository.shallow import add_cuts, drop_whole
from tapegit.repository.tombstones import read_tombstones, session_mark, verify_wanted

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Mapping

    from tapegit.formats.tombstones import Tombstones
    from tapegit.objects.oid import ObjectId
    from tapegit.remote.connection import Surroundings
    from tapegit.remote.incoming import Take
    from tapegit.remote.urls import RemoteUrl
    from tapegit.repository.repository import Repository

HAVE_COUNT_MAX: Final = 1000
BULK_COUNT_MIN: Final = 400
"""From how many git objects on what comes becomes a pack; git's limit is a hundred turns too."""

NEW: Final = "*"
FORCED: Final = "+"
PRUNED: Final = "-"
REJECTED: Final = "!"
FAST_FORWARD: Final = " "
UP_TO_DATE: Final = "="


ALL_KINDS: Final = frozenset((HEADS, TAGS, SESSIONS, NOTES))
DEPTH_MAX: Final = (1 << 31) - 1
"""What git takes for a depth without end."""


class FetchOptions(NamedTuple):
    """What to fetch: all, or these; `prune` deletes what follows refs that are gone.

    `has_meta` asks for the branch that the remote names as well, as a clone does. With a
    `depth` histories are cut off after so many turns; `kinds` are the folders of refs to take.
    """

    wanted: tuple[str, ...] = ()
    prune: bool = False
    is_dry_run: bool = False
    has_meta: bool = False
    depth: int | None = None
    kinds: frozenset[str] = ALL_KINDS


class FetchedRef(NamedTuple):
    """What became of one ref; `oid` and `old` are turns or tags, None for none.

    `is_removed` says that it was refused because it has what was removed here on purpose.
    """

    mark: str
    kind: str
    remote_name: str
    local: str
    old: ObjectId | None
    oid: ObjectId | None
    reason: str | None = None
    is_removed: bool = False


class FetchReport(NamedTuple):
    """What a fetch did; `head` is the branch that the remote names, if that was asked for.

    `same` has the refs that were asked for and are as they were.
    """

    refs: list[FetchedRef]
    object_count: int
    head: str | None = None
    same: tuple[FetchedRef, ...] = ()


class _Changed(NamedTuple):
    shared: Shared
    git_id: bytes


class _Verified(NamedTuple):
    """A ref that passed: the refs of the store that follow it, and what they are to hold."""

    shared: Shared
    tapes: list[tuple[RefName, ObjectId]]


class _WrongRefsError(Exception):
    """Some refs are wrong: begin again without them."""


def fetch(
    repository: Repository,
    name: str,
    url: RemoteUrl,
    options: FetchOptions,
    surroundings: Surroundings,
) -> FetchReport:
    """Fetch what is new on a remote.

    Args:
        repository: The store.
        name: Of the remote.
        url: Where it is.
        options: What to fetch.
        surroundings: What connections are made with.

    Raises:
        RemoteError: It cannot be reached, or does not answer as git does.
        StorageError: What came could not be stored.
    """
    report = FetchReport([], 0)
    for part in _split_by_depth(options):
        found = _fetch_part(repository, name, url, part, surroundings)
        refs, count = [*report.refs, *found.refs], report.object_count + found.object_count
        report = FetchReport(refs, count, report.head or found.head, report.same + found.same)
    return report


def _split_by_depth(options: FetchOptions) -> list[FetchOptions]:
    """Return the fetches that a fetch consists of: git counts commits, and not turns alone.

    The commit of a session, or of a tag, is above its turns; a chain of notes is never cut.
    """
    if options.depth is None:
        return [options]
    above = min(options.depth + 1, DEPTH_MAX)
    return [
        options._replace(kinds=frozenset((HEADS,)), prune=False),
        options._replace(
            kinds=frozenset((SESSIONS, TAGS)), depth=above, prune=False, has_meta=False
        ),
        options._replace(kinds=frozenset((NOTES,)), depth=None, has_meta=False),
    ]


def _fetch_part(
    repository: Repository,
    name: str,
    url: RemoteUrl,
    options: FetchOptions,
    surroundings: Surroundings,
) -> FetchReport:
    with connect(url, UPLOAD, surroundings) as connection:
        upload = Upload(connection, url.root)
        fetcher = _Fetcher(repository, name, options, surroundings)
        fetcher.plan({ref.name: ref.git_id for ref in upload.refs})
        wanted = fetcher.list_wanted()
        if not wanted or options.is_dry_run:
            upload.close()
            fetcher.take(ReceivedPack(None), 0)
        else:
            with ScratchFolder(repository.root / TMP_NAME, "incoming") as folder:
                limit = fetcher.limit()
                chunks = upload.fetch(wanted, fetcher.list_had(), surroundings.tell, limit)
                received = surroundings.watched("receiving", chunks)
                count = receive_git_pack(received, folder, surroundings)
                upload.close()
                fetcher.take(ReceivedPack(folder.path if count else None), count, upload.cut)
    return fetcher.report


class _Fetcher:
    """One fetch: what changed, what to ask for, and what to do with what came."""

    def __init__(
        self,
        repository: Repository,
        remote: str,
        options: FetchOptions,
        surroundings: Surroundings,
    ) -> None:
        self._repository = repository
        self._watch = surroundings.watch
        self._remote = remote
        self._options = options
        self._id_map = IdMap(repository.root)
        self._graph = TurnGraph(repository.objects)
        self._seen = read_seen(repository.root, remote)
        self._removed = read_tombstones(repository.root)
        self._tracking = _list_tracking(repository, remote)
        self._advertised: dict[str, bytes] = {}
        self._changed: list[_Changed] = []
        self._asked: list[bytes] = []
        self._cut: Container[bytes] = ()
        self._same: dict[str, bytes] = {}
        self._gone: list[RefName] = []
        self._chosen: frozenset[Shared] | None = None
        self.report = FetchReport([], 0)

    def plan(self, advertised: Mapping[str, bytes]) -> None:
        """Find out which refs are new, changed or gone."""
        self._advertised = dict(advertised)
        self._chosen = choose_refs(self._options.wanted, self._iter_shared())
        present: set[str] = set()
        same: list[FetchedRef] = []
        for remote_name, git_id in sorted(advertised.items()):
            try:
                shared = parse_remote_name(remote_name)
            except InvalidNameError as error:
                self._refuse(remote_name, error.message)
                continue
            if shared is None:
                continue
            local = tracking_name(self._remote, shared)
            present.add(local)
            if self._is_wanted(shared):
                self._asked.append(git_id)
            if self._seen.get(remote_name) == git_id and local in self._tracking:
                self._same[remote_name] = git_id
                if self._is_wanted(shared):
                    same.append(_same_ref(shared, local))
            elif self._is_wanted(shared):
                self._changed.append(_Changed(shared, git_id))
        for folder, names in self._tracking.items():
            if folder not in present and not folder.startswith("refs/tags/"):
                self._gone += names
        self.report = self.report._replace(same=tuple(same))
        self._refuse_collisions()

    def _refuse_collisions(self) -> None:
        """Refuse what cannot stand beside another ref here: a folder of it, or another case."""
        if not self._changed:
            return
        pruned = set(self._gone) if self._options.prune else set()
        kept = (each for each, names in self._tracking.items() if not pruned.issuperset(names))
        names = Names(kept)
        passed = []
        for each in self._changed:
            try:
                names.add(tracking_name(self._remote, each.shared))
                passed.append(each)
            except InvalidNameError as error:
                self._refuse(each.shared.remote_name, error.message)
        self._changed = passed

    def _iter_shared(self) -> Iterable[Shared]:
        for remote_name in self._advertised:
            try:
                shared = parse_remote_name(remote_name)
            except InvalidNameError:
                continue
            if shared is not None:
                yield shared

    def _is_wanted(self, shared: Shared) -> bool:
        if shared.kind not in self._options.kinds:
            return False
        return self._chosen is None or shared in self._chosen

    def list_wanted(self) -> list[bytes]:
        """Return the commits to ask for: not those of turns that are here."""
        wanted = [each.git_id for each in self._changed if not self._is_here(each)]
        if self._options.depth is not None:
            wanted = self._asked
        if self._options.has_meta and META in self._advertised:
            wanted.append(self._advertised[META])
        return wanted

    def _is_here(self, changed: _Changed) -> bool:
        oid = self._id_map.find_turn(changed.git_id)
        return oid is not None and oid in self._complete()

    def _complete(self) -> set[ObjectId]:
        """Return the turns that refs hold: everything that they need is here."""
        return {ref.oid for ref in self._repository.refs.iter_refs("refs/")}

    def list_had(self) -> list[bytes]:
        """Return commits that are here with all they need, the likeliest to help first."""
        changed = {tracking_name(self._remote, each.shared) for each in self._changed}
        first = [oid for folder in changed for _, oid in self._tracking.get(folder, {}).items()]
        others = [
            ref.oid
            for prefix in (f"refs/remotes/{self._remote}/", "refs/heads/", "refs/")
            for ref in self._repository.refs.iter_refs(prefix)
        ]
        had: list[bytes] = []
        for oid in dict.fromkeys([*first, *others]):
            commit = self._id_map.find_commit(oid)
            if commit is not None:
                had.append(commit.git_id)
            if len(had) >= HAVE_COUNT_MAX:
                break
        return had

    def limit(self) -> Limit | None:
        """Return how far back history is wanted, and where it ends here; None for no limits."""
        objects = self._repository.objects
        cuts = [oid for oid in objects.cuts if objects.contains(oid)]
        if not cuts and self._options.depth is None:
            return None
        made = GitObjects(objects, self._id_map)
        made.ensure_mapped(cuts)
        return Limit(self._options.depth, [made.commit_of(oid).git_id for oid in cuts])

    def take(self, pack: ReceivedPack, count: int, cut: Container[bytes] = ()) -> None:
        """Verify what came, store it, and move refs; commits of `cut` came without parents."""
        self._cut = cut
        if self._options.is_dry_run:
            self._tell_plan()
            return
        if self._options.has_meta and META in self._advertised:
            self.report = self.report._replace(head=read_meta(pack, self._advertised[META]))
        is_bulk = count >= BULK_COUNT_MIN
        if not is_bulk:
            # What becomes loose objects is there once it is written; a pack can be given up.
            self._verify(self._make_incoming(pack, self._look, _ignore))
        try:
            self._store(pack, is_bulk=is_bulk)
        except _WrongRefsError:
            self._store(pack, is_bulk=is_bulk)
        seen = dict(self._same)
        seen.update((each.shared.remote_name, each.git_id) for each in self._changed)
        if seen != self._seen:
            write_seen(self._repository.root, self._remote, seen)
        self._id_map.save()
        drop_whole(self._repository)
        self.report = self.report._replace(object_count=count)

    def _make_incoming(
        self, pack: ReceivedPack, take: Take, rely_on: Callable[[ObjectId], object]
    ) -> Incoming:
        objects = self._repository.objects
        made = GitObjects(objects, self._id_map)
        count = 0

        def take_and_show(kind: Kind, data: bytes) -> ObjectId:
            nonlocal count
            if kind is Kind.TURN:
                count += 1
                self._watch("verifying", "turns", count, 0)
            return take(kind, data)

        return Incoming(objects, pack, self._id_map, made, take_and_show, rely_on, self._cut)

    def _look(self, kind: Kind, data: bytes) -> ObjectId:
        """Return the id of an object that may be let in.

        Raises:
            RemovedError: It was removed on purpose.
        """
        oid = object_id(kind, data)
        verify_wanted(self._removed, (oid,))
        return oid

    def _verify(self, incoming: Incoming) -> list[_Verified]:
        """Verify the refs that changed; those that are wrong are named, and changed no more."""
        for oid, cut in self._repository.objects.cuts.items():
            if self._repository.objects.contains(oid):
                incoming.take_beyond(oid, cut)
        verified: list[_Verified] = []
        passed: list[_Changed] = []
        for each in self._changed:
            try:
                verify_session(self._removed, each.shared)
                verified.append(_verify_one(self._remote, incoming, each.shared, each.git_id))
                passed.append(each)
            except (ProtocolError, InvalidNameError) as error:
                self._refuse(each.shared.remote_name, error.message)
            except RemovedError as error:
                reason = f"removed here on purpose ({error.fields['reason']})"
                self._refuse(each.shared.remote_name, reason, is_removed=True)
        self._changed = passed
        return verified

    def _tell_plan(self) -> None:
        self._tell_pruned()
        for each in self._changed:
            local = tracking_name(self._remote, each.shared)
            mark = FAST_FORWARD if local in self._tracking else NEW
            shared = each.shared
            self.report.refs.append(
                FetchedRef(mark, shared.kind, shared.name, local, None, None, "not fetched")
            )

    def _store(self, pack: ReceivedPack, *, is_bulk: bool) -> None:
        """Store what the refs need, and move those that follow them.

        Raises:
            _WrongRefsError: Some were wrong; nothing was stored, and they are changed no more.
        """
        pruned = self._gone if self._options.prune else []
        if not (self._changed or pruned or self._options.depth is not None):
            return
        message = f"fetch {self._remote}"
        with self._repository.transaction(message, bulk=is_bulk) as transaction:
            incoming = self._make_incoming(pack, transaction.write, transaction.rely_on)
            count = len(self._changed)
            verified = self._verify(incoming)
            if len(self._changed) != count:
                raise _WrongRefsError
            add_cuts(self._repository, incoming.cuts)
            moves = [
                self._plan_move(incoming, each, name, oid)
                for each in verified
                for name, oid in each.tapes
            ]
            for move in moves:
                if move.mark not in (REJECTED, UP_TO_DATE):
                    assert move.oid is not None
                    transaction.update_ref(RefName(move.local), move.oid, move.old)
            dropped = (gone for each in verified for gone in self._list_dropped(each))
            with self._repository.ref_transaction(message) as earlier:
                for name in [*pruned, *dropped]:  # it may be in the way of what is new
                    earlier.delete(name)
        self._tell(moves)

    def _tell(self, moves: list[FetchedRef]) -> None:
        """Say what became of each ref; of a session only once."""
        told: set[str] = set()
        for move in moves:
            if move.kind == SESSIONS and move.remote_name in told:
                continue
            told.add(move.remote_name)
            if move.mark != UP_TO_DATE:
                self.report.refs.append(move)
            else:
                self.report = self.report._replace(same=(*self.report.same, move))
        self._tell_pruned()

    def _tell_pruned(self) -> None:
        for name in self._gone if self._options.prune else ():
            self.report.refs.append(FetchedRef(PRUNED, "", "", name, None, None))

    def _list_dropped(self, verified: _Verified) -> list[RefName]:
        """Return the tapes of a session that the remote does not have any more."""
        if verified.shared.kind != SESSIONS:
            return []
        kept = {name for name, _ in verified.tapes}
        folder = tracking_name(self._remote, verified.shared)
        return [name for name in self._tracking.get(folder, {}) if name not in kept]

    def _plan_move(
        self, incoming: Incoming, verified: _Verified, name: RefName, oid: ObjectId
    ) -> FetchedRef:
        shared = verified.shared
        old = self._repository.refs.find(name)
        mark, reason = UP_TO_DATE, None
        if old is None:
            mark = NEW
        elif old == oid:
            pass
        elif shared.kind == TAGS:
            mark, reason = REJECTED, "would clobber existing tag"
        elif self._is_forward(incoming, old, oid):
            mark = FAST_FORWARD
        else:
            mark, reason = FORCED, "forced update"
        return FetchedRef(mark, shared.kind, shared.name, name, old, oid, reason)

    def _is_forward(self, incoming: Incoming, old: ObjectId, new: ObjectId) -> bool:
        """Return whether a turn, which may be on its way into the store, descends from another."""
        try:
            return any(
                is_ancestor(self._graph, old, border)
                for border in incoming.list_border(new, until=old)
            )
        except (DataError, ObjectNotFoundError):
            return False

    def _refuse(self, remote_name: str, reason: str, *, is_removed: bool = False) -> None:
        self.report.refs.append(
            FetchedRef(REJECTED, "", remote_name, "", None, None, reason, is_removed)
        )


def _same_ref(shared: Shared, local: str) -> FetchedRef:
    return FetchedRef(UP_TO_DATE, shared.kind, shared.name, local, None, None)


def verify_session(removed: Tombstones, shared: Shared) -> None:
    """Check of a session of a remote that it was not removed on purpose.

    Raises:
        RemovedError: It was.
    """
    if shared.kind == SESSIONS:
        verify_wanted(removed, (session_mark(f"refs/{SESSIONS}/{shared.name}"),))


def _list_tracking(repository: Repository, remote: str) -> dict[str, dict[RefName, ObjectId]]:
    """Return the refs that follow a remote, by the ref or, of a session, the folder of refs."""
    prefix = f"refs/remotes/{remote}/"
    aside = f"{prefix}@{SESSIONS}/"
    found: dict[str, dict[RefName, ObjectId]] = {}
    for ref in repository.refs.iter_refs(prefix):
        if ref.target is not None:
            continue
        key = str(ref.name)
        if key.startswith(aside):
            key = aside + "/".join(key.removeprefix(aside).split("/")[:2])
        found.setdefault(key, {})[ref.name] = ref.oid
    for ref in repository.refs.iter_refs("refs/tags/"):
        found[str(ref.name)] = {ref.name: ref.oid}
    return found


def _verify_one(remote: str, incoming: Incoming, shared: Shared, git_id: bytes) -> _Verified:
    name = tracking_name(remote, shared)
    if shared.kind == SESSIONS:
        tapes = incoming.take_session(git_id, shared.name)
        names = Names()
        for tape, _ in tapes:
            names.add(RefName.parse(f"refs/sessions/{shared.name}/{tape}"))
        return _Verified(shared, [(RefName.parse(f"{name}/{tape}"), oid) for tape, oid in tapes])
    if shared.kind == TAGS:
        return _Verified(shared, [(name, incoming.take_tag(git_id))])
    assert shared.kind in (HEADS, NOTES), shared
    return _Verified(shared, [(name, incoming.take_tape(git_id))])


def _ignore(_oid: ObjectId) -> None:
    """Take an id that is only looked at."""
