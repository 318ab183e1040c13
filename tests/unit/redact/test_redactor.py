"""The redactor: only secrets go, all else stays byte by byte, whatever the bytes are."""

from __future__ import annotations

import base64
import json
import re
import time
from urllib.parse import quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tapegit.redact.placeholders import PLACEHOLDER, Numbering
from tapegit.redact.redactor import Redactor
from tapegit.redact.rule import HEX, MIXED
from tapegit.redact.rules import RULES
from tapegit.redact.user_rules import UserRules

REDACTOR = Redactor()
KEY = "ghp_" + MIXED[:36].decode()
OTHER = "ghp_" + MIXED[40:76].decode()

texts = st.text(max_size=30) | st.sampled_from(
    ['"', "\\", "\\n", "\\\\u0041", "{}", "\n", "é", "\0"]
)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)


def redact_json(data: bytes) -> bytes:
    """Return one JSON value without secrets."""
    return REDACTOR.redact(data, Numbering(), is_json=True)


def plant(value: object, secret: str, draw: st.DrawFn) -> object:
    """Return a value with a secret somewhere in it, perhaps as JSON in a string."""
    if isinstance(value, dict) and value and draw(st.booleans()):
        key = draw(st.sampled_from(sorted(value)))
        return {**value, key: plant(value[key], secret, draw)}
    if isinstance(value, list) and value and draw(st.booleans()):
        at = draw(st.integers(0, len(value) - 1))
        return [*value[:at], plant(value[at], secret, draw), *value[at + 1 :]]
    text = f"{draw(texts)} {secret} {draw(texts)}"
    how = draw(st.sampled_from(["text", "key", "json", "base64"]))
    if how == "key":
        return {text: value}
    if how == "json":
        return json.dumps({"deep": text}, ensure_ascii=draw(st.booleans()))
    if how == "base64":
        return base64.b64encode(f"{draw(texts)}:{secret}".encode("utf-8", "replace")).decode()
    return text


@st.composite
def planted(draw):
    """Give JSON with a provider's secret somewhere in it, written in any way, and the secret."""
    secret = draw(st.sampled_from([KEY, "sk-ant-api03-" + MIXED[:90].decode()]))
    value = plant(draw(values), secret, draw)
    text = json.dumps(value, ensure_ascii=draw(st.booleans()), indent=draw(st.none() | st.just(1)))
    if draw(st.booleans()):
        letter = draw(st.sampled_from(secret[:30]))
        text = text.replace(letter, f"\\u{ord(letter):04x}") if letter.isalnum() else text
    try:
        json.loads(text)
    except ValueError:
        text = json.dumps(value)
    return text.encode("utf-8", "surrogatepass"), secret


@given(planted())
def test_planted_secret_is_gone_and_json_stays(case):
    """Wherever a secret is planted, none of it is left at any level, and the rest is the same."""
    data, secret = case
    before = json.loads(data)
    redacted = redact_json(data)
    after = json.loads(redacted)
    assert PLACEHOLDER.search(redacted)
    for level in iter_levels(after):
        assert secret not in level
        assert secret[8:] not in level
    assert shape(before) == shape(after)


def shape(value: object) -> object:
    """Return a value with its texts left out, and how many members each object has."""
    if isinstance(value, dict):
        return sorted(str(shape(item)) for item in value.values())
    if isinstance(value, list):
        return [shape(item) for item in value]
    return "text" if isinstance(value, str) else value


