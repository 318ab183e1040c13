"""`step`: a tape as a debugger sees a program, one turn at a time.

Rules: a tape is the turns from its leader to its tip along first parents; the leader is turn 0.
Nothing is read of a turn before it is shown or searched.

Source: tapes-step(1).
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from tapegit.dialects.meaning.arguments import decode_arguments, format_value
from tapegit.dialects.wire_parts import read_asked
from tapegit.errors import RefNotFoundError, UserError
from tapegit.graph.selection import Selected
from tapegit.graph.walk import iter_first_parents
from tapegit.objects.oid import ObjectId
from tapegit.objects.rope_reader import read_content
from tapegit.porcelain.diff.requests import RequestReader
from tapegit.porcelain.diff.settings import SettingsState, states_settings
from tapegit.porcelain.export.export import Choice
from tapegit.porcelain.export.request import REQUEST_FORMATS, export_request
from tapegit.porcelain.history.show import ShownTurn, iter_shown
from tapegit.porcelain.step.seek import make_seeker

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tapegit.graph.resolve import Resolver
    from tapegit.graph.turns import TurnGraph
    from tapegit.objects.turn import Turn
    from tapegit.repository.repository import Repository

CACHE_COUNT: Final = 4096
DIALECT_FORMATS: Final = {
    dialect.partition("@")[0]: name for name, dialect in REQUEST_FORMATS.items()
}
FORMAT_DEFAULT: Final = "anthropic"


class Request(NamedTuple):
    """What the model was asked at a turn.

    Attributes:
        dialect: The interface that it is in.
        body: The request's bytes.
        is_recorded: They were captured; else they are made from the turns before it.
        loss_count: How much of the tape such a body cannot carry.
    """

    dialect: str
    body: bytes
    is_recorded: bool
    loss_count: int

    def read(self, what: str) -> str | None:
        """Return its `system` prompt or its `tools` as text, or None where it has none."""
        if what == "system":
            system = read_asked(self.dialect, self.body, "system")
            return system.decode("utf-8", "replace") if system else None
        body = decode_arguments(self.body.decode("utf-8", "replace"))
        tools = body.get("tools") if isinstance(body, dict) else None
        return format_value(tools) if tools else None


class Change(NamedTuple):
    """A setting that is another than at the answer before; None where it was not known."""

    name: str
    before: object
    after: object


class Tape:
    """One tape, and where one stands on it.

    Attributes:
        oids: Its turns, the leader first.
        position: The number of the turn that one stands at.
    """

    def __init__(
        self, repository: Repository, graph: TurnGraph, oids: list[ObjectId], position: int
    ) -> None:
        self._objects = repository.objects
        self._graph = graph
        self.oids = oids
        self.position = position
        self._requests = RequestReader(repository.objects)
        self._read = lru_cache(CACHE_COUNT)(self._read_turn)

    @property
    def oid(self) -> ObjectId:
        """The turn that one stands at."""
        return self.oids[self.position]

    def show(self, number: int | None = None) -> ShownTurn:
        """Return a turn with its parts; by default the one that one stands at.

        Raises:
            ObjectNotFoundError: An object of it is missing.
            DataError: One is damaged.
        """
        oid = self.oid if number is None else self.oids[number]
        (shown,) = iter_shown(self._objects, (Selected(oid),))
        assert isinstance(shown, ShownTurn), "a tape has turns alone"
        return shown

    def read(self, number: int) -> Turn:
        """Return a turn without its parts."""
        return self._read(self.oids[number])

    def go(self, number: int) -> None:
        """Go to a turn by its number; a negative one counts from the end.

        Raises:
            UserError: The tape has no such turn.
        """
        wanted = number + len(self.oids) if number < 0 else number
        if not 0 <= wanted < len(self.oids):
            raise UserError(f"the tape has turns 0 to {len(self.oids) - 1}, and no turn {number}")
        self.position = wanted

    def move(self, count: int) -> bool:
        """Go forward, or back by a negative count, as far as there is tape; say if one moved."""
        before = self.position
        self.position = min(max(before + count, 0), len(self.oids) - 1)
        return self.position != before

    def seek(self, what: str, value: str, step: int) -> bool:
        """Go to the next turn that something is true of; stay where there is none.

        Args:
            what: `error`, `tool`, `file`, `role`, `decision` or `text`.
            value: Its name, path or pattern.
            step: 1 for forward, -1 for back.

        Raises:
            UserError: There is nothing of that name to seek, or the pattern is none.
            DataError: A turn on the way is damaged.
        """
        find = self._objects.find
        seeker = make_seeker(find, what, value)
        number = self.position + step
        while 0 <= number < len(self.oids):
            if seeker.takes(find, self.read(number)):
                self.position = number
                return True
            number += step
        return False

    def iter_context(self) -> Iterator[tuple[int, Turn]]:
        """Yield number and turn of all that came before, and the turn itself."""
        for number in range(self.position + 1):
            yield number, self._read(self.oids[number])

    def iter_around(self, count: int) -> Iterator[tuple[int, Turn]]:
        """Yield number and turn of the turns around the one that one stands at."""
        first = max(self.position - count, 0)
        for number in range(first, min(self.position + count + 1, len(self.oids))):
            yield number, self._read(self.oids[number])

    def find_request(self) -> Request:
        """Return what the model was asked for this turn, or would be asked after it.

        Of an answer it is the recorded request; where there is none it is made from the turns
        before it, in the interface of the tape or else in that of Anthropic.

        Raises:
            UserError: Nothing was said before it.
        """
        turn = self._read(self.oid)
        if turn.call is not None and turn.call.request is not None:
            body = read_content(self._objects.find, ObjectId.parse(turn.call.request))
            return Request(turn.dialect or "", body, is_recorded=True, loss_count=0)
        is_answer = turn.role == "assistant" and self.position > 0
        tip = self.oids[self.position - 1] if is_answer else self.oid
        name = (turn.dialect or "").partition("@")[0]
        form = DIALECT_FORMATS.get(name, FORMAT_DEFAULT)
        made = export_request(self._objects, self._graph, Choice([], tip), form)
        dialect = REQUEST_FORMATS[form]
        return Request(dialect, made.body, is_recorded=False, loss_count=len(made.losses))

    def find_changes(self) -> list[Change]:
        """Return the settings of this answer that are others than those of the answer before.

        Where requests were recorded these are their system prompt, tools and parameters too.

        Raises:
            ObjectNotFoundError: An object is missing.
            DataError: One is damaged.
        """
        place = self._find_answer_before()
        turn = self.read(self.position)
        if place is None or turn.role != "assistant":
            return []
        state = SettingsState()
        before: dict[str, object] = {}
        for number in range(self.position + 1):
            stating = self.read(number)
            if states_settings(stating):
                state.take(stating, self.show(number).parts)
            if number == place:
                before = state.current(stating)
        now = {**state.current(turn), **self._asked(turn)}
        before = {**before, **self._asked(self.read(place))}
        return [
            Change(name, before.get(name), now.get(name))
            for name in sorted(before | now)
            if before.get(name) != now.get(name)
        ]

    def iter_new(self) -> Iterator[tuple[int, Turn]]:
        """Yield number and turn of what came since the answer before, this turn left out."""
        place = self._find_answer_before()
        for number in range(place + 1 if place is not None else 0, self.position):
            yield number, self.read(number)

    def _find_answer_before(self) -> int | None:
        places = range(self.position - 1, -1, -1)
        return next((place for place in places if self.read(place).role == "assistant"), None)

    def _asked(self, turn: Turn) -> dict[str, object]:
        """Return what the request of a turn asked besides the conversation, if it was recorded."""
        call = turn.call
        if call is None or call.request is None or turn.dialect is None:
            return {}
        place = (turn.dialect, ObjectId.parse(call.request), call.system, call.tools)
        asked = self._requests.read(place)
        if asked is None:
            return {}
        tools = {f"tool {name}": definition for name, definition in asked.tools.items()}
        parameters = {name: value for name, value in asked.parameters.items() if name != "model"}
        return {**parameters, **tools, **({"system": asked.system} if asked.system else {})}

    def _read_turn(self, oid: ObjectId) -> Turn:
        return self._graph.read_turn(oid)


def open_tape(
    repository: Repository, graph: TurnGraph, resolver: Resolver, text: str | None, tip: ObjectId
) -> Tape:
    """Return the tape that a revision means, and the turn that one begins at.

    `SESSION#N` stands at turn N of the tape of SESSION; any other revision is a tip, and one
    begins at the leader.

    Args:
        repository: The store.
        graph: Its turns.
        resolver: What turns revisions into ids.
        text: What the user wrote; None for what stands for nothing.
        tip: What it resolves to.

    Raises:
        RefNotFoundError: It names nothing.
        DataError: A turn on the way is damaged.
    """
    base, mark, number = (text or "").rpartition("#")
    position = 0
    if mark and base and number.isdecimal():
        tip, position = resolver.resolve(base), int(number)
    oids = []
    for oid in iter_first_parents(graph, tip):
        oids.append(oid)
        if graph.is_leader(oid):
            break
    oids.reverse()
    if position >= len(oids):
        raise RefNotFoundError(
            f"'{text}' names nothing: the tape has turns 0 to {len(oids) - 1}", name=text
        )
    return Tape(repository, graph, oids, position)
