"""Recording transcripts in memory, for tests: what `import` does, without a store on disk.

A `Recordings` is objects and refs; `add` records a source and moves its refs as an import of
one file does. `rebuild` goes the way back, from the tapes to the bytes of the source.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tapegit.dialects.table import find_decoder
from tapegit.graph.turns import TurnGraph
from tapegit.objects.oid import ObjectId
from tapegit.objects.rope_reader import read_content
from tapegit.objects.turn import Turn, decode_turn
from tapegit.recorder.sources.documents import DocumentTapes
from tapegit.recorder.sources.session_refs import SessionRefs
from tapegit.recorder.sources.source import (
    RecordedSource,
    recognise,
    record_document,
    record_source,
)
from tapegit.recorder.sources.tape_records import iter_turn_records
from tapegit.store.memory import MemorySource
from tapegit.wire.recording.cassette_files import record_cassette

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from random import Random

    from tapegit.dialects.parts import AnyPart
    from tapegit.refs.names import RefName

SHARED = Path(__file__).parents[2] / "shared" / "data" / "claude-code"
FIXTURES = Path(__file__).parents[1] / "fixtures" / "transcripts" / "claude-code"


class Recordings:
    """Objects and refs in memory."""

    def __init__(self) -> None:
        self.objects = MemorySource()
        self.refs: dict[RefName, ObjectId] = {}

    def record(
        self,
        data: bytes,
        *,
        chunk_size: int = 1 << 20,
        documents: DocumentTapes | None = None,
    ) -> RecordedSource:
        """Record a source without moving refs."""
        harness = recognise([data])
        assert harness is not None, "no transcript"
        if harness.recording is not None:
            cassette = record_cassette(
                harness, [data], documents or self.documents(), self.objects.write
            )
            assert cassette is not None
            return cassette
        if harness.document is not None:
            source = record_document(
                harness, [data], documents or self.documents(), self.objects.write
            )
            assert source is not None
            return source
        chunks = [data[at : at + chunk_size] for at in range(0, len(data), chunk_size)]
        return record_source(harness, chunks, self.objects.write)

    def add(self, data: bytes) -> bool:
        """Record a source, if it is one, and move refs; return whether anything was added."""
        if recognise([data]) is None:
            return False
        return self.add_refs(self.record(data))

    def documents(self) -> DocumentTapes:
        """Return the tapes of documents, as an import sees them."""
        return DocumentTapes(
            TurnGraph(self.objects),
            self.refs.get,
            lambda prefix: [item for item in self.refs.items() if item[0].startswith(prefix)],
        )

    def add_refs(self, *sources: RecordedSource) -> bool:
        """Move the refs of sources, planned together as those of one import are."""
        plan = SessionRefs(
            TurnGraph(self.objects),
            self.objects.find,
            self.refs.get,
            lambda prefix: [item for item in self.refs.items() if item[0].startswith(prefix)],
        )
        results = [plan.plan(source) for source in sources]
        for move in plan.moves():
            assert self.refs.get(move.name) == move.old
            if move.new is None:
                del self.refs[move.name]
            else:
                self.refs[move.name] = move.new
        return any(results)

    def line(self, tip: ObjectId) -> list[Turn]:
        """Return the turns of a tape, the leader first."""
        turns = []
        oid: ObjectId | None = tip
        while oid is not None:
            found = self.objects.find(oid)
            assert found is not None
            turn = decode_turn(found.data)
            turns.append(turn)
            oid = turn.parent_ids[0] if turn.parents else None
        turns.reverse()
        return turns

    def parts(self, turn: Turn) -> list[AnyPart]:
        """Return the parts of a turn."""
        decode = find_decoder(turn.dialect)
        assert decode is not None
        oids = [ObjectId.parse(piece.oid) for piece in turn.raw]
        return list(decode(read_content(self.objects.find, oid) for oid in oids))

    def rebuild(self, source: RecordedSource) -> bytes:
        """Return the bytes of a source from its tapes alone."""
        records: dict[int, bytes] = {}
        for tape in source.tapes:
            for tip in (tape.tip, *tape.left_behind):
                for number, data in self._iter_records(tip):
                    assert records.get(number, data) == data
                    records[number] = data
        assert sorted(records) == list(range(1, len(records) + 1))
        return b"".join(data for _, data in sorted(records.items()))

    def _iter_records(self, tip: ObjectId) -> Iterator[tuple[int, bytes]]:
        before = 0
        for turn in self.line(tip):
            numbers = [0]
            for record in iter_turn_records(self.objects.find, turn, before, is_whole=True):
                numbers.append(record.number)
                yield record.number, record.data
            before = max(numbers)


def record_ends(data: bytes) -> list[int]:
    """Return where each line of a source ends."""
    ends, position = [], 0
    for line in data.splitlines(keepends=True):
        position += len(line)
        ends.append(position)
    return ends


def jsonl(records: Iterable[dict[str, Any]]) -> bytes:
    """Return records as lines of JSON."""
    return b"".join(
        json.dumps(record, separators=(",", ":")).encode() + b"\n" for record in records
    )


def check_back_and_growth(data: bytes, random: Random) -> RecordedSource:
    """Check that a source comes back, and that growing to it is the same; return it, recorded."""
    recordings, growing = Recordings(), Recordings()
    source = recordings.record(data)
    assert recordings.rebuild(source) == data
    for turn in recordings.line(source.tapes[0].tip):
        recordings.parts(turn)
    recordings.add(data)
    growing.add(data[: random.randrange(len(data))])
    growing.add(data)
    assert growing.refs == recordings.refs
    return source
