"""`merge-base`: common ancestors of turns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tapegit.graph.ancestry import independent, merge_bases, octopus_bases

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tapegit.graph.turns import TurnGraph
    from tapegit.objects.oid import ObjectId

MERGE: Final = "merge"
OCTOPUS: Final = "octopus"
INDEPENDENT: Final = "independent"


def find_bases(graph: TurnGraph, oids: Sequence[ObjectId], mode: str = MERGE) -> list[ObjectId]:
    """Return what several turns have in common, newest first.

    Args:
        graph: The turns.
        oids: At least one; with `MERGE` the first is merged with all the others.
        mode: `MERGE`: the best common ancestors of the first and of a merge of the others;
            `OCTOPUS`: those of all of them; `INDEPENDENT`: those of the turns that no other
            one reaches.

    Raises:
        ObjectNotFoundError: The answer depends on a missing turn.
        DataError: A turn is damaged.
    """
    if mode == INDEPENDENT:
        # Given in the order asked, as git does; each once.
        chosen = set(independent(graph, oids))
        return [oid for oid in dict.fromkeys(oids) if oid in chosen]
    if mode == OCTOPUS:
        return octopus_bases(graph, oids)
    return merge_bases(graph, oids[0], *oids[1:])
