"""Sessions that go on from a turn: the leader that says so, and how their files are recognised.

A client is made to go on from a turn by a session file that repeats the turns before. The tape
of that session begins before the client does: its leader has the turn as its parent, and the
bytes of the file as its raw. What the client adds to the file follows the leader. A ref under
`refs/lineage/` says which leader a session begins with; a file that does not begin with those
bytes any more is recorded as if nobody had prepared it.

Source: tapes-resume(1), "RECORDING".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from tapegit.dialects.tapes.resume import DIALECT
from tapegit.graph.ancestry import is_ancestor
from tapegit.objects.oid import ObjectId
from tapegit.objects.rope_reader import iter_content
from tapegit.objects.turn import RawPiece, Session, Turn, clean_summary
from tapegit.refs.names import RefName, percent_encode_component

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tapegit.graph.turns import TurnGraph
    from tapegit.objects.rope_reader import Find
    from tapegit.refs.store import RefStore

LINEAGE: Final = "refs/lineage/"
MESSAGE: Final = "resume: "
"""How the reflog entry begins with which a branch began to follow a session."""


class Lineage(NamedTuple):
    """Where the tape of a session begins.

    Attributes:
        leader: Its leader, which is recorded.
        session_id: The session's id, in the harness's words.
        size_bytes: How many bytes of the file the leader has.
    """

    leader: ObjectId
    session_id: str
    size_bytes: int


def lineage_ref(harness: str, session_id: str) -> RefName:
    """Return the ref that names the leader of a session which goes on from a turn."""
    return RefName.parse(f"{LINEAGE}{harness}/{percent_encode_component(session_id)}")


def make_leader(
    session: Session, parent: ObjectId, raw: ObjectId, *, time_ms: int, summary: str
) -> Turn:
    """Return the leader of a session that goes on from a turn.

    Args:
        session: What is known of the session.
        parent: The turn.
        raw: The bytes of the file as the client gets it.
        time_ms: When.
        summary: Its line in a log.
    """
    return Turn(
        role="session",
        dialect=DIALECT,
        parents=(str(parent),),
        time=time_ms,
        raw=(RawPiece(str(raw)),),
        session=session,
        summary=clean_summary(summary) or None,
    )


def find_lineage(
    graph: TurnGraph,
    find: Find,
    leader: ObjectId,
    session_id: str,
    chunks: Iterable[bytes],
) -> Lineage | None:
    """Return where the tape of a file begins, or None where the file begins otherwise.

    Raises:
        ObjectNotFoundError: An object of the leader is missing.
        DataError: One is damaged.
    """
    turn = graph.read_turn(leader)
    if turn.dialect != DIALECT:
        return None
    pieces = (data for piece in turn.raw for data in iter_content(find, ObjectId.parse(piece.oid)))
    size_bytes = _measure_beginning(pieces, chunks)
    return Lineage(leader, session_id, size_bytes) if size_bytes is not None else None


def _measure_beginning(pieces: Iterable[bytes], chunks: Iterable[bytes]) -> int | None:
    """Return how many bytes the pieces have, or None where the chunks do not begin with them."""
    source = iter(chunks)
    held = b""
    size_bytes = 0
    for piece in pieces:
        parts = [held]
        length = len(held)
        while length < len(piece):
            chunk = next(source, None)
            if chunk is None:
                return None
            parts.append(chunk)
            length += len(chunk)
        held = b"".join(parts)
        if not held.startswith(piece):
            return None
        held = held[len(piece) :]
        size_bytes += len(piece)
    return size_bytes


def find_follower(
    refs: RefStore,
    graph: TurnGraph,
    leader: ObjectId,
    before: ObjectId | None,
    after: ObjectId,
) -> tuple[RefName, ObjectId] | None:
    """Return the branch that goes on with a session, and where it is; None where none does.

    It is the one that is checked out, if the session was started from it and it has not gone
    elsewhere since.

    Args:
        refs: The refs.
        graph: The turns.
        leader: Of the session's tape.
        before: Where the session's tape was.
        after: Where it is now.

    Raises:
        ObjectNotFoundError: A turn on the way is missing.
        DataError: One is damaged, or a ref is.
    """
    head = refs.read_head()
    if head.target is None or head.oid is None or head.oid == after:
        return None
    entries = refs.read_reflog(head.target)
    if not any(entry.new == leader and entry.message.startswith(MESSAGE) for entry in entries):
        return None
    if head.oid != before and not is_ancestor(graph, head.oid, after):
        return None
    return head.target, head.oid
