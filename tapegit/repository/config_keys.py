"""Settings by name: which there are, of what type, and what holds where nobody set them.

Rules: settings are data. No key names a program or a hook, and an address that something is sent
to unasked stands in the user's own file alone; remotes are pushed to when the user says so. A key
that is not in the table has no effect here.

Source: tapesformat-config(5), "Keys".
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from tapegit.errors import ConfigError

Value = str | int | bool
"""What a key can hold."""

_PLAIN: Final = re.compile(r"[a-z][a-z0-9_]*", re.ASCII)
_MIDDLE: Final = re.compile(r"[^\x00-\x1f\x7f]{1,200}")
_INTEGER: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,17})", re.ASCII)
_SPAN: Final = re.compile(
    r"now|never|[0-9]{1,6}[. ](?:second|minute|hour|day|week|month|year)s?", re.ASCII
)


class KeyRule(NamedTuple):
    """What a key may hold: `integer` (not negative) or `span` of time."""

    kind: str
    default: Value
    meaning: str


KEYS: Final[dict[str, KeyRule]] = {
    "gc.auto": KeyRule("integer", 6700, "loose objects before an automatic gc; 0 is never"),
    "gc.auto_pack_limit": KeyRule("integer", 50, "packs before an automatic gc; 0 is no limit"),
    "gc.prune_expire": KeyRule("span", "14.days", "how long what nothing needs is kept"),
    "gc.reflog_expire": KeyRule("span", "90.days", "how long reflog entries are kept"),
    "gc.reflog_expire_unreachable": KeyRule(
        "span", "30.days", "the same for entries that their ref does not lead to"
    ),
    "gc.trash_expire": KeyRule("span", "7.days", "how long the trash is kept"),
}

_KINDS: Final = {
    "integer": "a whole number, not negative",
    "span": "a time such as 14.days, now or never",
}


def split_key(key: str) -> list[str]:
    """Return the parts of a key: section and name, with a subsection between or without.

    The subsection may hold dots, as in git.

    Raises:
        ConfigError: It is no key.
    """
    section, _, rest = key.partition(".")
    middle, _, name = rest.rpartition(".")
    is_plain = _PLAIN.fullmatch(section) and _PLAIN.fullmatch(name)
    if not is_plain or (middle and not _MIDDLE.fullmatch(middle)) or rest.startswith("."):
        raise ConfigError(
            f"'{key[:80]}' is no key",
            hint="a key is section.name or section.subsection.name, in lower case",
            key=key,
        )
    return [section, middle, name] if middle else [section, name]


def parse_value(key: str, text: str) -> Value:
    """Return what a person wrote as the value that is stored.

    For a key of the table it has the key's type; for any other it is an integer or a flag if
    it looks like one, else text.

    Raises:
        ConfigError: The key cannot hold it, or no file can.
    """
    if not text.isascii() and text.encode(errors="replace").decode() != text:
        raise ConfigError(f"the value of '{key}' is not valid Unicode", key=key)
    rule = KEYS.get(key)
    if rule is None:
        if _INTEGER.fullmatch(text):
            return int(text)
        return {"true": True, "false": False}.get(text, text)
    value: Value = text
    if rule.kind == "integer" and _INTEGER.fullmatch(text):
        value = int(text)
    return verify_value(key, value)


def verify_value(key: str, value: Value, *, path: object = None) -> Value:
    """Return a value that a key can hold.

    Raises:
        ConfigError: It cannot.
    """
    rule = KEYS.get(key)
    if rule is None or _fits(rule.kind, value):
        return value
    shown = str(value)[:80]
    raise ConfigError(
        f"'{key}' is '{shown}', not {_KINDS[rule.kind]}",
        hint=f"{rule.meaning}; by default {rule.default}",
        key=key,
        path=path,
    )


def _fits(kind: str, value: Value) -> bool:
    if kind == "integer":
        return type(value) is int and value >= 0
    return isinstance(value, str) and _SPAN.fullmatch(value) is not None
