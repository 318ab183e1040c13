"""Many small packs looked into as if they were one.

A store that is written to all day has hundreds of packs with a few objects each, and asking one
after the other for an id would cost more than reading it. So the first four bytes of each id
lead to its packs through one dictionary; what else begins with them is for the packs to say.
That dictionary is made when several ids have been asked for: for a few each pack is asked.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tapegit.store.pack_reader import PackReader

_WORD_SIZE_BYTES: Final = 4
_ASKED_COUNT_MAX: Final = 8


class PackLookup:
    """Some packs, by the first words of their ids."""

    def __init__(self) -> None:
        self.readers: list[PackReader] = []
        self._table: dict[int, tuple[PackReader, ...]] = {}
        self._words = array("I")
        self._pending: list[PackReader] = []  # not in the table yet
        self._asked_count = 0  # since the first of these came

    def add(self, reader: PackReader) -> None:
        """Look into one more pack from here on."""
        self.readers.append(reader)
        self._pending.append(reader)

    def _prepare(self) -> None:
        """Count a question, and put pending packs into the table once there were many."""
        self._asked_count += 1
        if self._asked_count > _ASKED_COUNT_MAX:
            for reader in self._pending:
                self._enter(reader)
            self._pending.clear()
            self._asked_count = 0
            self._words = array("I")

    def _enter(self, reader: PackReader) -> None:
        words = reader.index.first_words()
        table, alone = self._table, (reader,)
        shared = {word: table[word] for word in table.keys() & set(words)}
        table.update(dict.fromkeys(words, alone))
        for word, readers in shared.items():
            table[word] = (*readers, reader)

    def candidates(self, oid: bytes) -> tuple[PackReader, ...]:
        """Return the packs that may have an object; all others do not."""
        if self._pending:
            self._prepare()
        found = self._table.get(int.from_bytes(oid[:_WORD_SIZE_BYTES], "big"), ())
        if not self._pending:
            return found
        return *found, *(r for r in self._pending if r.index.find_position(oid) >= 0)

    def iter_neighbours(self, oid: bytes) -> Iterator[bytes]:
        """Yield ids, or their beginnings, that share as many digits with this one as any here."""
        for reader in {*self.candidates(oid), *self._pending}:
            yield from reader.index.find_neighbours(oid)
        if not self._table:
            return
        if not self._words:
            self._words = array("I", sorted(self._table))
        words = self._words
        own = int.from_bytes(oid[:_WORD_SIZE_BYTES], "big")
        place = bisect_left(words, own)
        after = place + (place < len(words) and words[place] == own)
        for near in (*words[place - 1 : place], *words[after : after + 1]):
            yield near.to_bytes(_WORD_SIZE_BYTES, "big")
