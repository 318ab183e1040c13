"""OpenCode: settings given in a variable are merged over all its files.

Source: tapes-record(1), "Clients".
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tapegit.harness.launch.recipe import (
    ANTHROPIC_URL,
    GEMINI_URL,
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

CONTENT: Final = "OPENCODE_CONFIG_CONTENT"
FILE_NAMES: Final = ("config.json", "opencode.json", "opencode.jsonc")
BUILT_IN: Final = {
    "anthropic": ("anthropic", f"{ANTHROPIC_URL}/v1"),
    "openai": ("openai", OPENAI_URL),
    "google": ("gemini", f"{GEMINI_URL}/v1beta"),
}
_BASE_VARIABLES: Final = {"anthropic": "ANTHROPIC_BASE_URL"}


def plan(situation: Situation) -> Overlay:
    """Return settings that point each provider in use at the proxy."""
    layers = list(_iter_layers(situation))
    given = decode_settings(situation.environ.get(CONTENT))
    providers: dict[str, Any] = {}
    for layer in (*layers, given):
        for name, provider in read_table(layer, "provider").items():
            known = providers.setdefault(name, {})
            known |= {key: provider[key] for key in ("npm", "api") if read_word(provider, key)}
            known |= {"url": read_word(provider, "options", "baseURL") or known.get("url")}
    for name in BUILT_IN:
        providers.setdefault(name, {})
    upstreams = {name: _find_upstream(situation, name, providers[name]) for name in providers}
    for name, (family, url) in upstreams.items():
        if url is not None:
            options = (
                given.setdefault("provider", {}).setdefault(name, {}).setdefault("options", {})
            )
            options["baseURL"] = situation.point(family, url)
    model = find_option(situation.arguments, "-m", "--model") or next(
        (word for layer in (given, *reversed(layers)) if (word := read_word(layer, "model"))), ""
    )
    return Overlay(
        situation.arguments,
        {CONTENT: json.dumps(given), **merge_no_proxy(situation.environ)},
        {},
        _doubts(model.partition("/")[0], upstreams),
    )


def _iter_layers(situation: Situation) -> Iterator[dict[str, Any]]:
    """Yield the settings of its files, those that win last."""
    folder = situation.environ.get("XDG_CONFIG_HOME")
    user = (Path(folder) if folder else situation.home / ".config") / "opencode"
    paths = [user / name for name in FILE_NAMES]
    if named := situation.environ.get("OPENCODE_CONFIG"):
        paths.append(Path(named))
    for path in reversed(list(situation.iter_parents())):
        paths += [path / name for name in FILE_NAMES[1:]]
        paths += [path / ".opencode" / name for name in FILE_NAMES[1:]]
    for path in paths:
        yield decode_settings(situation.read(path))


def _find_upstream(
    situation: Situation, name: str, provider: dict[str, Any]
) -> tuple[str, str | None]:
    """Return whose interface a provider speaks and where it leads, or None where that is unknown.

    What else it knows of providers is in the list that it keeps in the user's cache.
    """
    family, default = BUILT_IN.get(name, ("openai", None))
    variable = situation.environ.get(_BASE_VARIABLES.get(name, ""))
    listed = read_table(_read_list(situation), name) if default is None else {}
    url = provider.get("url") or provider.get("api") or variable or default
    url = url or read_word(listed, "api")
    package = provider.get("npm") or read_word(listed, "npm") or ""
    if "anthropic" in package:
        family = "anthropic"
    elif "google" in package:
        family = "gemini"
    return family, url.rstrip("/") if url else None


def _read_list(situation: Situation) -> dict[str, Any]:
    folder = situation.environ.get("XDG_CACHE_HOME")
    cache = Path(folder) if folder else situation.home / ".cache"
    return decode_settings(situation.read(cache / "opencode" / "models.json"))


def _doubts(selected: str, upstreams: dict[str, tuple[str, str | None]]) -> tuple[str, ...]:
    if not selected or upstreams.get(selected, ("", None))[1] is not None:
        return ()
    return (
        (
            f"opencode's provider '{selected}' has no address in its settings: give it "
            f"provider.{selected}.options.baseURL"
        ),
    )


OPENCODE_LAUNCH: Final = Launch("opencode", ("opencode",), ("opencode-ai",), plan)
