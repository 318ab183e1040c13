"""Which recorded exchange answers a request: the matching of a replay.

Rules: pure. Each exchange answers once, in recorded order. A client that says which session and
agent it is stays in the lane that its first request was found in. A request that is not exactly
one that was recorded is looked for among those that come next on each tape, and only then among
all: a long conversation is read as it is followed, not before. Calls beside the conversation
never count against the run: what is not there is answered all the same.

Source: tapes-replay(1), "MATCHING".
"""

from __future__ import annotations

from itertools import islice
from operator import attrgetter
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from tapegit.dialects.exchange import Response
    from tapegit.objects.oid import ObjectId
    from tapegit.recorder.calls.exchanges import Headers
    from tapegit.wire.replay.keys import RequestKeys

    Lane = tuple[str, str, str | None]
    KeyOf = Callable[[RequestKeys], bytes]

Level = Literal["exact", "normalised", "chain", "repeated"]
EXACT: Final[Level] = "exact"
NORMALISED: Final[Level] = "normalised"
CHAIN: Final[Level] = "chain"
REPEATED: Final[Level] = "repeated"
"""A call beside the conversation that was made more often than recorded: the last answer again."""


NEXT_COUNT: Final = 32
"""So many calls of a tape may be left out before one that is asked: to compare is dear."""


class Reply(NamedTuple):
    """What a tape answers.

    Attributes:
        status: Of the response; None where there was none.
        headers: That were kept of it.
        read_body: Gives the body, content coding undone.
        coding: The content coding that it had.
        is_whole: It was not cut.
        first_s: From the request to the first byte.
        rest_s: From there to the last.
        is_left: Cut because the client gave it up, or was interrupted.
        read_response: Gives what the model said, where the response itself was not recorded: it
            is made from turns, in the interface that is asked.
    """

    status: int | None
    headers: Headers
    read_body: Callable[[], bytes]
    coding: str | None
    is_whole: bool
    first_s: float
    rest_s: float
    read_response: Callable[[], Response] | None = None
    is_left: bool = False

    @property
    def is_made(self) -> bool:
        """Whether it is made from turns."""
        return self.read_response is not None


class Taped(NamedTuple):
    """One recorded exchange.

    Attributes:
        turn: Of what came back.
        place: The tape and the number of the turn on it, `main#46`.
        lane: The leader of the conversation.
        route: Method, path and query of the request, without the prefixes of a proxy.
        exact: Of the body of the request, as it was stored.
        is_side: It is beside the conversation.
        read_keys: Gives all that is compared of the request; of one that was not recorded `talk`
            alone counts. It is dear where the request is large, and remembered.
        read_request: Gives the request's body, without secrets.
        reply: What came back.
        is_required: It counts for the end of the tape.
        group: Of attempts, where there were several.
    """

    turn: ObjectId
    place: str
    lane: ObjectId
    route: tuple[str, str, str]
    exact: bytes
    is_side: bool
    read_keys: Callable[[], RequestKeys]
    read_request: Callable[[], bytes]
    reply: Reply
    is_required: bool
    group: str | None = None

    @property
    def keys(self) -> RequestKeys:
        """What is compared of the request."""
        return self.read_keys()


class Step(NamedTuple):
    """What answers once: an exchange, or attempts of one call with the answer they led to."""

    number: int
    asked: tuple[Taped, ...]
    answer: Taped

    @property
    def is_side(self) -> bool:
        """Whether it is beside the conversation."""
        return self.answer.is_side


class Match(NamedTuple):
    """A step that answers a request, how well they fit, and which of its attempts did."""

    level: Level
    step: Step
    asked: Taped


def make_steps(tape: Iterable[Taped], *, is_faithful: bool) -> list[Step]:
    """Return the steps of a tape.

    Args:
        tape: Exchanges in the order in which they were asked.
        is_faithful: Errors and retries answer too, each for itself.
    """
    groups: dict[object, list[Taped]] = {}
    for number, each in enumerate(tape):
        is_one = each.group is not None and not is_faithful
        groups.setdefault((each.lane, each.group) if is_one else number, []).append(each)
    return [
        Step(number, tuple(attempts), attempts[-1])
        for number, attempts in enumerate(groups.values(), 1)
    ]


