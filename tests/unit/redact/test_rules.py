"""The rules: what each finds, what none takes for a secret."""

from __future__ import annotations

import json

import pytest

from tapegit.errors import RedactionError
from tapegit.redact import redactor as redactor_module
from tapegit.redact.placeholders import PLACEHOLDER, Numbering
from tapegit.redact.redactor import Redactor
from tapegit.redact.rule import HEX, MIXED, Rule
from tapegit.redact.rules import RULES

REDACTOR = Redactor()


def redact(text: str) -> str:
    """Return a text without secrets."""
    return REDACTOR.redact_text(text)


def rules_of(text: str) -> list[str]:
    """Return the rules that find something in a text, in order."""
    return [secret.rule for secret in REDACTOR.find(text.encode(), is_json=False)]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_rule_finds_its_example_alone(rule):
    """Every rule finds its example; no other names it."""
    assert rules_of(rule.example.decode()) == [rule.name]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_rule_finds_its_example_between_other_text(rule):
    """Text before and after changes nothing, and stays."""
    text = f"before it\n{rule.example.decode()}\nafter é it"
    redacted = redact(text)
    assert redacted.startswith("before it\n")
    assert redacted.endswith("\nafter é it")
    assert [secret.rule for secret in REDACTOR.find(text.encode(), is_json=False)] == [rule.name]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_nothing_of_a_secret_is_left(rule):
    """After redaction no eight bytes of the secret are there, and nothing more is found."""
    example = rule.example.decode()
    (secret,) = REDACTOR.find(rule.example, is_json=False)
    redacted = redact(example)
    value = secret.value.decode()
    assert PLACEHOLDER.search(redacted.encode())
    for start in range(0, len(value) - 8, 4):
        assert value[start : start + 8] not in PLACEHOLDER.sub(b"", redacted.encode()).decode()
    assert redact(redacted) == redacted


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
@pytest.mark.parametrize("depth", [1, 2, 3])
def test_rule_sees_through_json_in_json(rule, depth):
    """A secret in a string of JSON, itself in a string of JSON, is found; all levels stay JSON."""
    value: object = {"text": f'say "{rule.example.decode()}" twice'}
    text = ""
    for _ in range(depth):
        text = json.dumps(value)
        value = {"inner": text}
    data = text.encode()
    redacted = REDACTOR.redact(data, Numbering(), is_json=True)
    for _ in range(depth - 1):
        redacted = json.loads(redacted)["inner"].encode()
    found = PLACEHOLDER.findall(json.loads(redacted)["text"].encode())
    assert [name for name, _ in found] == [rule.name.encode()]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_rule_sees_through_escaped_letters(rule):
    """A secret every letter of which is written as an escape is found as well."""
    escaped = "".join(f"\\u{byte:04X}" for byte in rule.example)
    data = f'{{"text":"{escaped}"}}'.encode()
    redacted = json.loads(REDACTOR.redact(data, Numbering(), is_json=True))["text"]
    assert redacted == redact(rule.example.decode())


def test_names_are_those_of_refs_and_placeholders():
    """The name of a rule is a word of small letters, and no two rules have the same."""
    names = [rule.name for rule in RULES]
    assert len(set(names)) == len(names)
    for name in names:
        assert PLACEHOLDER.fullmatch(f"[REDACTED:{name}:1]".encode())


FOUND = {
    "assignment": [
        'password: "Sup3rS3cret!"',
        "password='correct-horse-7-battery'",
        "export DB_PASSWORD=hunter2hunter2",
        "clientSecret: 'a8Kd02mVQz91LxPq'",
        '{"api_key": "a8Kd02mVQz91LxPq77"}',
        r"{\"api_key\": \"a8Kd02mVQz91LxPq77\"}",
        "SECRET_KEY = 'django-insecure-9f3a7c1e5b8d20649f3a'",
        "os.environ['AUTH_TOKEN'] = 'a8Kd02mVQz91LxPq77'",
        "token=password=Sup3rS3cret!",
        "passphrase := `x`; password := Tr0ub4dor&3",
        "access_key => 'Zk93mfPq02LdXw81Bv'",
        "SMTP_PASS=Zx81kQp2",
    ],
    "url-password": ["redis://:s3cr3tpw@cache:6379/0", "https://bob:pa55w0rd@example.org/x"],
    "authorization": [
        '-H "Authorization: Bearer a8Kd02mVQz91LxPq77"',
        '["authorization","Bearer a8Kd02mVQz91LxPq77"]',
        "Proxy-Authorization: Basic dXNlcjpwYXNzd29yZDEy",
        "authorization: a8Kd02mVQz91LxPq77",
    ],
    "cookie": ['{"set-cookie":"sid=a8Kd02mVQz91LxPq77; Path=/; HttpOnly"}'],
    "named-value": ['{"name": "X_TOKEN", "value": "a8Kd02mVQz91LxPq77"}'],
    "option": ["mysql --password=Sup3rS3cret! -h db"],
    "private-key": [
        "     1\u2192-----BEGIN " + "PRIVATE KEY-----\n     2\u2192" + MIXED[:64].decode() + "\n",
        "-----BEGIN " + "PGP PRIVATE KEY BLOCK-----\nVersion: 1\n\n" + MIXED[:64].decode(),
    ],
}


