"""What is beyond a tape: the model itself, and the branch that is recorded of going on with it.

A replay has no way to a model. Where it is to go on with one, a proxy is started beside it, as
for a recording; what the tape does not answer goes there. What is recorded begins at the last
turn that it has in common with the tape.

Source: tapes-replay(1), "GOING ON".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, NamedTuple, Self

from tapegit.graph.walk import iter_first_parents
from tapegit.harness.launch.table import program_name
from tapegit.porcelain.recording.places import Places
from tapegit.porcelain.recording.receive import receiver_command
from tapegit.porcelain.recording.record import DEFAULT_SCOPE, make_scope
from tapegit.porcelain.recording.recording import Recording
from tapegit.wire.replay.live import LiveUpstream

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

    from tapegit.graph.turns import TurnGraph
    from tapegit.objects.oid import ObjectId
    from tapegit.porcelain.recording.launching import Surroundings
    from tapegit.porcelain.replay.tape import Tape
    from tapegit.refs.names import RefName
    from tapegit.repository.repository import Repository

OnMiss = Literal["fail", "live", "record"]
ON_MISS: Final[tuple[OnMiss, ...]] = ("fail", "live", "record")
SESSIONS: Final = "refs/sessions/"


class Branch(NamedTuple):
    """A tape that goes on from the one that was replayed.

    Attributes:
        name: Its ref.
        parent: The turn that it goes on from.
        place: Where that is on its tape, counted from its leader.
    """

    name: RefName
    parent: ObjectId
    place: int


class Beyond:
    """The way on from a replay; as a context it is open.

    Attributes:
        branches: What was recorded, once it has ended.
        lost: How many exchanges could not be recorded.
    """

    def __init__(
        self,
        repository: Repository,
        graph: TurnGraph,
        tape: Tape,
        command: tuple[str, ...],
        where: Surroundings,
        *,
        is_recorded: bool,
    ) -> None:
        """Prepare to go on.

        Args:
            repository: The store.
            graph: Its turns.
            tape: What is replayed.
            command: What is run, if anything is.
            where: Its environment and working directory.
            is_recorded: What comes is recorded.

        Raises:
            ConfigError: A setting of the user's about upstreams or the way out is not valid.
        """
        scope = make_scope(program_name(command[0])) if command else DEFAULT_SCOPE
        receiver = (
            receiver_command(where.python, repository, scope, command, tape.tips)
            if is_recorded
            else None
        )
        self._repository = repository
        self._graph = graph
        self._recording = Recording(repository, receiver, where.environ, scope=scope)
        self._known = set(self._iter_mains())
        self.branches: tuple[Branch, ...] = ()
        self.lost = 0

    def __enter__(self) -> Self:
        """Start; raises as a recording does."""
        self._recording.__enter__()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._recording.__exit__(exc_type, exc, traceback)
        assert self._recording.finished is not None
        self.lost = self._recording.finished.summary.lost
        self.branches = tuple(self._iter_branches())

    def open_live(self) -> LiveUpstream:
        """Return what a replay server hands requests to."""
        return LiveUpstream(f"http://127.0.0.1:{self._recording.port}")

    def make_places(self, origin: str) -> Places:
        """Return the upstreams as they are named at the replay server."""
        return Places(origin, self._recording.places.all)

    def admit(self, places: Places) -> None:
        """Let requests through to these upstreams.

        Raises:
            ConfigError: One of them is no base URL.
        """
        self._recording.places = places
        self._recording.admit()

    def _iter_mains(self) -> Iterator[tuple[RefName, ObjectId]]:
        for ref in self._repository.refs.iter_refs(SESSIONS):
            parts = ref.name.split("/")
            if parts[4:] == ["wire", "main"] or parts[4:6] == ["wire", "agents"]:
                yield ref.name, ref.oid

    def _iter_branches(self) -> Iterator[Branch]:
        """Yield the new tapes that begin within another."""
        names = {name for name, _ in self._known}
        for name, oid in self._iter_mains():
            if name in names:
                continue
            leader = self._graph.find_leader(oid)
            parents = self._graph.parents(leader) if leader is not None else ()
            if parents:
                yield Branch(name, parents[0], self._count_from_leader(parents[0]))

    def _count_from_leader(self, oid: ObjectId) -> int:
        for number, each in enumerate(iter_first_parents(self._graph, oid)):
            if self._graph.is_leader(each):
                return number
        return 0
