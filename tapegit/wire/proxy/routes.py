"""Where a request goes: its scope, its upstream, and its path there.

Rules: pure. An upstream is a base URL that was given as a value; nothing in a request can name
a host.

Source: tapesproxy(7), "Routes".
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import urlsplit

from tapegit.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tapegit.wire.capture import Headers

PROVIDERS: Final = {
    "anthropic": "https://api.anthropic.com",
    "openai": "https://api.openai.com",
    "gemini": "https://generativelanguage.googleapis.com",
    "ollama": "http://127.0.0.1:11434",
}
"""The base URL of each provider that is known by name."""

SCOPE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
"""A name that may stand in a path as it is."""

_PORTS: Final = {"http": 80, "https": 443}
_PREFIXES: Final = re.compile(
    rf"(?:/s/(?P<scope>{SCOPE.pattern}))?(?:/u/(?P<upstream>{SCOPE.pattern}))?(?=[/?]|$)"
)
_PATHS: Final = (
    (re.compile(r"/v1/(?:messages|complete)(?:[/?]|$)"), "anthropic"),
    (re.compile(r"(?:/upload)?/v1(?:alpha|beta\d*)/|/v1/models/[^/?]+:"), "gemini"),
    (
        re.compile(
            r"(?:/v1)?/(?:responses|chat/completions|completions|embeddings|moderations"
            r"|conversations|realtime|images|audio)(?:[/?]|$)"
        ),
        "openai",
    ),
    (re.compile(r"/api/"), "ollama"),
)
_HEADERS: Final = (
    ("anthropic-version", "anthropic"),
    ("x-api-key", "anthropic"),
    ("x-goog-api-key", "gemini"),
    ("authorization", "openai"),
)


class Origin(NamedTuple):
    """A server: what one connection leads to."""

    scheme: str
    host: str
    port: int

    @property
    def authority(self) -> str:
        """Host and port as they stand in a URL, the port where it is not the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}"


class Upstream(NamedTuple):
    """A base URL; `prefix` is its path without a slash at the end."""

    origin: Origin
    prefix: str


class Upstreams(NamedTuple):
    """The upstreams by name, and which one takes what no rule says (None: nobody does)."""

    by_name: Mapping[str, Upstream]
    default: str | None = None


class Route(NamedTuple):
    """Where one request goes.

    Attributes:
        scope: Of its path, or None where it has no prefix.
        upstream: Its name.
        origin: The server.
        path: Path and query there.
        target: Path and query as the client meant them, without the prefixes.
    """

    scope: str | None
    upstream: str
    origin: Origin
    path: str
    target: str

    @property
    def url(self) -> str:
        """The whole address."""
        return f"{self.origin}{self.path}"


def parse_upstream(url: str) -> Upstream:
    """Return what a base URL says.

    Raises:
        ConfigError: It is none of http or https, or holds a user, a query or a fragment.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise _bad_url(url, str(error)) from error
    if parts.scheme not in _PORTS or not parts.hostname:
        raise _bad_url(url, "not http://HOST or https://HOST")
    if parts.username is not None or parts.query or parts.fragment:
        raise _bad_url(url, "a base URL has no user, query or fragment")
    if not url.isprintable() or " " in url or not url.isascii():
        raise _bad_url(url, "it has characters that no URL has")
    origin = Origin(parts.scheme, parts.hostname, port or _PORTS[parts.scheme])
    return Upstream(origin, parts.path.rstrip("/"))


def make_upstreams(urls: Mapping[str, str], *, default: str | None = None) -> Upstreams:
    """Return the upstreams of base URLs by name; providers that are not named have their own.

    Raises:
        ConfigError: A URL or a name is not valid.
    """
    for name in urls:
        if SCOPE.fullmatch(name) is None:
            raise ConfigError(f"'{name}' is no name for an upstream", key=name)
    if default is not None and default not in {**PROVIDERS, **urls}:
        raise ConfigError(f"there is no upstream '{default}'", key=default)
    return Upstreams(
        {name: parse_upstream(url) for name, url in {**PROVIDERS, **urls}.items()}, default
    )


def find_route(upstreams: Upstreams, target: str, headers: Headers) -> Route | None:
    """Return where a request goes, or None where nothing says it.

    Args:
        upstreams: Those there are.
        target: Path and query as they came.
        headers: As they came.
    """
    match = _PREFIXES.match(target)
    scope = upstream = None
    if match is not None:
        scope, upstream = match["scope"], match["upstream"]
        target = target[match.end() :]
    if upstream is None:
        upstream = _choose(upstreams, target, headers)
    base = upstreams.by_name.get(upstream) if upstream is not None else None
    if upstream is None or base is None:
        return None
    path = base.prefix + target
    if not path.startswith("/"):
        path = f"/{path}"
    return Route(scope, upstream, base.origin, path, target or "/")


def _choose(upstreams: Upstreams, target: str, headers: Headers) -> str | None:
    for pattern, name in _PATHS:
        if pattern.match(target) and name in upstreams.by_name:
            return name
    names = {name.lower() for name, _ in headers}
    for header, name in _HEADERS:
        if header in names and name in upstreams.by_name:
            return name
    return upstreams.default


def _bad_url(url: str, rule: str) -> ConfigError:
    shown = re.sub(r"//[^/@]*@", "//…@", url)
    return ConfigError(
        f"'{shown}' is no base URL: {rule}",
        hint="correct the variable or setting that names it",
        key="url",
    )
