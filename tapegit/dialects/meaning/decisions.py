"""What users and guards decided about the calls of a model, as harnesses write it down.

No harness has a record of its own for it: a call that was refused has a result that says so, in
words that the harness always uses, and an interrupted turn a text or an event. Nothing is
written of a call that was allowed: it has a result. So a decision is read from how a text begins;
words that merely stand somewhere in a result are none.

Source: tapes-step(1), "DECISIONS".
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from tapegit.dialects.parts import Failure, Text, ToolResult

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tapegit.dialects.parts import AnyPart

USER: Final = "user"
GUARD: Final = "guard"
"""Rules, hooks, modes, sandboxes, filters: what decides when no person is asked."""

TEXT_LENGTH_MAX: Final = 4000
"""Of a text that is looked at: what a decision says is at its beginning."""

_RULES: Final = tuple(
    (who, what, re.compile(pattern, re.DOTALL))
    for who, what, pattern in (
        (USER, "rejected", r"(?:Error: )?The user doesn't want to (?:proceed with|take) this "),
        (USER, "rejected", r"The agent proposed a plan that was rejected by the user"),
        (USER, "rejected", r"User rejected tool use"),
        (USER, "rejected", r"(?:exec command|patch) rejected by user\b"),
        (USER, "rejected", r"(?:Error: )?The user rejected permission "),
        (USER, "rejected", r"\[Operation Cancelled\] Reason: User "),
        (USER, "rejected", r"User did not allow tool call"),
        (USER, "interrupted", r"\[Request interrupted by user"),
        (USER, "interrupted", r"<turn_aborted>"),
        (USER, "interrupted", r"turn aborted|aborted by user\b"),
        (USER, "approved", r"User has approved (?:your plan|exiting plan mode)"),
        (GUARD, "denied", r"Permission to use .{1,200}? has been (?:auto-)?denied"),
        (GUARD, "denied", r"Permission for this (?:tool use|action) (?:was|has been) denied"),
        (GUARD, "denied", r"Claude requested permissions? to .{1,400}? haven't granted it"),
        (GUARD, "denied", r"\w+:\S+ hook error: "),
        (GUARD, "denied", r"Hook \w+:\S+ denied this tool"),
        (GUARD, "denied", r".{1,400}? operation blocked by hook"),
        (GUARD, "denied", r"File is in a directory that is denied by your permission settings"),
        (GUARD, "denied", r"(?:Error: )?The user has specified a rule which prevents you"),
        (GUARD, "denied", r"approval policy is \w+; reject command"),
        (GUARD, "denied", r"This action was rejected due to unacceptable risk"),
        (GUARD, "denied", r"Tool execution (?:for \S+ )?denied by policy"),
    )
)  # fmt: skip
SIGNS: Final = (
    *("doesn't want to", "rejected by", "rejected tool use", "rejected permission", "aborted"),
    *("Operation Cancelled", "did not allow", "interrupted by user", "has approved", "denied"),
    *("haven't granted", "hook error", "blocked by hook", "specified a rule", "reject command"),
    "was rejected",
)
"""One of these is in every text that tells of a decision."""
_SAID: Final = (
    "the user said:\n",
    "permission with feedback: ",
    "hook error: ",
    "unacceptable risk.\n",
)
_POLICIES: Final = {
    "claude-code": (b'"permissionMode"', ("permissionMode",)),
    "codex": (b'"turn_context"', ("approval_policy", "sandbox_policy")),
}
_records: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])


class Decision(NamedTuple):
    """What was decided.

    Attributes:
        who: USER or GUARD.
        what: `rejected`, `denied`, `interrupted` or `approved`; `refused` of an answer.
        text: What was said with it; empty where nothing was.
    """

    who: str
    what: str
    text: str = ""


def find_decision(part: AnyPart) -> Decision | None:
    """Return the decision that a part tells of, or None."""
    if not isinstance(part, ToolResult | Text | Failure):
        return None
    text = part.text[:TEXT_LENGTH_MAX].lstrip()
    for who, what, pattern in _RULES:
        if pattern.match(text) and (what == "interrupted" or isinstance(part, ToolResult)):
            return Decision(who, what, _find_said(text))
    return None


def _find_said(text: str) -> str:
    for mark in _SAID:
        _, found, said = text.partition(mark)
        if found:
            return said.strip()
    return ""


def read_policy(name: str, data: bytes) -> dict[str, str]:
    """Return what records say of what may be done without asking; nothing where they do not.

    Args:
        name: The dialect, without its version.
        data: The raw bytes of a turn, records of JSON in lines.
    """
    mark, members = _POLICIES.get(name, (b"", ()))
    found: dict[str, str] = {}
    if not mark or mark not in data:
        return found
    for line in data.splitlines():
        if mark in line:
            found |= _read_members(line, members)
    return found


def _read_members(line: bytes, names: tuple[str, ...]) -> dict[str, str]:
    return {
        name: value.decode("utf-8", "replace").strip('"')
        for name, value in _iter_members(line)
        if name in names and value != b"null"
    }


def _iter_members(line: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield the members of a record, and those of its payload."""
    try:
        record = _records.decode(line)
        yield from ((name, bytes(value)) for name, value in record.items())
        if "payload" in record:
            payload = _records.decode(record["payload"])
            yield from ((name, bytes(value)) for name, value in payload.items())
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return
