"""The fields of `for-each-ref`: what can be said of a ref and of the object it names.

A field is written `%(name)`, `%(name:modifier)`, or `%(*name)` for the object that a tag
leads to. Objects are read when a field first needs them. A field that has nothing to say of
an object is empty.

Source: tapes-for-each-ref(1), "FIELDS".
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from tapegit.errors import ObjectNotFoundError, UserError
from tapegit.objects.kind import Kind
from tapegit.objects.tag import Tag, decode_tag
from tapegit.objects.turn import Turn, decode_turn
from tapegit.refs.names import RefName
from tapegit.ui.dates import DATE_MODES, format_date

if TYPE_CHECKING:
    from collections.abc import Callable

    from tapegit.objects.kind import Object
    from tapegit.objects.oid import ObjectId
    from tapegit.repository.repository import Repository

PEEL_DEPTH_MAX: Final = 64
SHORT_LENGTH_MIN: Final = 7

_TOKEN = re.compile(r"%(?:\(([^)]*)\)|(%)|([0-9a-fA-F]{2}))")


class Target:
    """An object that a ref names, read once."""

    def __init__(self, repository: Repository, oid: ObjectId, ref: RefName) -> None:
        self._repository = repository
        self._found: Object | None = None
        self._ref = ref
        self.oid = oid

    @property
    def found(self) -> Object:
        """The object.

        Raises:
            ObjectNotFoundError: It is missing; the error names the ref too.
        """
        if self._found is None:
            self._found = self._repository.objects.find(self.oid)
        if self._found is None:
            raise ObjectNotFoundError(
                f"missing object '{self.oid}' for '{self._ref}'", oid=self.oid, name=self._ref
            )
        return self._found

    @property
    def turn(self) -> Turn | None:
        """The turn, or None where the object is none."""
        return decode_turn(self.found.data) if self.found.kind is Kind.TURN else None

    @property
    def tag(self) -> Tag | None:
        """The tag, or None where the object is none."""
        return decode_tag(self.found.data) if self.found.kind is Kind.TAG else None

    def peel(self) -> Target | None:
        """Return what a tag leads to in the end, or None where the object is no tag."""
        target = self
        for _ in range(PEEL_DEPTH_MAX):
            tag = target.tag
            if tag is None:
                break
            target = Target(self._repository, tag.oid, self._ref)
        return None if target is self else target


class RefView(NamedTuple):
    """One ref as fields see it."""

    repository: Repository
    name: RefName
    target: Target
    symbolic: RefName | None
    is_head: bool
    now_ms: int

    def abbreviate(self, oid: ObjectId, length_min: int) -> str:
        """Return the shortest unique first digits of an id."""
        return self.repository.objects.abbreviate(oid, length_min)


class Field(NamedTuple):
    """One field of a format."""

    name: str
    modifier: str
    is_peeled: bool

    def value(self, view: RefView) -> str | int:
        """Return what the field says: an integer where it is one, for sorting."""
        target = view.target
        if self.is_peeled:
            peeled = target.peel()
            if peeled is None:
                return ""
            target = peeled
        return _FIELDS[self.name](view, target, self.modifier)


class RefFormat(NamedTuple):
    """A format cut into texts and the fields between them: texts is one longer."""

    texts: tuple[str, ...]
    fields: tuple[Field, ...]

    def expand(self, view: RefView) -> str:
        """Return the format with a ref's values in place of its fields."""
        parts = [self.texts[0]]
        for field, text in zip(self.fields, self.texts[1:], strict=True):
            parts += (str(field.value(view)), text)
        return "".join(parts)


def parse_format(text: str) -> RefFormat:
    """Return a format; `%%` is a percent sign and `%xx` the byte of that hex number.

    Raises:
        UserError: It has a field that is not known.
    """
    texts, fields = [""], []
    position = 0
    for match in _TOKEN.finditer(text):
        texts[-1] += text[position : match.start()]
        position = match.end()
        if match[1] is not None:
            fields.append(parse_field(match[1]))
            texts.append("")
        else:
            texts[-1] += "%" if match[2] else _byte(match[3])
    texts[-1] += text[position:]
    return RefFormat(tuple(texts), tuple(fields))


def _byte(digits: str) -> str:
    """Return the text that is written as one byte of any value."""
    return bytes.fromhex(digits).decode("utf-8", "surrogateescape")


def parse_field(text: str) -> Field:
    """Return a field from what stands between its parentheses.

    Raises:
        UserError: It is not known, or has no such modifier.
    """
    name, _, modifier = text.removeprefix("*").partition(":")
    field = Field(name, modifier, text.startswith("*"))
    if name not in _FIELDS:
        raise UserError(
            f"unknown field name: '{name}'", hint="one of " + ", ".join(sorted(_FIELDS))
        )
    if modifier and not _MODIFIERS[name].fullmatch(modifier):
        raise UserError(f"unrecognized %({name}) argument: '{modifier}'")
    return field


def strip_name(name: str, modifier: str) -> str:
    """Return a ref name by `lstrip=N`, `strip=N` or `rstrip=N`.

    A negative number says how many parts are to stay.
    """
    which, _, number = modifier.partition("=")
    parts, count = name.split("/"), int(number)
    if which == "rstrip":
        kept = parts[: max(len(parts) - count, 0)] if count >= 0 else parts[:-count]
    else:
        kept = parts[count:] if count >= 0 else parts[max(len(parts) + count, 0) :]
    return "/".join(kept)


