"""Headers and addresses of what was captured: what is kept of them, and the keys in them.

Rules: only headers on the list are kept; a key that was seen in flight is a secret wherever it
is found after that. Nothing here stores anything.

Source: tapeswire(7), "Headers and addresses".
"""

from __future__ import annotations

import re
from base64 import b64decode
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, unquote, urlsplit, urlunsplit

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tapegit.wire.capture import Headers

KEPT: Final = frozenset(
    {
        *("accept", "accept-encoding", "content-encoding", "content-length", "content-type"),
        *("anthropic-beta", "anthropic-version", "openai-beta", "openai-version", "originator"),
        *("date", "retry-after", "user-agent", "x-app", "x-stainless-retry-count"),
        *("request-id", "x-request-id", "openai-processing-ms", "x-should-retry"),
        *("x-claude-code-session-id", "x-claude-code-agent-id", "x-session-id"),
        *("x-session-affinity", "session-id", "thread-id", "x-codex-window-id", "upgrade"),
    }
)
_KEPT_STARTS: Final = ("anthropic-ratelimit-", "x-ratelimit-")

_CREDENTIALS: Final = frozenset(
    {
        *("authorization", "proxy-authorization", "x-api-key", "api-key", "x-goog-api-key"),
        *("cookie", "set-cookie"),
    }
)
_CREDENTIAL_NAME: Final = re.compile(
    r"(?!.*ratelimit)(?!.*(?:idempotency|websocket|cache|routing|session)-key)"
    r".*(?:token(?!s)|secret|(?:api|auth)key|(?:^|-)key(?:$|-)|password)"
)
_SCHEME: Final = re.compile(r"(?:bearer|basic|token|key|apikey|digest)\s+", re.IGNORECASE)
_PARAMETERS: Final = re.compile(
    r"(?:key|sig|auth|code|.*[-_]key|.*(?:token|apikey|secret|password|signature|credential).*)",
    re.IGNORECASE,
)
_WORD: Final = re.compile(rb"[A-Za-z]{1,15}|[0-9.:TZ+-]+")
REMOVED: Final = "[REDACTED:url-parameter:1]"
VALUE_LENGTH_MIN: Final = 8
VALUE_LENGTH_MAX: Final = 16_384


def keep_headers(headers: Headers) -> tuple[tuple[str, str], ...]:
    """Return the headers that are kept, in their order."""
    return tuple(
        (name, value)
        for name, value in headers
        if name.lower() in KEPT or name.lower().startswith(_KEPT_STARTS)
    )


def header_map(headers: Headers) -> dict[str, str]:
    """Return headers by name in lower case; of several of one name the first."""
    found: dict[str, str] = {}
    for name, value in headers:
        found.setdefault(name.lower(), value)
    return found


def iter_credentials(headers: Headers, target: str = "") -> Iterator[bytes]:
    """Yield the values of keys that headers and the query of a target hold."""
    for name, value in headers:
        lower = name.lower()
        if lower in _CREDENTIALS or (lower not in KEPT and _CREDENTIAL_NAME.match(lower)):
            yield from _usable(_iter_values(lower, value))
    query = target.partition("?")[2]
    for name, value in parse_qsl(query, max_num_fields=None):
        if _PARAMETERS.fullmatch(name):
            yield from _usable([value])


def _iter_values(name: str, value: str) -> Iterator[str]:
    if name in {"cookie", "set-cookie"}:
        pairs = value.split(";")
        for pair in pairs if name == "cookie" else pairs[:1]:  # what follows says how long
            yield pair.partition("=")[2].strip()
        return
    bare = value.strip()
    scheme = _SCHEME.match(bare)
    bare = bare[scheme.end() :] if scheme is not None else bare
    yield bare
    if scheme is not None and scheme[0].lower().startswith("basic"):
        try:
            yield b64decode(bare, validate=True).decode("latin-1").partition(":")[2]
        except ValueError:
            pass


def _usable(values: Iterable[str]) -> Iterator[bytes]:
    """Yield values that may be looked for: a word or a number is found where it is not meant."""
    for value in values:
        data = value.encode("latin-1", "replace")[:VALUE_LENGTH_MAX]
        if len(data) >= VALUE_LENGTH_MIN and not _WORD.fullmatch(data):
            yield data


def clean_url(url: str) -> str:
    """Return an address without the user in it, with placeholders for keys in its query."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    pairs = [_clean_pair(pair) for pair in parts.query.split("&")] if parts.query else []
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path, "&".join(pairs), ""))


def _clean_pair(pair: str) -> str:
    name, found, _ = pair.partition("=")
    return f"{name}={REMOVED}" if found and _PARAMETERS.fullmatch(unquote(name)) else pair
