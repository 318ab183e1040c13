"""The way on from a replay: what the tape does not answer goes to a proxy on loopback.

Rules: this is the only part of a replay that opens a connection, and it is there only where it
was asked for. It knows one address, that of a proxy of this same process, which has the
upstreams and records.

Source: tapes-replay(1), "GOING ON".
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from aiohttp import ClientError, ClientSession, ClientTimeout, TCPConnector, WSMsgType, web

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiohttp import ClientWebSocketResponse

MESSAGE_SIZE_MAX_BYTES: Final = 64 << 20
_HOP: Final = frozenset(
    {
        *("connection", "content-length", "host", "keep-alive", "proxy-connection", "te"),
        *("trailer", "transfer-encoding", "upgrade"),
    }
)
_OF_HANDSHAKE: Final = "sec-websocket-"
_OWN: Final = ("User-Agent", "Accept", "Accept-Encoding", "Content-Type")


class LiveUpstream:
    """Where a replay goes on; everything runs on one event loop.

    Args:
        origin: The address of the proxy.
    """

    def __init__(self, origin: str) -> None:
        self._origin = origin
        self._session: ClientSession | None = None

    async def answer(
        self,
        request: web.BaseRequest,
        body: bytes,
        on_status: Callable[[int], None],
        *,
        is_plain: bool = False,
    ) -> web.StreamResponse:
        """Pass a request on, and what comes back as it comes; end as the upstream ends.

        Args:
            request: As it came in.
            body: To send.
            on_status: Takes the status.
            is_plain: The body has no content coding any more.
        """
        response = None
        without = {"content-encoding"} if is_plain else ()
        try:
            async with self._open().request(
                request.method,
                self._address(request),
                data=body or None,
                headers=[pair for pair in _headers(request) if pair[0].lower() not in without],
                allow_redirects=False,
                skip_auto_headers=_OWN,
            ) as came:
                on_status(came.status)
                pairs = [(k, v) for k, v in came.headers.items() if k.lower() not in _HOP]
                response = web.StreamResponse(status=came.status, headers=pairs)
                await response.prepare(request)
                async for data in came.content.iter_any():
                    await response.write(data)
                await response.write_eof()
        except ConnectionResetError:
            pass  # the client is gone, or has all it wants
        except (ClientError, OSError) as error:
            if response is None:
                return web.Response(status=502, text=f"tapes replay: cannot go on: {error}")
            _abort(request)
        assert response is not None
        return response

    async def connect(self, request: web.BaseRequest) -> ClientWebSocketResponse | None:
        """Open a WebSocket as a client asked for one; None where it is refused."""
        headers = [
            pair for pair in _headers(request) if not pair[0].lower().startswith(_OF_HANDSHAKE)
        ]
        try:
            return await self._open().ws_connect(
                self._address(request), headers=headers, max_msg_size=MESSAGE_SIZE_MAX_BYTES
            )
        except (ClientError, OSError):
            return None

    async def close(self) -> None:
        """End every connection."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def _open(self) -> ClientSession:
        if self._session is None:
            self._session = ClientSession(
                connector=TCPConnector(limit=0),
                timeout=ClientTimeout(total=None),
                auto_decompress=False,
                trust_env=False,
            )
        return self._session

    def _address(self, request: web.BaseRequest) -> str:
        return f"{self._origin}{request.raw_path}"


async def pass_back(source: ClientWebSocketResponse, target: web.WebSocketResponse) -> None:
    """Send a client what comes on a WebSocket, until one of them ends, and with it both."""
    try:
        async for message in source:
            if message.type is WSMsgType.TEXT:
                await target.send_str(message.data)
            elif message.type is WSMsgType.BINARY:
                await target.send_bytes(message.data)
    except (ConnectionError, asyncio.CancelledError):
        pass
    finally:
        await source.close()
        await target.close()


def _headers(request: web.BaseRequest) -> list[tuple[str, str]]:
    return [(k, v) for k, v in request.headers.items() if k.lower() not in _HOP]


def _abort(request: web.BaseRequest) -> None:
    if request.transport is not None:
        request.transport.abort()
