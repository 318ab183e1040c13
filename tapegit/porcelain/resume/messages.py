"""`resume --with messages`: the request with which code of the user's own goes on from a turn.

Source: tapes-resume(1), "MESSAGES".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from tapegit.dialects.parts import Text
from tapegit.dialects.wire_table import WIRE_DIALECTS
from tapegit.dialects.writing.conversation import SpokenTurn, make_request
from tapegit.errors import UserError
from tapegit.porcelain.export.request import find_asked
from tapegit.porcelain.resume.conversation import read_conversation

if TYPE_CHECKING:
    from tapegit.dialects.exchange import Loss
    from tapegit.graph.turns import TurnGraph
    from tapegit.objects.oid import ObjectId
    from tapegit.porcelain.resume.conversation import Conversation
    from tapegit.store.database import ObjectDatabase

MESSAGES: Final = "messages"
DEFAULT_INTERFACE: Final = "anthropic.messages@1"
_INTERFACES: Final = {
    "codex": "openai.responses@1",
    "gemini-cli": "gemini.generate@1",
    "mini-swe-agent": "openai.chat@1",
    "swe-agent": "openai.chat@1",
}
"""Of the providers that harnesses talk to; a recorded request says it itself."""


class Messages(NamedTuple):
    """A request's body.

    Attributes:
        body: The body, JSON.
        interface: Whose it is: the name of a wire dialect.
        losses: What of the conversation is not in it.
        repair_count: How many calls without a result got one.
    """

    body: bytes
    interface: str
    losses: tuple[Loss, ...]
    repair_count: int


def make_messages(
    objects: ObjectDatabase, graph: TurnGraph, oid: ObjectId, prompt: str | None
) -> Messages:
    """Return the conversation up to a turn as its provider takes it, and a prompt after it.

    Raises:
        UserError: Nothing was said there.
        ObjectNotFoundError: An object is missing.
        DataError: An object is damaged.
    """
    conversation = read_conversation(objects, graph, oid, None)
    turns = [
        SpokenTurn(each.dialect, each.role, each.parts, each.model)
        for each in conversation.said
        if not each.is_repair
    ]
    asked = find_asked(objects, conversation.turns)
    interface = asked.dialect if asked is not None else _find_interface(conversation)
    own = {turn.dialect for turn in turns} - {None, ""}
    dialect = own.pop() if len(own) == 1 else ""
    spoken = [
        SpokenTurn(dialect if each.is_repair else each.dialect, each.role, each.parts, each.model)
        for each in conversation.said
    ]
    if prompt is not None:
        spoken.append(SpokenTurn(dialect, "user", (Text(text=prompt),)))
    request = make_request(spoken, asked)
    if not request.messages:
        raise UserError(f"nothing was said up to '{oid.short()}' from which to go on")
    encoded = WIRE_DIALECTS[interface].encode_request(request)
    losses = (*conversation.losses, *encoded.losses)
    return Messages(encoded.body, interface, losses, len(conversation.repairs))


def _find_interface(conversation: Conversation) -> str:
    """Return the interface of whoever answered last."""
    for each in reversed(conversation.said):
        if each.dialect in WIRE_DIALECTS:
            return each.dialect
        name = each.dialect.partition("@")[0]
        if name in _INTERFACES:
            return _INTERFACES[name]
    return DEFAULT_INTERFACE
