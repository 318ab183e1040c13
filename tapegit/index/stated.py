"""From the ids of harnesses and providers to the turns that state them.

A message's id, the id of a request, or that of a call of a tool stands in the raw bytes alone,
so finding one means reading every turn. What was read is kept by session; what was not is read
now. A turn counts only if it states the very id, so the index decides nothing.

Source: tapesrevisions(7), "NAMES"; tapesformat-index(5).
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Final

from tapegit.dialects.meaning.stated_ids import (
    ID_KINDS,
    StatedId,
    find_response_id,
    iter_stated_ids,
)
from tapegit.dialects.table import find_decoder
from tapegit.errors import TapesError
from tapegit.graph.lookup import SESSIONS, StatingTurn, pick_main_tape
from tapegit.index.calls import iter_pieces, piece_ids
from tapegit.index.database import DamagedIndexError, KeptIds
from tapegit.index.kept import use_index
from tapegit.index.session import group_tapes, iter_line
from tapegit.objects.oid import ObjectId, hash_content
from tapegit.repository.gate import read_settled_mark

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tapegit.graph.turns import TurnGraph
    from tapegit.index.database import IndexFile
    from tapegit.index.session import Tapes
    from tapegit.objects.turn import Turn
    from tapegit.repository.repository import Repository
    from tapegit.store.database import ObjectDatabase

HASH_SIZE_BYTES: Final = 8
ID_SIZE_BYTES: Final = 12
OID_SIZE_BYTES: Final = 32
KIND_SHIFT: Final = 28
BATCH_COUNT: Final = 100
"""Sessions that are kept in one go."""


def find_turns(repository: Repository, graph: TurnGraph, text: str) -> list[StatingTurn]:
    """Return the turns that state an id, one for each session, of the first kind that has any.

    Recordings of the wire are left out where a transcript states the id too: they are of the
    same session.

    Shape: by session. What cannot be read states nothing.

    Raises:
        TapesError: The refs cannot be read.
    """
    mark = read_settled_mark(repository.root)
    tapes = {each.folder: each for each in group_tapes(repository.refs.iter_refs(SESSIONS))}
    found = use_index(
        repository.root,
        lambda file: _search(_catch_up(file, repository, graph, tapes), text),
        is_current=lambda file: not any(_find_behind(file, tapes)),
        mark=mark,
    )
    for kind in ID_KINDS:
        first: dict[str, StatingTurn] = {}
        for each in found:
            if each.kind != kind or each.folder in first:
                continue
            stated = set(_iter_ids(repository.objects, graph.read_turn(each.oid)))
            if StatedId(kind, text) in stated:
                first[each.folder] = each
        if first:
            written = [folder for folder in first if _has_transcript(tapes[folder])]
            return [first[folder] for folder in sorted(written or first)]
    return []


def _has_transcript(tapes: Tapes) -> bool:
    return any(str(ref.name).startswith(f"{tapes.folder}/file/") for ref in tapes.refs)


def _find_behind(file: IndexFile, tapes: dict[str, Tapes]) -> tuple[list[str], list[Tapes]]:
    kept = file.read_ids()
    gone = [folder for folder in kept if folder not in tapes]
    wanted = [
        each
        for folder, each in tapes.items()
        if folder not in kept or kept[folder].tapes != each.key
    ]
    return gone, wanted


def _catch_up(
    file: IndexFile, repository: Repository, graph: TurnGraph, tapes: dict[str, Tapes]
) -> dict[str, KeptIds]:
    gone, wanted = _find_behind(file, tapes)
    for start in range(0, len(wanted) or bool(gone), BATCH_COUNT):
        read: dict[str, KeptIds] = {}
        for each in wanted[start : start + BATCH_COUNT]:
            try:
                read[each.folder] = _read_session(repository.objects, graph, each)
            except TapesError:
                gone.append(each.folder)
        file.update_ids(gone, read)
        gone = []
    return file.read_ids()


def _read_session(objects: ObjectDatabase, graph: TurnGraph, tapes: Tapes) -> KeptIds:
    """Return the ids that the turns of a session state: its main tape's first.

    Raises:
        TapesError: An object is missing or damaged.
    """
    main = pick_main_tape(tapes.refs, tapes.folder) or tapes.refs[0]
    seen: set[ObjectId] = set()
    turns: list[ObjectId] = []
    ids: dict[bytes, None] = {}
    for ref in (main, *tapes.refs):
        for oid, turn in iter_line(objects, graph, ref.oid, seen):
            if not turn.raw and turn.call is None:
                continue
            place = len(turns)
            turns.append(oid)
            for kind, value in _iter_ids(objects, turn):
                number = (ID_KINDS.index(kind) << KIND_SHIFT) | place
                ids[_hash(value) + number.to_bytes(4, "little")] = None
    return KeptIds(tapes.key, b"".join(turns), b"".join(ids))


def _iter_ids(objects: ObjectDatabase, turn: Turn) -> Iterator[StatedId]:
    pieces = list(iter_pieces(objects, [ObjectId.parse(piece.oid) for piece in turn.raw]))
    decode = find_decoder(turn.dialect)
    yield from iter_stated_ids(turn.dialect, pieces, decode(pieces) if decode is not None else ())
    if turn.call is not None and turn.call.response is not None:
        body = b"".join(iter_pieces(objects, piece_ids(turn)))
        value = find_response_id(turn.dialect, body)
        if value is not None:
            yield StatedId("message", value)


def _search(kept: dict[str, KeptIds], text: str) -> list[StatingTurn]:
    wanted = _hash(text)
    return [
        found for folder in sorted(kept) for found in _search_session(folder, kept[folder], wanted)
    ]


def _search_session(folder: str, kept: KeptIds, wanted: bytes) -> Iterable[StatingTurn]:
    """Return what a session has under a hash, in the order of its turns.

    Raises:
        DamagedIndexError: It names a turn that is none.
    """
    numbers = array("I")
    at = kept.ids.find(wanted)
    while at >= 0:
        if at % ID_SIZE_BYTES == 0:
            numbers.append(
                int.from_bytes(kept.ids[at + HASH_SIZE_BYTES : at + ID_SIZE_BYTES], "little")
            )
        at = kept.ids.find(wanted, at + 1)
    turns = []
    for number in sorted(numbers):
        kind, place = number >> KIND_SHIFT, number & ((1 << KIND_SHIFT) - 1)
        oid = kept.turns[place * OID_SIZE_BYTES : (place + 1) * OID_SIZE_BYTES]
        if kind >= len(ID_KINDS) or len(oid) < OID_SIZE_BYTES:
            raise DamagedIndexError
        turns.append(StatingTurn(ID_KINDS[kind], ObjectId(oid), folder))
    return turns


def _hash(value: str) -> bytes:
    return hash_content(value.encode("utf-8", "surrogatepass"))[:HASH_SIZE_BYTES]
