"""Who sent a request: the harness, its session and its agent, as the client itself says.

Source: tapeswire(7), "Scopes and lanes".
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from tapegit.dialects.syntax.bodies import read_members
from tapegit.refs.names import RefName

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tapegit.dialects.syntax.bodies import Members

UNKNOWN: Final = "unknown"

_PRODUCT: Final = re.compile(r"\s*([A-Za-z][A-Za-z0-9 _.-]{0,40})/([^\s();]{1,60})")
_ID: Final = re.compile(r"[!-~]{1,200}")
_HARNESSES: Final = {
    "claude-cli": "claude-code",
    "geminicli": "gemini-cli",
    "geminicli-tui": "gemini-cli",
    "anthropic": "anthropic-sdk",
    "asyncanthropic": "anthropic-sdk",
    "openai": "openai-sdk",
    "asyncopenai": "openai-sdk",
    "google-genai-sdk": "google-genai-sdk",
}


LIBRARIES: Final = frozenset({UNKNOWN, "anthropic-sdk", "openai-sdk", "google-genai-sdk"})
"""What a client is called that says nothing of itself, but of what it is built on."""


class Client(NamedTuple):
    """What a request says of its sender; what it does not say is None.

    Attributes:
        harness: Its name, as in refs; `unknown` where nothing tells.
        version: Of the harness.
        session: The harness's own id of the session.
        agent: Of the agent within it.
        parent: The session that spawned this one.
    """

    harness: str
    version: str | None = None
    session: str | None = None
    agent: str | None = None
    parent: str | None = None


def find_client(headers: Mapping[str, str], body: Members) -> Client:
    """Return who sent a request.

    Args:
        headers: By name in lower case.
        body: The members of the body, none where it is no object.
    """
    harness, version = _product(headers)
    if harness == "claude-code":
        session = _id(headers, "x-claude-code-session-id") or _claude_session(body)
        return Client(harness, version, session, _id(headers, "x-claude-code-agent-id"))
    if harness == "codex":
        thread = _id(headers, "thread-id") or _id(headers, "thread_id")
        session = _id(headers, "session-id") or _id(headers, "session_id")
        parent = session if thread is not None and thread != session else None
        return Client(harness, version, thread or session, None, parent)
    session = _id(headers, "x-session-id") or _id(headers, "x-session-affinity")
    return Client(harness, version, session, None, _id(headers, "x-parent-session-id"))


def _product(headers: Mapping[str, str]) -> tuple[str, str | None]:
    found = _PRODUCT.match(headers.get("user-agent", ""))
    if headers.get("originator", "").startswith("codex"):
        return "codex", found[2] if found is not None else None
    if found is None:
        return UNKNOWN, None
    name = found[1].strip().lower()
    if name.startswith("codex"):
        return "codex", found[2]
    version = found[2]
    if name in {"anthropic", "asyncanthropic", "openai", "asyncopenai"}:
        rest = headers["user-agent"][found.end() :].split()
        version = rest[0] if rest else version  # `Anthropic/Python 1.17.0`
    harness = _HARNESSES.get(name) or re.sub(r"[^a-z0-9]+", "-", name).strip("-")
    if RefName.try_parse(f"refs/sessions/{harness}/x") is None:
        harness = UNKNOWN  # `con` is no folder on Windows
    return harness, version.partition("/")[0]


def _claude_session(body: Members) -> str | None:
    user = body.members("metadata").string("user_id")
    session = read_members(user.encode("utf-8", "replace")).name("session_id") if user else None
    return session if session is not None and _ID.fullmatch(session) else None


def _id(headers: Mapping[str, str], name: str) -> str | None:
    value = headers.get(name, "").strip()
    return value if _ID.fullmatch(value) else None
