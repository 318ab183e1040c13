"""What a user adds to the rules: patterns of own secrets, and what is no secret.

They come from the user's own settings alone: those of a store travel with it, and whoever
sends a store must not decide what is kept out of it.

Source: tapesredaction(7), "Your own rules".
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from tapegit.errors import ConfigError
from tapegit.redact.patterns import Pattern

if TYPE_CHECKING:
    from collections.abc import Iterable

SECTION: Final = "redact"
USER_LAYER: Final = "user"
PREFIX: Final = "user-"

_NAME: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?", re.ASCII)


class UserRules(NamedTuple):
    """The user's patterns, by the names of their rules; and patterns of what is no secret."""

    rules: tuple[tuple[str, bytes], ...] = ()
    allowed: tuple[bytes, ...] = ()


def read_user_rules(settings: Iterable[tuple[str, object, str]]) -> UserRules:
    """Return the rules that settings hold.

    Args:
        settings: Keys, values, and the layer that each is of.

    Raises:
        ConfigError: A rule is none, or is not in the user's own settings.
    """
    rules: dict[str, bytes] = {}
    allowed: dict[str, bytes] = {}
    for key, value, layer in settings:
        section, _, rest = key.partition(".")
        if section != SECTION:
            continue
        if layer != USER_LAYER:
            raise ConfigError(
                f"'{key}' is a setting of the user, not of a store",
                hint="move it to the user's settings: tapes config --user",
                key=key,
            )
        name, _, kind = rest.rpartition(".")
        if not _NAME.fullmatch(name) or kind not in ("pattern", "allow"):
            raise ConfigError(
                f"'{key}' is no setting of redaction",
                hint="a rule is redact.<name>.pattern, what is no secret redact.<name>.allow",
                key=key,
            )
        text = _verify_pattern(key, value)
        (rules if kind == "pattern" else allowed)[name] = text
    named = tuple((PREFIX + name, text) for name, text in rules.items())
    return UserRules(named, tuple(allowed.values()))


def _verify_pattern(key: str, value: object) -> bytes:
    if not isinstance(value, str) or not value:
        raise ConfigError(f"'{key}' is no pattern", key=key)
    text = value.encode()
    try:
        matches_all = Pattern(text).matches(b"")
    except ConfigError as error:
        raise ConfigError(
            f"'{key}' cannot be used: {error}",
            hint=f"correct it or take it out: tapes config --user --unset {key}",
            key=key,
        ) from error
    if matches_all:
        raise ConfigError(f"'{key}' is a pattern of everything", key=key)
    return text
