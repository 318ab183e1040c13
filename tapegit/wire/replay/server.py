"""The replay server: answers requests from a tape as the provider would.

Rules: it has no upstream, and nothing here opens a connection: what is not on the tape is an
error that clients do not try again, or goes to another part that was handed in (`replay/live`).
It listens on loopback alone, and answers nobody who asks for another host.

Source: tapes-replay(1).
"""

from __future__ import annotations

from asyncio import create_task
from asyncio import sleep as pause
from typing import TYPE_CHECKING, Final

from aiohttp import WSMsgType, web

from tapegit.dialects.wire_parts import decode_answer
from tapegit.dialects.wire_table import WIRE_DIALECTS
from tapegit.dialects.writing.response_encode import content_type, encode_response
from tapegit.wire.http.codings import undo_codings
from tapegit.wire.http.headers import header_map, iter_credentials
from tapegit.wire.http.parsing import RequestHead
from tapegit.wire.proxy.gate import find_refusal
from tapegit.wire.recording.socket_calls import CODING as WEBSOCKET
from tapegit.wire.replay.chain import Chain
from tapegit.wire.replay.compare import diff_requests, find_drift
from tapegit.wire.replay.live import pass_back
from tapegit.wire.replay.log import Entry, Report
from tapegit.wire.replay.match import EXACT, REPEATED, Matcher
from tapegit.wire.replay.replies import (
    Answer,
    find_substitute,
    make_answer,
    refuse,
    split_events,
    unframe_event,
)
from tapegit.wire.replay.silence import INTERRUPTED_S, find_silence, is_gone

if TYPE_CHECKING:
    import socket
    from asyncio import Task
    from collections.abc import Callable, Sequence

    from tapegit.dialects.exchange import Response
    from tapegit.redact.redactor import Redactor
    from tapegit.wire.replay.compare import Drift
    from tapegit.wire.replay.keys import KeyReader, RequestKeys
    from tapegit.wire.replay.live import LiveUpstream
    from tapegit.wire.replay.match import Match, Step
    from tapegit.wire.replay.silence import Interrupt, Silence

BODY_SIZE_MAX_BYTES: Final = 64 << 20
KEY_COUNT_MAX: Final = 32
CLOSED_BY_ERROR: Final = 1011


