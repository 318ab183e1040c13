"""`push`: turns that a remote does not have, and its refs to them.

Rules: the refs that were listed are the refs that are set, each only if it is still where it
was listed; the remote decides each alone, and its words are handed on. What was pushed is
followed from then on, so that the next push knows what is there.

Source: tapes-push(1), tapesformat-git(5).
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Final, NamedTuple

from tapegit.errors import InvalidNameError, UserError
from tapegit.files.durable import TemporaryFile
from tapegit.graph.turns import TurnGraph
from tapegit.objects.kind import Kind
from tapegit.porcelain.remotes.followed import read_followed
from tapegit.porcelain.remotes.push_plan import (
    BEHIND,
    CUT_OFF,
    DELETED,
    DIVERGED,
    FETCH_FIRST,
    REJECTED,
    UP_TO_DATE,
    Planned,
    Planner,
    Seen,
    Wish,
    local_refs,
)
from tapegit.remote.conversation import NO_COMMIT, Command
from tapegit.remote.git_objects import GitObjects, list_new_turns
from tapegit.remote.git_pack import GitPack
from tapegit.remote.git_push import HttpReceive
from tapegit.remote.id_map import IdMap
from tapegit.remote.mapping import make_meta_objects, make_session_objects
from tapegit.remote.ref_names import HEADS, META, NOTES, SESSIONS, TAGS, Shared
from tapegit.remote.seen import is_told, note_told, read_left, read_seen, write_seen
from tapegit.repository.layout import TMP_NAME

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from tapegit.objects.oid import ObjectId
    from tapegit.porcelain.remotes.followed import Followed
    from tapegit.porcelain.remotes.push_line import PushLine
    from tapegit.remote.connection import Surroundings
    from tapegit.remote.conversation import Outcome, Receive, RemoteRef
    from tapegit.remote.urls import RemoteUrl
    from tapegit.repository.repository import Repository

    Inspect = Callable[[list[ObjectId], Sequence[Planned], bool], None]

FORK_DIGIT_COUNT: Final = 10


class PushOptions(NamedTuple):
    """How to push.

    Attributes:
        has_lease: Overwrite a ref that is where it was last seen.
        auto_fork: Send what was refused as diverged to a name of its own.
        is_dry_run: Send nothing.
        followed: What was last seen of the remote; read anew if it is None.
    """

    has_lease: bool = False
    auto_fork: bool = False
    is_dry_run: bool = False
    followed: Followed | None = None


class PushedRef(NamedTuple):
    """What became of one ref; `old` and `oid` are turns or tags, None where not known or none."""

    mark: str
    label: str
    shared: Shared
    old: ObjectId | None
    oid: ObjectId | None
    reason: str | None = None
    is_remote_reason: bool = False

    @property
    def is_failed(self) -> bool:
        """Whether the ref is not as it was asked for."""
        return self.mark == REJECTED


class PushReport(NamedTuple):
    """What a push did: each ref, how many turns and git objects were sent, and what was there.

    `advertised` has the commits of the remote's refs, by full name, before anything was sent.
    """

    refs: list[PushedRef]
    turn_count: int
    object_count: int
    advertised: Mapping[str, bytes]


def push(
    repository: Repository,
    name: str | None,
    line: PushLine,
    wishes: Sequence[Wish],
    options: PushOptions,
    inspect: Inspect,
) -> PushReport:
    """Push refs and what they need.

    Args:
        repository: The store.
        name: Of the remote, or None where it has none.
        line: Conversations with it.
        wishes: What is asked for.
        options: How.
        inspect: Takes the turns that are about to leave, ancestors first, what is planned, and
            whether nothing was pushed there before; an error stops the push.

    Raises:
        RemoteError: The remote cannot be reached, or does not answer as git does.
        ObjectNotFoundError: Something that is to be pushed is missing here.
        DataError: It is damaged.
    """
    url, surroundings = line.url, line.surroundings
    with line.talk() as receive:
        pusher = _Pusher(repository, name, url.text, options)  # while the remote begins
        receive.listen()
        _verify_not_first(url, receive)
        planned = pusher.plan(wishes, receive.refs)
        turns = pusher.list_turns(planned)
        inspect(turns, planned, pusher.is_first)
        if options.is_dry_run or not any(each.is_sent for each in planned):
            receive.close()
            pusher.finish([])
            return pusher.report(planned, [], 0, 0)
        with TemporaryFile(repository.root / TMP_NAME, "outgoing") as file:
            pack = GitPack(file)
            if isinstance(receive, HttpReceive):
                receive.border = pusher.fill_border(pack, turns)
            commands = pusher.fill(pack, planned, turns, surroundings)
            chunks = surroundings.watched("sending", pack.iter_chunks(), pack.size_bytes)
            outcomes = receive.push(commands, chunks, surroundings.tell)
            object_count = pack.count
            del pack  # what it remembers is as large as what is noted now
            pusher.finish(outcomes)
            return pusher.report(planned, outcomes, len(turns), object_count)


def _verify_not_first(url: RemoteUrl, there: Receive | HttpReceive) -> None:
    """Refuse to make the first branch of a repository: it is what clones of it check out.

    Raises:
        UserError: Tapes are branches there, by the user's setting, and there is no other branch.
    """
    if url.root.startswith("refs/heads/") and not there.has_branches:
        raise UserError(
            f"'{url.shown}' has no branch: a tape would be what clones of it check out",
            hint="push another branch there with git first",
        )


class _Pusher:
    """One push: what it plans, what it sends, and what it notes afterwards."""

    def __init__(
        self, repository: Repository, name: str | None, place: str, options: PushOptions
    ) -> None:
        self._repository = repository
        self._name = name
        self._place = place
        self._options = options
        self._graph = TurnGraph(repository.objects)
        self._id_map = IdMap(repository.root)
        self._made = GitObjects(repository.objects, self._id_map)
        self._advertised: dict[str, bytes] = {}
        self._seen = {} if name is None else read_seen(repository.root, name)
        self._left = {} if name is None else read_left(repository.root, name)
        followed = options.followed or read_followed(repository, name)
        self._followed, self._holds = followed.sessions, followed.holds
        self._planner: Planner | None = None
        self._planned: list[Planned] = []
        self._commands: list[Command] = []

    def plan(self, wishes: Sequence[Wish], refs: Iterable[RemoteRef]) -> list[Planned]:
        """Return what is to become of each ref that is asked for."""
        self._advertised = {ref.name: ref.git_id for ref in refs}
        self._remember_mapping()
        planner = Planner(
            self._repository,
            self._graph,
            self._id_map,
            self._made,
            self._name,
            self._advertised,
            Seen(self._seen, self._followed, self._left),
        )
        planner.has_lease = self._options.has_lease
        self._planner = planner
        planned = [self._with_fork(planner, planner.plan(wish)) for wish in wishes]
        self._planned = [self._without_cut(planner, each) for each in planned]
        return self._planned

    def _without_cut(self, planner: Planner, planned: Planned) -> Planned:
        """Refuse what would need turns that were cut off here and that the remote lacks too."""
        objects = self._repository.objects
        if not objects.cuts or not planned.is_sent:
            return planned
        tips, known = self._turn_tips(planned.tapes), planner.list_known()
        lacking = set(filter(objects.lacks_parents, list_new_turns(objects, tips, known)))
        if lacking and (replaced := planner.list_replaced()):
            lacking.difference_update(list_new_turns(objects, replaced, known))
        return planned._replace(mark=REJECTED, reason=CUT_OFF) if lacking else planned

    def _remember_mapping(self) -> None:
        """Work out again what was lost: the commits of what follows this remote."""
        self._id_map.look_up(self._advertised.values())
        unknown = {
            name: git_id
            for name, git_id in self._advertised.items()
            if name != META and (self._seen.get(name) != git_id or self._is_unmapped(name, git_id))
        }
        if not unknown or self._name is None:
            return
        followed = self._followed
        self._made.ensure_mapped(oid for tapes in followed.values() for _, oid in tapes)
        prefix = f"refs/tapes/{SESSIONS}/"
        for name in unknown:
            tapes = followed.get(name.removeprefix(prefix))
            if tapes is not None and name.startswith(prefix):
                commits = {oid: self._made.commit_of(oid) for _, oid in tapes}
                made = make_session_objects(name.removeprefix(prefix), sorted(tapes), commits)
                self._seen[name] = made[-1].git_id

    def _is_unmapped(self, name: str, git_id: bytes) -> bool:
        is_turn = name.startswith((f"refs/tapes/{HEADS}/", f"refs/tapes/{NOTES}/"))
        return is_turn and self._id_map.find_turn(git_id) is None

    def _with_fork(self, planner: Planner, planned: Planned) -> Planned:
        """Give what diverged a name of its own, if that is wanted: one that says what is in it."""
        diverged = planned.mark == REJECTED and planned.reason in (FETCH_FIRST, DIVERGED, BEHIND)
        if not (self._options.auto_fork and diverged and planned.wish.shared.kind == HEADS):
            return planned
        tip = planned.tapes[0][1]
        followed = (oid for tapes in self._followed.values() for _, oid in tapes)
        known = [*planner.list_known(), *filter(self._repository.objects.contains, followed)]
        new = list_new_turns(self._repository.objects, [tip], known)
        first = (new or [tip])[0]
        name = f"{planned.wish.shared.name}.{first.hex()[:FORK_DIGIT_COUNT]}"
        return planner.plan(planned.wish._replace(shared=Shared(HEADS, name)))

    def list_turns(self, planned: Sequence[Planned]) -> list[ObjectId]:
        """Return the turns that the remote lacks, ancestors first."""
        tips = [oid for each in planned if each.is_sent for oid in self._turn_tips(each.tapes)]
        if not tips or self._planner is None:
            return []
        return list_new_turns(self._repository.objects, tips, self._planner.list_known())

    def _turn_tips(self, tapes: Iterable[tuple[str, ObjectId]]) -> list[ObjectId]:
        peeled = [self._repository.peel_tag(oid) or oid for _, oid in tapes]
        return [
            oid for oid in peeled if self._repository.objects.read_header(oid).kind is Kind.TURN
        ]

    def fill(
        self,
        pack: GitPack,
        planned: Sequence[Planned],
        turns: list[ObjectId],
        surroundings: Surroundings,
    ) -> list[Command]:
        """Put what the remote lacks into a pack, and return what it is to do."""
        border = self._list_border(turns)
        self._made.ensure_mapped(border)
        self._made.learn(border)
        watch, total = surroundings.watch, len(turns)
        self._made.emit_turns(
            turns, pack.add, on_done=lambda done: watch("writing", "turns", done, total)
        )
        commands = [
            Command(
                each.wish.shared.remote_name,
                each.old,
                self._emit_tip(pack, each) if each.tapes else NO_COMMIT,
            )
            for each in planned
            if each.is_sent
        ]
        if META not in self._advertised and any(each.new != NO_COMMIT for each in commands):
            meta = make_meta_objects(self._head_branch(planned))
            for made in meta:
                pack.add(made)
            commands.append(Command(META, NO_COMMIT, meta[-1].git_id))
        self._commands = commands
        return commands

    def _list_border(self, turns: list[ObjectId]) -> list[ObjectId]:
        """Return the turns that the remote has and new ones go on from."""
        new = set(turns)
        parents = (parent for oid in turns for parent in self._graph.parents(oid))
        return list(dict.fromkeys(parent for parent in parents if parent not in new))

    def fill_border(self, pack: GitPack, turns: list[ObjectId]) -> dict[bytes, list[bytes]]:
        """Put the turns that new ones go on from into a pack, whole.

        Returns:
            The commits whose parents are not all in the pack, each with those that are.
        """
        new = set(turns)
        # Where a ref moves to a turn that the remote has, git wants to see that turn.
        tips = [oid for each in self._planned for oid in self._turn_tips(each.tapes)]
        moved = [oid for oid in tips if oid not in new]
        border = list(dict.fromkeys([*self._list_border(turns), *moved]))
        self._made.ensure_mapped(border)
        self._made.emit_turns(border, pack.add)
        cut = filter(self._repository.objects.lacks_parents, turns)
        kept = {**dict.fromkeys(border, ()), **{oid: self._graph.parents(oid) for oid in cut}}
        return {self._commit_id(oid): [*map(self._commit_id, kept[oid])] for oid in kept}

    def _commit_id(self, oid: ObjectId) -> bytes:
        return self._made.commit_of(oid).git_id

    @property
    def is_first(self) -> bool:
        """Whether nothing is known to have been pushed there from here."""
        return self._name is None or not is_told(self._repository.root, self._name, self._place)

    def _head_branch(self, planned: Sequence[Planned]) -> str:
        """Return the branch that a clone is to check out."""
        names = [each.wish.shared.name for each in planned if each.wish.shared.kind == HEADS]
        head = self._repository.refs.read_head().target
        here = head.removeprefix("refs/heads/") if head is not None else None
        return here if here is not None and (here in names or not names) else (names or ["main"])[0]

    def _emit_tip(self, pack: GitPack, planned: Planned) -> bytes:
        shared = planned.wish.shared
        if shared.kind == SESSIONS:
            oids = [oid for _, oid in planned.tapes]
            self._made.ensure_mapped(oids)
            commits = {oid: self._made.commit_of(oid) for oid in oids}
            objects = make_session_objects(shared.name, planned.tapes, commits)
            for made in objects:
                pack.add(made)
            return objects[-1].git_id
        oid = planned.tapes[0][1]
        is_tag = shared.kind == TAGS
        if is_tag and self._repository.objects.read_header(oid).kind is Kind.TAG:
            return self._made.emit_tag(oid, pack.add).git_id
        self._made.ensure_mapped([oid])
        return self._made.commit_of(oid).git_id

    def finish(self, outcomes: Sequence[Outcome]) -> None:
        """Follow what was pushed, and what was found to be there."""
        self._made = GitObjects(self._repository.objects, self._id_map)
        self._id_map.save()
        if self._name is None or self._options.is_dry_run:
            return
        accepted = {outcome.name for outcome in outcomes if outcome.reason is None}
        if accepted and self.is_first:
            note_told(self._repository.root, self._name, self._place)
        sent = {command.name: command.new for command in self._commands}
        seen = dict(self._seen)
        settled = []
        for each in self._planned:
            remote_name = each.wish.shared.remote_name
            if each.mark == UP_TO_DATE or remote_name in accepted:
                settled.append(each)
                seen[remote_name] = sent.get(remote_name, each.old)
                if seen[remote_name] == NO_COMMIT:
                    del seen[remote_name]
        # What is gone may be in the way of what is new: a folder of it, or another case.
        self._follow_all([each for each in settled if each.mark == DELETED])
        try:
            self._follow_all([each for each in settled if each.mark != DELETED])
        except InvalidNameError:
            for each in settled:
                with suppress(InvalidNameError):  # a fetch says what is in its way
                    self._follow_all([each] if each.mark != DELETED else [])
        if seen != self._seen:
            write_seen(self._repository.root, self._name, seen)

    def _follow_all(self, settled: Sequence[Planned]) -> None:
        """Move what follows refs, all or none.

        Raises:
            InvalidNameError: What is to follow one collides with another ref.
        """
        if settled:
            with self._repository.ref_transaction(f"push {self._name}") as transaction:
                for each in settled:
                    self._follow(transaction.update, transaction.delete, each)

    def _follow(
        self, update: Callable[..., None], delete: Callable[..., None], planned: Planned
    ) -> None:
        shared = planned.wish.shared
        assert self._name is not None
        if shared.kind == TAGS:
            return
        if planned.mark == DELETED:
            for ref in list(self._repository.refs.iter_refs("refs/remotes/")):
                folder = local_refs(shared, self._name, "")
                if ref.name == folder or ref.name.startswith(f"{folder}/"):
                    delete(ref.name)
            return
        if self._holds.get(f"refs/remotes/{self._name}/{shared.name}") == planned.tapes[0][1]:
            return  # the ref of a branch; what is aside has longer names
        if self._followed.get(shared.name) == list(planned.tapes):
            return  # as most sessions are, in a push of all
        for name, oid in planned.tapes:
            followed = local_refs(shared, self._name, name)
            if self._holds.get(followed) != oid:
                update(followed, oid)

    def report(
        self,
        planned: Sequence[Planned],
        outcomes: Sequence[Outcome],
        turn_count: int,
        object_count: int,
    ) -> PushReport:
        """Return what became of each ref."""
        reasons = {outcome.name: outcome.reason for outcome in outcomes}
        refs = [self._report_ref(each, reasons) for each in planned]
        return PushReport(refs, turn_count, object_count, self._advertised)

    def _report_ref(self, each: Planned, reasons: Mapping[str, str | None]) -> PushedRef:
        wish = each.wish
        old = None  # as of a session, whose commit is of no turn
        if wish.shared.kind == HEADS and each.mark == UP_TO_DATE:
            old = each.tapes[0][1]
        elif wish.shared.kind != SESSIONS:
            old = self._id_map.find_turn(each.old)
        oid = each.tapes[0][1] if each.tapes and wish.shared.kind != SESSIONS else None
        reason = reasons.get(wish.shared.remote_name)
        if reason is not None:
            return PushedRef(
                REJECTED, wish.label, wish.shared, old, oid, reason, is_remote_reason=True
            )
        return PushedRef(each.mark, wish.label, wish.shared, old, oid, each.reason)
