"""Times as text, by git's names for the formats; times are milliseconds since the epoch.

`default`, `iso`, `iso-strict`, `rfc`, `short` and `human` are in UTC, `local` in the zone of
the machine; `unix` is seconds, `raw` seconds and zone, `ms` the number as it is stored, and
`relative` a distance from now. A time that no calendar holds is shown as its number.
"""

from __future__ import annotations

import time
from typing import Final

DATE_FORMATS: Final = {
    "default": "%a %b {day} %H:%M:%S %Y +0000",
    "iso": "%Y-%m-%d %H:%M:%S +0000",
    "iso8601": "%Y-%m-%d %H:%M:%S +0000",
    "iso-strict": "%Y-%m-%dT%H:%M:%SZ",
    "iso8601-strict": "%Y-%m-%dT%H:%M:%SZ",
    "rfc": "%a, {day} %b %Y %H:%M:%S +0000",
    "rfc2822": "%a, {day} %b %Y %H:%M:%S +0000",
    "short": "%Y-%m-%d",
}
DATE_MODES: Final = (*DATE_FORMATS, "local", "relative", "unix", "raw", "ms")

_STEPS: Final = (
    ("second", 1, 90),
    ("minute", 60, 90 * 60),
    ("hour", 3600, 36 * 3600),
    ("day", 86400, 14 * 86400),
    ("week", 7 * 86400, 70 * 86400),
    ("month", 30 * 86400, 365 * 86400),
)
_YEAR_S: Final = 365 * 86400
_YEAR_MAX: Final = 9999


def format_date(time_ms: int, mode: str = "default", *, now_ms: int = 0) -> str:
    """Return a time as text.

    Args:
        time_ms: Milliseconds since the epoch.
        mode: One of `DATE_MODES`.
        now_ms: What `relative` counts from.

    Raises:
        KeyError: There is no such mode.
    """
    seconds = time_ms // 1000
    numbers = {"ms": f"{time_ms}", "unix": f"{seconds}", "raw": f"{seconds} +0000"}
    if mode in numbers:
        return numbers[mode]
    if mode == "relative":
        return format_age(time_ms, now_ms)
    try:
        moment = time.localtime(seconds) if mode == "local" else time.gmtime(seconds)
    except (OverflowError, ValueError, OSError):
        return str(time_ms)
    if not 0 <= moment.tm_year <= _YEAR_MAX:
        return str(time_ms)
    pattern = "%a %b {day} %H:%M:%S %Y %z" if mode == "local" else DATE_FORMATS[mode]
    return time.strftime(pattern.replace("{day}", str(moment.tm_mday)), moment)


def format_age(time_ms: int, now_ms: int) -> str:
    """Return how long ago a time was, in the words of git: `3 days ago`, `in the future`."""
    age_s = (now_ms - time_ms) // 1000
    if age_s < 0:
        return "in the future"
    for name, size_s, limit_s in _STEPS:
        if age_s < limit_s:
            return _ago(round(age_s / size_s), name)
    return _ago(round(age_s / _YEAR_S), "year")


def _ago(count: int, name: str) -> str:
    return f"{count} {name}{'' if count == 1 else 's'} ago"
