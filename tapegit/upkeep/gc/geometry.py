"""Which packs to fold: sizes in, a count out.

Pure, so that the cost of a long recording can be simulated in a test.

Source: tapesmaintenance(7), "How gc works", step 4.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

FACTOR: Final = 2


def count_to_fold(sizes_bytes: Sequence[int], *, fresh_bytes: int = 0, factor: int = FACTOR) -> int:
    """Return how many of the smallest packs go into the new one.

    Afterwards each pack that stays is at least `factor` times as large as all smaller ones
    and the new one together, as far as sizes can tell before writing.

    Args:
        sizes_bytes: Sizes of the packs, ascending.
        fresh_bytes: Size of what is not in a pack yet and goes into the new one.
        factor: How much larger the next pack must be.
    """
    count = _first_in_progression(sizes_bytes, factor)
    total = fresh_bytes + sum(sizes_bytes[:count])
    while count < len(sizes_bytes) and sizes_bytes[count] < factor * total:
        total += sizes_bytes[count]
        count += 1
    return 0 if count == 1 and not fresh_bytes else count


def _first_in_progression(sizes_bytes: Sequence[int], factor: int) -> int:
    """Return where the longest run begins that ends at the largest and keeps the factor."""
    for index in range(len(sizes_bytes) - 1, 0, -1):
        if sizes_bytes[index] < factor * sizes_bytes[index - 1]:
            return index + 1
    return 0
