"""YAML of files that nobody vouches for, as plain values: bounded, and nothing of it runs.

The text is read event by event. Rules: UTF-8, one document, at most 64 values inside one another
and a million in all, each counted as often as an alias repeats it; no alias inside what it
stands for. Tags are looked at for one thing alone, whether a text is base64. Whatever else the
text is, FormatError says why it is not read, and nothing hangs or grows.

This is the one module that knows the library.

Source: tapesdialect-vcr(7), "YAML".
"""

from __future__ import annotations

import binascii
import re
from base64 import b64decode
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import yaml

from tapegit.dialects.syntax.json_records import is_utf8
from tapegit.errors import FormatError

if TYPE_CHECKING:
    from collections.abc import Iterator

DEPTH_MAX: Final = 64
VALUE_COUNT_MAX: Final = 1_000_000
SIZE_MAX_BYTES: Final = 256 << 20
"""Of all texts, each counted as often as an alias repeats it."""

_INTEGER: Final = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,17})")
_NUMBER: Final = re.compile(r"[-+]?[0-9]{1,30}\.[0-9]{0,30}(?:[eE][-+]?[0-9]{1,3})?")
_NAMES: Final = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_BINARY: Final = frozenset({"tag:yaml.org,2002:binary", "!binary"})
_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Scalar(NamedTuple):
    """A text of a document: where it stands, in characters, what it is, and its anchor."""

    start: int
    end: int
    value: str | bytes
    anchor: str | None


class _Sized(NamedTuple):
    """A value, and what it is counted as."""

    value: Any
    value_count: int
    size_bytes: int


class _Open:
    """A list or an object whose end has not come."""

    __slots__ = ("anchor", "count", "is_object", "key", "size_bytes", "value")

    def __init__(self, *, is_object: bool, anchor: str | None) -> None:
        self.is_object = is_object
        self.anchor = anchor
        self.value: Any = {} if is_object else []
        self.key: _Sized | None = None
        self.count = 1
        self.size_bytes = 0

    def add(self, sized: _Sized) -> None:
        self.count += sized.value_count
        self.size_bytes += sized.size_bytes
        if self.count > VALUE_COUNT_MAX or self.size_bytes > SIZE_MAX_BYTES:
            raise _refused("too many values")
        if not self.is_object:
            self.value.append(sized.value)
        elif self.key is None:
            self.key = sized
        else:
            name = self.key.value
            if isinstance(name, (dict, list)):
                raise _refused("a key that is no text")
            if not isinstance(name, str):
                name = name.decode("latin-1") if isinstance(name, bytes) else str(name)
            self.value[name] = sized.value
            self.key = None


def decode_yaml(data: bytes) -> Any:
    """Return what a YAML document says: objects, lists, strings, bytes, numbers, True, False, None.

    What an alias stands for is the same object, not a copy.

    Raises:
        FormatError: The bytes are no such document, or hold too much.
    """
    builder = _Builder()
    for event in _iter_events(data):
        builder.take(event)
    return builder.finish()


def iter_scalars(data: bytes) -> Iterator[Scalar]:
    """Yield the texts of a document in order.

    Raises:
        FormatError: The bytes are no such document.
    """
    for event in _iter_events(data):
        if isinstance(event, yaml.ScalarEvent):
            value = _decode_base64(event.value) if event.tag in _BINARY else event.value
            start, end = event.start_mark, event.end_mark
            assert start is not None, "an event of a text has marks"
            assert end is not None, "an event of a text has marks"
            yield Scalar(start.index, end.index, value, event.anchor)


class _Builder:
    """Puts a document together; what it has open is a list, so that nothing recurses."""

    def __init__(self) -> None:
        self._open: list[_Open] = []
        self._anchors: dict[str, _Sized] = {}
        self._root: _Sized | None = None
        self._count = 0

    def take(self, event: yaml.Event) -> None:
        if isinstance(event, yaml.ScalarEvent):
            self._add(event.anchor, _read_scalar(event))
        elif isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
            if len(self._open) >= DEPTH_MAX:
                raise _refused("nested too deep")
            is_object = isinstance(event, yaml.MappingStartEvent)
            self._open.append(_Open(is_object=is_object, anchor=event.anchor))
            self._anchors.pop(event.anchor or "", None)
        elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
            found = self._open.pop()
            self._add(found.anchor, _Sized(found.value, found.count, found.size_bytes))
        elif isinstance(event, yaml.AliasEvent):
            known = self._anchors.get(event.anchor or "")
            if known is None:
                raise _refused("an alias that stands for nothing, or for what it is in")
            self._add(None, known)

    def _add(self, anchor: str | None, sized: _Sized) -> None:
        self._count += 1
        if self._count > VALUE_COUNT_MAX:
            raise _refused("too many values")
        if anchor is not None:
            self._anchors[anchor] = sized
        if self._open:
            self._open[-1].add(sized)
        elif self._root is None:
            self._root = sized
        else:
            raise _refused("more than one document")

    def finish(self) -> Any:
        if self._root is None:
            raise _refused("nothing in it")
        return self._root.value


def _iter_events(data: bytes) -> Iterator[yaml.Event]:
    if not is_utf8(data):
        raise _refused("not UTF-8")
    try:
        yield from yaml.parse(data.decode(), Loader=_LOADER)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise _refused("no YAML") from error


def _read_scalar(event: yaml.ScalarEvent) -> _Sized:
    text: str = event.value
    if event.tag in _BINARY:
        data = _decode_base64(text)
        return _Sized(data, 1, len(data))
    size_bytes = len(text)
    if event.style or event.tag is not None:
        return _Sized(text, 1, size_bytes)
    if text in _NAMES:
        return _Sized(_NAMES[text], 1, size_bytes)
    if _INTEGER.fullmatch(text):
        return _Sized(int(text), 1, size_bytes)
    if _NUMBER.fullmatch(text):
        return _Sized(float(text), 1, size_bytes)
    return _Sized(text, 1, size_bytes)


def _decode_base64(text: str) -> bytes:
    try:
        return b64decode("".join(text.split()))
    except (binascii.Error, ValueError) as error:
        raise _refused("what should be base64 is not") from error


def _refused(reason: str) -> FormatError:
    return FormatError(f"the YAML is not read: {reason}", where="cassette", reason=reason)
