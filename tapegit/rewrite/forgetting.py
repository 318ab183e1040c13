"""What goes with sessions that are forgotten: their tapes, what only they need, notes on them.

Rules: a turn goes that begins a tape of such a session, and with it every turn that descends from
one that goes. Content goes that nothing else names. A note about a turn that goes is left out
of its chain; the notes after it are written anew.

Source: tapes-forget(1).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from tapegit.graph.lookup import FETCHED, REMOTES, SESSIONS
from tapegit.objects.canonical import decode_canonical, encode_canonical
from tapegit.objects.kind import Kind
from tapegit.objects.oid import ObjectId
from tapegit.objects.turn import decode_turn
from tapegit.recorder.sources.lineage import LINEAGE
from tapegit.refs.names import HEAD, RefName
from tapegit.rewrite.survey import close_upwards, sort_links_first

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator

    from tapegit.refs.store import RefStore
    from tapegit.rewrite.survey import Survey

    Write = Callable[[Kind, bytes], ObjectId]

NOTE: str = "note"
LEADER: str = "session"


class Going(NamedTuple):
    """What goes.

    Attributes:
        numbers: Turns and tags of the survey, by number.
        refs: Refs of the sessions.
        followers: Refs of remotes that follow them, which go too.
        others: Further refs that lead to one of the turns.
    """

    numbers: frozenset[int]
    refs: tuple[str, ...]
    followers: tuple[str, ...]
    others: tuple[str, ...]


def find_folder(name: str) -> str | None:
    """Return the folder below `refs/sessions/` of the session that a ref is of, else None.

    The ref may be one that follows a remote.
    """
    home, fetched, rest = name.partition(FETCHED)
    own = f"{SESSIONS}{rest}" if fetched and home.startswith(REMOTES) else name
    parts = own.split("/", 4)
    return "/".join(parts[:4]) if len(parts) > 4 and own.startswith(SESSIONS) else None


def find_going(survey: Survey, refs: RefStore, folders: Iterable[str]) -> Going:
    """Return what goes with the sessions in these folders, those of remotes among them.

    Raises:
        TapesError: A ref or a reflog cannot be read.
    """
    folders = frozenset(folders)
    tips: set[ObjectId] = set()
    fetched: set[ObjectId] = set()
    own: list[str] = []
    for ref in refs.iter_refs():
        if find_folder(ref.name) not in folders:
            continue
        log = refs.read_reflog(ref.name)
        found = {ref.oid, *(entry.new for entry in log), *(entry.old for entry in log)}
        tips |= found
        if ref.name.startswith(SESSIONS):
            own.append(ref.name)
        else:
            fetched |= found
    begins = _find_beginnings(survey, refs, folders)
    own += begins.values()
    begins.update(dict.fromkeys(_find_fetched_beginnings(survey, fetched), ""))
    roots = _find_roots(survey, tips, begins.keys())
    numbers = frozenset(close_upwards(survey, roots, with_mentions=False))
    followers: list[str] = []
    others: list[str] = []
    for ref in refs.iter_refs():
        number = survey.find(ref.oid)
        if number not in numbers or ref.name in own:
            continue
        (followers if ref.name.startswith(REMOTES) else others).append(ref.name)
    head = refs.read_head()
    if head.target is None and head.oid is not None and survey.find(head.oid) in numbers:
        others.append(HEAD)
    return Going(numbers, tuple(own), tuple(followers), tuple(others))


def _find_beginnings(survey: Survey, refs: RefStore, folders: Iterable[str]) -> dict[int, str]:
    """Return the leaders of sessions that go on from another's turn, with the refs that say so."""
    begins = {}
    for folder in folders:
        name = RefName.parse(LINEAGE + folder.removeprefix(SESSIONS))
        oid = refs.find(name)
        number = survey.find(oid) if oid is not None else None
        if number is not None:
            begins[number] = str(name)
    return begins


