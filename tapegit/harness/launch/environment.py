"""Clients that read their upstream from the environment alone: SDKs, frameworks, scripts.

Source: tapes-record(1), "Clients".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import urlsplit

from tapegit.harness.launch.recipe import (
    ANTHROPIC_URL,
    GEMINI_URL,
    OLLAMA_URL,
    OPENAI_URL,
    Overlay,
    Situation,
    merge_no_proxy,
)

if TYPE_CHECKING:
    from collections.abc import Mapping


class Variable(NamedTuple):
    """A variable that names an upstream, and where it leads by default."""

    name: str
    provider: str
    default: str


VARIABLES: Final = (
    Variable("ANTHROPIC_BASE_URL", "anthropic", ANTHROPIC_URL),
    Variable("ANTHROPIC_API_BASE", "anthropic", ANTHROPIC_URL),  # LiteLLM
    Variable("OPENAI_BASE_URL", "openai", OPENAI_URL),
    Variable("OPENAI_API_BASE", "openai", OPENAI_URL),  # LiteLLM, LangChain, aider
    Variable("GOOGLE_GEMINI_BASE_URL", "gemini", GEMINI_URL),
    Variable("OLLAMA_HOST", "ollama", OLLAMA_URL),
    Variable("OLLAMA_API_BASE", "ollama", OLLAMA_URL),  # LiteLLM
)
_SAME: Final = {"ANTHROPIC_API_BASE": "ANTHROPIC_BASE_URL", "OPENAI_API_BASE": "OPENAI_BASE_URL"}
_ANY_HOST: Final = frozenset({"0.0.0.0", "::", ""})  # noqa: S104 - where a server listens
_OLLAMA_PORT: Final = 11434

BARRIERS: Final = {
    "docker": "a container has an environment of its own, and its 127.0.0.1 is not this machine's",
    "kubectl": "a container has an environment of its own",
    "podman": "a container has an environment of its own, and its 127.0.0.1 is not this machine's",
    "screen": "a screen that runs already keeps the environment it was started with",
    "ssh": "another machine does not get the environment of this one",
    "su": "su drops the environment; 'su -m' keeps it",
    "sudo": "sudo drops the environment; 'sudo -E' keeps it",
    "systemd-run": "a unit has an environment of its own",
    "tmux": "a tmux server that runs already keeps the environment it was started with",
}
"""Programs behind which a client does not see the variables, and why."""


def plan_environment(situation: Situation) -> Overlay:
    """Return the variables for any client, each leading where it led before."""
    variables = {
        variable.name: situation.point(
            variable.provider, find_upstream(variable, situation.environ)
        )
        for variable in VARIABLES
    }
    return Overlay(situation.arguments, variables | merge_no_proxy(situation.environ), {})


def find_upstream(variable: Variable, environ: Mapping[str, str]) -> str:
    """Return where a variable leads: what it holds, or its elder twin does, or the default."""
    value = environ.get(variable.name) or environ.get(_SAME.get(variable.name, ""), "")
    if variable.provider == "ollama":
        return _ollama_url(environ.get("OLLAMA_API_BASE") or value or environ.get("OLLAMA_HOST"))
    return value.rstrip("/") or variable.default


def _ollama_url(value: str | None) -> str:
    """Return the address in a variable that may hold a host, a port, both, or all of it.

    Where it says on which addresses a server listens, the client is on this machine.
    """
    text = (value or "").strip().strip("\"'")
    if not text:
        return OLLAMA_URL
    if text.startswith(":"):
        text = f"127.0.0.1{text}"
    parts = urlsplit(text if "://" in text else f"http://{text}")
    host = parts.hostname or ""
    host = "127.0.0.1" if host in _ANY_HOST else host
    host = f"[{host}]" if ":" in host else host
    port = parts.port or {"http": _OLLAMA_PORT, "https": 443}.get(parts.scheme, _OLLAMA_PORT)
    if "://" in text and parts.port is None and parts.scheme == "http":
        port = 80
    return f"{parts.scheme}://{host}:{port}{parts.path.rstrip('/')}"
