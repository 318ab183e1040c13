"""Checking one object after the other: hash, form, links, and what an index states of it.

Rules: what is found goes into a `ScanResult`; a link to another object of the same section is
judged at once, since the record says of which kind it is; one that leads elsewhere is noted,
to be judged when the kinds of all objects are known.

Source: tapesmaintenance(7), "Fsck".
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, NamedTuple

from tapegit.errors import DataError
from tapegit.objects.kind import Kind
from tapegit.objects.links import iter_links
from tapegit.objects.oid import ObjectId, hash_framed
from tapegit.objects.rope import RopeNode, decode_rope
from tapegit.objects.tag import Tag, decode_tag
from tapegit.objects.turn import Turn, verify_turn
from tapegit.upkeep.fsck.scanlinks import MENTION, NEEDED, bits_of, expected_bits
from tapegit.upkeep.fsck.storemap import NONE
from tapegit.upkeep.fsck.turnfacts import are_facts_right, iter_parents

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tapegit.objects.kind import Object
    from tapegit.upkeep.fsck.packrecords import RecordJoiner
    from tapegit.upkeep.fsck.ropecheck import RopeChecker
    from tapegit.upkeep.fsck.storemap import StoreMap

_KIND_BITS = bits_of(Kind) & ~NEEDED


class FrameDamage(NamedTuple):
    """A frame that cannot be read as it should be; some of its objects are concerned."""

    place: int
    frame: int
    object_count: int
    what: str


class LooseDamage(NamedTuple):
    """A loose object that cannot be read; `is_known` is false where the system refused to."""

    place: int
    what: str
    is_known: bool


class LinkBlock(NamedTuple):
    """The links of objects whose numbers follow one another: where each one's end, and targets."""

    first: int
    ends: array[int]
    targets: array[int]


class Wanted(NamedTuple):
    """A link whose target's kind is still to be checked: from, to, allowed kinds as bits."""

    source: int
    target: int
    bits: int


class Absent(NamedTuple):
    """A link to what is not in the map: from, the id, allowed kinds as bits."""

    source: int
    oid: bytes
    bits: int


class ScanResult:
    """What one share of a store gave.

    Attributes:
        damage: Damaged frames.
        lost: Numbers of objects that this copy does not give.
        damaged: Numbers of objects that only salvage gets from this copy.
        errors: (number, what) of objects that break a rule of their format.
        wrong_facts: Numbers of turns of which an index says something else than its pack.
        blocks: The links.
        wanted: Links whose target's kind is still to be checked.
        absent: Links to what is not in the map.
        loose_kinds: (place, kind number) of the loose objects that were read.
        loose_damage: Those that could not be.
        loose_gone: Places of those whose files are gone.
        gone_packs: Places of packs whose files are gone.
    """

    def __init__(self) -> None:
        self.damage: list[FrameDamage] = []
        self.lost = array("I")
        self.damaged = array("I")
        self.errors: list[tuple[int, str]] = []
        self.wrong_facts = array("I")
        self.blocks: list[LinkBlock] = []
        self.wanted: list[Wanted] = []
        self.absent: list[Absent] = []
        self.loose_kinds: list[tuple[int, int]] = []
        self.loose_damage: list[LooseDamage] = []
        self.loose_gone: list[int] = []
        self.gone_packs: list[int] = []


