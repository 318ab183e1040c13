"""The folder `lost-found`: what nothing needs, as files that a person can look at.

Rules: a turn, a rope and a tag give a file that holds its id, a blob one that holds its bytes;
turns lie in `turn/`, everything else in `other/`. It is made to be deleted and not durable.

Source: tapes-fsck(1).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tapegit.files.durable import make_directories, replace_file_cheaply
from tapegit.objects.kind import Kind
from tapegit.repository.layout import TMP_NAME
from tapegit.upkeep.fsck.findings import DANGLING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tapegit.repository.repository import Repository
    from tapegit.upkeep.fsck.findings import Finding

LOST_FOUND_NAME: Final = "lost-found"


def write_lost_found(repository: Repository, findings: Iterable[Finding]) -> int:
    """Write a file for each dangling object; return how many.

    Raises:
        DataError: One of them is damaged.
        StorageError: One could not be written.
    """
    count = 0
    for finding in findings:
        if finding.label != DANGLING or finding.oid is None:
            continue
        folder = "turn" if finding.kind is Kind.TURN else "other"
        path = repository.root / LOST_FOUND_NAME / folder / str(finding.oid)
        make_directories(path.parent, root=repository.root)
        data = f"{finding.oid}\n".encode()
        if finding.kind is Kind.BLOB:
            data = repository.objects.read(finding.oid).data
        replace_file_cheaply(path, data, tmp_dir=repository.root / TMP_NAME)
        count += 1
    return count
