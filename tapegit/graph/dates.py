"""Dates as people type them: in `@{…}`, `--since`, `--expire`.

Pure but for the time zone of the process. What is read is a closed list of forms, so that a
typing mistake is an error and not some other date:

    now  today  midnight  noon  yesterday  never  all
    3 days ago   2.weeks.ago   1 hour 30 minutes ago   last month   last friday   friday
    2026-01-02   2026-01-02 10:30   2026-01-02T10:30:05.250Z   2026-01-02 10:30 +0200   10:30
    @1767312000   1767312000 (seconds)   1767312000000 (milliseconds)

Source: tapesrevisions(7), "Dates".
"""

from __future__ import annotations

import re
import time
from typing import Final

from tapegit.errors import InvalidNameError

_SECOND_MS: Final = 1000
_UNITS_MS: Final = {
    "second": _SECOND_MS,
    "minute": 60 * _SECOND_MS,
    "hour": 3600 * _SECOND_MS,
    "day": 86_400 * _SECOND_MS,
    "week": 7 * 86_400 * _SECOND_MS,
}
_MONTHS: Final = {"month": 1, "year": 12}
_WEEKDAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_NUMBERS: Final = {
    word: number
    for number, word in enumerate(
        ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
    )
} | {"a": 1, "an": 1, "last": 1}
_TEXT_LENGTH_MAX: Final = 100
_YEAR_MAX: Final = 9999

# Patterns are compiled when a date is first read: most runs read none.
_ISO: Final = (
    r"(?:(?P<year>[0-9]{4})[-/](?P<month>[0-9]{1,2})[-/](?P<day>[0-9]{1,2}))?"
    r"(?:(?:(?<=[0-9])[t ]|^)(?P<hour>[0-9]{1,2}):(?P<minute>[0-9]{2})"
    r"(?::(?P<second>[0-9]{2})(?:\.(?P<fraction>[0-9]{1,9}))?)?"
    r" ?(?P<zone>z|[+-][0-9]{2}:?[0-9]{2})?)?"
)
_EPOCH: Final = r"@(?P<at>-?[0-9]{1,15})|(?P<bare>[0-9]{9,15})"
_WORDS: Final = r"[ .]+"


def parse_date(text: str, now_ms: int) -> int:
    """Return the moment that a text names, in milliseconds since the epoch.

    Raises:
        InvalidNameError: The text is none of the forms above.
    """
    folded = text.strip().lower()
    if folded and len(folded) <= _TEXT_LENGTH_MAX:
        for parse in (_parse_word, _parse_weekday, _parse_epoch, _parse_iso, _parse_relative):
            moment = parse(folded, now_ms)
            if moment is not None:
                return moment
    raise InvalidNameError(
        f"not a date: '{text[:40]}'",
        hint="such as '2026-01-31', '2026-01-31 10:30', 'yesterday' or '2 weeks ago'",
        text=text,
        rule="a date",
    )


def _parse_word(text: str, now_ms: int) -> int | None:
    if text in {"now", "all"}:
        return now_ms
    if text == "never":
        return 0
    if text == "yesterday":
        return now_ms - _UNITS_MS["day"]
    if text in {"today", "midnight"}:
        return _at_hour(now_ms, 0)
    if text == "noon":
        noon = _at_hour(now_ms, 12)
        return noon if noon <= now_ms else _at_hour(now_ms - _UNITS_MS["day"], 12)
    return None


def _parse_weekday(text: str, now_ms: int) -> int | None:
    day = text.removeprefix("last ").removeprefix("last.")
    if day not in _WEEKDAYS:
        return None
    back = (time.localtime(now_ms / 1000).tm_wday - _WEEKDAYS.index(day)) % 7 or 7
    return now_ms - back * _UNITS_MS["day"]


def _parse_epoch(text: str, now_ms: int) -> int | None:
    found = re.fullmatch(_EPOCH, text)
    if found is None:
        return None
    if found["at"] is not None:
        return int(found["at"]) * _SECOND_MS
    number = int(found["bare"])
    return number if number >= 10**11 else number * _SECOND_MS


