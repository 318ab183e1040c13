"""Who may use the proxy: programs on this machine, and no web page.

Rules: pure. A page in a browser reaches a loopback port too: under a name of its own that it
lets point there (its Host says so), or across origins (Origin and Sec-Fetch-Site say so).

Source: tapesproxy(7), "Who may ask".
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final, NamedTuple

from tapegit.wire.capture import get_all

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tapegit.wire.http.parsing import RequestHead

LOOPBACK_NAMES: Final = frozenset({"127.0.0.1", "localhost", "::1"})

_HOST: Final = re.compile(r"(?:\[(?P<v6>[0-9a-f:.]+)\]|(?P<name>[^\s:\[\]/@]+))(?::\d{1,5})?")
_REASONS: Final = {
    400: "Bad Request",
    403: "Forbidden",
    404: "Not Found",
    421: "Misdirected Request",
    502: "Bad Gateway",
}


class Refusal(NamedTuple):
    """An answer of the proxy itself."""

    status: int
    message: str

    def encode(self, *, with_body: bool = True) -> bytes:
        """Return the whole response; the connection closes after it.

        The body has the members that clients of every provider look for.
        """
        error = {"type": "api_error", "message": f"tapes: {self.message}"}
        body = json.dumps({"type": "error", "error": error}).encode()
        head = (
            f"HTTP/1.1 {self.status} {_REASONS[self.status]}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
            "Connection: close\r\n\r\n"
        )
        return head.encode() + (body if with_body else b"")


def find_refusal(head: RequestHead, names: Iterable[str] = LOOPBACK_NAMES) -> Refusal | None:
    """Return why a request is refused, or None.

    Args:
        head: Of the request.
        names: What the Host may be called, whatever its port.
    """
    if head.method == "CONNECT" or not head.target.startswith("/"):
        return Refusal(400, "this is no forward proxy: give the client its address as a base URL")
    hosts = get_all(head.headers, "host")
    host = _HOST.fullmatch(hosts[0].lower()) if len(hosts) == 1 else None
    if host is None or (host["v6"] or host["name"]) not in names:
        return Refusal(421, "the Host of the request is not this machine")
    own = f"http://{hosts[0].lower()}"
    origins = get_all(head.headers, "origin")
    if any(origin.lower() != own for origin in origins):
        return Refusal(403, "requests of web pages are refused")
    sites = get_all(head.headers, "sec-fetch-site")
    if any(site.lower() not in {"none", "same-origin"} for site in sites):
        return Refusal(403, "requests of web pages are refused")
    if get_all(head.headers, "access-control-request-method"):
        return Refusal(403, "requests of web pages are refused")
    return None
