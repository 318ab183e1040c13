"""Two tapes side by side: which steps belong together.

Pure. First the steps that have one context id: there the model had seen and said the same, in
however many turns. Between them and after the last one the longest common subsequence of what
was said. What is left between two of those pairs is paired by role, in order, so that as many
as possible have a partner and the partners are as alike as possible: they were changed. What
then has no partner is on one side only.

Source: tapes-diff(1), "ALIGNMENT".
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Final, NamedTuple

from tapegit.graph.subsequence import MATCH_COUNT_MAX, common_subsequence

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tapegit.porcelain.diff.steps import Step

CELL_COUNT_MAX: Final = 60_000
"""Pairs of steps that are weighed between two that belong together; some 0.1 s."""
CELL_COUNT_SUM: Final = 2_000_000
"""The same in all."""
_PAIR: Final = 1000
"""What a pair weighs, beside at most as much for being alike."""
_WORD_COUNT_MAX: Final = 24


class Entry(NamedTuple):
    """One place of an alignment; a side is None where it has nothing there.

    `is_same` says that nothing that was said differs, also where one side has no turn of its
    own for it; `is_moved` that the same was said after something else.
    """

    old: Step | None
    new: Step | None
    is_same: bool
    is_moved: bool = False


class Alignment(NamedTuple):
    """All places in order; `is_exact` says that nothing had to be cut short."""

    entries: list[Entry]
    is_exact: bool


def align(old: Sequence[Step], new: Sequence[Step]) -> Alignment:
    """Put the steps of two tapes side by side."""
    aligner = _Aligner()
    entries = list(aligner.iter_all(old, new))
    return Alignment(entries, aligner.is_exact)


class _Aligner:
    """Aligns, and remembers whether it had to be coarse."""

    def __init__(self) -> None:
        self.is_exact = True
        self._cells_left = CELL_COUNT_SUM

    def iter_all(self, old: Sequence[Step], new: Sequence[Step]) -> Iterator[Entry]:
        """Yield all entries, with the steps of one context as fixed points."""
        spoken = [_places(steps, _speaks) for steps in (old, new)]
        pairs = self._common(
            [old[place].context for place in spoken[0]], [new[place].context for place in spoken[1]]
        )
        i = j = 0
        for old_at, new_at in ((spoken[0][a], spoken[1][b]) for a, b in pairs):
            gaps = old[i:old_at], new[j:new_at]
            # One context after one context: whatever lies between said the same, unless the
            # context began anew there.
            is_said = not any(step.restarts for gap in gaps for step in gap)
            yield from self._iter_gap(*gaps, is_said=is_said)
            yield Entry(old[old_at], new[new_at], is_same=True)
            i, j = old_at + 1, new_at + 1
        yield from self._iter_gap(old[i:], new[j:], is_said=False)

    def _iter_gap(
        self, old: Sequence[Step], new: Sequence[Step], *, is_said: bool
    ) -> Iterator[Entry]:
        pairs = self._common([step.key for step in old], [step.key for step in new])
        i = j = 0
        for old_at, new_at in pairs:
            yield from self._iter_rest(old[i:old_at], new[j:new_at], is_said=is_said)
            one, other = old[old_at], new[new_at]
            is_moved = not is_said and one.context != other.context
            yield Entry(one, other, is_same=True, is_moved=is_moved)
            i, j = old_at + 1, new_at + 1
        yield from self._iter_rest(old[i:], new[j:], is_said=is_said)

    def _iter_rest(
        self, old: Sequence[Step], new: Sequence[Step], *, is_said: bool
    ) -> Iterator[Entry]:
        """Yield steps of which no two are the same, but perhaps two runs of them."""
        if is_said:
            spoken = [[step for step in steps if _speaks(step)] for steps in (old, new)]
            yield from _iter_divided(*spoken, is_moved=False)
            old = [step for step in old if not _speaks(step)]
            new = [step for step in new if not _speaks(step)]
        old = [step for step in old if not step.is_silent]
        new = [step for step in new if not step.is_silent]
        runs = _runs(old), _runs(new)
        i = j = 0
        for old_at, new_at in self._common(*([_run_key(run) for run in each] for each in runs)):
            yield from self._iter_changed(_joined(runs[0][i:old_at]), _joined(runs[1][j:new_at]))
            yield from _iter_divided(runs[0][old_at], runs[1][new_at], is_moved=True)
            i, j = old_at + 1, new_at + 1
        yield from self._iter_changed(_joined(runs[0][i:]), _joined(runs[1][j:]))

    def _iter_changed(self, old: Sequence[Step], new: Sequence[Step]) -> Iterator[Entry]:
        """Yield steps that differ, and those of one side."""
        i = j = 0
        for old_at, new_at in [*self._pair(old, new), (len(old), len(new))]:
            for step in old[i:old_at]:
                yield Entry(step, None, is_same=False)
            for step in new[j:new_at]:
                yield Entry(None, step, is_same=False)
            if old_at < len(old):
                yield Entry(old[old_at], new[new_at], is_same=False)
            i, j = old_at + 1, new_at + 1

    def _pair(self, old: Sequence[Step], new: Sequence[Step]) -> list[tuple[int, int]]:
        if not old or not new:
            return []
        count = len(old) * len(new)
        self._cells_left -= count if count <= CELL_COUNT_MAX else 0
        if count > CELL_COUNT_MAX or self._cells_left < 0:
            self.is_exact = False
            return self._common([step.shape for step in old], [step.shape for step in new])
        if [step.key for step in new] < [step.key for step in old]:
            return [(i, j) for j, i in _best_pairs(new, old)]
        return _best_pairs(old, new)

    def _common(self, old: list[bytes], new: list[bytes]) -> list[tuple[int, int]]:
        found = common_subsequence(old, new, match_count_max=MATCH_COUNT_MAX)
        self.is_exact = self.is_exact and found.is_longest
        return found.pairs


def _best_pairs(old: Sequence[Step], new: Sequence[Step]) -> list[tuple[int, int]]:
    """Return the pairs, ascending on both sides, that weigh most together."""
    weigh = _weigher(old, new)
    width = len(new) + 1
    # best[i * width + j] is the weight of the best pairs among old[i:] and new[j:].
    best = [0] * ((len(old) + 1) * width)
    weights = [0] * (len(old) * len(new))
    for i in range(len(old) - 1, -1, -1):
        for j in range(len(new) - 1, -1, -1):
            weight = weigh(i, j)
            weights[i * len(new) + j] = weight
            here = i * width + j
            both = best[here + width + 1] + weight if weight else 0
            best[here] = max(both, best[here + width], best[here + 1])
    pairs = []
    i = j = 0
    while i < len(old) and j < len(new):
        here = i * width + j
        weight = weights[i * len(new) + j]
        if weight and best[here] == best[here + width + 1] + weight:
            pairs.append((i, j))
            i, j = i + 1, j + 1
        elif best[here] == best[here + width]:
            i += 1
        else:
            j += 1
    return pairs


def _weigher(old: Sequence[Step], new: Sequence[Step]) -> Callable[[int, int], int]:
    features = [[_features(step) for step in steps] for steps in (old, new)]

    def weigh(i: int, j: int) -> int:
        if old[i].role != new[j].role:
            return 0
        one, other = features[0][i], features[1][j]
        return _PAIR + _PAIR * len(one & other) // (len(one | other) or 1)

    return weigh


def _features(step: Step) -> frozenset[object]:
    words = step.summary.split()[:_WORD_COUNT_MAX]
    return frozenset((*step.items, *words, step.shape))


def _places(steps: Sequence[Step], holds: Callable[[Step], bool]) -> list[int]:
    return [place for place, step in enumerate(steps) if holds(step)]


def _speaks(step: Step) -> bool:
    return bool(step.context)


def _runs(steps: Sequence[Step]) -> list[list[Step]]:
    """Return steps in runs of one role: there it is a matter of the source where a turn ends."""
    runs = groupby(steps, lambda step: step.role if _speaks(step) else step.oid)
    return [list(run) for _, run in runs]


def _joined(runs: Sequence[Sequence[Step]]) -> list[Step]:
    return [step for run in runs for step in run]


def _run_key(run: Sequence[Step]) -> bytes:
    return run[0].role.encode() + b"".join(item for step in run for item in step.items)


def _iter_divided(old: Sequence[Step], new: Sequence[Step], *, is_moved: bool) -> Iterator[Entry]:
    """Yield messages that say the same in other turns, side by side as far as their roles go."""
    i = j = 0
    while i < len(old) or j < len(new):
        if i < len(old) and j < len(new) and old[i].role == new[j].role:
            yield Entry(old[i], new[j], is_same=True, is_moved=is_moved)
            i, j = i + 1, j + 1
        elif len(old) - i >= len(new) - j:
            yield Entry(old[i], None, is_same=True)
            i += 1
        else:
            yield Entry(None, new[j], is_same=True)
            j += 1
