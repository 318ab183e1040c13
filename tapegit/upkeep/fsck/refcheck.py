"""Refs, HEAD and reflogs as fsck reads them: every root, and everything that is wrong.

Rules: nothing stops the rest; a file of a stranger is a notice and no error.

Source: tapesmaintenance(7), "Fsck"; tapesformat-refs(5).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tapegit.errors import IntegrityError, TapesError
from tapegit.objects.oid import ZERO_OID
from tapegit.refs.names import HEAD, RefName
from tapegit.upkeep.fsck.findings import NOTICE, REF, REFLOG, Finding

if TYPE_CHECKING:
    from tapegit.objects.oid import ObjectId
    from tapegit.refs.reader import RefReader


class RefRoot(NamedTuple):
    """An id that a ref or a reflog names."""

    name: str
    oid: ObjectId
    in_reflog: bool


class RefCheck:
    """What refs lead to and what is wrong with them.

    Attributes:
        roots: What refs, HEAD and reflogs name.
        findings: What is wrong.
        peeled: Name, id and what packed-refs says that the tag of this id ends at.
    """

    def __init__(self, refs: RefReader) -> None:
        self._refs = refs
        self.roots: list[RefRoot] = []
        self.findings: list[Finding] = []
        self.peeled: list[tuple[str, ObjectId, ObjectId]] = []

    def read(self, *, reflogs: bool) -> None:
        """Read everything.

        Args:
            reflogs: Whether what only reflogs name counts as needed.
        """
        self._read_head()
        for ref in self._refs.iter_refs(on_broken=self._note_broken):
            self.roots.append(RefRoot(ref.name, ref.oid, in_reflog=False))
            if ref.peeled is not None:
                self.peeled.append((ref.name, ref.oid, ref.peeled))
        for name in self._refs.iter_reflogs():
            self._read_reflog(name, as_root=reflogs)

    def _read_head(self) -> None:
        try:
            head = self._refs.read_head()
        except TapesError as error:
            self.findings.append(Finding(REF, str(error), where=HEAD))
            return
        if head.oid is not None:
            self.roots.append(RefRoot(HEAD, head.oid, in_reflog=False))
        elif head.target is not None:
            what = f"HEAD points to an unborn branch ({head.target.short})"
            self.findings.append(Finding(NOTICE, what + self._tell_last_head()))

    def _tell_last_head(self) -> str:
        """Return where HEAD was last, if its reflog does not say that it was made unborn."""
        try:
            last = self._refs.logs.find_lost(HEAD)
        except TapesError:
            return ""
        return "" if last is None else f", though its reflog ends at {last.short()}"

    def _note_broken(self, name: str, error: TapesError) -> None:
        if name != "packed-refs" and RefName.try_parse(name) is None:
            self.findings.append(Finding(NOTICE, f"'{name}' is no ref, and passed over"))
        else:
            self.findings.append(Finding(REF, str(error), where=name))

    def _read_reflog(self, name: RefName, *, as_root: bool) -> None:
        try:
            entries = self._refs.read_reflog(name)
        except TapesError as error:
            self.findings.append(Finding(REFLOG, str(error), where=name))
            try:
                entries = self._refs.read_sound_reflog(name)
            except TapesError:
                return
        if as_root:
            seen = dict.fromkeys(oid for entry in entries for oid in (entry.new, entry.old))
            seen.pop(ZERO_OID, None)
            self.roots += [RefRoot(name, oid, in_reflog=True) for oid in seen]
        self._check_not_lost(name)
        if entries and name != HEAD:
            self._check_end(name, (entries[-1].old, entries[-1].new))

    def _check_end(self, name: RefName, ends: tuple[ObjectId, ObjectId]) -> None:
        """Report a log that lost its last lines: nothing in what is left of it would show that.

        A log may be one move ahead of its ref, if a crash came between the two.
        """
        try:
            value = self._refs.find_value(name)
        except TapesError:
            return  # reported as a ref
        if value is not None and value not in ends and not isinstance(value, RefName):
            what = f"the reflog of {name} does not end where the ref is"
            self.findings.append(Finding(NOTICE, what, where=name))

    def _check_not_lost(self, name: RefName) -> None:
        try:
            self._refs.read(name)
        except IntegrityError as error:
            if name != HEAD and not any(f.where == name for f in self.findings):
                self.findings.append(Finding(NOTICE, str(error), where=name))
        except TapesError:
            return  # deleted, or reported as a ref
