"""Calls become turns: what was asked as soon as it was asked, what came back when it ended.

Rules: nothing here reads a clock, a store's folder or a network; objects go to a sink, and the
refs that are to move are collected for whoever has the store. Whatever a client or a server
sent, nothing raises but what the sink raises.

Source: tapeswire(7).
"""

from __future__ import annotations

from time import gmtime, strftime
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from tapegit.index.context import ContextChain
from tapegit.objects.canonical import encode_canonical
from tapegit.objects.kind import Kind
from tapegit.objects.turn import encode_turn
from tapegit.recorder.calls.answers import read_answer
from tapegit.recorder.calls.clients import LIBRARIES, UNKNOWN, Client, find_client
from tapegit.recorder.calls.endpoints import OTHER, PROBE, SOCKET, find_endpoint, model_of_target
from tapegit.recorder.calls.exchanges import Answered, ScopeFacts
from tapegit.recorder.calls.lane_choice import Sender, UnnamedLanes, choose_lane
from tapegit.recorder.calls.lanes import DIGIT_COUNT, Lane, RefMove
from tapegit.recorder.calls.message_keys import decode_any_message
from tapegit.recorder.calls.origins import Origins
from tapegit.recorder.calls.request_bodies import (
    RequestReader,
    write_body,
    write_bytes,
    write_element,
)
from tapegit.recorder.calls.side_calls import side_kind
from tapegit.recorder.calls.surroundings import find_cwd
from tapegit.recorder.calls.threads import How, Node, Place, Unit, make_units
from tapegit.recorder.calls.turns import (
    Attempt,
    SentRequest,
    answer_turn,
    event_turn,
    is_spoken,
    leader_turn,
    message_turn,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tapegit.objects.oid import ObjectId
    from tapegit.objects.turn import Turn
    from tapegit.recorder.calls.answers import Answer
    from tapegit.recorder.calls.endpoints import Endpoint
    from tapegit.recorder.calls.exchanges import Asked
    from tapegit.recorder.calls.request_bodies import ObjectSink, RequestBody
    from tapegit.redact.redactor import Redactor
    from tapegit.refs.names import RefName

    FindLane = Callable[[Client], Lane | None]
    FindRef = Callable[[RefName], ObjectId | None]

PIECE_COUNT_MAX: Final = 4096
"""Pieces that one turn names; a turn has at most 1 MiB."""
NAMED_COUNT_MAX: Final = 256
"""Lanes of named sessions that are held; others are read from the store when they go on."""
UNNAMED_COUNT_MAX: Final = 1024
"""Lanes of one scope without names that are held; what goes on from an older one begins anew."""
SIDE_COUNT_MAX: Final = 4096
"""Tips of side tapes that are held."""
NAME_COUNT_MAX: Final = 1 << 16
"""Names of sessions that were made here and may not be stored yet."""
RESPONSE_COUNT_MAX: Final = 1 << 16
"""Responses that a later request can name; the oldest is forgotten."""


class _Open(NamedTuple):
    """An exchange whose response has not ended: its message, or its side tape."""

    request: SentRequest
    lane: Lane
    node: Node | None
    side: RefName | None
    side_tip: ObjectId | None = None


class CallCounts:
    """What was recorded, in numbers.

    Attributes:
        calls: Calls of conversations that have ended.
        side_calls: Other exchanges that have.
        errors: How many of both failed.
        redacted: How many secrets were replaced, by rule.
        folders: Of the refs of the sessions that had a call, in the order in which they began.
    """

    def __init__(self) -> None:
        self.redacted: dict[str, int] = {}
        self.folders: dict[str, None] = {}
        self.calls = 0
        self.side_calls = 0
        self.errors = 0

    @property
    def sessions(self) -> int:
        """How many sessions had a call."""
        return len(self.folders)

    def add(self, lane: Lane, outcome: str, *, is_side: bool) -> None:
        """Count an exchange that has ended."""
        self.calls += not is_side
        self.side_calls += is_side
        self.errors += outcome != "ok"
        if not is_side:
            self.folders[lane.folder] = None


class _Scope:
    """What conversations without a name are looked for in."""

    def __init__(self) -> None:
        self.lanes = UnnamedLanes()
        self.facts = ScopeFacts()


class CallTapes:
    """Keeps the tapes of everything that goes over some wire.

    Args:
        sink: Where objects go.
        redactor: Finds secrets.
        find_lane: Gives a lane that is recorded already, or None.
        find_ref: Gives what a ref holds, or None.
        is_taken: Says whether a session of this harness and id is recorded already.
        tag: Ends the names that are made here, so that no other recorder makes the same ones.
    """

    def __init__(
        self,
        sink: ObjectSink,
        redactor: Redactor,
        *,
        find_lane: FindLane = lambda _: None,
        find_ref: FindRef = lambda _: None,
        is_taken: Callable[[str, str], bool] = lambda *_: False,
        tag: str = "",
    ) -> None:
        self._tag = f"-{tag}" if tag else ""
        self._sink = sink
        self._redactor = redactor
        self._reader = RequestReader(redactor)
        self._find_lane = find_lane
        self._find_ref = find_ref
        self._is_taken = is_taken
        self._scopes: dict[str, _Scope] = {}
        self._sides: dict[RefName, ObjectId] = {}
        self._named: dict[tuple[str, str, str | None], Lane] = {}
        self._origins = Origins()
        self._renamed: dict[tuple[str, str], str] = {}
        self._dated: set[tuple[str, str]] = set()
        self._open: dict[int, _Open] = {}
        self._moves: list[list[RefMove]] = []
        self.latest: Lane | None = None
        self.counts = CallCounts()

    @property
    def open_count(self) -> int:
        """How many exchanges have not ended."""
        return len(self._open)

    def set_redactor(self, redactor: Redactor) -> None:
        """Look for other secrets from now on."""
        self._redactor = redactor
        self._reader.set_redactor(redactor)

    def set_facts(self, scope: str, facts: ScopeFacts) -> None:
        """Note what is known of a scope besides its traffic, for sessions that begin in it."""
        self._scope(scope).facts = facts

    def set_origins(self, origins: Origins) -> None:
        """Let conversations that begin from now on go on from tapes that there are."""
        self._origins = origins

    def take_moves(self) -> list[list[RefMove]]:
        """Return the refs that are to move, in order; those of one list together."""
        moves, self._moves = self._moves, []
        return moves

    def settle(self) -> None:
        """Take it that all is stored: what was not used for long is forgotten, if it is much."""
        busy = {id(each.lane) for each in self._open.values()}
        idle = [key for key, lane in self._named.items() if id(lane) not in busy]
        for key in idle[: max(len(self._named) - NAMED_COUNT_MAX, 0)]:
            del self._named[key]
        for scope in self._scopes.values():
            scope.lanes.keep_newest(UNNAMED_COUNT_MAX)
        for name in list(self._sides)[: max(len(self._sides) - SIDE_COUNT_MAX, 0)]:
            del self._sides[name]

    def forget(self) -> None:
        """Forget all conversations: what comes next is matched with what the store has."""
        self._scopes = {name: _kept_facts(scope) for name, scope in self._scopes.items()}
        self._named.clear()
        self._sides.clear()
        self._open.clear()
        self._moves.clear()
        self.latest = None

    def forget_ref(self, name: RefName) -> None:
        """Forget what has a ref that somebody else has moved: it is read again when needed."""
        self._sides.pop(name, None)
        lost = [key for key, lane in self._named.items() if lane.main_ref == name]
        for key in lost:
            del self._named[key]
        for scope in self._scopes.values():
            scope.lanes.drop_ref(name)

    def ask(self, asked: Asked) -> None:
        """Take a request."""
        endpoint = find_endpoint(asked.method, asked.target)
        body = self._reader.read(asked.body, endpoint.dialect)
        client = self._find_client(asked, endpoint, body)
        units = make_units(body.elements) if endpoint.dialect is not None else []
        kind = side_kind(endpoint, body)
        if asked.names.get("upgrade", "").lower() == "websocket" and not asked.body:
            kind = SOCKET
        elif kind is None and (not units or asked.reason is not None):
            kind = OTHER
        lane, start = self._choose_lane(asked, client, units, body)
        lane.connection = asked.connection
        lane.dialect = endpoint.dialect or lane.dialect
        if kind is None and not lane.is_begun:
            # What came before was beside the conversation, and said less of where it is held.
            self._begin(lane, units, asked, body)
        oid = write_body(body, self._sink) if body.data else None
        place = lane.thread.locate(units, lambda unit: _all_text(unit, body), start)
        if kind is None:
            node = self._follow(lane, place, units, body, asked, endpoint.dialect or "")
            side = None
        else:
            side = self._start_side(lane, kind, place, units, body, asked, endpoint.dialect)
            node = None
        request = SentRequest(
            asked,
            oid,
            endpoint.dialect,
            body.fields.name("model") or model_of_target(asked.target),
            body.piece_numbers(b"system"),
            body.piece_numbers(b"tools"),
            body.counts,
        )
        side_tip = self._sides[side] if side is not None else None
        self._open[asked.number] = _Open(request, lane, node, side, side_tip)
        if node is not None:
            node.pending += 1

    def answer(self, answered: Answered) -> None:
        """Take how an exchange ended; one that was not asked here is passed over."""
        found = self._open.pop(answered.number, None)
        if found is None:
            return
        answer = read_answer(self._redactor, found.request.dialect, answered.body)
        if answered.outcome in {"ok", "client_gone"} and answer.response.is_complete:
            if (answered.status or 0) < 400:
                answered = answered._replace(outcome="ok")
        elif answered.outcome == "ok" and answer.is_stream and answer.is_message:
            answered = answered._replace(outcome="upstream_cut")
        self.counts.add(found.lane, answered.outcome, is_side=found.node is None)
        if found.node is None:
            self._end_side(found, answered, answer)
        else:
            self._end_call(found, found.node, answered, answer)
            self.latest = found.lane

    def close(self, ended_ms: int) -> None:
        """Take it that no exchange that is open will get an answer any more."""
        for number, found in sorted(self._open.items()):
            time_ms = max(ended_ms, found.request.asked.started_ms)
            self.answer(Answered(number, "client_gone", None, (), b"", None, time_ms))

    def _find_client(self, asked: Asked, endpoint: Endpoint, body: RequestBody) -> Client:
        """Return who sent a request, without secrets, as its session is called in the store."""
        client = find_client(asked.names, body.fields)
        client = Client(*(self._clean(text) for text in client))
        harness = self._scope(asked.scope).facts.harness
        if harness is not None and client.harness in LIBRARIES:
            client = client._replace(harness=harness)
        if endpoint.kind == PROBE and client.session is None:
            client = Client(UNKNOWN)  # its user agent is that of a library
        return self._rename(client, asked)

    def _clean(self, text: Any) -> Any:
        return None if text is None else self._redactor.redact_text(text)

    # --- lanes

    def _scope(self, name: str) -> _Scope:
        return self._scopes.setdefault(name, _Scope())

    def _choose_lane(
        self,
        asked: Asked,
        client: Client,
        units: Sequence[Unit],
        body: RequestBody,
    ) -> tuple[Lane, Node | None]:
        """Return the lane of a request, and what it says that it goes on from."""
        scope = self._scope(asked.scope)
        previous = body.fields.name("previous_response_id")
        if client.session is not None:
            lane = self._named_lane(client, asked, body)
            return lane, lane.by_response.get(previous or "")
        if previous is not None:
            for lane in scope.lanes:
                if previous in lane.by_response:
                    return lane, lane.by_response[previous]
        sender = Sender(client, asked.connection, body.dialect)
        found = choose_lane(scope.lanes, sender, units)
        if found is None:
            client = client._replace(session=self._make_session(client, asked))
            found = self._new_lane(client, asked, body, is_named=False)
            scope.lanes.add(found)
        return found, None

    def _named_lane(self, client: Client, asked: Asked, body: RequestBody) -> Lane:
        key = (client.harness, client.session or "", client.agent)
        lane = self._named.pop(key, None)
        if lane is None:
            lane = self._find_lane(client)
            if lane is None:
                lane = self._new_lane(client, asked, body, is_named=True)
        self._named[key] = lane
        return lane

    def _make_session(self, client: Client, asked: Asked) -> str:
        """Return an id for a session whose client gives none."""
        return self._date(client, self._redactor.redact_text(asked.scope)[:60], asked)

    def _date(self, client: Client, name: str, asked: Asked) -> str:
        """Return a name with the time of a request, as a session that there is not yet."""
        seconds, _ = divmod(asked.started_ms, 1000)
        base = f"{name}-{strftime('%Y%m%dt%H%M%S', gmtime(seconds))}{self._tag}"
        number = 1
        session = base
        while (client.harness, session) in self._dated or self._is_taken(client.harness, session):
            number += 1
            session = f"{base}-{number}"
        if len(self._dated) > NAME_COUNT_MAX:
            self._dated.clear()  # by now the store has them
        self._dated.add((client.harness, session))
        return session

    def _new_lane(self, client: Client, asked: Asked, body: RequestBody, *, is_named: bool) -> Lane:
        leader = self._write_leader(client, asked, body)
        return Lane(client, leader, is_named=is_named)

    def _write_leader(
        self, client: Client, asked: Asked, body: RequestBody, parent: ObjectId | None = None
    ) -> ObjectId:
        facts = self._scope(asked.scope).facts
        cwd = find_cwd(body.data)
        time_ms = asked.started_ms
        return self._write(leader_turn(client, time_ms, facts, cwd, self._redactor, parent))

    def _begin(self, lane: Lane, units: Sequence[Unit], asked: Asked, body: RequestBody) -> None:
        """Let a lane begin anew, or within the tape that it goes on from."""
        origin = self._origins.find(lane.client, units, lambda unit: _all_text(unit, body))
        if origin is None:
            lane.begin(self._write_leader(lane.client, asked, body))
            return
        leader = self._write_leader(lane.client, asked, body, origin.node.tip)
        lane.go_on(origin.lane, origin.node, leader)

    def _rename(self, client: Client, asked: Asked) -> Client:
        """Return a client whose session is none of those that may be gone on from."""
        if not self._origins.are_replayed or client.session is None:
            return client
        key = client.harness, client.session
        if key not in self._renamed:
            is_taken = self._is_taken(*key)
            self._renamed[key] = self._date(client, client.session, asked) if is_taken else key[1]
        return client._replace(session=self._renamed[key])

    # --- what was asked

    def _follow(
        self,
        lane: Lane,
        place: Place,
        units: Sequence[Unit],
        body: RequestBody,
        asked: Asked,
        dialect: str,
    ) -> Node:
        """Write the new messages of a request; return the one that is to be answered."""
        thread = lane.thread
        node = place.node
        old = node.tip
        if place.how is How.COMPACTED:
            oid = self._write_event(
                node.tip, asked, "compaction", f"compacted to {len(units)} messages", []
            )
            node = thread.add_root(node, oid)
        elif place.changed:
            changed = [units[number] for number in place.changed]
            numbers = ", ".join(str(number + 1) for number in place.changed[:20])
            pieces = [oid for unit in changed for oid in self._write_unit(unit, body)]
            oid = self._write_event(
                node.tip, asked, "changed", f"changed: {numbers}", pieces[:PIECE_COUNT_MAX]
            )
            thread.add_event(node, oid)
            thread.note_changed(unit.key for unit in changed)
        for unit in units[place.first :]:
            oid = self._write_message(node.tip, unit, body, asked, dialect)
            if unit.role == "assistant":
                node = thread.add_answer(node, [each.facts for each in unit.elements], oid)
            else:
                node = thread.add(node, unit.key, unit.role, oid)
        if node.tip != old:
            self._note_line(lane, node, is_continued=True)
        return node

    def _start_side(
        self,
        lane: Lane,
        kind: str,
        place: Place,
        units: Sequence[Unit],
        body: RequestBody,
        asked: Asked,
        dialect: str | None,
    ) -> RefName:
        """Write the messages of a side call; return the ref of its tape."""
        context = ContextChain()
        for unit in units:
            for element in unit.elements:
                message = decode_any_message(dialect or "", body.data[element.start : element.end])
                context.add(dialect, unit.role, message.parts)
        name = lane.side_ref(f"{kind}/{context.id.hex()[:DIGIT_COUNT]}")
        if name not in self._sides:
            tip = self._find_ref(name)
            if tip is None:
                tip = place.node.tip
                for unit in units[place.first :]:
                    tip = self._write_message(tip, unit, body, asked, dialect or "")
                self._moves.append([RefMove(name, tip)])
            self._sides[name] = tip
        return name

    def _write_unit(self, unit: Unit, body: RequestBody) -> list[ObjectId]:
        if len(unit.elements) > PIECE_COUNT_MAX:
            pieces = (body.data[each.start : each.end] for each in unit.elements)
            return [write_bytes(b"".join(pieces), self._sink)]
        return [
            oid for element in unit.elements for oid in write_element(body, element, self._sink)
        ]

    def _write_message(
        self, parent: ObjectId, unit: Unit, body: RequestBody, asked: Asked, dialect: str
    ) -> ObjectId:
        pieces = self._write_unit(unit, body)
        return self._write(message_turn(parent, unit, pieces, asked.started_ms, dialect))

    def _write_event(
        self, parent: ObjectId, asked: Asked, event: str, text: str, pieces: list[ObjectId]
    ) -> ObjectId:
        head = write_bytes(encode_canonical({"event": event, "text": text}), self._sink)
        return self._write(event_turn(parent, text, [head, *pieces], asked.started_ms))

    # --- what came back

    def _end_call(self, found: _Open, node: Node, answered: Answered, answer: Answer) -> None:
        lane = found.lane
        node.pending -= 1
        is_message = is_spoken(found.request.dialect, answered, answer)
        attempt = None
        if not is_message or node.failures:
            node.group = node.group or str(found.request.oid)[:DIGIT_COUNT]
            attempt = Attempt(node.group, node.failures + 1)
        oid = self._write_answer(found, node.tip, answered, answer, attempt)
        if is_message:
            after = lane.thread.add_answer(node, [answer.facts], oid)
            lane.thread.note_success(node)
        else:
            lane.thread.add_event(node, oid)
            after = node
            if answered.outcome != "ok":
                lane.thread.note_failure(node)
                self._scope(found.request.asked.scope).lanes.note_failure(lane)
        if answer.response.id is not None:
            lane.by_response[answer.response.id] = after
            if len(lane.by_response) > RESPONSE_COUNT_MAX:
                del lane.by_response[next(iter(lane.by_response))]
        self._note_line(lane, after, is_continued=False)

    def _end_side(self, found: _Open, answered: Answered, answer: Answer) -> None:
        assert found.side is not None, "a call has a node or a side tape"
        assert found.side_tip is not None, "a side tape has a turn"
        tip = self._sides.get(found.side, found.side_tip)
        oid = self._write_answer(found, tip, answered, answer, None)
        self._sides[found.side] = oid
        self._moves.append([RefMove(found.side, oid)])

    def _write_answer(
        self,
        found: _Open,
        parent: ObjectId,
        answered: Answered,
        answer: Answer,
        attempt: Attempt | None,
    ) -> ObjectId:
        response = write_bytes(answer.data, self._sink) if answer.data else None
        return self._write(
            answer_turn(parent, found.request, answered, answer, response, attempt, self._redactor)
        )

    # --- refs

    def _note_line(self, lane: Lane, node: Node, *, is_continued: bool) -> None:
        """Collect the moves of refs after a line grew to `node.tip`."""
        thread = lane.thread
        line = node.line
        if is_continued and line is not thread.main and thread.continues_answer(node):
            self._moves.append(lane.take_main(line))
            return
        self._moves.append([RefMove(lane.ref_of(line), line.tip)])

    def _write(self, turn: Turn) -> ObjectId:
        for rule, count in turn.redacted.rules if turn.redacted is not None else ():
            self.counts.redacted[rule] = self.counts.redacted.get(rule, 0) + count
        return self._sink.write(Kind.TURN, encode_turn(turn))


def _all_text(unit: Unit, body: RequestBody) -> str:
    """Return all that a message holds, without blanks and escapes of them."""
    return "".join(
        "".join(_decoded(body.data[element.start : element.end]).split())
        for element in unit.elements
    )


def _decoded(data: bytes) -> str:
    text = data.decode("utf-8", "replace")
    return text.replace("\\n", " ").replace("\\t", " ").replace('\\"', '"').replace("\\\\", "\\")


def _kept_facts(scope: _Scope) -> _Scope:
    kept = _Scope()
    kept.facts = scope.facts
    return kept