class ObjectChecker:
    """Checks objects and notes what it finds in `result`."""

    def __init__(self, store: StoreMap, ropes: RopeChecker, result: ScanResult) -> None:
        self._store = store
        self._ropes = ropes
        self._result = result

    def check_packed(
        self, joiner: RecordJoiner, kind: Kind, ordinal: int, record: bytes, links: array[int]
    ) -> bool:
        """Check the rope, turn or tag of a record; return False where it is not of its id.

        Args:
            joiner: What puts records of its section together.
            kind: Its kind.
            ordinal: Its place in the pack.
            record: The record.
            links: Takes the numbers of what it needs.
        """
        try:
            data, targets = joiner.join(record, kind, ordinal)
        except DataError:
            return False
        index = joiner.pack.index
        oid = index.id_at(index.positions[ordinal])
        if hash_framed(b"%b %d\0" % (kind.encode(), len(data)), data) != oid:
            return False
        number = joiner.base + ordinal
        decoded = self._decode(number, kind, data)
        if decoded is None or isinstance(decoded, Tag):
            self._follow_links(number, kind, data, links)
            return True
        self._follow_targets(
            ordinal, targets, expected_bits(decoded, data, len(targets)), joiner, links
        )
        if isinstance(decoded, RopeNode):
            self._check_rope(number, ObjectId(oid), decoded)
        elif not are_facts_right(index, ordinal, decoded, joiner.section):
            self._result.wrong_facts.append(number)
        return True

    def check_loose(self, number: int, oid: ObjectId, found: Object, links: array[int]) -> None:
        """Check a loose object whose hash was verified."""
        decoded = self._decode(number, found.kind, found.data)
        self._follow_links(number, found.kind, found.data, links)
        if isinstance(decoded, Turn) and decoded.about is not None:
            target = self._store.find(bytes.fromhex(decoded.about))
            if target != NONE:
                links.append(target)
        elif isinstance(decoded, RopeNode):
            self._check_rope(number, oid, decoded)

    def follow_mentions(
        self, joiner: RecordJoiner, kind: Kind, ordinal: int, record: bytes, links: array[int]
    ) -> bool:
        """Note the links of a record without putting its object together, unless one is absent.

        Return False where the record breaks a rule.
        """
        try:
            targets = joiner.read_targets(record, kind, ordinal)
            if any(target < 0 for target in targets):
                ids = [joiner.id_of(target) for target in targets if target < 0]
                if any(self._store.find(oid) == NONE for oid in ids):
                    data = joiner.join(record, kind, ordinal).data
                    self._follow_links(joiner.base + ordinal, kind, data, links)
                    return True
                links.extend(map(self._store.find, ids))
        except DataError:
            return False
        links.extend(joiner.base + target for target in targets if target >= 0)
        return True

    def follow_facts(self, joiner: RecordJoiner, ordinal: int, links: array[int]) -> None:
        """Note the parents of a turn that cannot be read, which the index knows."""
        for oid in iter_parents(joiner.pack.index, ordinal, joiner.section):
            target = self._store.find(oid)
            if target != NONE:
                links.append(target)

    def _decode(self, number: int, kind: Kind, data: bytes) -> Turn | RopeNode | Tag | None:
        try:
            if kind is Kind.TURN:
                return verify_turn(data)
            if kind is Kind.ROPE:
                return decode_rope(data)
            if kind is Kind.TAG:
                return decode_tag(data)
        except DataError as error:
            self._result.errors.append((number, str(error)))
        return None

    def _follow_links(self, number: int, kind: Kind, data: bytes, links: array[int]) -> None:
        try:
            found = list(iter_links(kind, data))
        except DataError:
            return  # `_decode` has said so
        for link in found:
            self._follow_outer(number, link.oid, bits_of(link.kinds), links)

    def _follow_targets(
        self,
        ordinal: int,
        targets: Sequence[int],
        bits: Sequence[int],
        joiner: RecordJoiner,
        links: array[int],
    ) -> None:
        base, section = joiner.base, joiner.section
        number = base + ordinal
        for target, allowed in zip(targets, bits, strict=True):
            if target < 0:
                self._follow_outer(number, joiner.outer_ids[~target], allowed, links)
                continue
            links.append(base + target)
            kind_number = 1 if target < section[1] else 2 if target < section[2] else 3
            if allowed != MENTION and not allowed >> kind_number & 1:
                self._result.wanted.append(Wanted(number, base + target, allowed))

    def _follow_outer(self, number: int, oid: bytes, bits: int, links: array[int]) -> None:
        target = self._store.find(oid)
        if target != NONE:
            links.append(target)
            if bits != MENTION and bits & _KIND_BITS != _KIND_BITS:
                self._result.wanted.append(Wanted(number, target, bits))
        elif bits != MENTION:
            self._result.absent.append(Absent(number, bytes(oid), bits))

    def _check_rope(self, number: int, oid: ObjectId, node: RopeNode) -> None:
        what = self._ropes.find_error(oid, node)
        if what is not None:
            self._result.errors.append((number, what))
