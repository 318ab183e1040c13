"""Reading the objects of a `LinkMap` by number, with the frames read last at hand.

Rules: what is read is not verified here; whoever writes it again hashes it and compares.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tapegit.errors import ObjectNotFoundError
from tapegit.formats.pack import KINDS_BY_NUMBER, decode_record_offsets
from tapegit.objects.kind import Object
from tapegit.store.frames import DecodedFrame, FrameCache

if TYPE_CHECKING:
    from tapegit.store.loose import LooseSource
    from tapegit.upkeep.gc.linkmap import LinkMap
    from tapegit.upkeep.packview import Section

_CACHE_SIZE_BYTES: Final = 24 << 20


class ObjectReader:
    """Reads objects; best in an order in which neighbours in a pack are read together."""

    def __init__(self, links: LinkMap, loose: LooseSource) -> None:
        self._links = links
        self._loose = loose
        self._frames = FrameCache(_CACHE_SIZE_BYTES)
        self._sections: dict[tuple[int, int], Section] = {}

    def read(self, number: int) -> Object:
        """Return an object.

        Raises:
            ObjectNotFoundError: It was loose and its file is gone.
            DataError: It is damaged.
            StorageError: Its pack is gone or cannot be read.
        """
        links = self._links
        if number >= links.loose_base:
            oid = links.oid_of(number)
            found = self._loose.find(oid)
            if found is None:
                raise ObjectNotFoundError(f"no object '{oid}': its file is gone", oid=oid)
            return found
        place = links.pack_place(number)
        ordinal = number - links.bases[place]
        frame_number = links.packs[place].index.frame_of(ordinal)
        frame = self._frame(place, frame_number)
        kind = KINDS_BY_NUMBER[frame.kind_number]
        section = self._section(place, frame_number)
        data = links.packs[place].join(frame.record(ordinal), kind, ordinal, section)
        return Object(kind, data)

    def _frame(self, place: int, number: int) -> DecodedFrame:
        frame = self._frames.find((place, number))
        if frame is None:
            view = self._links.packs[place]
            index = view.index
            content = view.content(number)
            offsets = decode_record_offsets(content, index.record_count(number), where=view.path)
            frame = DecodedFrame(
                content,
                offsets,
                index.frame_kind_numbers[number],
                index.frame_first_ordinals[number],
            )
            self._frames.put((place, number), frame)
        return frame

    def _section(self, place: int, frame: int) -> Section:
        view = self._links.packs[place]
        key = (place, view.index.frame_sections[frame])
        section = self._sections.get(key)
        if section is None:
            section = self._sections[key] = view.open_section(key[1])
        return section