class ReplayServer:
    """Answers from the steps of a tape; everything runs on the event loop that started it.

    Args:
        steps: Of the tape.
        redactor: Takes the secrets out of what comes in, as was done with what was recorded.
        reader: Reads of requests what they are matched by.
        is_strict: The chain alone is no match.
        speed: 1 for the times that were recorded, 2 for half of them; None: at once.
        is_cut: The tape was cut on purpose.
    """

    def __init__(
        self,
        steps: Sequence[Step],
        redactor: Redactor,
        reader: KeyReader,
        *,
        is_strict: bool = False,
        speed: float | None = None,
        is_cut: bool = False,
    ) -> None:
        self._rules = redactor
        self._reader = reader
        reader.reads_talk = any(step.answer.reply.is_made for step in steps)
        self._matcher = Matcher(steps, is_strict=is_strict)
        self._has_sockets = any(step.answer.reply.coding == WEBSOCKET for step in steps)
        self._speed = speed
        self._is_cut = is_cut
        self._entries: list[Entry] = []
        self._told: set[tuple[object, ...]] = set()
        self._keys: dict[bytes, None] = {}
        self._runner: web.ServerRunner | None = None
        self._live: LiveUpstream | None = None
        self._has_gone_on = False
        self._chain = Chain()
        self._sessions: set[str] = set()
        self._on_session: Callable[[str], None] = lambda _: None
        self._interrupt: Interrupt | None = None

    def tell_sessions(self, on_session: Callable[[str], None]) -> None:
        """Tell of each session that a client names, once, as soon as it is known."""
        self._on_session = on_session

    def interrupt_by(self, interrupt: Interrupt) -> None:
        """Let clients be interrupted that were when recorded."""
        self._interrupt = interrupt

    def go_on_at(self, live: LiveUpstream) -> None:
        """Let what the tape does not answer go there, from the first call of a conversation on."""
        self._live = live

    async def start(self, listener: socket.socket) -> None:
        """Answer whoever connects to a socket that listens."""
        server = web.Server(
            self._handle, access_log=None, handler_cancellation=self._live is not None
        )
        self._runner = web.ServerRunner(server, handle_signals=False, shutdown_timeout=1.0)
        await self._runner.setup()
        await web.SockSite(self._runner, listener).start()

    async def stop(self) -> None:
        """Listen no more, and end every connection."""
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()
        if self._live is not None:
            await self._live.close()

    def report(self) -> Report:
        """Return what came so far."""
        missing = tuple(step.answer.place for step in self._matcher.remaining)
        return Report(tuple(self._entries), missing, self._is_cut)

    # --- requests ---

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        pairs = tuple(request.headers.items())
        refusal = find_refusal(
            RequestHead(request.method, request.raw_path, False, pairs, False, False, False)
        )
        if refusal is not None:
            return web.Response(status=refusal.status, text=refusal.message)
        headers = header_map(pairs)
        if headers.get("upgrade", "").lower() == "websocket":
            return await self._handle_socket(request, headers)
        sent = await request.content.read()
        body = undo_codings(sent, headers.get("content-encoding")).data
        answer = self._find_answer(request.method, request.raw_path, headers, body)
        if answer is None:
            return await self._go_on(request, sent, body)
        return await self._send(request, answer)

    def _find_answer(
        self, method: str, target: str, headers: dict[str, str], body: bytes
    ) -> Answer | None:
        """Return what answers a request, None where the model is asked; note it in the report."""
        self._take_keys(tuple(headers.items()), target)
        keys, read = self._reader.read(method, target, headers, body)
        session = keys.client.session
        if session is not None and session not in self._sessions:
            self._sessions.add(session)
            self._on_session(session)
        match = self._matcher.match(keys)
        if match is None or (self._has_gone_on and match.level == REPEATED):
            return self._miss(keys, read.data)
        answer = self._make_answer(match, keys, headers, read.data)
        if self._live is not None:
            self._chain.note(keys.dialect, body, answer.plain)
        return answer

    def _make_answer(
        self, match: Match, keys: RequestKeys, headers: dict[str, str], body: bytes
    ) -> Answer:
        taped = match.step.answer
        drifts = self._find_drifts(match, keys, body)
        is_made = taped.reply.is_made
        answer = make_answer(taped.reply, headers.get("accept-encoding", ""))
        if taped.reply.read_response is not None and keys.dialect is not None:
            said = taped.reply.read_response()
            answer = _write(answer, keys.dialect, said, is_stream=keys.is_stream)
        elif _wants_other_form(match, keys) and keys.dialect is not None:
            answer = _reshape(answer, keys.dialect, is_stream=keys.is_stream)
            is_made = True
        silence = find_silence(self._matcher, match, answer.plain, len(self._entries))
        self._note(keys, match, is_made=is_made, drifts=drifts)
        return answer._replace(silence=silence)

    def _miss(self, keys: RequestKeys, body: bytes) -> Answer | None:
        entry = Entry(len(self._entries) + 1, keys.method, keys.path, keys.kind)
        if keys.is_side:
            self._entries.append(entry._replace(is_live=self._has_gone_on))
            return None if self._has_gone_on else find_substitute(keys)
        is_past_end = self._matcher.is_at_end(keys)
        entry = entry._replace(is_past_end=is_past_end, is_live=self._live is not None)
        if not is_past_end or not entry.is_live:
            entry = self._compare(entry, keys, body)
        self._entries.append(entry)
        if self._live is None:
            return refuse(keys.dialect, entry.nearest)
        self._has_gone_on = True
        return None

    def _compare(self, entry: Entry, keys: RequestKeys, body: bytes) -> Entry:
        """Return an entry with the recorded request that is most like it."""
        nearest = self._matcher.find_nearest(keys)
        if nearest is None:
            return entry
        if not nearest.reply.is_made:
            diff = diff_requests(keys.dialect, nearest.read_request(), body)
            entry = entry._replace(diff=diff)
        return entry._replace(nearest=nearest.place)

    def _note(
        self, keys: RequestKeys, match: Match, *, is_made: bool, drifts: tuple[Drift, ...]
    ) -> None:
        taped = match.step.answer
        self._entries.append(
            Entry(
                len(self._entries) + 1,
                keys.method,
                keys.path,
                keys.kind,
                match.level,
                taped.place,
                str(taped.turn),
                is_made,
                drifts,
            )
        )

    def _find_drifts(self, match: Match, keys: RequestKeys, body: bytes) -> tuple[Drift, ...]:
        """Return what differs from the recorded request and was not told of before."""
        if match.level == EXACT or keys.is_side or match.asked.reply.is_made:
            return ()
        found = []
        for drift in find_drift(keys.dialect, match.asked.read_request(), body):
            known = (match.asked.lane, drift.what, drift.number, drift.new)
            if known not in self._told:
                self._told.add(known)
                found.append(drift)
        return tuple(found)

    def _take_keys(self, headers: tuple[tuple[str, str], ...], target: str) -> None:
        """Know the keys of a request before anything of it is compared or told."""
        new = [key for key in iter_credentials(headers, target) if key not in self._keys]
        if not new:
            return
        self._keys.update(dict.fromkeys(new))
        while len(self._keys) > KEY_COUNT_MAX:
            del self._keys[next(iter(self._keys))]
        self._reader.set_redactor(self._rules.with_known(self._keys))

    # --- going on ---

    async def _go_on(
        self, request: web.BaseRequest, sent: bytes, body: bytes
    ) -> web.StreamResponse:
        """Ask the model itself."""
        assert self._live is not None
        number = len(self._entries) - 1
        expanded = self._chain.expand(body)
        is_plain = expanded is not body

        def note(status: int) -> None:
            self._entries[number] = self._entries[number]._replace(status=status)

        return await self._live.answer(
            request, expanded if is_plain else sent, note, is_plain=is_plain
        )

    # --- responses ---

    async def _send(self, request: web.BaseRequest, answer: Answer) -> web.StreamResponse:
        if answer.status is None:
            await self._cut(request, answer.silence)
            return web.Response(status=502)
        await self._wait(answer.first_s)
        if request.method == "HEAD" or not answer.is_stream:
            response = web.Response(
                status=answer.status, headers=answer.headers, body=answer.body or None
            )
            if answer.is_whole:
                await self._wait(answer.rest_s)
                return response
        return await self._send_stream(request, answer)

    async def _send_stream(self, request: web.BaseRequest, answer: Answer) -> web.StreamResponse:
        assert answer.status is not None
        response = web.StreamResponse(status=answer.status, headers=answer.headers)
        try:
            await response.prepare(request)
            pieces = split_events(answer.body) if self._speed else [answer.body]
            for number, piece in enumerate(pieces):
                if number:
                    await self._wait(answer.rest_s / (len(pieces) - 1))
                await response.write(piece)
            if not answer.is_whole:
                await self._cut(request, answer.silence)
                return response
            await response.write_eof()
        except ConnectionError:
            pass  # it has its terminal event, or has given up: both are its own affair
        return response

    async def _cut(self, request: web.BaseRequest, silence: Silence | None) -> None:
        """End a connection, after the silence that a client was left with."""
        if silence is not None and not await is_gone(request, silence.seconds):
            await self._interrupt_client(request, silence)
        _abort(request)

    async def _interrupt_client(self, request: web.BaseRequest, silence: Silence) -> None:
        if self._interrupt is None or not silence.is_interrupted or request.transport is None:
            return
        _, port = request.transport.get_extra_info("peername")[:2]
        if self._interrupt(port):
            entry = self._entries[silence.entry]
            self._entries[silence.entry] = entry._replace(is_interrupted=True)
            await is_gone(request, INTERRUPTED_S)

    async def _wait(self, seconds: float) -> None:
        if self._speed and seconds > 0:
            await pause(seconds / self._speed)

    # --- WebSockets ---

    async def _handle_socket(
        self, request: web.BaseRequest, headers: dict[str, str]
    ) -> web.StreamResponse:
        """Answer each message that asks for a response, or refuse the handshake."""
        if not self._has_sockets:
            return web.Response(status=404, text="the tape has no WebSocket")
        websocket = web.WebSocketResponse(max_msg_size=BODY_SIZE_MAX_BYTES, compress=False)
        await websocket.prepare(request)
        silent: Task[None] | None = None
        async for message in websocket:
            if message.type is not WSMsgType.TEXT:
                continue
            if silent is not None:
                silent.cancel()  # it gave up and goes on
            body = message.data.encode()
            answer = self._find_answer("GET", request.raw_path, headers, body)
            if answer is None:
                await self._go_on_by_socket(request, headers, websocket, body)
                break
            if not await self._send_messages(websocket, answer):
                silent = create_task(self._cut(request, answer.silence))
        if silent is not None:
            silent.cancel()
        return websocket

    async def _send_messages(self, websocket: web.WebSocketResponse, answer: Answer) -> bool:
        """Send an answer message by message; return whether the connection goes on."""
        await self._wait(answer.first_s)
        events = split_events(answer.body)
        try:
            for number, event in enumerate(events):
                if number:
                    await self._wait(answer.rest_s / (len(events) - 1))
                payload, is_text = unframe_event(event)
                if payload and is_text:
                    await websocket.send_str(payload.decode("utf-8", "replace"))
                elif payload:
                    await websocket.send_bytes(payload)
        except ConnectionError:
            return False
        return answer.is_whole and answer.status is not None

    async def _go_on_by_socket(
        self,
        request: web.BaseRequest,
        headers: dict[str, str],
        websocket: web.WebSocketResponse,
        body: bytes,
    ) -> None:
        """Ask the model itself from now on, whatever the client says on this WebSocket."""
        assert self._live is not None
        upstream = await self._live.connect(request)
        if upstream is None:
            await websocket.close(code=CLOSED_BY_ERROR, message=b"tapes replay: cannot go on")
            return
        coming: Task[None] = create_task(pass_back(upstream, websocket))
        try:
            await upstream.send_str(self._chain.expand(body).decode("utf-8", "replace"))
            async for message in websocket:
                if message.type is WSMsgType.BINARY:
                    await upstream.send_bytes(message.data)
                elif message.type is WSMsgType.TEXT:
                    body = message.data.encode()
                    keys, read = self._reader.read("GET", request.raw_path, headers, body)
                    self._miss(keys, read.data)
                    await upstream.send_str(self._chain.expand(body).decode("utf-8", "replace"))
        except ConnectionError:
            pass  # one of them is gone, and the other is told of it
        finally:
            coming.cancel()
            await coming


def _wants_other_form(match: Match, keys: RequestKeys) -> bool:
    """Return whether a stream is asked for where none was recorded, or the other way round."""
    taped = match.step.answer
    if taped.reply.status != 200 or (match.level == EXACT and taped is match.asked):
        return False
    return taped.keys.is_stream != keys.is_stream


def _reshape(answer: Answer, dialect: str, *, is_stream: bool) -> Answer:
    """Return an answer as a stream where it was none, or the other way round."""
    response = decode_answer(WIRE_DIALECTS[dialect], answer.plain)
    return _write(answer, dialect, response, is_stream=is_stream)


def _write(answer: Answer, dialect: str, response: Response, *, is_stream: bool) -> Answer:
    """Return an answer with a body that says this."""
    body = encode_response(dialect, response, is_stream=is_stream)
    headers = [pair for pair in answer.headers if pair[0].lower() not in _OF_BODY]
    headers.append(("Content-Type", content_type(dialect, is_stream=is_stream)))
    return answer._replace(body=body, plain=body, headers=headers, is_stream=is_stream)


_OF_BODY: Final = frozenset({"content-type", "content-encoding"})


def _abort(request: web.BaseRequest) -> None:
    if request.transport is not None:
        request.transport.abort()
