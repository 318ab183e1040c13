"""Codex: a provider is selected by its settings, and only flags change where that one leads.

It does not read `OPENAI_BASE_URL`.

Source: tapes-record(1), "Clients".
"""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from tapegit.errors import NoOverlayError
from tapegit.harness.launch.recipe import (
    OPENAI_URL,
    Launch,
    Overlay,
    Situation,
    decode_settings,
    find_option,
    merge_no_proxy,
    read_table,
    read_word,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

CHATGPT_URL: Final = "https://chatgpt.com/backend-api/codex"
LOCAL_URLS: Final = {
    "ollama": "http://localhost:11434/v1",
    "lmstudio": "http://localhost:1234/v1",
}
SYSTEM_PATH: Final = Path("/etc/codex/config.toml")
_PLAIN: Final = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)


class Selected(NamedTuple):
    """The provider in use, where it leads, and the key of the settings that says so."""

    name: str
    url: str
    key: str


def plan(situation: Situation) -> Overlay:
    """Return `-c` for the selected provider, and variables."""
    settings = _read_settings(situation)
    variables = merge_no_proxy(situation.environ)
    name = _select(situation, settings)
    if name in LOCAL_URLS and not read_table(settings, "model_providers", name):
        variables["CODEX_OSS_BASE_URL"] = situation.point("openai", _local_url(situation, name))
        return Overlay(situation.arguments, variables, {})
    selected = _find_upstream(situation, settings, name)
    address = situation.point("openai", selected.url)
    arguments = _set_key(situation.arguments, selected.key, address)
    return Overlay(arguments, variables, {})


def _home(situation: Situation) -> Path:
    folder = situation.environ.get("CODEX_HOME")
    return Path(folder) if folder else situation.home / ".codex"


def _read_settings(situation: Situation) -> dict[str, Any]:
    """Return all settings merged: the machine's, the user's, the project's, profile, flags."""
    user = _home(situation)
    settings: dict[str, Any] = {}
    for path in (SYSTEM_PATH, user / "config.toml"):
        _merge(settings, _decode(situation.read(path)))
    for path in _iter_trusted(situation, read_table(settings, "projects")):
        _merge(settings, _decode(situation.read(path / ".codex" / "config.toml")))
    profile = find_option(situation.arguments, "-p", "--profile") or read_word(settings, "profile")
    if profile is not None:
        _merge(settings, read_table(settings, "profiles", profile))
        if _PLAIN.fullmatch(profile):
            _merge(settings, _decode(situation.read(user / f"{profile}.config.toml")))
    for key, value in _iter_flags(situation.arguments):
        _merge(settings, _nest(key, value))
    return settings


def _iter_trusted(situation: Situation, projects: dict[str, Any]) -> list[Path]:
    """Return the folders whose settings it reads: only where the user trusts the project."""
    folders = [path for path in situation.iter_parents() if path != situation.home]
    trusted = [
        path for path in folders if read_word(projects, str(path), "trust_level") == "trusted"
    ]
    return [path for path in reversed(folders) if trusted and path.is_relative_to(trusted[-1])]


def _decode(text: str | None) -> dict[str, Any]:
    try:
        return tomllib.loads(text or "")
    except (ValueError, RecursionError):
        return {}


def _merge(into: dict[str, Any], other: dict[str, Any]) -> None:
    for key, value in other.items():
        held = into.get(key)
        if isinstance(held, dict) and isinstance(value, dict):
            _merge(held, value)
        else:
            into[key] = value


def _nest(key: str, value: Any) -> dict[str, Any]:
    for part in reversed(key.split(".")):
        value = {part: value}
    return value if isinstance(value, dict) else {}


def _iter_flags(arguments: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    """Yield key and value of each `-c key=value`."""
    for number, argument in enumerate(arguments):
        if argument == "--":
            return
        if argument in {"-c", "--config"} and number + 1 < len(arguments):
            key, sign, value = arguments[number + 1].partition("=")
            if sign:
                yield key, _decode_value(value)
        elif argument.startswith("--config=") or (argument.startswith("-c") and "=" in argument):
            key, _, value = argument.removeprefix("--config=").removeprefix("-c").partition("=")
            yield key, _decode_value(value)


def _decode_value(text: str) -> Any:
    return _decode(f"value = {text}").get("value", text)


def _select(situation: Situation, settings: dict[str, Any]) -> str:
    if "--oss" in situation.arguments:
        chosen = find_option(situation.arguments, "--local-provider")
        return chosen or read_word(settings, "oss_provider") or "ollama"
    return read_word(settings, "model_provider") or "openai"


def _local_url(situation: Situation, name: str) -> str:
    port = situation.environ.get("CODEX_OSS_PORT")
    url = situation.environ.get("CODEX_OSS_BASE_URL")
    return url or (f"http://localhost:{port}/v1" if port else LOCAL_URLS[name])


def _find_upstream(situation: Situation, settings: dict[str, Any], name: str) -> Selected:
    if name == "openai":
        url = read_word(settings, "openai_base_url")
        return Selected(name, (url or _default_url(situation)).rstrip("/"), "openai_base_url")
    url = read_word(settings, "model_providers", name, "base_url")
    if url is None or not _PLAIN.fullmatch(name):
        raise NoOverlayError(
            f"cannot record codex: its provider '{name}' has no base_url that a flag could change",
            hint=f"select another: codex -c model_provider=… ; or give [model_providers.{name}] "
            "the base_url that 'tapes env codex' prints",
        )
    return Selected(name, url.rstrip("/"), f"model_providers.{name}.base_url")


def _default_url(situation: Situation) -> str:
    """Return where the built-in provider leads: a login goes elsewhere than a key."""
    if situation.environ.get("CODEX_API_KEY"):
        return OPENAI_URL
    login = decode_settings(situation.read(_home(situation) / "auth.json"))
    has_key = read_word(login, "OPENAI_API_KEY") is not None
    return CHATGPT_URL if read_table(login, "tokens") and not has_key else OPENAI_URL


def _set_key(arguments: tuple[str, ...], key: str, value: str) -> tuple[str, ...]:
    """Return the arguments with a setting: in place of the user's own flag, or in front."""
    written = f"{key}={json.dumps(value)}"
    replaced = tuple(
        f"{_flag_of(each, key)}{written}" if _flag_of(each, key) is not None else each
        for each in arguments
    )
    return replaced if replaced != arguments else ("-c", written, *arguments)


def _flag_of(argument: str, key: str) -> str | None:
    """Return what precedes `key=…` in an argument that sets it, None in any other."""
    for flag in ("", "--config=", "-c"):
        if argument.startswith(f"{flag}{key}="):
            return flag
    return None


CODEX_LAUNCH: Final = Launch("codex", ("codex",), ("@openai/codex", "codex"), plan)