def _refname(name: str, modifier: str) -> str:
    if not modifier:
        return name
    return RefName(name).short if modifier == "short" else strip_name(name, modifier)


def _name(view: RefView, target: Target, modifier: str) -> str:
    return _refname(view.name, modifier)


def _symref(view: RefView, target: Target, modifier: str) -> str:
    return _refname(view.symbolic, modifier) if view.symbolic else ""


def _object_name(view: RefView, target: Target, modifier: str) -> str:
    if not modifier:
        return str(target.oid)
    length = int(modifier.partition("=")[2] or SHORT_LENGTH_MIN)
    return view.abbreviate(target.oid, max(length, 4))


def _parents(view: RefView, target: Target, modifier: str) -> str:
    return " ".join(target.turn.parents) if target.turn else ""


def _parent_count(view: RefView, target: Target, modifier: str) -> str | int:
    return len(target.turn.parents) if target.turn else ""


def _message(target: Target) -> tuple[str, str, str]:
    """Return all of a message, its subject on one line, and its body."""
    if target.turn is not None:
        summary = target.turn.summary or ""
        return summary, summary, ""
    if target.tag is None:
        return "", "", ""
    text = target.tag.message
    subject, _, body = text.lstrip("\n").partition("\n\n")
    return text, " ".join(subject.split("\n")).strip(), body.lstrip("\n")


def _contents(view: RefView, target: Target, modifier: str) -> str | int:
    whole, subject, body = _message(target)
    if modifier == "subject":
        return subject
    if modifier == "body":
        return body
    if modifier == "size":
        return len(whole.encode())
    if modifier.startswith("lines="):
        return "\n    ".join(whole.splitlines()[: int(modifier[6:])])
    return whole


def _subject(view: RefView, target: Target, modifier: str) -> str:
    subject = _message(target)[1]
    return re.sub(r"[^A-Za-z0-9_.]+", "-", subject).strip("-") if modifier else subject


def _body(view: RefView, target: Target, modifier: str) -> str:
    return _message(target)[2]


def _time_of(target: Target) -> int | None:
    if target.turn is not None:
        return target.turn.time
    return _tagger_time(target)


def _tagger_time(target: Target) -> int | None:
    tag = target.tag
    return tag.tagger.time_ms if tag is not None and tag.tagger is not None else None


def _date_field(
    find_time: Callable[[Target], int | None], default: str
) -> Callable[[RefView, Target, str], str | int]:
    def value(view: RefView, target: Target, modifier: str) -> str | int:
        time_ms = find_time(target)
        if time_ms is None:
            return ""
        text = format_date(time_ms, modifier or default, now_ms=view.now_ms)
        return int(text) if (modifier or default) in ("ms", "unix") else text

    return value


def _tag_field(get: Callable[[Tag], object]) -> Callable[[RefView, Target, str], str]:
    return lambda view, target, modifier: "" if target.tag is None else str(get(target.tag))


def _turn_field(get: Callable[[Turn], str | None]) -> Callable[[RefView, Target, str], str]:
    return lambda view, target, modifier: (target.turn and get(target.turn)) or ""


def _who(tag: Tag) -> str:
    return tag.tagger.who if tag.tagger is not None else ""


_FIELDS: Final[dict[str, Callable[[RefView, Target, str], str | int]]] = {
    "HEAD": lambda view, target, modifier: "*" if view.is_head else " ",
    "body": _body,
    "contents": _contents,
    "creator": _tag_field(_who),
    "creatordate": _date_field(_time_of, "default"),
    "dialect": _turn_field(lambda turn: turn.dialect),
    "model": _turn_field(lambda turn: turn.model),
    "numparent": _parent_count,
    "object": _tag_field(lambda tag: tag.oid),
    "objectname": _object_name,
    "objectsize": lambda view, target, modifier: len(target.found.data),
    "objecttype": lambda view, target, modifier: target.found.kind.value,
    "parent": _parents,
    "provider": _turn_field(lambda turn: turn.provider),
    "push": lambda view, target, modifier: "",
    "refname": _name,
    "role": _turn_field(lambda turn: turn.role),
    "subject": _subject,
    "symref": _symref,
    "tag": _tag_field(lambda tag: tag.name),
    "tagger": _tag_field(_who),
    "taggerdate": _date_field(_tagger_time, "default"),
    "time": _date_field(lambda target: target.turn.time if target.turn else None, "default"),
    "type": _tag_field(lambda tag: tag.kind.value),
    "upstream": lambda view, target, modifier: "",
}
"""Every field; upstream and push are empty until a branch can follow a remote."""

_NOTHING = re.compile(r"(?!)")
_NAMES = re.compile(r"short|(?:[lr]?strip)=-?[0-9]{1,3}")
_DATES = re.compile("|".join(map(re.escape, DATE_MODES)))
_MODIFIERS: Final = {
    **dict.fromkeys(_FIELDS, _NOTHING),
    **dict.fromkeys(("refname", "symref", "upstream", "push"), _NAMES),
    **dict.fromkeys(("time", "creatordate", "taggerdate"), _DATES),
    "contents": re.compile(r"subject|body|size|lines=[0-9]{1,6}"),
    "objectname": re.compile(r"short(?:=[0-9]{1,2})?"),
    "subject": re.compile("sanitize"),
}
