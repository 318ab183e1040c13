"""Addresses of remotes: which there are, and which are refused before anything is started.

Rules: nothing that is not one of these forms reaches another program; no part that could be
taken for an option or that holds a control character, written out or percent-encoded, passes;
a password is never shown.

    https://host/path   http://host/path   git://host/path (fetch alone)
    ssh://[user@]host[:port]/path   [user@]host:path   file:///path   a path

Source: tapesremotes(7), "Addresses".
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple
from urllib.parse import SplitResult, unquote, urlsplit

from tapegit.errors import InvalidNameError

HTTP: Final = "http"
SSH: Final = "ssh"
GIT: Final = "git"
PATH: Final = "path"

_SCHEMES: Final = {
    "https": HTTP,
    "http": HTTP,
    "ssh": SSH,
    "git+ssh": SSH,
    "ssh+git": SSH,
    "git": GIT,
    "file": PATH,
}
_CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_HELPER: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9+.-]*::")
_SCP: Final = re.compile(r"(?:([^@/:]+)@)?(\[[0-9A-Fa-f:.]+\]|[^@/:\[\]]+):(.+)", re.DOTALL)
_HOST: Final = re.compile(r"[A-Za-z0-9_%:][A-Za-z0-9._%:-]*")
_USER: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._+@%-]*")
_PASSWORD: Final = re.compile(r"(://[^/@:]*):[^/@]*@")
LENGTH_MAX: Final = 2048


class RemoteUrl(NamedTuple):
    """An address: `transport` is http, ssh, git or path; `text` is as it was given.

    `root` is where in the repository the refs of tapes are, in place of `refs/tapes/`.
    """

    transport: str
    text: str
    path: str
    host: str = ""
    port: int | None = None
    user: str | None = None
    has_password: bool = False
    root: str = "refs/tapes/"

    @property
    def shown(self) -> str:
        """The address without a password."""
        return mask_password(self.text)


def mask_password(text: str) -> str:
    """Return an address with `***` in place of a password."""
    return _PASSWORD.sub(r"\1:***@", text)


def parse_url(text: str) -> RemoteUrl:
    """Return an address.

    Raises:
        InvalidNameError: It is none of the forms, or could be taken for something else.
    """
    if not text or len(text) > LENGTH_MAX:
        raise _bad_url(text, "it is empty or very long")
    if _CONTROL.search(text) or _CONTROL.search(unquote(text, errors="replace")):
        raise _bad_url(text, "it has a control character")
    if text.startswith("-"):
        raise _bad_url(text, "it begins like an option")
    if _HELPER.match(text):
        raise _bad_url(text, "helpers of git are not run from an address")
    scheme = _SCHEME.match(text)
    if scheme is not None:
        return _parse_with_scheme(text, scheme[1].lower())
    scp = _SCP.fullmatch(text)
    if scp is not None and "/" not in text.partition(":")[0]:
        user, host, path = scp.groups()
        return _checked(RemoteUrl(SSH, text, path, host.strip("[]"), None, user))
    return RemoteUrl(PATH, text, text)


def _parse_with_scheme(text: str, scheme: str) -> RemoteUrl:
    transport = _SCHEMES.get(scheme)
    if transport is None:
        raise _bad_url(text, f"'{scheme}' is none of https, http, ssh, git, file")
    try:
        parts: SplitResult = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise _bad_url(text, str(error).lower()) from error
    if transport == PATH:
        if parts.netloc not in ("", "localhost"):
            raise _bad_url(text, "a file is on this machine")
        return RemoteUrl(PATH, text, unquote(parts.path))
    path = unquote(parts.path) if transport == SSH else parts.path
    if transport == SSH and path.startswith("/~"):
        path = path[1:]
    user = unquote(parts.username) if parts.username is not None else None
    has_password = parts.password is not None
    return _checked(
        RemoteUrl(transport, text, path, parts.hostname or "", port, user, has_password)
    )


def _checked(url: RemoteUrl) -> RemoteUrl:
    if not _HOST.fullmatch(url.host):
        raise _bad_url(url.text, "its host is none")
    if url.user is not None and not _USER.fullmatch(url.user):
        raise _bad_url(url.text, "its user is none")
    if url.path.startswith("-") or not url.path.strip("/"):
        raise _bad_url(url.text, "its path is none")
    return url


def _bad_url(text: str, rule: str) -> InvalidNameError:
    shown = mask_password(text[:200])
    shown = shown if shown.isprintable() else ascii(shown)[1:-1]
    return InvalidNameError(f"bad URL '{shown}': {rule}", text=shown, rule=rule)