def _parse_iso(text: str, now_ms: int) -> int | None:
    found = re.fullmatch(_ISO, text)
    if found is None:
        return None
    if found["year"] is not None:
        year, month, day = int(found["year"]), int(found["month"]), int(found["day"])
    else:
        year, month, day = time.localtime(now_ms / 1000)[:3]
    hour, minute = int(found["hour"] or 0), int(found["minute"] or 0)
    second = int(found["second"] or 0)
    if not (1 <= month <= 12 and 1 <= day <= _days_in(year, month)) or not (
        hour < 24 and minute < 60 and second <= 60 and year >= 1
    ):
        return None
    fraction_ms = int((found["fraction"] or "0").ljust(3, "0")[:3])
    if found["zone"] is None:
        seconds = _local_seconds(year, month, day, hour * 3600 + minute * 60 + second)
    else:
        seconds = _days_from_epoch(year, month, day) * 86_400 - _zone_seconds(found["zone"])
        seconds += hour * 3600 + minute * 60 + second
    return None if seconds is None else seconds * _SECOND_MS + fraction_ms


def _parse_relative(text: str, now_ms: int) -> int | None:
    """Read pairs of a number and a unit, with `ago` at the end or not."""
    words = [word for word in re.split(_WORDS, text) if word]
    if words and words[-1] == "ago":
        words.pop()
    if not words or len(words) % 2:
        return None
    moment = now_ms
    for number, unit in zip(words[::2], words[1::2], strict=True):
        count = int(number) if re.fullmatch(r"[0-9]{1,6}", number) else _NUMBERS.get(number)
        unit_ms = _UNITS_MS.get(unit.removesuffix("s"))
        months = _MONTHS.get(unit.removesuffix("s"))
        if count is None or (unit_ms is None and months is None):
            return None
        moment = (
            moment - count * unit_ms if unit_ms else _months_before(moment, count * (months or 0))
        )
    return moment


def _months_before(moment_ms: int, count: int) -> int:
    # A day that the month lacks becomes its last one; before the year 1 is the epoch.
    local = time.localtime(moment_ms // 1000)
    index = local.tm_year * 12 + local.tm_mon - 1 - count
    year, month = index // 12, index % 12 + 1
    if year < 1:
        return 0
    day = min(local.tm_mday, _days_in(year, month))
    second = local.tm_hour * 3600 + local.tm_min * 60 + local.tm_sec
    seconds = _local_seconds(year, month, day, second)
    return 0 if seconds is None else seconds * _SECOND_MS + moment_ms % 1000


def _at_hour(moment_ms: int, hour: int) -> int:
    year, month, day = time.localtime(moment_ms / 1000)[:3]
    return (_local_seconds(year, month, day, hour * 3600) or 0) * _SECOND_MS


def _local_seconds(year: int, month: int, day: int, second: int) -> int | None:
    try:
        moment = time.mktime(
            (year, month, day, second // 3600, second // 60 % 60, second % 60, 0, 0, -1)
        )
    except (OverflowError, ValueError):
        return None  # this machine's C library has no such time
    return int(moment)


def _zone_seconds(zone: str) -> int:
    if zone == "z":
        return 0
    digits = zone[1:].replace(":", "")
    seconds = int(digits[:2]) * 3600 + int(digits[2:]) * 60
    return -seconds if zone[0] == "-" else seconds


def _days_in(year: int, month: int) -> int:
    if month == 2:
        return 29 if year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) else 28
    return 30 if month in {4, 6, 9, 11} else 31


def _days_from_epoch(year: int, month: int, day: int) -> int:
    """Return the days from 1970-01-01 to a date of the Gregorian calendar."""
    # Years are counted from March, so that the leap day comes last (after Howard Hinnant).
    shifted = year - (month <= 2)
    era, of_era = divmod(shifted, 400)
    of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    return era * 146_097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719_468
