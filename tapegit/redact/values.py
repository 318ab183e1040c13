"""Whether what stands where a secret may stand is one: a value, its name, how random it is.

Rules whose pattern alone proves nothing (`password = ...`, `token: ...`) ask here. What is
let through: placeholders, names of variables and functions, paths, addresses without
credentials, numbers, words, hashes and uuids where nothing says that they are secret.

Source: tapesredaction(7), "Values".
"""

from __future__ import annotations

import re
from collections import Counter
from math import log2
from typing import Final, NamedTuple

VALUE_LENGTH_MAX: Final = 4096
TOKEN_LENGTH_MIN: Final = 16
PASSWORD_LENGTH_MIN: Final = 8
_PASSWORD_ENTROPY_MIN: Final = 2.5
_KEPT_LENGTH: Final = 256
"""As much of a value is looked at."""


class Candidate(NamedTuple):
    """What a rule found: the value, and all that its pattern matched before it."""

    value: bytes
    before: bytes


_PLACEHOLDER: Final = re.compile(
    rb"\[REDACTED:|\$\{|\{\{|\$\(|%\(|<[A-Za-z_]|\*\*\*|\.\.\.|xxxx|0000000|1234567890?$"
    rb"|your|example|placeholder|change.?me|replace|redacted|dummy|sample|insert|fixme"
    rb"|process\.env|environ|getenv|import\.meta|secrets\.|config\.|settings\.|vault\.",
    re.IGNORECASE,
)
_CODE: Final = re.compile(
    rb"[$@%&/~.#(\[{<*|!?:=,;+>)\]}\\-]"  # begins as code, a path or an operator does
    rb"|.*[()<>{}\[\];|`]"
    rb"|.*://"
    rb"|.*\*$"
    rb"|(?:[A-Za-z_][A-Za-z_0-9]*)(?:\.[A-Za-z_][A-Za-z_0-9]*)+$"  # a.b.c
    rb"|[A-Za-z_]+(?:[_-][A-Za-z]+|[0-9]{1,2})*$"  # words, a number or two
    rb"|[0-9.,:eE+_-]+$"
    rb"|(?:\.{0,2}/)?(?:[\w.-]+/)+[\w.-]*\.\w{1,5}$"
    rb"|[^@\s]+@[\w.-]+\.[a-z]{2,}$",
    re.DOTALL,
)
_UUID: Final = re.compile(rb"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_HEX: Final = re.compile(rb"[0-9a-fA-F]+")
_PASSWORD_NAME: Final = re.compile(rb"passw|passphrase|[_-]pass|pwd|secret", re.IGNORECASE)
_OTHER_NAMES: Final = frozenset(
    b"name type kind count counts url uri path file dir field fields length len limit size max min"
    b" expiry expires in at id ids label ref arn env var format regex pattern prefix suffix hash"
    b" policy hint usage index version manager provider class error message budget delimiter"
    b" separator rotation status date time ttl endpoint header scope list input".split()
)
_NAME_END: Final = re.compile(
    rb"(?:[_-]|(?<=[a-z])(?=[A-Z]))([A-Za-z]+)[\"'\\\]\s]*(?::=|=>|[:=>])+[\"'\\\s]*$"
)
_WORDS: Final = frozenset(
    b"password passwd pass passphrase pwd secret token user username root admin guest test"
    b" postgres mysql redis mongo mongodb rabbitmq sa foo bar baz hunter2 string true false null"
    b" none undefined mypassword mysecret mysecretpassword secretpassword testpassword"
    b" testing default changeme pw p key credentials demo localhost".split()
)


def is_varied(candidate: Candidate) -> bool:
    """Return whether a value of a well-known form is one at all, not `sk-xxxxxxxxxxxx`."""
    value = candidate.value[:_KEPT_LENGTH]
    body = value[4:]
    return len(set(body)) >= 6 and not _is_filler(body)


def is_random(candidate: Candidate) -> bool:
    """Return whether a value is as good as random: what a token is and a word is not."""
    value = candidate.value[:_KEPT_LENGTH]
    if len(value) < TOKEN_LENGTH_MIN or is_placeholder(value):
        return False
    has_digit = any(48 <= byte < 58 for byte in value)
    has_letter = any(chr(byte).isalpha() for byte in value if byte < 128)
    if not has_digit or not has_letter or _UUID.fullmatch(value):
        return False
    floor = 3.0 if _HEX.fullmatch(value) else 3.3
    return entropy(value) >= floor and not _is_wordy(value)


def is_assigned(candidate: Candidate) -> bool:
    """Return whether a value that something with the name of a secret is set to is a secret."""
    value = candidate.value[:_KEPT_LENGTH]
    if is_placeholder(value) or _CODE.match(value) or _names_other(candidate.before):
        return False
    if not _PASSWORD_NAME.search(candidate.before[-80:]):
        return is_random(candidate)
    if len(value) < PASSWORD_LENGTH_MIN or value.lower() in _WORDS or _UUID.fullmatch(value):
        return False
    if _count_classes(value) < 2 or entropy(value) < _PASSWORD_ENTROPY_MIN:
        return False
    return any(chr(byte).isdigit() for byte in value) or not _is_wordy(value)


def is_password(candidate: Candidate) -> bool:
    """Return whether the password of an address is one, not the word `password`."""
    value = candidate.value[:_KEPT_LENGTH]
    if value.lower() in _WORDS or is_placeholder(value):
        return False
    return len(set(value)) > 2 and value[:1] not in b"$%{<*&@("


def is_header_value(candidate: Candidate) -> bool:
    """Return whether what a header of credentials holds is a credential."""
    value = candidate.value[:_KEPT_LENGTH]
    if is_placeholder(value) or value.lower() in _WORDS or len(set(value)) < 5:
        return False
    if _CODE.match(value):
        return False
    return _count_classes(value) >= 2 or (len(value) >= TOKEN_LENGTH_MIN and entropy(value) >= 3.3)


def has_cookie(candidate: Candidate) -> bool:
    """Return whether one of the cookies of a header has a value that may be a credential."""
    for pair in candidate.value[:VALUE_LENGTH_MAX].split(b";"):
        value = pair.partition(b"=")[2].strip()
        if len(value) >= PASSWORD_LENGTH_MIN and is_header_value(Candidate(value, b"")):
            return True
    return False


def has_key_body(candidate: Candidate) -> bool:
    """Return whether a block of a private key holds one, not only its first line."""
    return _BODY.search(candidate.value) is not None


_BODY: Final = re.compile(rb"[A-Za-z0-9+/=]{24}")


def is_placeholder(value: bytes) -> bool:
    """Return whether a value stands for another, or is one letter again and again."""
    return _PLACEHOLDER.search(value) is not None or len(set(value)) < 4


def entropy(value: bytes) -> float:
    """Return the bits that one byte of a value says, by how often each byte is in it."""
    size = len(value)
    return -sum(count / size * log2(count / size) for count in Counter(value).values())


def _is_filler(body: bytes) -> bool:
    return re.search(rb"(.)\1{7}|\.\.\.|EXAMPLE$|(?i:your|example|placeholder)", body) is not None


def _count_classes(value: bytes) -> int:
    text = value.decode("latin-1")
    return sum(
        (
            any(character.islower() for character in text),
            any(character.isupper() for character in text),
            any(character.isdigit() for character in text),
            any(not character.isalnum() for character in text),
        )
    )


def _names_other(before: bytes) -> bool:
    """Return whether a name says that the value is not the secret itself: `token_type`."""
    match = _NAME_END.search(before[-80:])
    return match is not None and match[1].lower() in _OTHER_NAMES


def _is_wordy(value: bytes) -> bool:
    """Return whether a value is words and short numbers: `claude-3-5-sonnet-20241022`."""
    parts = re.findall(rb"[A-Za-z]+|[0-9]+", value)
    if not re.fullmatch(rb"[\w.:/-]+", value):
        return False
    words = [part for part in parts if part.isalpha() and len(part) >= 3 and _is_word(part)]
    return sum(map(len, words)) * 10 >= len(value) * 6


def _is_word(part: bytes) -> bool:
    has_vowel = re.search(rb"[aeiouyAEIOUY]", part) is not None
    is_of_one_case = part.islower() or part.isupper() or part[1:].islower()
    return has_vowel and is_of_one_case and not re.search(rb"(?i)[bcdfghjklmnpqrstvwxz]{5}", part)
