"""The links of a whole pack as two arrays of numbers, without putting an object together.

Rules: frames of blobs and tags are not decompressed for their links, but tags are few and
name their object in text, so their records are read. A reference out of its bounds is an
error: a walk that believed it would keep the wrong objects.

Source: tapesformat-pack(5), "Records".
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Final, NamedTuple

from tapegit.formats.pack import KINDS_BY_NUMBER
from tapegit.objects.kind import KIND_NUMBERS, Kind
from tapegit.objects.links import iter_links
from tapegit.objects.oid import ObjectId

if TYPE_CHECKING:
    from collections.abc import Callable

    from tapegit.upkeep.packview import PackView, Section

NONE: Final = 0xFFFFFFFF
"""The number of no object."""

_ROPE_NUMBER: Final = KIND_NUMBERS[Kind.ROPE]
_TURN_NUMBER: Final = KIND_NUMBERS[Kind.TURN]
_TAG_NUMBER: Final = KIND_NUMBERS[Kind.TAG]
_ALL_KINDS: Final = tuple(Kind)


class MissingLink(NamedTuple):
    """An id that an object names and nothing has, and the kinds it would have to be of."""

    oid: ObjectId
    kinds: tuple[Kind, ...]


class PackLinks:
    """The links of a pack's objects.

    Attributes:
        ends: For each ordinal, where its targets end; they start where those before it end.
        targets: Numbers of objects, `NONE` for what is missing.
        missing: What is missing, by the number of the object that names it.
    """

    def __init__(self) -> None:
        self.ends = array("I")
        self.targets = array("I")
        self.missing: dict[int, list[MissingLink]] = {}


def read_pack_links(pack: PackView, base: int, find: Callable[[bytes], int]) -> PackLinks:
    """Return the links of all objects of a pack.

    Args:
        pack: The pack.
        base: The number of its first object.
        find: Returns the number of an id, or `NONE`.

    Raises:
        DataError: A frame of ropes, turns or tags is damaged.
    """
    links = PackLinks()
    index = pack.index
    for number in range(pack.section_count):
        section = pack.open_section(number)
        outer = [find(oid) for oid in section.outer_ids]
        for frame in pack.frames_of(number):
            kind_number = index.frame_kind_numbers[frame]
            if kind_number in (_ROPE_NUMBER, _TURN_NUMBER):
                _read_frame(pack, frame, base, section, outer, links)
            elif kind_number == _TAG_NUMBER:
                _read_tags(pack, frame, base, find, links)
            else:
                end = len(links.targets)
                links.ends.extend(array("I", [end]) * index.record_count(frame))
    return links


def _read_frame(
    pack: PackView, frame: int, base: int, section: Section, outer: list[int], links: PackLinks
) -> None:
    kind = KINDS_BY_NUMBER[pack.index.frame_kind_numbers[frame]]
    targets, ends = links.targets, links.ends
    ordinal = pack.index.frame_first_ordinals[frame]
    for record in pack.records(frame):
        for target in pack.resolve(record, kind, ordinal, section):
            if target >= 0:
                targets.append(base + target)
                continue
            number = outer[~target]
            if number == NONE:
                oid = ObjectId(section.outer_ids[~target])
                missing = links.missing.setdefault(base + ordinal, [])
                missing.append(MissingLink(oid, _ALL_KINDS))
            targets.append(number)
        ends.append(len(targets))
        ordinal += 1


def _read_tags(
    pack: PackView, frame: int, base: int, find: Callable[[bytes], int], links: PackLinks
) -> None:
    ordinal = pack.index.frame_first_ordinals[frame]
    for record in pack.records(frame):
        for link in iter_links(Kind.TAG, record):
            target = find(link.oid)
            links.targets.append(target)
            if target == NONE:
                missing = links.missing.setdefault(base + ordinal, [])
                missing.append(MissingLink(link.oid, link.kinds))
        links.ends.append(len(links.targets))
        ordinal += 1
