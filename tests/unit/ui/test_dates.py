"""Times as text."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapegit.ui.dates import DATE_MODES, format_age, format_date

TIME_MS = 1_750_000_000_123
DAY_MS = 86_400_000


@pytest.mark.parametrize(
    ("mode", "text"),
    [
        ("default", "Sun Jun 15 15:06:40 2025 +0000"),
        ("iso", "2025-06-15 15:06:40 +0000"),
        ("iso-strict", "2025-06-15T15:06:40Z"),
        ("rfc", "Sun, 15 Jun 2025 15:06:40 +0000"),
        ("short", "2025-06-15"),
        ("unix", "1750000000"),
        ("raw", "1750000000 +0000"),
        ("ms", "1750000000123"),
    ],
)
def test_format_date_writes_git_s_forms(mode, text):
    """Each mode has the form that git gives it, in UTC."""
    assert text == format_date(TIME_MS, mode)


def test_format_date_local_uses_the_zone_of_the_machine(monkeypatch):
    """`local` is the one mode that depends on the machine."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "JST-9")
        time.tzset()
        assert format_date(TIME_MS, "local") == "Mon Jun 16 00:06:40 2025 +0900"
    time.tzset()


@pytest.mark.parametrize(
    ("age_ms", "text"),
    [
        (-1000, "in the future"),
        (0, "0 seconds ago"),
        (1000, "1 second ago"),
        (89_000, "89 seconds ago"),
        (90_000, "2 minutes ago"),
        (3 * 3_600_000, "3 hours ago"),
        (3 * DAY_MS, "3 days ago"),
        (15 * DAY_MS, "2 weeks ago"),
        (100 * DAY_MS, "3 months ago"),
        (800 * DAY_MS, "2 years ago"),
    ],
)
def test_format_age_speaks_as_git_does(age_ms, text):
    """An age is a round number of the unit that fits."""
    assert text == format_age(TIME_MS, TIME_MS + age_ms)


@given(st.integers(-(2**60), 2**60), st.sampled_from(DATE_MODES))
def test_format_date_takes_any_time(time_ms, mode):
    """A time that no calendar holds is shown as its number, not an error."""
    assert format_date(time_ms, mode, now_ms=TIME_MS)
