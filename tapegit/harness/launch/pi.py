"""pi: an extension that a flag names gives its providers other addresses.

Source: tapes-record(1), "Clients".
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

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

EXTENSION_NAME: Final = "tapes-pi.js"
BUILT_IN: Final = {
    "anthropic": ("anthropic", ANTHROPIC_URL),
    "openai": ("openai", OPENAI_URL),
    "google": ("gemini", f"{GEMINI_URL}/v1beta"),
    "openrouter": ("openai", "https://openrouter.ai/api/v1"),
    "groq": ("openai", "https://api.groq.com/openai/v1"),
    "xai": ("openai", "https://api.x.ai/v1"),
}
_FAMILIES: Final = (("anthropic", "anthropic"), ("google", "gemini"))


def plan(situation: Situation) -> Overlay:
    """Return `-e` with an extension, and what is to be in it."""
    folder = situation.environ.get("PI_CODING_AGENT_DIR")
    agent = Path(folder) if folder else situation.home / ".pi" / "agent"
    providers = read_table(decode_settings(situation.read(agent / "models.json")), "providers")
    addresses = {
        name: situation.point(*BUILT_IN[name]) for name in BUILT_IN if name not in providers
    }
    for name, provider in providers.items():
        if (url := read_word(provider, "baseUrl") or BUILT_IN.get(name, ("", ""))[1]) != "":
            addresses[name] = situation.point(_family(name, provider), url.rstrip("/"))
    path = situation.folder / EXTENSION_NAME
    return Overlay(
        ("-e", str(path), *situation.arguments),
        merge_no_proxy(situation.environ),
        {EXTENSION_NAME: _write_extension(addresses)},
        _doubts(situation, agent, addresses),
    )


def _family(name: str, provider: Any) -> str:
    interface = read_word(provider, "api") or BUILT_IN.get(name, ("", ""))[0]
    return next((family for part, family in _FAMILIES if part in interface), "openai")


def _write_extension(addresses: dict[str, str]) -> str:
    lines = [
        f"  pi.registerProvider({json.dumps(name)}, {{ baseUrl: {json.dumps(address)} }});"
        for name, address in addresses.items()
    ]
    return "\n".join(["export default function (pi) {", *lines, "}", ""])


def _doubts(situation: Situation, agent: Path, addresses: dict[str, str]) -> tuple[str, ...]:
    settings = decode_settings(situation.read(agent / "settings.json"))
    selected = find_option(situation.arguments, "--provider")
    selected = selected or read_word(settings, "defaultProvider")
    if selected is None or selected in addresses:
        return ()
    return (
        (
            f"pi's provider '{selected}' is not known to tapes: give it a baseUrl in "
            f"'{agent / 'models.json'}'"
        ),
    )


PI_LAUNCH: Final = Launch("pi", ("pi",), ("@mariozechner/pi-coding-agent",), plan)
