"""Times as harnesses write them."""

from __future__ import annotations

import pytest

from tapegit.harness.timestamps import parse_timestamp

GOOD = [
    ("1970-01-01T00:00:00Z", 0),
    ("2026-01-01T00:00:00.123Z", 1_767_225_600_123),
    ("2026-01-01T00:00:00.1239999Z", 1_767_225_600_123),
    ("2026-01-01T00:00:00.1Z", 1_767_225_600_100),
    ("2026-01-01T00:00:00", 1_767_225_600_000),
    ("2026-01-01t00:00:00z", 1_767_225_600_000),
    ("2026-01-01 01:00:00+01:00", 1_767_225_600_000),
    ("2025-12-31T23:30:00-0030", 1_767_225_600_000),
    ("1969-12-31T23:59:59.999Z", -1),
    ("0001-01-01T00:00:00Z", -62_135_596_800_000),
    ("9999-12-31T23:59:59Z", 253_402_300_799_000),
]


@pytest.mark.parametrize(("text", "time_ms"), GOOD)
def test_time_is_in_ms_since_the_epoch(text, time_ms):
    """Fractions are cut, offsets counted, and no zone means UTC."""
    assert parse_timestamp(text) == time_ms


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "2026-01-01",
        "2026-13-01T00:00:00Z",
        "2026-02-30T00:00:00Z",
        "2026-01-01T24:00:00Z",
        "2026-01-01T00:00:60Z",
        "9999999-01-01T00:00:00Z",
        "2026-01-01T00:00:00.Z",
        "２０26-01-01T00:00:00Z",
        "0000-01-01T00:00:00Z",
        "2026-01-01T00:00:00Z\n",
    ],
)
def test_what_is_no_time_is_none(text):
    """No text makes it fail."""
    assert parse_timestamp(text) is None
