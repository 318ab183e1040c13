"""Hosts of the user's that speak a provider's interface, from the user's own settings.

A store that somebody sends must not say where requests go: such a key in it is an error.

Source: tapesformat-config(5), "Keys".
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from tapegit.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tapegit.repository.config import Config, Setting

SECTION: Final = "upstream"
PROVIDERS: Final = ("anthropic", "openai", "gemini", "ollama")
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}", re.ASCII)


class UserUpstream(NamedTuple):
    """A host that the user has named, whose interface it speaks, and its address."""

    name: str
    provider: str
    url: str


def read_user_upstreams(config: Config) -> tuple[UserUpstream, ...]:
    """Return the upstreams of the user's settings, in the order of the file.

    Raises:
        ConfigError: One of them is not in the user's own settings, is not whole, or is none.
    """
    tables: dict[str, dict[str, str]] = {}
    for setting in _iter_settings(config.iter_settings()):
        name, _, key = setting.key.removeprefix(f"{SECTION}.").rpartition(".")
        if key not in {"url", "provider"} or not isinstance(setting.value, str):
            raise _bad_key(setting.key, "only url and provider are told, as text")
        if _NAME.fullmatch(name) is None or name in PROVIDERS:
            raise _bad_key(setting.key, "a name is lower case, and none of a provider")
        tables.setdefault(name, {})[key] = setting.value
    return tuple(_read(name, table) for name, table in tables.items())


def _iter_settings(settings: Iterable[Setting]) -> Iterable[Setting]:
    for setting in settings:
        if not setting.key.startswith(f"{SECTION}."):
            continue
        if setting.layer != "user":
            raise ConfigError(
                f"'{setting.key}' is set in '{setting.path}': only your own settings may say "
                "where requests go",
                hint=f"take it out of there, and use 'tapes config --user {setting.key} …'",
                key=setting.key,
                path=setting.path,
            )
        yield setting


def _read(name: str, table: dict[str, str]) -> UserUpstream:
    key = f"{SECTION}.{name}"
    provider = table.get("provider", "openai")
    if provider not in PROVIDERS:
        raise _bad_key(f"{key}.provider", f"it is one of {', '.join(PROVIDERS)}")
    if not re.match(r"https?://[^/\s]", table.get("url", "")):
        raise _bad_key(f"{key}.url", "it is an address of http or https")
    return UserUpstream(name, provider, table["url"])


def _bad_key(key: str, rule: str) -> ConfigError:
    return ConfigError(f"'{key}' is not valid: {rule}", key=key)
