"""What `doctor` found, for people and for programs.

Source: tapes-doctor(1).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator


class ShownCheck(Protocol):
    """What was looked at and how it is."""

    @property
    def area(self) -> str:
        """Of what."""

    @property
    def state(self) -> str:
        """How it is."""

    @property
    def reason(self) -> str:
        """In one word."""

    @property
    def what(self) -> str:
        """In words."""

    @property
    def hint(self) -> str | None:
        """What to do."""

    @property
    def is_fixable(self) -> bool:
        """Whether `--fix` does it."""

    @property
    def cause(self) -> str | None:
        """Why something is not captured, in one word."""


def check_members(check: ShownCheck) -> dict[str, object]:
    """Return a check as members of JSON."""
    members: dict[str, object] = {
        "area": check.area,
        "state": check.state,
        "reason": check.reason,
        "what": check.what,
        "fixable": check.is_fixable,
    }
    if check.cause is not None:
        members["cause"] = check.cause
    if check.hint is not None:
        members["hint"] = check.hint
    return members


def iter_check_lines(check: ShownCheck) -> Iterator[str]:
    """Yield a check as lines."""
    yield f"{check.state:<8} {check.area:<10} {check.what}"
    if check.hint is not None:
        yield f"{'':<8} {'':<10} {check.hint}"
    elif check.is_fixable:
        yield f"{'':<8} {'':<10} 'tapes doctor --fix' mends it"
