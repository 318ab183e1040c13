"""Cassettes: from the bytes of a file to the state of a session that they are.

Rules: fails closed. Keys that headers state and secrets in decoded bodies are looked for in the
text of the file; one that is left in what the text stands for takes the whole value with it; what
then still has one is not stored.

Source: tapesdialect-vcr(7), "Secrets".
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from tapegit.dialects.syntax.json_records import read_document
from tapegit.dialects.vcr.yaml_values import iter_scalars
from tapegit.errors import FormatError, TranscriptError
from tapegit.recorder.calls.answers import has_secret
from tapegit.recorder.sources.documents import read_whole
from tapegit.recorder.sources.drafts import make_redacted
from tapegit.recorder.sources.source import RecordedSource
from tapegit.redact.placeholders import Numbering
from tapegit.wire.http.headers import iter_credentials
from tapegit.wire.recording.cassettes import CassetteTurns, decode_body, target_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tapegit.harness.facts import Exchange, Harness, Recording
    from tapegit.objects.turn import Redacted
    from tapegit.recorder.sources.documents import DocumentTapes
    from tapegit.recorder.sources.runs import Write
    from tapegit.redact.redactor import Redactor

KEY_LENGTH_MIN: Final = 16
SECRET_SIZE_MIN_BYTES: Final = 8
_KEY_HEADERS: Final = frozenset(
    {"authorization", "proxy-authorization", "x-api-key", "api-key", "x-goog-api-key"}
)
_KEY: Final = re.compile(rb"(?=.*[0-9])(?=.*[A-Za-z])[!-~]+")
"""Words that stand where a key was have no digit."""

_BLANKS: Final = b" \t\r\n"


class _Clean(NamedTuple):
    """A file without its secrets, what it holds, and what was replaced."""

    data: bytes
    recording: Recording
    redactor: Redactor
    numbering: Numbering


def record_cassette(
    harness: Harness, chunks: Iterable[bytes], tapes: DocumentTapes, write: Write
) -> RecordedSource | None:
    """Write the objects of a cassette; return what was made of it, or None where it is too large.

    Raises:
        TranscriptError: It cannot be read, or not without its secrets.
        ObjectNotFoundError: A turn of what is recorded of it is missing.
        DataError: A turn of what is recorded of it is damaged.
    """
    data = read_whole(chunks)
    if data is None or harness.recording is None:
        return None
    clean = _clean(harness, data, tapes.redactor)
    counts = clean.numbering.counts
    redacted: Redacted | None = make_redacted(clean.numbering) if counts else None
    turns = CassetteTurns(harness, write, clean.redactor)
    written = turns.write(clean.data, clean.recording, redacted)
    times = [each.time_ms for each in clean.recording.exchanges if each.time_ms is not None]
    newest_ms = max(times, default=None)
    recorded = tapes.record_state(harness, clean.data, written, newest_ms, write)
    return RecordedSource(
        harness,
        (recorded.tape,),
        recorded.unnamed_digits,
        recorded.record_count,
        len(data),
        0,
        (),
        recorded.state,
        tuple(sorted(counts.items())),
    )


def _clean(harness: Harness, data: bytes, redactor: Redactor) -> _Clean:
    is_json = read_document(data) is not None
    recording = _read(harness, data)
    known = dict.fromkeys(_iter_known(recording, redactor))
    if known:
        redactor = redactor.with_known(known)
    numbering = Numbering()
    secrets = redactor.find(data, is_json=is_json)
    if secrets:
        data = numbering.replace(data, secrets)
        recording = _read(harness, data)
    if not is_json and _is_left(recording, redactor):
        data = _replace_scalars(data, redactor, numbering)
        recording = _read(harness, data)
    if _is_left(recording, redactor):
        raise _refused("a secret could not be removed")
    return _Clean(data, recording, redactor, numbering)


def _read(harness: Harness, data: bytes) -> Recording:
    assert harness.recording is not None, "only such a harness comes here"
    try:
        return harness.recording(data)
    except FormatError as error:
        raise _refused(str(error.fields.get("reason", error))) from error


def _iter_known(recording: Recording, redactor: Redactor) -> Iterator[bytes]:
    """Yield keys and other secrets that are seen in what the text stands for."""
    for exchange in recording.exchanges:
        for headers in (exchange.request_headers, exchange.response_headers):
            keys = tuple(each for each in headers if each[0].lower() in _KEY_HEADERS)
            for key in iter_credentials(keys, target_of(exchange.url)):
                if len(key) >= KEY_LENGTH_MIN and _KEY.fullmatch(key):
                    yield key
        for body in _bodies(exchange):
            for secret in redactor.find(body, is_json=_is_json(body)):
                if len(secret.value) >= SECRET_SIZE_MIN_BYTES:
                    yield secret.value


def _bodies(exchange: Exchange) -> tuple[bytes, bytes]:
    request, _ = decode_body(exchange.request, exchange.request_headers)
    response, _ = decode_body(exchange.response, exchange.response_headers)
    return request, response


def _is_left(recording: Recording, redactor: Redactor) -> bool:
    for exchange in recording.exchanges:
        request, response = _bodies(exchange)
        if redactor.find(request, is_json=_is_json(request)):
            return True
        if _is_json(response):
            if redactor.find(response, is_json=True):
                return True
        elif has_secret(redactor, response):
            return True
    return False


def _replace_scalars(data: bytes, redactor: Redactor, numbering: Numbering) -> bytes:
    """Return YAML in which a placeholder stands for each text that has a secret in it."""
    text = data.decode()
    parts = []
    position = 0
    for start, end, value, anchor in iter_scalars(data):
        raw = value if isinstance(value, bytes) else value.encode("utf-8", "surrogatepass")
        decoded, _ = decode_body(raw, (("content-encoding", "gzip"),))
        secrets = redactor.find(decoded, is_json=_is_json(decoded))
        if not secrets and not has_secret(redactor, decoded):
            continue
        rule = secrets[0].rule if secrets else "known-value"
        placeholder = numbering.name(rule, decoded).decode()
        whole = text[start:end]
        blanks = whole[len(whole.rstrip()) :]
        mark = f"&{anchor} " if anchor else ""
        parts += [text[position:start], f"{mark}'{placeholder}'{blanks}"]
        position = end
    return "".join([*parts, text[position:]]).encode()


def _is_json(data: bytes) -> bool:
    return data[:64].lstrip(_BLANKS).startswith((b"{", b"["))


def _refused(reason: str) -> TranscriptError:
    return TranscriptError(f"cannot import a cassette: {reason}", reason=reason)
