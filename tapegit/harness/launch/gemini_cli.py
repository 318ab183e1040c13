"""Gemini CLI: how one logs in decides which variable names the upstream.

Source: tapes-record(1), "Clients".
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from tapegit.errors import NoOverlayError
from tapegit.harness.launch.recipe import (
    GEMINI_URL,
    Launch,
    Overlay,
    Situation,
    decode_dotenv,
    decode_settings,
    merge_no_proxy,
    read_word,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

LOGIN_URL: Final = "https://cloudcode-pa.googleapis.com"
SYSTEM_PATHS: Final = (
    Path("/etc/gemini-cli/settings.json"),
    Path("/Library/Application Support/GeminiCli/settings.json"),
)


def plan(situation: Situation) -> Overlay:
    """Return the variable that counts for the way the user logs in."""
    environ = {**_read_dotenv(situation), **situation.environ}
    variables = merge_no_proxy(situation.environ)
    method = _find_method(situation, environ)
    if method in {"oauth-personal", "compute-default-credentials", "cloud-shell"}:
        url = environ.get("CODE_ASSIST_ENDPOINT") or LOGIN_URL
        variables["CODE_ASSIST_ENDPOINT"] = situation.point("gemini", url.rstrip("/"))
        return Overlay(situation.arguments, variables, {})
    if method == "vertex-ai":
        raise NoOverlayError(
            "cannot record gemini: it logs in to Vertex AI",
            hint="choose an API key or a Google login, or import its sessions: 'tapes import'",
        )
    if _find_chosen(situation) is None and environ.get("GEMINI_API_KEY"):
        raise NoOverlayError(
            "cannot record gemini: with a base URL it takes GEMINI_API_KEY for a gateway's, unless "
            "its settings say how to log in",
            hint="choose 'Use Gemini API key' in gemini's /auth once, which sets "
            "security.auth.selectedType",
        )
    url = environ.get("GOOGLE_GEMINI_BASE_URL") or GEMINI_URL
    variables["GOOGLE_GEMINI_BASE_URL"] = situation.point("gemini", url.rstrip("/"))
    return Overlay(situation.arguments, variables, {})


def _home(situation: Situation) -> Path:
    folder = situation.environ.get("GEMINI_CLI_HOME")
    return (Path(folder) if folder else situation.home) / ".gemini"


def _read_dotenv(situation: Situation) -> dict[str, str]:
    """Return the variables of the `.env` it would load: the nearest one alone."""
    paths = [path / name for path in situation.iter_parents() for name in (".gemini/.env", ".env")]
    for path in (*paths, _home(situation) / ".env", situation.home / ".env"):
        if (text := situation.read(path)) is not None:
            return decode_dotenv(text)
    return {}


def _find_chosen(situation: Situation) -> str | None:
    """Return the way to log in that settings choose: the first that does wins."""
    project = [path / ".gemini" / "settings.json" for path in situation.iter_parents()]
    for path in (*SYSTEM_PATHS, *project, _home(situation) / "settings.json"):
        settings = decode_settings(situation.read(path))
        found = read_word(settings, "security", "auth", "selectedType")
        found = found or read_word(settings, "selectedAuthType")
        if found:
            return found
    return None


def _find_method(situation: Situation, environ: Mapping[str, str]) -> str:
    chosen = _find_chosen(situation)
    if chosen is not None:
        return chosen
    if environ.get("GOOGLE_GENAI_USE_GCA") == "true":
        return "oauth-personal"
    if environ.get("GOOGLE_GENAI_USE_VERTEXAI") == "true":
        return "vertex-ai"
    return "gemini-api-key"


GEMINI_CLI_LAUNCH: Final = Launch("gemini-cli", ("gemini",), ("@google/gemini-cli",), plan)