@pytest.mark.parametrize(
    ("rule", "text"), [(rule, text) for rule, texts in FOUND.items() for text in texts]
)
def test_secret_in_context_is_found(rule, text):
    """What a person sees to be a secret is found."""
    assert rule in rules_of(text)


NOT_FOUND = [
    "token = next()",
    "password: string",
    "bypass: true, compass=north-by-northwest-1, test_pass: test_one_1",
    "password = getpass.getpass()",
    "api_key=os.environ['OPENAI_API_KEY']",
    'api_key: process.env.ANTHROPIC_API_KEY || "",',
    "password=${DB_PASSWORD}",
    "password: {{ vault_password }}",
    "password = '<your password>'",
    "API_KEY=your-api-key-goes-here-1234",
    "sk-ant-api03-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
    "sk-ant-your-key-goes-right-here-please",
    "AKIAIOSFODNN7EXAMPLE",
    "postgres://user:password@localhost/db",
    "http://user:${PASSWORD}@host/",
    "Authorization: Bearer $TOKEN",
    "Authorization: Bearer <token>",
    "['Accept', 'Authorization', 'Content-Type']",
    "X-Api-Key, X-Azure-Api-Key",
    '"usage":{"input_tokens":12345678,"output_tokens":87654321}',
    '"max_tokens": 64000',
    '"token_type": "bearer_with_digits_1234567890"',
    '"tokenizer": "cl100k_base"',
    "secret: arn:aws:secretsmanager:us-east-1:123456789012:secret:prod/db-*",
    "commit 9f3a7c1e5b8d20649f3a7c1e5b8d20649f3a7c1e",
    "BLAKE3 " + (HEX[:64]).decode(),
    "id 123e4567-e89b-12d3-a456-426614174000",
    '"session_token": "123e4567-e89b-12d3-a456-426614174000"',
    '"signature":"' + (MIXED * 2).decode() + '"',
    "data:image/png;base64,iVBORw0KGgo" + MIXED.decode() + "=",
    "toolu_01" + MIXED[:22].decode(),
    "msg_01" + MIXED[:22].decode(),
    "req_011" + MIXED[:21].decode(),
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI" + MIXED[:43].decode(),
    "-----BEGIN " + "CERTIFICATE-----\n" + MIXED[:64].decode() + "\n-----END CERTIFICATE-----",
    "-----BEGIN " + "PUBLIC KEY-----\n" + MIXED[:64].decode(),
    'if "-----BEGIN ' + 'RSA PRIVATE KEY-----" in text: raise ValueError("no keys please")',
    "cookie: name=value",
    "the cookie, then the token: both are gone",
    "risk-adjusted-return-0123456789abcdef0123456789",
    "password reset link: https://example.org/reset",
    "key-value-store-implementation-in-python-312",
]


@pytest.mark.parametrize("text", NOT_FOUND)
def test_what_is_no_secret_stays(text):
    """Code, placeholders, ids, hashes, images and signatures are left as they are."""
    assert redact(text) == text
    data = json.dumps({"a": text}).encode()
    assert REDACTOR.redact(data, Numbering(), is_json=True) == data


def test_rule_that_does_not_work_stops_everything(monkeypatch):
    """Where a rule does not find its own example there is no redactor at all."""
    broken = Rule("broken", "nothing", rb"zzzzz", b"example", hint=rb"zzzzz")
    monkeypatch.setattr(redactor_module, "RULES", (*RULES, broken))
    with pytest.raises(RedactionError, match="'broken'") as raised:
        Redactor()
    assert raised.value.fields == {"rule": "broken"}
