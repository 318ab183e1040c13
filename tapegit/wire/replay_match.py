"""Which recorded exchange answers a request: the matching of a replay.

Rules: pure. Each exchange answers once, in recorded order. A client that says which session and
agent it is stays in the lane that its first request was found in. Calls beside the conversation
never count against the run: what is not there is answered all the same.

Source: tapes-replay(1), "MATCHING".
"""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from tapegit.dialects.exchange import Response
    from tapegit.objects.oid import ObjectId
    from tapegit.recorder.exchanges import Headers
    from tapegit.wire.replay_keys import RequestKeys

    Lane = tuple[str, str, str | None]
    Levels = tuple[
        tuple["Level", dict[bytes, list[tuple["Step", "Taped"]]], attrgetter[bytes]],
        ...,
    ]

Level = Literal["exact", "normalised", "chain", "repeated"]
EXACT: Final[Level] = "exact"
NORMALISED: Final[Level] = "normalised"
CHAIN: Final[Level] = "chain"
REPEATED: Final[Level] = "repeated"
"""A call beside the conversation that was made more often than recorded: the last answer again."""


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
        keys: Of the request; of one that was not recorded `talk` alone counts.
        read_request: Gives the request's body, without secrets.
        reply: What came back.
        is_required: It counts for the end of the tape.
        group: Of attempts, where there were several.
    """

    turn: ObjectId
    place: str
    lane: ObjectId
    keys: RequestKeys
    read_request: Callable[[], bytes]
    reply: Reply
    is_required: bool
    group: str | None = None


class Step(NamedTuple):
    """What answers once: an exchange, or attempts of one call with the answer they led to."""

    number: int
    asked: tuple[Taped, ...]
    answer: Taped

    @property
    def is_side(self) -> bool:
        """Whether it is beside the conversation."""
        return self.answer.keys.is_side


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
        self._by_normal: dict[bytes, list[tuple[Step, Taped]]] = {}
        self._by_chain: dict[bytes, list[tuple[Step, Taped]]] = {}
        self._by_talk: dict[bytes, list[tuple[Step, Taped]]] = {}
        self._levels: Levels = (
            (EXACT, self._by_exact, attrgetter("exact")),
            (NORMALISED, self._by_normal, attrgetter("normal")),
            (CHAIN, self._by_chain, attrgetter("chain")),
            (CHAIN, self._by_talk, attrgetter("talk")),
        )[: 2 if is_strict else 4]
        for _, found, key_of in self._levels:
            for step in steps:
                for asked in step.asked:
                    if asked.reply.is_made == (found is self._by_talk):
                        found.setdefault(key_of(asked.keys), []).append((step, asked))

    @property
    def remaining(self) -> list[Step]:
        """The steps that have not answered and that count for the end."""
        return [
            step
            for step in self._steps
            if step.number not in self._served and step.answer.is_required
        ]

    def is_at_end(self, keys: RequestKeys) -> bool:
        """Return whether all that counts has answered, of the lane of a client that names one."""
        lane = self._lanes.get(_lane_of(keys) or ("", "", None))
        return not any(lane in {None, step.answer.lane} for step in self.remaining)

    def match(self, keys: RequestKeys) -> Match | None:
        """Return what answers a request, and use it up; None where nothing does."""
        lane = _lane_of(keys)
        for level, by_key, key_of in self._levels:
            for step, asked in by_key.get(key_of(keys), ()):
                if step.number in self._served or not self._fits(keys, lane, asked):
                    continue
                is_other = level == EXACT and keys.query != asked.keys.query
                return self._serve(NORMALISED if is_other else level, step, asked, keys, lane)
        if not keys.is_side:
            return None
        alike = [step for step in self._steps if step.answer.keys.is_for(keys)]
        unused = [step for step in alike if step.number not in self._served]
        if unused and keys.kind != "count-tokens":
            return self._serve(CHAIN, unused[0], unused[0].answer, keys, lane)
        return Match(REPEATED, alike[-1], alike[-1].answer) if alike else None

    def find_nearest(self, keys: RequestKeys) -> Taped | None:
        """Return the recorded request that is most like one that nothing answers.

        Of those that have not answered the one that shares the longest beginning; of several
        the first.
        """
        open_steps = [step for step in self.remaining if step.number not in self._served]
        lane = self._lanes.get(_lane_of(keys) or ("", "", None))
        best: tuple[tuple[bool, bool, int, int], Taped] | None = None
        for step in open_steps or self._steps:
            taped = step.answer
            if taped.keys.is_side != keys.is_side:
                continue
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
