"""Which upstreams a proxy has, and the address on the proxy that stands for each.

The upstream of a provider that comes first is had without a prefix, as the provider itself is;
further ones by the name they get here. The version at the end of an address stays with the
client, since clients differ in whether they add it.

Source: tapes-proxy(1), "Addresses".
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import urlsplit

from tapegit.errors import NoOverlayError

if TYPE_CHECKING:
    from collections.abc import Iterable

UPSTREAM_PREFIX: Final = "/u/"
_VERSION: Final = re.compile(r"(?<!/)/v[0-9][0-9a-z]*\Z", re.ASCII)
_SCOPE: Final = re.compile(r"(?<=[0-9])/s/[^/]+")
_UNNAMED: Final = re.compile(r"[^a-z0-9]+", re.ASCII)


class Place(NamedTuple):
    """An upstream.

    Attributes:
        name: In paths.
        provider: Whose interface it speaks: `anthropic`, `openai`, `gemini`, `ollama`.
        url: Its address, without a version at the end.
        is_default: It is had without a prefix.
    """

    name: str
    provider: str
    url: str
    is_default: bool


class Places:
    """The upstreams of one proxy.

    Attributes:
        origin: The address of the proxy, with the scope's prefix where there is one.
        is_open: Others may be added; else what asks for another upstream is refused.
    """

    def __init__(self, origin: str, places: Iterable[Place] = (), *, is_open: bool = True) -> None:
        self.origin = origin
        self.is_open = is_open
        self._places = list(places)

    @property
    def all(self) -> tuple[Place, ...]:
        """Every upstream, in the order in which they were asked for."""
        return tuple(self._places)

    def point(self, provider: str, url: str) -> str:
        """Return the address on the proxy that stands for an upstream.

        Raises:
            NoOverlayError: It is not among those that the proxy has, and none may be added;
                or it is no address.
        """
        root, version = split_version(url)
        own = _SCOPE.sub("", self.origin)
        if root == own or root.startswith(f"{own}/"):
            # It is ours already: a client within a client, or a variable that was set before.
            return f"{self.origin}{_SCOPE.sub('', root).removeprefix(own)}{version}"
        place = self._find(provider, root)
        if place is None or (self.is_open and not self._has_default(provider)):
            # What a client has for a provider's has no prefix, though it has another name too.
            place = self._add(provider, root)
        return f"{self.address(place)}{version}"

    def address(self, place: Place) -> str:
        """Return the address on the proxy of an upstream, without a version."""
        return self.origin if place.is_default else f"{self.origin}{UPSTREAM_PREFIX}{place.name}"

    def add(self, name: str, provider: str, url: str) -> Place:
        """Add an upstream that the user has named, and return it."""
        place = Place(name, provider, split_version(url)[0], is_default=False)
        self._places.append(place)
        return place

    def _find(self, provider: str, root: str) -> Place | None:
        found = [each for each in self._places if (each.provider, each.url) == (provider, root)]
        return next((each for each in found if each.is_default), next(iter(found), None))

    def _has_default(self, provider: str) -> bool:
        return any(place.is_default for place in self._places if place.provider == provider)

    def _add(self, provider: str, root: str) -> Place:
        if not self.is_open:
            raise NoOverlayError(
                f"cannot record requests to '{root}': the proxy that runs does not know it",
                hint="run the client itself under 'tapes record', or start 'tapes proxy' again",
            )
        parts = urlsplit(root)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise NoOverlayError(
                f"cannot record requests to '{root}': it is no address of http or https",
                hint="correct the variable or setting that names it",
            )
        is_first = not self._has_default(provider)
        name = provider if is_first else self._unused(_UNNAMED.sub("-", parts.hostname.lower()))
        place = Place(name, provider, root, is_default=is_first)
        self._places.append(place)
        return place

    def _unused(self, name: str) -> str:
        taken = {place.name for place in self._places}
        names = (name, *(f"{name}-{number}" for number in range(2, len(taken) + 3)))
        return next(each for each in names if each not in taken)


def split_version(url: str) -> tuple[str, str]:
    """Return an address without the version at its end, and that version or nothing."""
    url = url.rstrip("/")
    match = _VERSION.search(url)
    return (url[: match.start()], match[0]) if match else (url, "")
