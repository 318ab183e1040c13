"""VCR: cassettes of recorded traffic, as vcrpy, pytest-recording and others write them.

Source: tapesdialect-vcr(7).
"""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Final

from tapegit.dialects.swe_agent.record import decode_record
from tapegit.dialects.vcr.record import is_json_cassette, may_be_cassette, read_interactions
from tapegit.harness.facts import EXTRA, Exchange, Harness, Recording
from tapegit.harness.timestamps import parse_timestamp

if TYPE_CHECKING:
    from tapegit.dialects.vcr.record import Interaction

DIALECT: Final = "vcr@1"
METHOD_LENGTH_MAX: Final = 100
STATUS_MAX: Final = 999


def read_recording(data: bytes) -> Recording:
    """Return what a cassette holds.

    Raises:
        FormatError: The bytes are no cassette, or hold too much.
    """
    found = read_interactions(data)
    exchanges = tuple(_read_exchange(each) for each in found if each is not None)
    return Recording(exchanges, len(found))


def _read_exchange(interaction: Interaction) -> Exchange:
    request, response, recorded_at = interaction
    method, url = request.fields.get("method"), request.fields.get("uri")
    if not isinstance(url, str):
        url = request.fields.get("url")
    dates = [value for name, value in response.headers if name.lower() == "date"]
    return Exchange(
        method=method.upper()[:METHOD_LENGTH_MAX] if isinstance(method, str) else "GET",
        url=url if isinstance(url, str) else "",
        request_headers=request.headers,
        request=request.body,
        status=_read_status(response.fields.get("status")),
        response_headers=response.headers,
        response=response.body,
        time_ms=next((ms for text in (recorded_at, *dates) if (ms := _read_date(text))), None),
    )


def _read_status(status: object) -> int | None:
    code = status.get("code") if isinstance(status, dict) else status
    if isinstance(code, int) and not isinstance(code, bool) and 0 < code <= STATUS_MAX:
        return code
    return None


def _read_date(text: str | None) -> int | None:
    """Return a date as HTTP has it, or one of ISO 8601, in ms since the epoch."""
    if text is None or len(text) > METHOD_LENGTH_MAX:
        return None
    stated = parse_timestamp(text)
    if stated is not None:
        return stated
    try:
        return int(parsedate_to_datetime(text).timestamp()) * 1000
    except (ValueError, OverflowError, TypeError, IndexError):
        return None


VCR: Final = Harness(
    name="vcr",
    dialect=DIALECT,
    recognise=is_json_cassette,
    decode=decode_record,
    begin=lambda: lambda _: EXTRA,
    summarize_session=lambda _: "vcr",
    recording=read_recording,
    is_recording=may_be_cassette,
)