def iter_levels(value: object):
    """Yield all texts of a value, and those in them where they are JSON or base64."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from iter_levels(key)
            yield from iter_levels(item)
    elif isinstance(value, list):
        for item in value:
            yield from iter_levels(item)
    elif isinstance(value, str):
        yield value
        if value[:1] in ("{", "["):
            try:
                yield from iter_levels(json.loads(value))
            except ValueError:
                pass
        try:
            yield base64.b64decode(value, validate=True).decode("utf-8", "replace")
        except ValueError:
            pass


@given(values)
def test_json_without_secrets_stays_as_it_is(value):
    """Where there is no secret the same bytes come back."""
    data = json.dumps(value).encode()
    assert redact_json(data) is data


@given(st.binary(max_size=200), st.binary(max_size=200))
def test_any_bytes_are_redacted(before, after):
    """Bytes of any kind are taken, JSON or not; only the secret goes, and what is beside it."""
    data = before + b" " + KEY.encode() + b" " + after
    redacted = REDACTOR.redact(data, Numbering(), is_json=False)
    assert KEY.encode() not in redacted
    assert redacted.startswith(before[:1])
    again = REDACTOR.redact(redacted, Numbering(), is_json=False)
    assert again == redacted


@given(
    st.lists(st.sampled_from([KEY, OTHER, " ", '"', "\\", "\\n", ",", "x", "\\u0020"]), max_size=12)
)
@example([KEY, KEY])
def test_parts_are_in_order_and_apart(pieces):
    """What is found is in order, inside the bytes, and does not overlap."""
    data = "".join(pieces).encode()
    secrets = REDACTOR.find(data, is_json=False)
    ends = [0]
    for secret in secrets:
        assert ends[-1] <= secret.start < secret.end <= len(data)
        ends.append(secret.end)


def test_same_secret_has_the_same_number_in_a_turn():
    """Secrets are numbered by their first place, per rule; each place is counted."""
    numbering = Numbering()
    first = REDACTOR.redact(f"{KEY} {OTHER} {KEY}".encode(), numbering, is_json=False)
    assert first == b"[REDACTED:github-token:1] [REDACTED:github-token:2] [REDACTED:github-token:1]"
    second = REDACTOR.redact(f"{OTHER} x".encode(), numbering, is_json=False)
    assert second == b"[REDACTED:github-token:2] x"
    assert numbering.counts == {"github-token": 4}


def test_same_secret_has_the_same_number_however_it_is_written():
    """Numbers go by what a secret is, not by how it was escaped."""
    escaped = KEY.replace("p", "\\u0070")
    data = f'["{KEY}","{escaped}"]'.encode()
    assert redact_json(data) == b'["[REDACTED:github-token:1]","[REDACTED:github-token:1]"]'


def test_secret_outside_of_strings_is_left_to_the_rules_of_json():
    """A number that looks like a secret is no string, and JSON stays JSON."""
    data = b'{"password": 12345678901234567}'
    assert redact_json(data) == data


def test_private_key_in_base64_goes_whole():
    """A key file in base64, as Kubernetes has it, is found, in one line or in many."""
    pem = b"-----BEGIN RSA PRIVATE KEY-----\n" + MIXED[:200] + b"\n-----END RSA PRIVATE KEY-----\n"
    for encoded in (base64.b64encode(pem), base64.encodebytes(pem)):
        text = "client-key-data: " + encoded.decode()
        redacted = REDACTOR.redact_text(text)
        assert "[REDACTED:private-key:1]" in redacted
        assert len(redacted) < 80


@pytest.mark.parametrize("times", [1, 2])
def test_secret_in_an_address_is_found_with_its_name(times):
    """What says that it is one is percent-encoded, too; the rest of the address stays."""
    inner = f"https://h/?api_key={OTHER[4:]}&b=1"
    for _ in range(times):
        inner = quote(inner, safe="")
    data = json.dumps({"a": f"see https://example.org/?next={inner}"}).encode()
    redacted = redact_json(data).decode()
    assert OTHER[4:] not in redacted
    assert redacted.startswith(data.decode()[:40])
    assert redacted.endswith(inner[-5:] + '"}')


KNOWN = 'Zq"8\\x/9 é%+' + HEX[:6].decode()


@pytest.mark.parametrize(
    "written",
    [
        KNOWN,
        quote(KNOWN, safe=""),
        quote(KNOWN),
        re.sub("%..", lambda match: match[0].lower(), quote(KNOWN, safe="")),
        json.dumps(KNOWN),
        json.dumps(json.dumps(KNOWN)),
        json.dumps(KNOWN, ensure_ascii=False),
        KNOWN.encode().hex(),
        base64.b64encode(KNOWN.encode()).decode(),
        base64.b64encode(b"x" + KNOWN.encode()).decode(),
        base64.b64encode(b"xy" + KNOWN.encode() + b"z").decode(),
        base64.urlsafe_b64encode(b"user:" + KNOWN.encode()).decode(),
    ],
)
def test_known_value_is_found_however_it_is_written(written):
    """What is known by its value is found in every encoding, with no rule that sees it."""
    redactor = Redactor(known=[KNOWN.encode(), b"short"])
    for text in (written, f"before {written} after"):
        data = json.dumps({"a": text}).encode()
        redacted = redactor.redact(data, Numbering(), is_json=True)
        assert b"[REDACTED:known-value:1]" in redacted
        assert len(redacted) < 90
        json.loads(redacted)


def test_text_that_held_nothing_is_looked_at_again_with_other_values():
    """What is remembered of a text holds for what was searched for then, and for nothing else."""
    text = f"a {KNOWN} b"
    assert [REDACTOR.redact_text(text) for _ in range(2)] == [text] * 2
    for other in (REDACTOR.with_known([KNOWN.encode()]), REDACTOR.only_known([KNOWN.encode()])):
        assert other.redact_text(text) == "a [REDACTED:known-value:1] b"
    assert REDACTOR.redact_text(text) == text


def test_short_values_are_not_known():
    """A value of fewer than eight bytes would be found everywhere."""
    assert Redactor(known=[b"short"]).redact_text("a short text") == "a short text"


def test_user_rule_is_found_and_named():
    """A rule of the user's has the name `user-...`, and sees through escapes as well."""
    user = UserRules(rules=(("user-corp", rb'CORP/"[0-9]{6}"'),))
    data = json.dumps({"a": 'x CORP/"123456" y', "b": json.dumps({"c": 'CORP/"654321"'})}).encode()
    redacted = json.loads(Redactor(user).redact(data, Numbering(), is_json=True))
    assert redacted["a"] == "x [REDACTED:user-corp:1] y"
    assert json.loads(redacted["b"]) == {"c": "[REDACTED:user-corp:2]"}