def _find_fetched_beginnings(survey: Survey, tips: Iterable[ObjectId]) -> set[int]:
    """Return the leaders of fetched sessions that go on from another's turn; no ref says so."""
    begins = set()
    seen = set()
    for tip in tips:
        number = survey.find(tip)
        while number is not None and number not in seen and survey.kind(number) is Kind.TURN:
            seen.add(number)
            turn = decode_turn(survey.read(number).data)
            if turn.role == LEADER:
                if turn.parents:
                    begins.add(number)
                break
            number = survey.find(turn.parent_ids[0]) if turn.parents else None
    return begins


def _find_roots(
    survey: Survey, tips: Iterable[ObjectId], begins: Collection[int] = ()
) -> list[int]:
    """Return the turns that begin what tips lead to; a tip without a turn is passed over.

    They are those without parents, and leaders of sessions that go on from another's turn.
    """
    waiting = [n for n in map(survey.find, tips) if n is not None]
    seen = set(waiting)
    roots = []
    while waiting:
        number = waiting.pop()
        if survey.kind(number) not in (Kind.TURN, Kind.TAG):
            continue
        parents = [n for n in survey.links(number) if survey.kind(n) in (Kind.TURN, Kind.TAG)]
        if not parents or number in begins:
            roots.append(number)
            continue
        for parent in parents:
            if parent not in seen:
                seen.add(parent)
                waiting.append(parent)
    return roots


def find_content(survey: Survey, going: frozenset[int], kept: frozenset[ObjectId]) -> set[int]:
    """Return the blobs and ropes that nothing names but what goes.

    Args:
        survey: The store.
        going: Turns and tags that go.
        kept: What refs name themselves.
    """
    referrers = survey.referrers(with_mentions=False)
    gone = set(going)
    waiting = list(going)
    while waiting:
        for target in survey.links(waiting.pop()):
            if target in gone or survey.kind(target) not in (Kind.BLOB, Kind.ROPE):
                continue
            if survey.oids[target] in kept:
                continue
            if all(other in gone for other in referrers[target] or ()):
                gone.add(target)
                waiting.append(target)
    return gone - going


class NotesWithout:
    """Chains of notes without those about what goes.

    Args:
        survey: The store.
        going: What goes.
        write: Stores an object.

    Attributes:
        removed: Notes that went and have nothing in their place.
        successors: Of notes that went or were written anew, by id.
    """

    def __init__(self, survey: Survey, going: frozenset[int], write: Write) -> None:
        self._survey = survey
        self._write = write
        self._places: dict[ObjectId, list[ObjectId]] = {}
        self.removed: set[ObjectId] = set()
        self.successors: dict[ObjectId, ObjectId] = {}
        notes = set(self._find_notes(going))
        for number in sort_links_first(survey, close_upwards(survey, notes, with_mentions=False)):
            if survey.kind(number) is Kind.TURN:
                self._rewrite(number, is_removed=number in notes)

    def _find_notes(self, going: frozenset[int]) -> Iterator[int]:
        survey = self._survey
        for number in range(len(survey)):
            if number in going or not any(target in going for target in survey.mentions(number)):
                continue
            turn = decode_turn(survey.read(number).data)
            about = None if turn.about is None else survey.find(ObjectId.fromhex(turn.about))
            if turn.role == NOTE and about in going:
                yield number

    def _rewrite(self, number: int, *, is_removed: bool) -> None:
        oid = self._survey.oids[number]
        value: dict[str, Any] = decode_canonical(self._survey.read(number).data, where="turn")
        old = [ObjectId.fromhex(text) for text in value.get("parents", [])]
        parents = list(dict.fromkeys(new for each in old for new in self._places.get(each, [each])))
        if is_removed or ("about" not in value and len(parents) < 2):
            if not parents:
                self.removed.add(oid)
                self._places[oid] = []
                return
            if len(parents) == 1:
                self.successors[oid] = parents[0]
                self._places[oid] = parents
                return
            value = {"role": NOTE, "time": value["time"]} if "time" in value else {"role": NOTE}
        value["parents"] = [str(parent) for parent in parents]
        if not parents:
            del value["parents"]
        new = self._write(Kind.TURN, encode_canonical(value, where="turn"))
        self.successors[oid] = new
        self._places[oid] = [new]
