"""What fsck finds: one value for each line it prints, and the exit code they add up to.

Source: tapesmaintenance(7), "Fsck".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tapegit.objects.kind import Kind
    from tapegit.objects.oid import ObjectId

ERROR: Final = "error"
BROKEN_LINK: Final = "broken link"
MISSING: Final = "missing"
DANGLING: Final = "dangling"
UNREACHABLE: Final = "unreachable"
ROOT: Final = "root"
CORRUPT: Final = "corrupt"
LOST: Final = "lost"
DAMAGED: Final = "damaged"
REF: Final = "ref"
REFLOG: Final = "reflog"
NOTICE: Final = "notice"

OBJECT_BIT: Final = 1
MISSING_BIT: Final = 2
PACK_BIT: Final = 4
REF_BIT: Final = 8

_BITS: Final = {
    ERROR: OBJECT_BIT,
    BROKEN_LINK: MISSING_BIT,
    MISSING: MISSING_BIT,
    CORRUPT: OBJECT_BIT,
    LOST: OBJECT_BIT,
    DAMAGED: OBJECT_BIT,
    REF: REF_BIT,
    REFLOG: REF_BIT,
}


class Finding(NamedTuple):
    """One thing found.

    Attributes:
        label: Which sort of finding, one of the constants of this module.
        what: What is wrong, in words; empty where the label says it all.
        kind: The kind of the object it is about, or None where there is none or nobody knows.
        oid: The id of that object.
        where: The path in the store, or the name of the ref.
        target: The object that a broken link leads to.
        target_kind: The kind that one must be of, where there is no choice.
        in_pack: Whether the file is a pack or an index.
        needed_by: The refs that need a lost object, as far as they were looked for.
    """

    label: str
    what: str = ""
    kind: Kind | None = None
    oid: ObjectId | None = None
    where: str = ""
    target: ObjectId | None = None
    target_kind: Kind | None = None
    in_pack: bool = False
    needed_by: tuple[str, ...] = ()


def exit_code(findings: Iterable[Finding]) -> int:
    """Return the sum of the bits of some findings: 0 where nothing is wrong."""
    code = 0
    for finding in findings:
        code |= bit_of(finding)
    return code


def bit_of(finding: Finding) -> int:
    """Return what a finding adds to the exit code."""
    if finding.label == CORRUPT and finding.in_pack:
        return PACK_BIT
    return _BITS.get(finding.label, 0)
