"""Dates as people type them."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapegit.errors import InvalidNameError
from tapegit.graph.dates import parse_date

NOW = 1_772_460_330_250  # Monday, 2026-03-02 14:05:30.250 UTC
DAY = 86_400_000
MIDNIGHT = 1_772_409_600_000


@pytest.fixture
def zone(monkeypatch):
    """Give what sets the time zone of the process for one test."""

    def set_zone(name):
        monkeypatch.setenv("TZ", name)
        time.tzset()

    set_zone("UTC")
    yield set_zone
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("now", NOW),
        (" Now ", NOW),
        ("all", NOW),
        ("never", 0),
        ("yesterday", NOW - DAY),
        ("today", MIDNIGHT),
        ("midnight", MIDNIGHT),
        ("noon", MIDNIGHT + DAY // 2),
        ("monday", NOW - 7 * DAY),
        ("last friday", NOW - 3 * DAY),
        ("sunday", NOW - DAY),
        ("2026-03-01", MIDNIGHT - DAY),
        ("2026/03/01", MIDNIGHT - DAY),
        ("2026-3-1", MIDNIGHT - DAY),
        ("2026-03-02 14:05", NOW - 30_250),
        ("2026-03-02t14:05:30.250z", NOW),
        ("2026-03-02T14:05:30.25Z", NOW),
        ("2026-03-02 15:05:30.250 +01:00", NOW),
        ("2026-03-02 12:35:30.250 -0130", NOW),
        ("14:05", NOW - 30_250),
        ("1970-01-01", 0),
        ("2024-02-29", 1_709_164_800_000),
        ("@1767312000", 1_767_312_000_000),
        ("@-5", -5000),
        ("1767312000", 1_767_312_000_000),
        ("1767312000000", 1_767_312_000_000),
        ("3 days ago", NOW - 3 * DAY),
        ("2.weeks.ago", NOW - 14 * DAY),
        ("two weeks", NOW - 14 * DAY),
        ("1 hour 30 minutes ago", NOW - 5_400_000),
        ("a second ago", NOW - 1000),
        ("last month", NOW - 28 * DAY),
        ("1 year ago", NOW - 365 * DAY),
        ("99999 years ago", 0),
    ],
)
def test_date_is_read(zone, text, expected):
    """Each form of the page is the moment it says."""
    assert parse_date(text, NOW) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "tomorrow",
        "2026",
        "20260301",
        "2026-13-01",
        "2026-02-29",
        "2026-00-10",
        "0000-01-01",
        "2026-03-01 24:00",
        "2026-03-01 10:61:61",
        "3 fortnights ago",
        "days ago",
        "3 days 4",
        "ago",
        "-3 days",
        "@",
        "@x",
        "12",
        "x" * 101,
        "10:30 tomorrow",
        "1" * 16,
    ],
)
def test_date_that_is_none_is_refused(zone, text):
    """A typing mistake is an error, not some other date."""
    with pytest.raises(InvalidNameError) as caught:
        parse_date(text, NOW)
    assert caught.value.fields["text"] == text


def test_date_without_zone_is_local(zone):
    """Where the clocks of people go by another zone and change in summer, so do dates."""
    zone("Europe/Berlin")
    assert parse_date("2026-03-02 15:05:30.250", NOW) == NOW
    assert parse_date("2026-07-01", NOW) == 1_782_856_800_000
    assert parse_date("today", NOW) == MIDNIGHT - 3_600_000
    assert parse_date("2026-07-01T00:00Z", NOW) == 1_782_864_000_000


def test_day_that_the_month_lacks_is_its_last(zone):
    """A month before the 31st of March is the last day of February."""
    assert parse_date("1 month ago", parse_date("2026-03-31", NOW)) == parse_date("2026-02-28", NOW)
    assert parse_date("1 year ago", parse_date("2024-02-29", NOW)) == parse_date("2023-02-28", NOW)


@given(st.text(max_size=30) | st.from_regex(r"[0-9@:./+ zt-]{1,30}", fullmatch=True))
def test_any_text_is_a_date_or_refused(text):
    """Nothing but a moment or the named error comes of any text."""
    try:
        assert isinstance(parse_date(text, NOW), int)
    except InvalidNameError:
        return


@given(st.integers(0, 4_000_000_000))
def test_iso_dates_agree_with_the_calendar_of_the_library(seconds):
    """A date with a zone is what the C library makes of the same second."""
    text = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
    assert parse_date(text, NOW) == seconds * 1000
