"""What is to be redacted, as a person says it: findings, rules, a value, a part of a turn.

Source: tapes-redact(1).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from tapegit.errors import InvalidNameError, UserError
from tapegit.objects.oid import ObjectId
from tapegit.objects.rope_reader import read_content
from tapegit.objects.turn import decode_turn
from tapegit.porcelain.secrets.redaction import load_redactor
from tapegit.porcelain.turns.parts import iter_parts, iter_texts
from tapegit.redact.known_values import VALUE_LENGTH_MIN
from tapegit.redact.redactor import KNOWN_VALUE
from tapegit.redact.rules import RULES
from tapegit.rewrite.scan import TAG_TEXT, TURN_FIELDS
from tapegit.rewrite.secrets import Secrets

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tapegit.graph.resolve import Resolver
    from tapegit.redact.placeholders import Secret
    from tapegit.redact.redactor import Redactor
    from tapegit.repository.repository import Repository

VALUE_LENGTH_MAX: Final = 1 << 20
_CHUNK_LENGTH: Final = 1024


class Choice(NamedTuple):
    """What a command line names.

    Attributes:
        findings: `OBJECT:PART` or `OBJECT:PART:RULE`.
        rules: All that these rules find.
        has_all: All that any rule finds.
        value: The secret itself, or None.
    """

    findings: Sequence[str] = ()
    rules: Sequence[str] = ()
    has_all: bool = False
    value: bytes | None = None


def choose_secrets(repository: Repository, resolver: Resolver, choice: Choice) -> Secrets:
    """Return what finds the secrets that are meant.

    Raises:
        UserError: A finding, rule or value is none, or nothing is found where it should be.
        TapesError: What a finding names is missing or damaged.
    """
    redactor = load_redactor(repository.config)
    if choice.has_all:
        return Secrets(redactor)
    if choice.value is not None:
        return Secrets(redactor.only_known(_split(_verify_value(choice.value))))
    rules = frozenset(choice.rules)
    for rule in rules - {rule.name for rule in RULES}:
        if not rule.startswith("user-"):
            raise UserError(f"no rule '{rule}'", hint="'tapes secrets list' lists them")
    values: set[bytes] = set()
    for finding in choice.findings:
        values |= _values_of(repository, resolver, redactor, finding)
    if rules:
        # A secret that a rule finds in one place is one wherever it is.
        redactor = redactor.with_known(values)
    elif values and min(map(len, values)) >= VALUE_LENGTH_MIN:
        return Secrets(redactor.only_known(values))
    else:
        redactor = redactor.with_known(values)

    def is_chosen(secret: Secret) -> bool:
        return secret.rule in rules or secret.rule == KNOWN_VALUE or secret.value in values

    return Secrets(redactor, is_chosen)


def _verify_value(value: bytes) -> bytes:
    if len(value) < VALUE_LENGTH_MIN:
        raise UserError(
            f"a value of less than {VALUE_LENGTH_MIN} bytes would be found where it is not meant",
            hint="name the part of the turn: tapes redact TURN:part/N",
        )
    if len(value) > VALUE_LENGTH_MAX:
        raise UserError(f"the value is larger than {VALUE_LENGTH_MAX} bytes")
    return value


def _split(value: bytes) -> list[bytes]:
    """Return a value in pieces that can be looked for; a short one is one piece."""
    if len(value) <= 2 * _CHUNK_LENGTH:
        return [value]
    starts = range(0, len(value) - VALUE_LENGTH_MIN, _CHUNK_LENGTH)
    pieces = [value[start : start + _CHUNK_LENGTH] for start in starts]
    pieces[-1] = value[starts[-1] :]
    return pieces


def _values_of(
    repository: Repository, resolver: Resolver, redactor: Redactor, finding: str
) -> set[bytes]:
    """Return the secrets of one finding."""
    name, _, rest = finding.partition(":")
    part, _, rule = rest.partition(":")
    if not name or not part:
        raise InvalidNameError(
            f"no finding: '{finding[:200]}'",
            hint="as 'tapes secrets scan' prints it: OBJECT:PART, and :RULE for one rule alone",
            text=finding,
            rule="OBJECT:PART",
        )
    oid = resolver.resolve_object(name)
    if part.startswith("part/"):
        return _texts_of(repository, resolver.peel_to_turn(oid, name), part)
    values: set[bytes] = set()
    for data in _iter_data(repository, oid, part):
        found = redactor.find(data, is_json=False)
        values.update(s.value for s in found if not rule or s.rule == rule)
    if not values:
        raise UserError(f"nothing is found in '{finding[:200]}'")
    return values


def _iter_data(repository: Repository, oid: ObjectId, part: str) -> Iterator[bytes]:
    """Yield the bytes of a part of an object."""
    found = repository.objects.read(oid)
    if part in (TURN_FIELDS, TAG_TEXT, "blob", "rope"):
        if part == "rope":
            yield read_content(repository.objects.find, oid)
        else:
            yield found.data
        return
    turn = decode_turn(found.data)
    named: str | None = None
    if part.startswith("raw/"):
        number = part.removeprefix("raw/")
        if number.isdecimal() and int(number) < len(turn.raw):
            named = turn.raw[int(number)].oid
    elif turn.call is not None and part in ("request", "response"):
        named = turn.call.request if part == "request" else turn.call.response
    if named is None:
        raise UserError(f"the turn '{oid.short()}' has no '{part[:40]}'")
    yield read_content(repository.objects.find, ObjectId.fromhex(named))


def _texts_of(repository: Repository, oid: ObjectId, part: str) -> set[bytes]:
    """Return what a part of a turn says, in pieces that can be looked for."""
    turn = decode_turn(repository.objects.read(oid).data)
    parts = list(iter_parts(repository.objects.find, turn))
    number = part.removeprefix("part/")
    if not number.isdecimal() or int(number) >= len(parts):
        raise UserError(f"the turn '{oid.short()}' has {len(parts)} parts, and no '{part[:40]}'")
    texts = [text.encode("utf-8", "surrogatepass") for text in iter_texts(parts[int(number)])]
    values = {piece for text in texts for piece in _split(text) if len(text) >= VALUE_LENGTH_MIN}
    if not values:
        raise UserError(f"'{part}' of turn '{oid.short()}' says too little to be looked for")
    return values
