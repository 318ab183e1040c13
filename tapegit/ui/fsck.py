"""Findings of fsck as lines in git's shape and as JSON.

Source: tapesmaintenance(7), "Fsck".
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

_SESSION: Final = re.compile(r"refs/sessions/([^/]+)/([^/]+)/")
_REMOTE: Final = re.compile(r"refs/remotes/([^/]+)/")
_NEEDED_BY_SHOWN: Final = 3
_UNKNOWN: Final = "object"


class ShownFinding(Protocol):
    """One finding; see `upkeep/findings`."""

    @property
    def label(self) -> str:
        """Which sort."""

    @property
    def what(self) -> str:
        """What is wrong."""

    @property
    def kind(self) -> str | None:
        """The kind of the object."""

    @property
    def oid(self) -> object | None:
        """Its id."""

    @property
    def where(self) -> str:
        """A path or a ref."""

    @property
    def target(self) -> object | None:
        """The object a link leads to."""

    @property
    def target_kind(self) -> str | None:
        """The kind that must be of."""

    @property
    def needed_by(self) -> tuple[str, ...]:
        """Refs that need it."""


def iter_finding_lines(finding: ShownFinding) -> Iterator[str]:
    """Yield the lines of a finding."""
    label, kind = finding.label, finding.kind or _UNKNOWN
    if label == "error":
        yield f"error in {kind} {finding.oid}: {finding.what}"
    elif label == "broken link":
        yield f"broken link from {kind:>7} {finding.oid}"
        yield f"              to {finding.target_kind or _UNKNOWN:>7} {finding.target}"
    elif label == "corrupt":
        yield f"corrupt {finding.where}: {finding.what}"
    elif label in ("ref", "reflog"):
        yield f"{label} {finding.where}: {finding.what}"
    elif label == "notice":
        yield f"notice: {finding.what}"
    else:
        yield f"{label} {kind} {finding.oid}"
        yield from _iter_needed_by(finding.needed_by)


def _iter_needed_by(names: tuple[str, ...]) -> Iterator[str]:
    for name in names[:_NEEDED_BY_SHOWN]:
        yield f"  needed by {name}{_describe_source(name)}"
    if len(names) > _NEEDED_BY_SHOWN:
        yield f"  needed by {len(names) - _NEEDED_BY_SHOWN} more refs"


def _describe_source(name: str) -> str:
    """Return where what a ref needs might be had again, as far as its name tells."""
    if match := _SESSION.match(name):
        return f" (import session {match[2]} of {match[1]} again)"
    if match := _REMOTE.match(name):
        return f" (fetch from {match[1]} again)"
    return ""


def finding_members(finding: ShownFinding) -> dict[str, object]:
    """Return a finding as the members of a JSON object; what is not known is left out."""
    members = {
        "finding": finding.label.replace(" ", "-"),
        "kind": finding.kind and str(finding.kind),
        "oid": finding.oid and str(finding.oid),
        "where": finding.where or None,
        "what": finding.what or None,
        "target": finding.target and str(finding.target),
        "target_kind": finding.target_kind and str(finding.target_kind),
        "needed_by": list(finding.needed_by) or None,
    }
    return {key: value for key, value in members.items() if value is not None}
