"""Which refs of a remote are meant by the names that a fetch or a clone is given.

Source: tapes-fetch(1).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tapegit.errors import AmbiguousRevisionError, RefNotFoundError
from tapegit.graph.lookup import SESSION_PREFIX_LENGTH_MIN
from tapegit.refs.names import percent_decode_component
from tapegit.remote.ref_names import SESSIONS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tapegit.remote.ref_names import Shared

_NAMED_MAX: Final = 5


def choose_refs(wanted: Sequence[str], there: Iterable[Shared]) -> frozenset[Shared] | None:
    """Return the refs of a remote that are meant, or None for all, where nothing is named.

    Args:
        wanted: Names of branches, tags or sessions; a session's id, or the beginning of one; a
            pattern of full names.
        there: The refs that the remote has.

    Raises:
        RefNotFoundError: The remote has nothing of a name.
        AmbiguousRevisionError: It is the beginning of the ids of several sessions.
    """
    if not wanted:
        return None
    refs = list(there)
    named: dict[str, list[Shared]] = {}
    for shared in refs:
        for text in set(_texts(shared)):
            named.setdefault(text, []).append(shared)
    chosen: set[Shared] = set()
    for text in wanted:
        found = _match_pattern(text, refs) if "*" in text else named.get(text)
        chosen.update(found or [_find_begun(text, refs)])
    return frozenset(chosen)


def _texts(shared: Shared) -> tuple[str, ...]:
    """Return what a ref of a remote may be called by whoever asks for it."""
    names = (shared.remote_name, shared.full, shared.short, shared.name)
    if shared.kind != SESSIONS:
        return names
    own = shared.name.rpartition("/")[2]
    return *names, own, _session_id(shared)


def _match_pattern(text: str, refs: Iterable[Shared]) -> list[Shared]:
    """Return the refs that a name with one star means, as git's patterns of refs do."""
    start, _, end = text.partition("*")
    return [
        shared
        for shared in refs
        for name in (shared.remote_name, shared.full)
        if name.startswith(start) and name.endswith(end) and len(name) >= len(start) + len(end)
    ]


def _session_id(shared: Shared) -> str:
    own = shared.name.rpartition("/")[2]
    return percent_decode_component(own) if "%" in own else own


def _find_begun(text: str, refs: Iterable[Shared]) -> Shared:
    """Return the one session whose id begins with a text."""
    begun = []
    if len(text) >= SESSION_PREFIX_LENGTH_MIN:
        sessions = (shared for shared in refs if shared.kind == SESSIONS)
        begun = sorted(shared for shared in sessions if _session_id(shared).startswith(text))
    if not begun:
        raise RefNotFoundError(
            f"the remote has no branch, tag or session '{text}'",
            hint="'tapes ls-remote' and its name or address lists what a remote has",
            name=text,
        )
    if len(begun) > 1:
        names = ", ".join(shared.name for shared in begun[:_NAMED_MAX])
        raise AmbiguousRevisionError(
            f"'{text}' is the beginning of {len(begun)} sessions of the remote",
            hint=f"they are {names}{', …' if len(begun) > _NAMED_MAX else ''}",
            text=text,
        )
    return begun[0]
