"""The redactor that a user has: the rules of the table and those of the user's settings.

Source: tapesredaction(7), "Your own rules".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tapegit.redact.redactor import Redactor, default_redactor
from tapegit.redact.user_rules import UserRules, read_user_rules

if TYPE_CHECKING:
    from tapegit.repository.config import Config


def load_redactor(config: Config) -> Redactor:
    """Return what finds the secrets that are not to be stored.

    Raises:
        ConfigError: A rule of the user's is none, or is not in the user's own settings.
        RedactionError: A rule does not find its own example.
    """
    user = load_user_rules(config)
    return default_redactor() if user == UserRules() else Redactor(user)


def load_user_rules(config: Config) -> UserRules:
    """Return what the user adds to the rules of the table.

    Raises:
        ConfigError: A rule of the user's is none, or is not in the user's own settings.
    """
    return read_user_rules((each.key, each.value, each.layer) for each in config.iter_settings())
