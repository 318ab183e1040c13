"""The user's own rules, as settings give them."""

from __future__ import annotations

import pytest

from tapegit.errors import ConfigError
from tapegit.redact.user_rules import UserRules, read_user_rules


def test_settings_become_rules():
    """A pattern gets the name of its subsection; what is allowed has none; others are passed."""
    rules = read_user_rules(
        [
            ("gc.auto", 3, "store"),
            ("redact.corp.pattern", "corp_[0-9]{8}", "user"),
            ("redact.samples.allow", "sk-sample-.*", "user"),
        ]
    )
    assert rules == UserRules((("user-corp", b"corp_[0-9]{8}"),), (b"sk-sample-.*",))


@pytest.mark.parametrize(
    ("key", "value", "layer"),
    [
        ("redact.corp.pattern", "x+", "store"),
        ("redact.corp.allow", "x+", "store"),
        ("redact.corp.pattern", "(", "user"),
        ("redact.corp.pattern", "(?=a)b", "user"),
        ("redact.corp.pattern", "x*", "user"),
        ("redact.corp.pattern", "", "user"),
        ("redact.corp.pattern", 7, "user"),
        ("redact.Corp.pattern", "x+", "user"),
        ("redact.corp.regex", "x+", "user"),
        ("redact.pattern", "x+", "user"),
        ("redact." + "a" * 41 + ".pattern", "x+", "user"),
    ],
)
def test_what_is_no_rule_is_an_error(key, value, layer):
    """A rule that cannot be kept stops everything: nothing is stored without it."""
    with pytest.raises(ConfigError):
        read_user_rules([(key, value, layer)])