class Matcher:
    """Finds answers, and remembers which are used up.

    Args:
        steps: Of the tape.
        is_strict: The chain alone is not enough.
    """

    def __init__(self, steps: Sequence[Step], *, is_strict: bool = False) -> None:
        self._steps = steps
        self._served: set[int] = set()
        self._lanes: dict[Lane, ObjectId] = {}
        self._by_exact: dict[bytes, list[tuple[Step, Taped]]] = {}
        self._by_lane: dict[ObjectId, list[Step]] = {}
        levels: tuple[tuple[Level, KeyOf], ...] = (
            (NORMALISED, attrgetter("normal")),
            (CHAIN, attrgetter("chain")),
        )
        self._levels = levels[:1] if is_strict else levels
        self._has_made = any(step.answer.reply.is_made for step in steps) and not is_strict
        for step in steps:
            self._by_lane.setdefault(step.answer.lane, []).append(step)
            for asked in step.asked:
                if not asked.reply.is_made:
                    self._by_exact.setdefault(asked.exact, []).append((step, asked))

    @property
    def remaining(self) -> list[Step]:
        """The steps that have not answered and that count for the end."""
        return [
            step
            for step in self._steps
            if step.number not in self._served and step.answer.is_required
        ]

    def list_after(self, step: Step) -> list[Step]:
        """Return what the conversation of a step has left to answer."""
        return [
            each
            for each in self._by_lane[step.answer.lane]
            if each.number not in self._served and not each.is_side
        ]

    def is_at_end(self, keys: RequestKeys) -> bool:
        """Return whether all that counts has answered, of the lane of a client that names one."""
        lane = self._lanes.get(_lane_of(keys) or ("", "", None))
        return not any(lane in {None, step.answer.lane} for step in self.remaining)

    def match(self, keys: RequestKeys) -> Match | None:
        """Return what answers a request, and use it up; None where nothing does."""
        lane = _lane_of(keys)
        for step, asked in self._by_exact.get(keys.exact, ()):
            method, path, query = asked.route
            is_same = (method, path) == (keys.method, keys.path)  # so all that the body says is
            if is_same and step.number not in self._served and self._is_free(keys, lane, asked):
                level = NORMALISED if keys.query != query else EXACT
                return self._serve(level, step, asked, keys, lane)
        found = self._find(self._iter_next(keys, lane), keys, lane)
        if found is None and (lane is None or lane not in self._lanes):
            found = self._find(iter(self._steps), keys, lane)
        if found is not None or not keys.is_side:
            return found
        sides = [step for step in self._steps if step.is_side]
        alike = [step for step in sides if step.answer.keys.is_for(keys)]
        unused = [step for step in alike if step.number not in self._served]
        if unused and keys.kind != "count-tokens":
            return self._serve(CHAIN, unused[0], unused[0].answer, keys, lane)
        return Match(REPEATED, alike[-1], alike[-1].answer) if alike else None

    def _iter_next(self, keys: RequestKeys, lane: Lane | None) -> Iterator[Step]:
        """Yield what comes next on the tapes that a request may go on with."""
        bound = self._lanes.get(lane) if lane is not None and not keys.is_side else None
        for tape, steps in self._by_lane.items():
            if bound in {None, tape}:
                open_steps = (
                    step
                    for step in steps
                    if step.is_side == keys.is_side and step.number not in self._served
                )
                yield from islice(open_steps, NEXT_COUNT)

    def _find(self, steps: Iterator[Step], keys: RequestKeys, lane: Lane | None) -> Match | None:
        """Return the match of the best level among steps, the first of several."""
        waiting = [step for step in steps if step.number not in self._served]
        for level, key_of in self._levels:
            for step in waiting:
                for asked in step.asked:
                    if asked.reply.is_made or asked.is_side != keys.is_side:
                        continue
                    is_same = asked.exact == keys.exact or key_of(asked.keys) == key_of(keys)
                    if is_same and self._fits(keys, lane, asked):
                        return self._serve(level, step, asked, keys, lane)
        for step in waiting if self._has_made else ():
            for asked in step.asked:
                is_same = asked.reply.is_made and asked.keys.talk == keys.talk
                if is_same and self._fits(keys, lane, asked):
                    return self._serve(CHAIN, step, asked, keys, lane)
        return None

    def find_nearest(self, keys: RequestKeys) -> Taped | None:
        """Return the recorded request that is most like one that nothing answers.

        Of those that come next on each tape the one that shares the longest beginning; of
        several the first. Where all have answered, of the last.
        """
        lane = self._lanes.get(_lane_of(keys) or ("", "", None))
        best: tuple[tuple[bool, bool, int, int], Taped] | None = None
        last = [step for step in self._steps if step.is_side == keys.is_side][-NEXT_COUNT:]
        for step in list(self._iter_next(keys, None)) or last:
            taped = step.answer
            shared = _shared(taped.keys.units, keys.units)
            rank = (
                taped.keys.dialect == keys.dialect,
                lane is None or taped.lane == lane,
                shared,
                -abs(len(taped.keys.units) - len(keys.units)),
            )
            if best is None or rank > best[0]:
                best = rank, taped
        return best[1] if best is not None else None

    def _serve(
        self, level: Level, step: Step, asked: Taped, keys: RequestKeys, lane: Lane | None
    ) -> Match:
        self._served.add(step.number)
        if lane is not None and not keys.is_side:
            self._lanes[lane] = asked.lane
        return Match(level, step, asked)

    def _fits(self, keys: RequestKeys, lane: Lane | None, asked: Taped) -> bool:
        if not (asked.keys.is_for(keys) or (asked.reply.is_made and _asks_model(keys))):
            return False
        return self._is_free(keys, lane, asked)

    def _is_free(self, keys: RequestKeys, lane: Lane | None, asked: Taped) -> bool:
        """Return whether a tape is the one that a client follows, or one that nobody follows."""
        if lane is None or keys.is_side:
            return True
        bound = self._lanes.get(lane)
        if bound is not None:
            return bound == asked.lane
        return asked.lane not in self._lanes.values()


def _asks_model(keys: RequestKeys) -> bool:
    return keys.dialect is not None and not keys.is_side


def _lane_of(keys: RequestKeys) -> Lane | None:
    client = keys.client
    if client.session is None:
        return None
    return client.harness, client.session, client.agent


def _shared(one: Sequence[bytes], other: Sequence[bytes]) -> int:
    count = 0
    for left, right in zip(one, other, strict=False):
        if left != right:
            break
        count += 1
    return count
