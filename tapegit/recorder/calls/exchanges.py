"""An exchange with a model: what was asked, what came back, when; and the call of a turn.

Whoever has traffic, from a proxy or from a file of recordings, hands it over in these values:
bodies with their content coding undone, headers and addresses that may be kept.

Source: tapeswire(7), "Calls".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, NamedTuple
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tapegit.objects.turn import CodeRepository

Headers = tuple[tuple[str, str], ...]
Outcome = Literal["ok", "error", "client_gone", "upstream_cut"]

_PROVIDERS: Final = (
    ("anthropic.com", "anthropic"),
    ("openai.com", "openai"),
    ("chatgpt.com", "openai"),
    ("googleapis.com", "google"),
)


class Asked(NamedTuple):
    """A request.

    Attributes:
        number: Of the exchange; unique among those that are open.
        scope: Within which conversations are matched, where the client names no session.
        connection: Of the client.
        method: As sent.
        target: Path and query.
        url: Where it went, without credentials.
        names: All its headers by name in lower case; not stored.
        headers: Those that are kept.
        body: Its content coding undone.
        started_ms: When it was complete.
        coding: The content coding that was undone.
        reason: Why the body is not what was sent, or None.
    """

    number: int
    scope: str
    connection: int
    method: str
    target: str
    url: str
    names: Mapping[str, str]
    headers: Headers
    body: bytes
    started_ms: int
    coding: str | None = None
    reason: str | None = None


class Answered(NamedTuple):
    """How it ended; see `Asked`."""

    number: int
    outcome: Outcome
    status: int | None
    headers: Headers
    body: bytes
    first_byte_ms: int | None
    ended_ms: int
    coding: str | None = None
    reason: str | None = None


class ScopeFacts(NamedTuple):
    """What is known of a scope besides its traffic.

    Attributes:
        command: The command line that was recorded.
        cwd: Its working directory.
        repository: The user's code there.
        harness: The client that the command is, for requests that name a library alone.
        name: What the user calls it.
    """

    command: tuple[str, ...] = ()
    cwd: str | None = None
    repository: CodeRepository | None = None
    harness: str | None = None
    name: str | None = None


def provider_of(url: str) -> str | None:
    """Return who runs the models at an address, where the address tells."""
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return None
    for end, name in _PROVIDERS:
        if host == end or host.endswith("." + end):
            return name
    return None
