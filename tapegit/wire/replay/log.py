"""What a replay came to: each request, what answered it and how well they fit.

Source: tapes-replay(1), "REPORT".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from tapegit.wire.replay.compare import Drift
    from tapegit.wire.replay.match import Level

Verdict = Literal["followed", "stopped", "continued", "diverged"]


class Entry(NamedTuple):
    """One request, and what became of it.

    Attributes:
        number: From 1, in the order in which they came.
        method: As sent.
        path: Without the prefixes of a proxy.
        kind: `call`, or that of a side call.
        level: How well it fits what answered; None where nothing did.
        place: Of that on the tape, `main#46`.
        turn: The id of that turn.
        is_made: The answer was made from turns, or into another form.
        drifts: What differs in it all the same, each told once.
        nearest: Where nothing answered: the place of the recorded request that is most like it.
        diff: The lines of a diff against that.
        is_past_end: It came when all that was to answer had answered.
        is_live: The model itself was asked.
        status: Of what the model's provider said then, once that is known.
        is_interrupted: The client was interrupted while it waited for the rest of the answer.
    """

    number: int
    method: str
    path: str
    kind: str
    level: Level | None = None
    place: str | None = None
    turn: str | None = None
    is_made: bool = False
    drifts: tuple[Drift, ...] = ()
    nearest: str | None = None
    diff: tuple[str, ...] = ()
    is_past_end: bool = False
    is_live: bool = False
    status: int | None = None
    is_interrupted: bool = False

    @property
    def is_side(self) -> bool:
        """Whether it is beside the conversation, and counts for nothing."""
        return self.kind != "call"


class Report(NamedTuple):
    """A replay as a whole.

    Attributes:
        entries: Every request.
        missing: Places of recorded calls that nobody asked for.
        is_cut: The tape was cut on purpose, so that going on is no divergence.
    """

    entries: tuple[Entry, ...]
    missing: tuple[str, ...]
    is_cut: bool = False

    @property
    def divergence(self) -> Entry | None:
        """The first request of the conversation that nothing answered."""
        for entry in self.entries:
            if entry.level is None and not entry.is_side:
                is_meant = entry.is_past_end and (self.is_cut or entry.is_live)
                return None if is_meant else entry
        return None

    @property
    def verdict(self) -> Verdict:
        """Whether the tape was followed to its end."""
        if self.divergence is not None or self.missing:
            return "diverged"
        beyond = [each for each in self.entries if each.level is None and not each.is_side]
        if any(each.is_live for each in beyond):
            return "continued"
        return "stopped" if beyond else "followed"
