"""Names of a store that got lost: packed-refs, HEAD, single refs and reflogs, written anew.

Rules:

- The value of a ref is the id as it stands, if that is here; else the only one here that begins
  as it does, or differs in a few digits; else the last one in the reflog; else, so that nothing
  is lost, what stands there. What has no value stays as it is.
- All of it happens under the lock of refs; at every instant each file is there, whole, and the
  damaged one stays in `trash/lost/`.
- Every reflog keeps the lines that check.

Source: tapesmaintenance(7), "Salvage"; tapesformat-refs(5), tapesformat-packedrefs(5).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from tapegit.errors import DataError, TapesError
from tapegit.files.locks import Lock
from tapegit.files.safe_read import read_file
from tapegit.formats.packedrefs import (
    EMPTY_FILE,
    PACKED_REFS_SIZE_MAX_BYTES,
    PackedRef,
    PackedRefs,
    iter_any_lines,
)
from tapegit.formats.reffile import REF_FILE_SIZE_MAX_BYTES, encode_oid, encode_symbolic
from tapegit.formats.reflog import decode_line
from tapegit.objects.oid import OID_HEX_LENGTH, ZERO_OID, ObjectId, OidPrefix
from tapegit.refs.logs import REFLOG_SIZE_MAX_BYTES
from tapegit.refs.names import HEAD, RefName
from tapegit.repository.layout import MAIN_BRANCH
from tapegit.upkeep.fsck.findings import REF, REFLOG
from tapegit.upkeep.salvage.aside import replace_damaged

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tapegit.repository.repository import Repository
    from tapegit.upkeep.fsck.findings import Finding

PACKED: Final = "packed-refs"
REFS_LOCK: Final = "locks/refs"
_PREFIX_LENGTH_MIN: Final = 16
"""Digits from which on an id that is damaged further on is still told from all others."""
_DIGITS_WRONG_MAX: Final = 8
_NOT_IN_NAMES: Final = re.compile(r"[^0-9A-Za-z_/%.-]")
_CHECKOUT: Final = re.compile(r"checkout: moving from \S+ to (\S+)")


def find_damaged_names(findings: Iterable[Finding]) -> list[str]:
    """Return the names of which fsck found the file or the reflog damaged, packed-refs first."""
    names = {finding.where for finding in findings if finding.label in (REF, REFLOG)}
    return sorted(names, key=lambda name: (name != PACKED, name == HEAD, name))


def repair_names(repository: Repository, names: Iterable[str]) -> Iterator[str]:
    """Write what is damaged of some names anew, yielding what was done to each.

    Raises:
        LockedError: Somebody else is moving refs.
        StorageError: A file could not be written; it is as it was.
    """
    with Lock(repository.root / REFS_LOCK).exclusive():
        repair = _NameRepair(repository)
        for text in names:
            name = RefName.try_parse(text)
            if text == PACKED:
                yield from repair.repair_packed()
            elif name is not None:
                yield from repair.repair_log(name)
                yield from repair.repair_ref(name)


def _mend_name(text: str) -> RefName | None:
    """Return a name that may be damaged, what cannot be in one as `_`: its value is what counts."""
    name = RefName.try_parse(text)
    if name is not None and name.startswith("refs/"):
        return name
    return RefName.try_parse("refs/" + _NOT_IN_NAMES.sub("_", text[5:]))


class _NameRepair:
    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self._root = repository.root
        self._refs = repository.refs

    def repair_packed(self) -> Iterator[str]:
        """Write packed-refs anew, if it does not check."""
        try:
            self._refs.packed.load().verify()
        except DataError:
            pass
        else:
            return
        data = read_file(self._root / PACKED, size_max=PACKED_REFS_SIZE_MAX_BYTES)
        found: dict[str, PackedRef | None] = {}
        lost: list[str] = []
        for digits, text in iter_any_lines(data):
            name = _mend_name(text)
            oid = None if name is None else self._find_value(name, digits)
            if name is None or oid is None:
                lost.append(text)
            else:
                found[name] = PackedRef(name, oid, self._peel(oid))
        named = len(found)
        for name in self._iter_logged():
            if name not in found and (oid := self._last_logged(name)) is not None:
                found[name] = PackedRef(name, oid, self._peel(oid))
        sound = PackedRefs(EMPTY_FILE).splice(found)
        aside = replace_damaged(self._root, PACKED, data, sound)
        yield (
            f"wrote 'packed-refs' anew: {named} refs by its lines, {len(found) - named} by their "
            f"reflogs; the damaged file, to compare names with, is '{aside}'"
        )
        for text in lost:
            yield f"no value is known of '{text}'; what it named is dangling, if it is here"

    def repair_log(self, name: RefName) -> Iterator[str]:
        """Write a reflog anew with the lines of it that check, if some do not."""
        try:
            self._refs.read_reflog(name)
        except DataError:
            pass
        else:
            return
        path = f"logs/{name}"
        data = read_file(self._root / path, size_max=REFLOG_SIZE_MAX_BYTES)
        entries = self._refs.read_sound_reflog(name)
        sound = b"".join(line + b"\n" for line in data.split(b"\n") if decode_line(line))
        aside = replace_damaged(self._root, path, data, sound)
        yield f"wrote '{path}' anew with {len(entries)} moves, the damaged file is '{aside}'"

    def repair_ref(self, name: RefName) -> Iterator[str]:
        """Write the file of a ref anew, if it is no ref file, or names nothing that is here."""
        try:
            value = self._refs.loose.find(name)
            if value is None or isinstance(value, RefName):
                return
            if self._repository.objects.contains(value):
                return
        except DataError:
            pass
        data = read_file(self._root / name, size_max=REF_FILE_SIZE_MAX_BYTES)
        sound = self._find_head() if name == HEAD else None
        if sound is None:
            text = data[:64].decode("ascii", "replace")
            oid = self._find_value(name, text)
            sound = b"" if oid is None else encode_oid(oid)
            if sound in (b"", data):
                yield f"no value is known of '{name}'"
                return
        aside = replace_damaged(self._root, name, data, sound)
        shown = sound.decode().rstrip("\n")
        yield f"wrote '{name}' anew ({shown}), the damaged file is '{aside}'"

    def _find_head(self) -> bytes | None:
        """Return what HEAD was, by its reflog: a branch that is there, or None for a turn."""
        entries = self._refs.read_sound_reflog(HEAD)
        for entry in reversed(entries):
            if match := _CHECKOUT.match(entry.message):
                branch = RefName.try_parse(f"refs/heads/{match[1]}")
                if branch is not None and self._find_quietly(branch) is not None:
                    return encode_symbolic(branch)
                break
        return None if entries and entries[-1].new != ZERO_OID else encode_symbolic(MAIN_BRANCH)

    def _find_quietly(self, name: RefName) -> ObjectId | None:
        try:
            return self._refs.find(name)
        except TapesError:
            return None

    def _find_value(self, name: RefName, digits: str) -> ObjectId | None:
        """Return the id that a ref meant, or None."""
        for count in (OID_HEX_LENGTH, _PREFIX_LENGTH_MIN):
            prefix = OidPrefix.find(digits[:count])
            found = self._match(prefix) if prefix is not None and len(prefix) == count else []
            if len(found) == 1:
                return found[0]
        prefix = OidPrefix.find(digits)
        is_whole = prefix is not None and len(prefix) == OID_HEX_LENGTH
        stated = ObjectId.fromhex(digits) if is_whole else None
        return self._find_like(digits) or self._last_logged(name) or stated

    def _match(self, prefix: OidPrefix) -> list[ObjectId]:
        try:
            return self._repository.objects.match_prefix(prefix)
        except TapesError:
            return []  # a pack is damaged, and none of the others has it

    def _find_like(self, digits: str) -> ObjectId | None:
        """Return the only object whose id differs from this in a few digits."""
        if len(digits) != OID_HEX_LENGTH:
            return None
        found = [
            oid
            for oid in self._repository.objects.iter_oids()
            if sum(map(str.__ne__, oid.hex(), digits)) <= _DIGITS_WRONG_MAX
        ]
        return found[0] if len(set(found)) == 1 else None

    def _last_logged(self, name: RefName) -> ObjectId | None:
        oid = self._refs.logs.find_lost(name)
        return oid if oid is not None and self._repository.objects.contains(oid) else None

    def _iter_logged(self) -> Iterator[RefName]:
        """Yield the refs that have a reflog and no file of their own; HEAD is not among them."""
        for name in self._refs.iter_reflogs():
            try:
                is_loose = self._refs.loose.find(name) is not None
            except TapesError:
                is_loose = True  # it is repaired by itself
            if name != HEAD and not is_loose:
                yield name

    def _peel(self, oid: ObjectId) -> ObjectId | None:
        try:
            return self._repository.peel_tag(oid)
        except TapesError:
            return None