def test_user_rule_of_everything_leaves_json():
    """Whatever a rule of the user's finds, only the inside of strings goes."""
    user = UserRules(rules=(("user-all", rb"(?s).+"),))
    data = json.dumps({"a": 'x "y" \\ z', "n": [1, True, None]}).encode()
    redacted = json.loads(Redactor(user).redact(data, Numbering(), is_json=True))
    assert list(redacted.values())[-1] == [1, True, None]


def test_what_the_user_allows_stays():
    """A value that is allowed whole is no secret; one that only begins so is."""
    user = UserRules(allowed=(rb"ghp_q3V8kM9x.*",))
    redactor = Redactor(user)
    assert redactor.redact_text(KEY) == KEY
    assert redactor.redact_text(OTHER) == "[REDACTED:github-token:1]"


BAD_TEXTS = {
    "names": b"token=" * 100_000,
    "one long value": b"password=" + b"aB3" * 200_000,
    "quotes": b'password="' * 60_000,
    "backslashes": b"\\" * 1_800_000 + b"password=aB3aB3aB3aB3",
    "escapes": b"\\u0041\\n" * 73_000,
    "key beginnings": b"-----BEGIN RSA PRIVATE KEY-----\n" * 18_000,
    "base64 beginnings": base64.b64encode(b"-----BEGIN ") * 36_000,
    "prefixes": b"sk-ant-ghp_AKIA" * 40_000,
    "addresses": b"://a:b" * 100_000,
    "dots": b"eyJaaaaaaaaaaa.eyJ" * 33_000,
    "curl": b"curl " * 120_000,
    "cookies": b"cookie: a=" * 60_000,
    "percents": b"%41%3D%25%2541" * 43_000,
}


@pytest.mark.parametrize("name", BAD_TEXTS)
def test_no_text_takes_long(name):
    """Texts of 0.6 MB made to make a search look again and again take linear time."""
    data = BAD_TEXTS[name]
    escaped = data.replace(b"\\", b"\\\\").replace(b'"', b'\\"')
    for text, is_json in ((data, False), (b'"' + escaped + b'"', True)):
        start = time.process_time()
        REDACTOR.find(text, is_json=is_json)
        assert time.process_time() - start < 3


def test_every_rule_has_a_hint_that_its_text_meets():
    """Redaction looks into a text only after a hint: each example alone opens the way."""
    for rule in RULES:
        data = json.dumps({"a": rule.example.decode()}).encode()
        assert REDACTOR.find(data, is_json=True), rule.name
