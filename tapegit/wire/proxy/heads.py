"""The head of a request as it goes to the upstream.

Rules: pure. It is the client's, name for name and in its order, but for Host, which names the
upstream, and for what was meant for a proxy alone. `Connection` goes along because each
connection of a client has one upstream connection of its own.

Source: tapesproxy(7), "Forwarding".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tapegit.wire.capture import get_all

if TYPE_CHECKING:
    from tapegit.wire.capture import Headers
    from tapegit.wire.http.parsing import RequestHead
    from tapegit.wire.proxy.routes import Route

_DROPPED: Final = frozenset({"proxy-connection", "proxy-authorization", "proxy-authenticate"})
_HTTP2: Final = frozenset({"upgrade", "http2-settings"})


def is_websocket(head: RequestHead) -> bool:
    """Return whether a request asks to go on as a WebSocket."""
    names = [name.strip().lower() for name in get_all(head.headers, "upgrade")]
    return head.is_upgrade and names == ["websocket"]


def encode_request_head(
    head: RequestHead, route: Route, *, proxy_headers: Headers | None = None
) -> bytes:
    """Return request line and headers, with the empty line that ends them.

    Args:
        head: As the client sent it.
        route: Where it goes.
        proxy_headers: None on a connection to the upstream itself; what an outbound proxy
            wants to be told in addition, on a connection to that.
    """
    path = route.path if proxy_headers is None else route.url
    lines = [f"{head.method} {path} HTTP/{'1.0' if head.is_http10 else '1.1'}"]
    offers_http2 = not is_websocket(head)
    for name, value in head.headers:
        lower = name.lower()
        if lower == "host":
            lines.append(f"{name}: {route.origin.authority}")
        elif lower in _DROPPED or (offers_http2 and lower in _HTTP2):
            continue
        elif lower == "connection" and offers_http2:
            kept = [token for token in value.split(",") if token.strip().lower() not in _HTTP2]
            if kept:
                lines.append(f"{name}: {','.join(kept)}")
        else:
            lines.append(f"{name}: {value}")
    lines.extend(f"{name}: {value}" for name, value in proxy_headers or ())
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
