"""The recorder of calls: captured traffic in, turns and refs of a store out.

What is taken is written in batches: `take` works out the turns and keeps the objects, `flush`
makes them durable and moves the refs. A batch that cannot be written is kept and tried again;
when too much is kept it is counted as lost, and recording goes on with the next request, which
has the whole conversation in it.

Rules: nothing here raises into whoever hands traffic over, but what says that nothing may be
stored. Keys that were seen in flight are known before anything of their exchange is written.

Source: tapeswire(7), "Writing".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tapegit.errors import RemovedError, TapesError
from tapegit.graph.turns import TurnGraph
from tapegit.recorder.calls.exchanges import Answered, Asked, ScopeFacts
from tapegit.recorder.calls.lane_loading import load_lane, load_line
from tapegit.recorder.calls.origins import Origins
from tapegit.recorder.calls.tapes import CallTapes
from tapegit.recorder.session_names import session_folder
from tapegit.wire.capture import (
    CapturedClose,
    CapturedMessage,
    CapturedRequest,
    CapturedResponse,
    RecordingSummary,
)
from tapegit.wire.http.codings import undo_codings
from tapegit.wire.http.headers import clean_url, header_map, iter_credentials, keep_headers
from tapegit.wire.recording.branch_follower import BranchFollower
from tapegit.wire.recording.socket_calls import SWITCHED, SocketCalls
from tapegit.wire.recording.writer import BatchWriter

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tapegit.objects.kind import Object
    from tapegit.objects.oid import ObjectId
    from tapegit.recorder.calls.clients import Client
    from tapegit.recorder.calls.lanes import Lane, RefMove
    from tapegit.redact.redactor import Redactor
    from tapegit.refs.names import RefName
    from tapegit.repository.repository import Repository
    from tapegit.wire.capture import Captured, Headers

BATCH_COUNT: Final = 100
SOCKET_CALL_COUNT_MAX: Final = 1 << 32
"""Numbers that are kept free for the calls of one WebSocket."""
KEY_COUNT_MAX: Final = 32
"""Keys that are looked for; of more those that were not used for longest are forgotten."""


PENDING_SIZE_MAX_BYTES: Final = 64 << 20
"""As much waits for a store that cannot be written to; then it is given up."""


class CallRecorder:
    """Records calls in one store.

    Args:
        repository: The store.
        redactor: Finds secrets, but for keys that are seen in flight.
        tag: Ends the names of sessions whose clients give none, so that of all recorders this
            one alone makes them.

    Attributes:
        lost: How many exchanges were given up so far.
        reason: Why the store could not be written to when that was tried last.
    """

    def __init__(self, repository: Repository, redactor: Redactor, *, tag: str = "") -> None:
        self._repository = repository
        self._rules = redactor
        self._writer = BatchWriter(repository)
        self._tapes = CallTapes(
            self._writer,
            redactor,
            find_lane=self._find_lane,
            find_ref=self._find_ref,
            is_taken=self._is_taken,
            tag=tag,
        )
        self._scopes: set[str] = set()
        self._sockets: dict[int, SocketCalls] = {}
        self._handshakes: dict[int, Asked] = {}
        self._next_number = -1
        self._keys: dict[bytes, None] = {}
        self._moves: list[list[RefMove]] = []
        self._waiting_count = 0
        self.lost = 0
        self.reason = ""
        self._follower: BranchFollower | None = None

    def set_facts(self, scope: str, facts: ScopeFacts) -> None:
        """Note what is known of a scope besides its traffic, for sessions that begin in it.

        Other scopes are those of paths: whoever set one there has called it so.
        """
        self._tapes.set_facts(scope, facts)
        self._scopes.add(scope)

    def set_origins(self, tips: Iterable[ObjectId]) -> None:
        """Let conversations that begin from now on go on from these turns, or from before them.

        They are those of a replay: whatever goes on from them is a session of its own.
        """
        self._tapes.set_origins(Origins(tips, self._find_line, are_replayed=True))

    def set_branch(self, branch: RefName, tip: ObjectId) -> None:
        """Let the branch that is checked out, and holds this turn, go on with what is recorded."""
        self._tapes.set_origins(Origins((tip,), self._find_line))
        self._follower = BranchFollower(self._repository, branch, tip)

    def take(self, captured: Captured, *, more: bool = False) -> None:
        """Take what was captured, and make it durable if the store lets us.

        What cannot be written now is kept and tried again with what comes next, until there is
        too much of it: then it is counted as lost.

        Args:
            captured: What it is.
            more: Whether more is at hand already: then it is made durable together with that.
        """
        if not self._writer.is_current:
            self._give_up(is_waiting=bool(self._waiting_count or self._tapes.open_count))
        if isinstance(captured, CapturedRequest):
            self._take_request(captured)
        elif isinstance(captured, CapturedResponse):
            self._take_response(captured)
        elif isinstance(captured, CapturedMessage):
            self._take_message(captured)
        elif captured.number in self._sockets:
            for answered in self._sockets.pop(captured.number).close(captured):
                self._answer(answered)
        if not more or self._waiting_count >= BATCH_COUNT:
            self.flush()

    def _take_request(self, captured: CapturedRequest) -> None:
        self._take_keys(captured.headers, captured.target)
        if self._scopes and captured.scope not in self._scopes:
            self.set_facts(captured.scope, ScopeFacts(name=captured.scope))
        asked = _asked(captured)
        if asked.names.get("upgrade", "").lower() == "websocket":
            self._handshakes[asked.number] = asked
        self._tapes.ask(asked)

    def _take_response(self, captured: CapturedResponse) -> None:
        self._take_keys(captured.headers, "")
        answered = _answered(captured)
        handshake = self._handshakes.pop(captured.number, None)
        if handshake is not None and captured.status == SWITCHED:
            self._sockets[captured.number] = SocketCalls(
                handshake, answered.headers, self._next_number
            )
            self._next_number -= SOCKET_CALL_COUNT_MAX
        else:
            self._answer(answered)

    def _take_message(self, captured: CapturedMessage) -> None:
        socket = self._sockets.get(captured.number)
        for each in socket.take(captured) if socket is not None else ():
            if isinstance(each, Asked):
                self._tapes.ask(each)
            else:
                self._answer(each)

    def _answer(self, answered: Answered) -> None:
        self._tapes.answer(answered)
        self._waiting_count += 1

    def flush(self) -> bool:
        """Make durable what was taken; return whether it is."""
        self._moves += self._tapes.take_moves()
        if self._writer.is_empty and not self._moves:
            self._waiting_count = 0
            return True
        latest = self._tapes.latest
        if self._follower is not None:
            self._follower.note(self._moves, self._writer.find)
        try:
            stale = self._writer.commit(
                self._moves, latest.main_ref if latest is not None else None
            )
        except RemovedError as error:
            self.reason = str(error)
            self._give_up()  # what goes on from what is no more, or brings it back
            return True
        except TapesError as error:
            self.reason = str(error)
            if self._writer.size_bytes > PENDING_SIZE_MAX_BYTES:
                self._give_up()
            return False
        self._moves.clear()
        self._waiting_count = 0
        for name in stale:
            self._tapes.forget_ref(name)
        self._tapes.settle()
        self._advance_branch(stale)
        return True

    def _advance_branch(self, stale: Sequence[RefName]) -> None:
        try:
            if self._follower is not None:
                self._follower.advance(stale)
        except TapesError:
            pass  # what is recorded is recorded; the next batch moves the branch

    def finish(self) -> RecordingSummary:
        """End: what is open is taken as given up; return what was recorded."""
        now_ms = self._repository.clock()
        for number, socket in self._sockets.items():
            for answered in socket.close(CapturedClose(number, "client_gone", None, now_ms)):
                self._answer(answered)
        self._sockets.clear()
        self._tapes.close(now_ms)
        if not self.flush():
            self._give_up()
        return self.summarise()

    def summarise(self) -> RecordingSummary:
        """Return what was recorded so far."""
        counts = self._tapes.counts
        return RecordingSummary(
            sessions=counts.sessions,
            calls=counts.calls,
            side_calls=counts.side_calls,
            errors=counts.errors,
            lost=self.lost,
            redacted=tuple(sorted(counts.redacted.items())),
            reason=self.reason if self.lost else "",
            folders=tuple(counts.folders),
        )

    def _give_up(self, *, is_waiting: bool = True) -> None:
        """Forget what waits: the next request is matched with what the store has."""
        if is_waiting:
            self.lost += max(self._waiting_count + self._tapes.open_count, 1)
        self._waiting_count = 0
        self._moves.clear()
        self._writer.renew()
        self._tapes.forget()

    def _find_lane(self, client: Client) -> Lane | None:
        refs = self._repository.refs
        try:
            graph = TurnGraph(self._repository.objects)
            lane = load_lane(client, refs.find, refs.iter_refs, graph, self._find_object)
            if lane is not None:
                for line in lane.thread.lines:
                    self._writer.expect(lane.ref_of(line), line.tip)
        except TapesError:
            return None  # it cannot be gone on with: what comes goes beside it
        return lane

    def _find_line(self, client: Client, tip: ObjectId) -> Lane | None:
        try:
            return load_line(client, tip, TurnGraph(self._repository.objects), self._find_object)
        except TapesError:
            return None

    def _find_object(self, oid: ObjectId) -> Object | None:
        return self._repository.objects.find(oid)

    def _find_ref(self, name: RefName) -> ObjectId | None:
        try:
            oid = self._repository.refs.find(name)
        except TapesError:
            return None
        if oid is not None:
            self._writer.expect(name, oid)
        return oid

    def _is_taken(self, harness: str, session: str) -> bool:
        folder = f"{session_folder(harness, session)}/"
        try:
            return any(True for _ in self._repository.refs.iter_refs(folder))
        except TapesError:
            return False

    def _take_keys(self, headers: Headers, target: str) -> None:
        seen = list(iter_credentials(headers, target))
        is_new = any(key not in self._keys for key in seen)
        for key in seen:
            self._keys.pop(key, None)
            self._keys[key] = None  # the last that was used is the last to be forgotten
            if len(self._keys) > KEY_COUNT_MAX:
                del self._keys[next(iter(self._keys))]
        if not is_new:
            return
        self._tapes.set_redactor(self._rules.with_known(self._keys))


def _asked(captured: CapturedRequest) -> Asked:
    names = header_map(captured.headers)
    decoded = undo_codings(captured.body, names.get("content-encoding"))
    reason = decoded.reason or ("cut off" if captured.is_cut else None)
    return Asked(
        captured.number,
        captured.scope,
        captured.connection,
        captured.method,
        captured.target,
        clean_url(captured.url),
        names,
        keep_headers(captured.headers),
        decoded.data,
        captured.started_ms,
        decoded.coding,
        reason,
    )


def _answered(captured: CapturedResponse) -> Answered:
    names = header_map(captured.headers)
    decoded = undo_codings(captured.body, names.get("content-encoding"))
    reason = decoded.reason or ("cut off" if captured.is_cut else None)
    return Answered(
        captured.number,
        captured.outcome,
        captured.status,
        keep_headers(captured.headers),
        decoded.data,
        captured.first_byte_ms,
        captured.ended_ms,
        decoded.coding,
        reason or captured.error,
    )
