"""Cassettes of VCR: recorded requests and responses, as YAML or as JSON.

vcrpy, pytest-recording, the Ruby VCR, and what writes files like theirs.

Source: tapesdialect-vcr(7), "What is read".
"""

from __future__ import annotations

import json
import math
import re
from base64 import b64decode
from typing import Any, Final, NamedTuple

import msgspec

from tapegit.dialects.syntax.bodies import read_members
from tapegit.dialects.syntax.json_records import read_document
from tapegit.dialects.syntax.members import is_object, iter_array, starts_with
from tapegit.dialects.vcr.yaml_values import decode_yaml
from tapegit.errors import FormatError

LISTS: Final = ("interactions", "http_interactions")
HEADER_COUNT_MAX: Final = 1000
INTEGER_LENGTH_MAX: Final = 18

_HEAD: Final = re.compile(
    rb"(?:\xef\xbb\xbf)?"
    rb"(?:(?:#[^\n]{0,1000}|---[^\n]{0,100}|version:[^\n]{0,100}|[ \t\r]*)\n){0,20}"
    rb"(?:interactions|http_interactions):[ \t]*(?:\[\])?[ \t]*\r?(?:\n|\Z)"
)


class Message(NamedTuple):
    """A request or a response, as a cassette has it."""

    fields: dict[str, Any]
    headers: tuple[tuple[str, str], ...]
    body: bytes


class Interaction(NamedTuple):
    """A request and its response, and when they were recorded, if that is stated."""

    request: Message
    response: Message
    recorded_at: str | None


def is_json_cassette(value: bytes) -> bool:
    """Return whether JSON is a cassette."""
    if not is_object(value):
        return False
    members = read_members(value)
    for name in LISTS:
        interactions = members.get(name, b"")
        if starts_with(memoryview(interactions), "["):
            first = next(iter_array(interactions), None)
            if first is None:
                return members.get("version") is not None
            fields = read_members(first)
            return bool(fields.members("request") and fields.members("response"))
    return False


def may_be_cassette(head: bytes) -> bool:
    """Return whether text that is no JSON begins as a cassette does."""
    return _HEAD.match(head) is not None


def read_interactions(data: bytes) -> list[Interaction | None]:
    """Return the interactions of a cassette; None for what is no request with a response.

    Raises:
        FormatError: The bytes are no cassette, or hold too much.
    """
    found = decode_cassette(data)
    interactions = next((found[name] for name in LISTS if name in found), None)
    if not isinstance(interactions, list):
        raise FormatError("no cassette", where="cassette", reason="no list of interactions")
    return [_read_interaction(each) for each in interactions]


def decode_cassette(data: bytes) -> dict[str, Any]:
    """Return what a cassette says.

    Raises:
        FormatError: The bytes are no readable object, or hold too much.
    """
    document = read_document(data)
    if document is not None:
        value = json.loads(document, parse_int=_read_integer, parse_float=_read_number)
    else:
        value = decode_yaml(data)
    if not isinstance(value, dict):
        raise FormatError("no cassette", where="cassette", reason="no object")
    return value


def _read_integer(text: str) -> int | str:
    return int(text) if len(text) <= INTEGER_LENGTH_MAX else text


def _read_number(text: str) -> float | str:
    number = float(text)
    return number if math.isfinite(number) else text


def _read_interaction(value: Any) -> Interaction | None:
    if not isinstance(value, dict):
        return None
    request, response = value.get("request"), value.get("response")
    if not isinstance(request, dict) or not isinstance(response, dict):
        return None
    recorded_at = value.get("recorded_at")
    return Interaction(
        _read_message(request),
        _read_message(response),
        recorded_at if isinstance(recorded_at, str) else None,
    )


def _read_message(fields: dict[str, Any]) -> Message:
    parsed = fields.get("parsed_body")
    body = _read_body(fields.get("body"))
    if not body and parsed is not None:
        body = _encode(parsed)
    return Message(fields, _read_headers(fields.get("headers")), body)


def _read_body(body: Any) -> bytes:
    """Return a body: text, bytes, an object with either in a member, or a structure."""
    if isinstance(body, bytes):
        return body
    if isinstance(body, str):
        return body.encode("utf-8", "surrogatepass")
    if not isinstance(body, dict):
        return _encode(body) if isinstance(body, list) else b""
    for name in ("base64_string", "string"):
        text = body.get(name)
        if isinstance(text, str) and name == "base64_string":
            return _decode_base64(text)
        if text is not None:
            return _read_body(text)
    return b""


def _decode_base64(text: str) -> bytes:
    try:
        return b64decode(text)
    except ValueError:
        return b""


def _encode(value: Any) -> bytes:
    try:
        return msgspec.json.encode(value)
    except (TypeError, ValueError, RecursionError):
        return b""


def _read_headers(headers: Any) -> tuple[tuple[str, str], ...]:
    if not isinstance(headers, dict):
        return ()
    found: list[tuple[str, str]] = []
    for name, values in headers.items():
        for value in values if isinstance(values, list) else [values]:
            text = value.decode("latin-1") if isinstance(value, bytes) else value
            if isinstance(text, str) and len(found) < HEADER_COUNT_MAX:
                found.append((name, text))
    return tuple(found)
