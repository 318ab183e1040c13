"""The way out: whom to trust, and through which proxy of the user's to go.

Rules: everything is a value that the caller took from the environment; `parse_outbound` says
how. A loopback upstream is never reached through a proxy.

Source: tapesproxy(7), "The way out".
"""

from __future__ import annotations

import base64
import ipaddress
import re
import ssl
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import unquote, urlsplit

from tapegit.errors import ConfigError
from tapegit.wire.proxy.routes import Origin

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tapegit.wire.capture import Headers

_CA_FILES: Final = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS")
_PORTS: Final = {"http": 80, "https": 443}
_WITH_PORT: Final = re.compile(r"(?P<host>\[.+\]|[^:]+):(?P<port>\d{1,5})")


class OutboundProxy(NamedTuple):
    """A proxy of the user's; `headers` are what it wants to be told."""

    origin: Origin
    headers: Headers


class Outbound(NamedTuple):
    """How upstreams are reached; without anything: directly.

    Attributes:
        by_scheme: The proxy for upstreams of `http` and of `https`.
        exceptions: Hosts that are reached directly, as NO_PROXY lists them.
        ca_files: Certificates to trust besides those of the system.
    """

    by_scheme: Mapping[str, OutboundProxy] = {}
    exceptions: tuple[str, ...] = ()
    ca_files: tuple[str, ...] = ()

    def find_proxy(self, origin: Origin) -> OutboundProxy | None:
        """Return the proxy to go through, or None to go directly."""
        proxy = self.by_scheme.get(origin.scheme)
        if proxy is None or is_loopback(origin.host):
            return None
        if any(_is_covered(origin, exception) for exception in self.exceptions):
            return None
        return proxy


def parse_outbound(environment: Mapping[str, str]) -> Outbound:
    """Return what an environment says, as curl reads it; lower case comes first.

    Raises:
        ConfigError: A proxy's address is not valid.
    """

    def find(*names: str) -> str | None:
        both = [each for name in names for each in (name.lower(), name)]
        return next((name for name in both if environment.get(name)), None)

    by_scheme = {}
    for scheme in _PORTS:
        name = find(f"{scheme.upper()}_PROXY", "ALL_PROXY")
        if name is not None:
            by_scheme[scheme] = _parse_proxy(name, environment[name])
    excepted = environment[name].split(",") if (name := find("NO_PROXY")) is not None else ()
    exceptions = tuple(part.strip().lower() for part in excepted if part.strip())
    ca_files = tuple(environment[name] for name in _CA_FILES if environment.get(name))
    return Outbound(by_scheme, exceptions, ca_files)


def make_context(ca_files: tuple[str, ...]) -> ssl.SSLContext:
    """Return the rules of TLS to an upstream: the system's certificates and those of files.

    Raises:
        ConfigError: A file cannot be read or holds no certificate.
    """
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    for path in ca_files:
        try:
            context.load_verify_locations(cafile=path)
        except (OSError, ssl.SSLError) as error:
            raise ConfigError(
                f"cannot read certificates from '{path}': {error}",
                hint=f"correct or unset the variable that names it, of {', '.join(_CA_FILES)}",
                path=path,
            ) from error
    return context


def is_loopback(host: str) -> bool:
    """Return whether a host is this machine by name or by number."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _parse_proxy(name: str, url: str) -> OutboundProxy:
    hint = f"correct {name}, or unset it while you record"
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        port = parts.port
    except ValueError as error:
        raise ConfigError(
            f"{name} holds no address of a proxy: {error}", hint=hint, key=name
        ) from error
    if parts.scheme not in _PORTS or not parts.hostname:
        raise ConfigError(f"{name} holds no proxy of http or https", hint=hint, key=name)
    headers: Headers = ()
    if parts.username is not None:
        user = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        coded = base64.b64encode(user.encode()).decode()
        headers = (("Proxy-Authorization", f"Basic {coded}"),)
    return OutboundProxy(
        Origin(parts.scheme, parts.hostname, port or _PORTS[parts.scheme]), headers
    )


def _is_covered(origin: Origin, exception: str) -> bool:
    """Return whether an entry of NO_PROXY covers a host: `*`, a network, a domain, with a port."""
    if exception == "*":
        return True
    host = origin.host.lower().rstrip(".")
    if "/" in exception:
        try:
            return ipaddress.ip_address(host) in ipaddress.ip_network(exception, strict=False)
        except ValueError:
            return False
    with_port = _WITH_PORT.fullmatch(exception)
    if with_port is not None:
        if int(with_port["port"]) != origin.port:
            return False
        exception = with_port["host"]
    exception = exception.strip("[]").removeprefix("*").strip(".")
    return host == exception or host.endswith(f".{exception}")
