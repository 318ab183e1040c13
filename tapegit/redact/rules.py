"""The table of rules. A change to any of them is a new version of the set.

Source: tapesredaction(7), "Rules", whose table is generated from here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tapegit.redact.context_rules import CONTEXT_RULES
from tapegit.redact.provider_rules import PROVIDER_RULES

if TYPE_CHECKING:
    from tapegit.redact.rule import Rule

RULES_VERSION: Final = 1

RULES: Final[tuple[Rule, ...]] = (*PROVIDER_RULES, *CONTEXT_RULES)
"""The surest first: where two rules find one secret, the first names it."""
