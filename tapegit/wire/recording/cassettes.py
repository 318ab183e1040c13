"""Recorded traffic in a file: its calls become turns as those of live traffic do.

A cassette is one session. Each conversation in it is a line of its own, and all begin at its
leader; what is no call of a conversation is a line of events. The newest turn of the session
names the file as a whole, and goes on from every line.

Rules: all is a function of the bytes. What looks like a secret in a header or in a body, decoded,
is replaced in the text of the file, and everything is read from that.

Source: tapesdialect-vcr(7).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import urlsplit

from tapegit.harness.content_ids import content_id
from tapegit.objects.kind import Kind
from tapegit.objects.turn import Call, RawPiece, Redacted, Session, Turn, clean_summary, encode_turn
from tapegit.recorder.calls.answers import first_words, read_answer
from tapegit.recorder.calls.endpoints import CALL, find_endpoint, model_of_target
from tapegit.recorder.calls.exchanges import provider_of
from tapegit.recorder.calls.request_bodies import (
    RequestReader,
    write_body,
    write_bytes,
    write_element,
)
from tapegit.recorder.calls.threads import How, Thread, make_units
from tapegit.recorder.sources.documents import WrittenTurns
from tapegit.recorder.sources.tapes import RecordedTape
from tapegit.redact.placeholders import Numbering
from tapegit.redact.rules import RULES_VERSION
from tapegit.wire.http.codings import undo_codings
from tapegit.wire.http.headers import clean_url, header_map, keep_headers

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tapegit.dialects.exchange import Response
    from tapegit.harness.facts import Exchange, Harness, Recording
    from tapegit.objects.oid import ObjectId
    from tapegit.recorder.calls.answers import Answer
    from tapegit.recorder.calls.request_bodies import Counts, RequestBody
    from tapegit.recorder.calls.threads import Node, Place, Unit
    from tapegit.recorder.sources.runs import Write
    from tapegit.redact.redactor import Redactor
    from tapegit.wire.capture import Headers

TOOL_COUNT_MAX: Final = 256
PARENT_COUNT_MAX: Final = 256
OTHERS: Final = "tapes.wire@1"
"""The dialect of a response that no dialect here reads."""
ERROR_STATUS: Final = 400


class _Sink:
    """Where objects go; each is written once."""

    def __init__(self, write: Write) -> None:
        self._write = write
        self._written: set[ObjectId] = set()
        self.turns: dict[ObjectId, None] = {}

    def contains(self, oid: ObjectId) -> bool:
        return oid in self._written

    def write(self, kind: Kind, data: bytes) -> ObjectId:
        oid = self._write(kind, data)
        self._written.add(oid)
        return oid

    def write_turn(self, turn: Turn) -> ObjectId:
        oid = self.write(Kind.TURN, encode_turn(turn))
        self.turns[oid] = None
        return oid


class _Conversation(NamedTuple):
    """One conversation of a cassette, in one dialect."""

    dialect: str
    thread: Thread
    by_response: dict[str, Node]


class _Sent(NamedTuple):
    """An exchange whose request was read."""

    exchange: Exchange
    target: str
    body: RequestBody
    coding: str | None
    request: ObjectId | None
    dialect: str | None
    answer: Answer
    answer_coding: str | None


class CassetteTurns:
    """Writes the turns of one cassette.

    Args:
        harness: Whose it is.
        write: Stores an object and returns its id.
        redactor: Finds secrets.
    """

    def __init__(self, harness: Harness, write: Write, redactor: Redactor) -> None:
        self._harness = harness
        self._sink = _Sink(write)
        self._redactor = redactor
        self._reader = RequestReader(redactor)
        self._conversations: list[_Conversation] = []
        self._call_count = 0

    def write(self, data: bytes, recording: Recording, redacted: Redacted | None) -> WrittenTurns:
        """Write all turns but the one that names the file.

        Args:
            data: The file, without secrets.
            recording: What it holds.
            redacted: What was replaced in it.
        """
        session_id = _session_id(data, recording.exchanges)
        times = [each.time_ms for each in recording.exchanges if each.time_ms is not None]
        session = Session(harness=self._harness.name, id=session_id)
        leader = Turn(
            role="session",
            time=times[0] if times else None,
            session=session,
            summary=self._harness.name,
        )
        self._leader = other = self._sink.write_turn(leader)
        for exchange in recording.exchanges:
            other = self._take(exchange, other)
        tips = [tip for each in self._conversations for tip in self._iter_tips(each.thread)]
        tips += [other] if other != self._leader or not tips else []
        tips = self._join_tips(list(dict.fromkeys(tips)))
        count, calls = recording.record_count, self._call_count
        return WrittenTurns(
            RecordedTape(None, session_id, tips[0], (), 0),
            list(self._sink.turns),
            "",
            count,
            f"cassette: {_plural(count, 'exchange')}, {_plural(calls, 'call')}",
            redacted,
            tuple(tips[1:]),
            may_grow=False,
        )

    def _join_tips(self, tips: list[ObjectId]) -> list[ObjectId]:
        """Return few turns from which all can be reached, the first one first."""
        while len(tips) > PARENT_COUNT_MAX:
            rest = [
                tips[at : at + PARENT_COUNT_MAX] for at in range(1, len(tips), PARENT_COUNT_MAX)
            ]
            joined = [
                Turn(role="event", parents=tuple(map(str, some)), summary=f"{len(some)} lines")
                for some in rest
            ]
            tips = [tips[0], *map(self._sink.write_turn, joined)]
        return tips

    def _iter_tips(self, thread: Thread) -> Iterable[ObjectId]:
        """Yield the newest turns of the lines of a conversation, the newest line first."""
        yield from (line.tip for line in reversed(thread.lines) if line.tip != self._leader)

    def _take(self, exchange: Exchange, other: ObjectId) -> ObjectId:
        """Write an exchange; return the newest turn of what is no call."""
        sent = self._read(exchange)
        units = make_units(sent.body.elements)
        is_call = find_endpoint(exchange.method, sent.target).kind == CALL
        answer = sent.answer
        if not is_call or sent.dialect is None or not units:
            turn = self._answer_turn(sent, other, is_message=False)
            return self._sink.write_turn(turn)
        self._call_count += 1
        conversation, place = self._find_place(sent, units)
        node = self._follow(conversation.thread, place, sent, units)
        is_message = (exchange.status or 0) < ERROR_STATUS and answer.is_message
        turn = self._answer_turn(sent, node.tip, is_message=is_message)
        oid = self._sink.write_turn(turn)
        if is_message:
            after = conversation.thread.add_answer(node, [answer.facts], oid)
        else:
            conversation.thread.add_event(node, oid)
            node.failures += 1
            after = node
        if answer.response.id is not None:
            conversation.by_response[answer.response.id] = after
        return other

    def _read(self, exchange: Exchange) -> _Sent:
        target = target_of(exchange.url)
        endpoint = find_endpoint(exchange.method, target)
        data, coding = decode_body(exchange.request, exchange.request_headers)
        body = self._reader.read(data, endpoint.dialect)
        request = write_body(body, self._sink) if body.data else None
        said, said_coding = decode_body(exchange.response, exchange.response_headers)
        answer = read_answer(self._redactor, endpoint.dialect, said)
        return _Sent(exchange, target, body, coding, request, endpoint.dialect, answer, said_coding)

    # --- conversations

    def _find_place(self, sent: _Sent, units: Sequence[Unit]) -> tuple[_Conversation, Place]:
        """Return the conversation that a request goes on in, a new one if there is none."""
        dialect = sent.dialect or ""
        own = [each for each in self._conversations if each.dialect == dialect]
        previous = sent.body.fields.name("previous_response_id")

        def text_of(unit: Unit) -> str:
            pieces = [sent.body.data[each.start : each.end] for each in unit.elements]
            return "".join(b"".join(pieces).decode("utf-8", "replace").split())

        best: tuple[int, _Conversation, Place] | None = None
        for conversation in own:
            start = conversation.by_response.get(previous) if previous is not None else None
            place = conversation.thread.locate(units, text_of, start)
            node = place.node
            is_retry = node.failures > 0 and place.first == len(units)
            if start is None and node.answer is None and not is_retry:
                continue
            if best is None or node.depth > best[0]:
                best = node.depth, conversation, place
        if best is not None:
            return best[1], best[2]
        conversation = _Conversation(dialect, Thread(self._leader), {})
        self._conversations.append(conversation)
        return conversation, conversation.thread.locate(units, text_of)

    def _follow(self, thread: Thread, place: Place, sent: _Sent, units: Sequence[Unit]) -> Node:
        """Write the new messages of a request; return the one that is to be answered."""
        node = place.node
        if place.how is How.COMPACTED:
            oid = self._event(node.tip, sent, f"compacted to {len(units)} messages")
            node = thread.add_root(node, oid)
        elif place.changed:
            numbers = ", ".join(str(number + 1) for number in place.changed[:20])
            thread.add_event(node, self._event(node.tip, sent, f"changed: {numbers}"))
        for unit in units[place.first :]:
            oid = self._sink.write_turn(self._message_turn(node.tip, unit, sent))
            if unit.role == "assistant":
                node = thread.add_answer(node, [each.facts for each in unit.elements], oid)
            else:
                node = thread.add(node, unit.key, unit.role, oid)
        return node

    # --- turns

    def _message_turn(self, parent: ObjectId, unit: Unit, sent: _Sent) -> Turn:
        facts = [element.facts for element in unit.elements]
        line = next((each.summary for each in facts if each.summary), None)
        tools = dict.fromkeys(name for each in facts for name in each.tools)
        pieces = [
            oid
            for element in unit.elements
            for oid in write_element(sent.body, element, self._sink)
        ]
        return Turn(
            role=unit.role,  # type: ignore[arg-type]
            parents=(str(parent),),
            time=sent.exchange.time_ms,
            dialect=sent.dialect,
            raw=tuple(RawPiece(str(oid)) for oid in pieces),
            summary=(clean_summary(line) or None) if line else None,
            tools=tuple(tools)[:TOOL_COUNT_MAX],
            redacted=_redacted(element.counts for element in unit.elements),
        )

    def _event(self, parent: ObjectId, sent: _Sent, text: str) -> ObjectId:
        return self._sink.write_turn(
            Turn(
                role="event",
                parents=(str(parent),),
                time=sent.exchange.time_ms,
                summary=clean_summary(text),
            )
        )

    def _answer_turn(self, sent: _Sent, parent: ObjectId, *, is_message: bool) -> Turn:
        answer = sent.answer
        numbering = Numbering()
        said: Response = answer.response
        response = write_bytes(answer.data, self._sink) if answer.data else None
        dialect = sent.dialect if sent.dialect is not None else OTHERS
        url = self._redactor.redact_text(clean_url(sent.exchange.url), numbering)
        call = self._call(sent, response, url)
        counts = [sent.body.counts, answer.counts, tuple(numbering.counts.items())]
        asked = sent.body.fields.name("model") or model_of_target(sent.target)
        return Turn(
            role="assistant" if is_message else "event",
            parents=(str(parent),),
            time=sent.exchange.time_ms,
            dialect=dialect if response is not None else None,
            raw=(RawPiece(str(response)),) if response is not None else (),
            summary=self._summary(sent, answer, is_message=is_message),
            model=(said.model or asked) if sent.dialect is not None else None,
            provider=provider_of(sent.exchange.url) if is_message else None,
            stop=said.stop if is_message else None,
            tools=tuple(dict.fromkeys(answer.facts.tools))[:TOOL_COUNT_MAX] if is_message else (),
            usage=said.usage,
            call=call,
            redacted=_redacted(counts),
        )

    def _call(self, sent: _Sent, response: ObjectId | None, url: str) -> Call:
        exchange = sent.exchange
        status = exchange.status
        return Call(
            method=exchange.method,
            url=url,
            outcome="ok" if (status or 0) < ERROR_STATUS else "error",
            status=status,
            request=str(sent.request) if sent.request is not None else None,
            response=str(response) if response is not None else None,
            request_coding=sent.coding,
            response_coding=sent.answer_coding,
            request_headers=self._clean(keep_headers(exchange.request_headers)),
            response_headers=self._clean(keep_headers(exchange.response_headers)),
            system=sent.body.piece_numbers(b"system"),
            tools=sent.body.piece_numbers(b"tools"),
        )

    def _clean(self, headers: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
        clean = self._redactor.redact_text
        return tuple((name, clean(value)) for name, value in headers)

    def _summary(self, sent: _Sent, answer: Answer, *, is_message: bool) -> str | None:
        if is_message:
            return clean_summary(answer.facts.summary or "") or None
        exchange = sent.exchange
        what = f"{exchange.method} {sent.target.partition('?')[0]} {exchange.status or ''}".rstrip()
        words = first_words(answer)
        line = f"{what}: {words}" if words else what
        return clean_summary(self._redactor.redact_text(line)) or None


def _plural(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _session_id(data: bytes, exchanges: Sequence[Exchange]) -> str:
    """Return an id for a cassette: of its first exchange, which stays as others are added."""
    if not exchanges:
        return content_id([data])
    first = exchanges[0]
    texts = (first.method.encode(), first.url.encode("utf-8", "surrogatepass"))
    return content_id([*texts, first.request, first.response])


def decode_body(data: bytes, headers: Headers) -> tuple[bytes, str | None]:
    """Return a body without its content coding, and which that was.

    A cassette may hold a body decoded, and its headers as they were.
    """
    decoded = undo_codings(data, header_map(headers).get("content-encoding"))
    return (data, None) if decoded.reason is not None else (decoded.data, decoded.coding)


def target_of(url: str) -> str:
    """Return path and query of an address."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def _redacted(counts: Iterable[Counts]) -> Redacted | None:
    sums: dict[str, int] = {}
    for each in counts:
        for rule, count in each:
            sums[rule] = sums.get(rule, 0) + count
    if not sums:
        return None
    return Redacted(rules=tuple(sorted(sums.items())), version=RULES_VERSION)
