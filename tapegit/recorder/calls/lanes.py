"""Lanes: one tape each, of a session or of an agent in it, with what was left behind of it.

Refs of a session on the wire, below `refs/sessions/<harness>/<session>/wire/`:

    main                          the conversation
    agents/<agent>                that of an agent
    side/<kind>/<context>         a call beside it; the first 16 digits of the context id
    forks/<turn>                  a line that was left, by the first 16 digits of a turn of it

Source: tapeswire(7), "Refs".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from tapegit.errors import InvalidNameError
from tapegit.objects.oid import hash_content
from tapegit.recorder.calls.threads import Thread
from tapegit.recorder.session_names import session_folder
from tapegit.refs.names import RefName, percent_encode_component

if TYPE_CHECKING:
    from tapegit.objects.oid import ObjectId
    from tapegit.recorder.calls.clients import Client
    from tapegit.recorder.calls.threads import Line, Node

DIGIT_COUNT: Final = 16


class RefMove(NamedTuple):
    """A ref that is to move: where to (None: away), and whether what it held leads there."""

    name: RefName
    new: ObjectId | None
    is_fast_forward: bool = True


class Lane:
    """One lane.

    Attributes:
        client: Who it is of; its session is the one in the names of refs.
        folder: Of the refs of the session.
        thread: The tree of the conversation.
        is_named: Whether the client itself named the session.
        leader: The first turn.
        connection: Of its last request.
        dialect: Of its last request.
        by_response: The message that each response is, by the id that the provider gave it.
    """

    def __init__(self, client: Client, leader: ObjectId, *, is_named: bool) -> None:
        assert client.session is not None, "a lane has a session"
        self.client = client
        self.folder = f"{session_folder(client.harness, client.session)}/wire"
        self.begin(leader)
        self.is_named = is_named
        self.by_response: dict[str, Node] = {}
        self.connection = 0
        self.dialect: str | None = None

    def begin(self, leader: ObjectId) -> None:
        """Let the tape begin with this turn; there is nothing on it yet."""
        self.leader = leader
        self.thread = Thread(leader)

    def go_on(self, origin: Lane, node: Node, leader: ObjectId) -> None:
        """Let the tape begin within another one, after a message of it.

        Args:
            origin: The other, which nobody else uses.
            node: The message.
            leader: The first turn, which follows what the message has last.
        """
        self.begin(leader)
        self.thread = origin.thread
        self.by_response = origin.by_response
        self.thread.branch(node, leader)

    @property
    def is_begun(self) -> bool:
        """Whether there is more on the tape than the leader."""
        return self.thread.main.tip != self.leader

    @property
    def main_ref(self) -> RefName:
        """The ref of the main line."""
        return main_ref(self.client)

    def side_ref(self, name: str) -> RefName:
        """Return the ref of a side tape."""
        return RefName.parse(f"{self.folder}/side/{name}")

    def fork_ref(self, line: Line) -> RefName:
        """Return the ref of a line that is not the main one; it keeps its first name."""
        if line.fork_name is None:
            line.fork_name = line.tip.short(DIGIT_COUNT)
        return RefName.parse(f"{self.folder}/forks/{line.fork_name}")

    def ref_of(self, line: Line) -> RefName:
        """Return the ref of a line."""
        return self.main_ref if line is self.thread.main else self.fork_ref(line)

    def take_main(self, line: Line) -> list[RefMove]:
        """Let the main ref follow a line; return the moves: what it held goes to forks."""
        old = self.thread.main
        if line is old:
            return []
        self.thread.main = line
        moves = [RefMove(self.main_ref, line.tip, is_fast_forward=False)]
        if old.tip != self.leader:
            moves.append(RefMove(self.fork_ref(old), old.tip))
        if line.fork_name is not None:
            moves.append(RefMove(self.fork_ref(line), None))
        return moves


def main_ref(client: Client) -> RefName:
    """Return the ref of the main line of a session, or of an agent in it."""
    folder = f"{session_folder(client.harness, client.session or '')}/wire"
    if client.agent is None:
        return RefName.parse(f"{folder}/main")
    try:
        return RefName.parse(f"{folder}/agents/{percent_encode_component(client.agent)}")
    except InvalidNameError:
        # Two long parts are too much for one name: the second gives way to its hash.
        digits = hash_content(client.agent.encode("utf-8", "surrogatepass")).hex()[:32]
        return RefName.parse(f"{folder}/agents/_{digits}")
