"""What goes over the wire between a client and a model, whatever the provider: values alone.

A `Request` is what a client sent, a `Response` what came back; both consist of the parts that
transcripts consist of. A `WireDialect` reads and writes them for one provider's interface.

Source: tapesdialect-anthropic-messages(7).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

import msgspec

# A Struct's fields are read when it is first decoded: they are no types for checking alone.
from tapegit.dialects.parts import AnyPart  # noqa: TC001
from tapegit.objects.turn import Usage  # noqa: TC001

if TYPE_CHECKING:
    from collections.abc import Callable


class Message(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One message of a conversation.

    `role` is `user`, `assistant`, `tool` (it holds a result of a call) or `system`; another
    role is as the source has it.
    """

    role: str
    parts: tuple[AnyPart, ...] = ()


class Tool(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A tool that the model may call.

    `parameters` is the JSON of its schema; `raw` is the definition as the source has it. A tool
    of the provider's own has no parameters.
    """

    name: str
    raw: str
    description: str | None = None
    parameters: str | None = None


class Request(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What a client asked of a model.

    `parameters` are all other members of the body, each as JSON; `previous` is the id of the
    response that this goes on from, where the provider keeps the conversation.
    """

    dialect: str
    model: str | None = None
    system: tuple[AnyPart, ...] = ()
    tools: tuple[Tool, ...] = ()
    parameters: dict[str, str] = {}
    messages: tuple[Message, ...] = ()
    previous: str | None = None


class Response(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What a model answered.

    `is_complete` says that its end has come; of a stream that was cut it has not. `id` is the
    provider's own for the message.
    """

    dialect: str
    id: str | None = None
    model: str | None = None
    parts: tuple[AnyPart, ...] = ()
    stop: str | None = None
    usage: Usage | None = None
    is_complete: bool = False


class Loss(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Something that a body cannot carry.

    `kind` is one of those in tapesdialect-anthropic-messages(7), "Losses"; `message` counts
    from 1 and is absent where none is meant.
    """

    kind: str
    detail: str
    message: int | None = None


def loss_members(loss: Loss) -> dict[str, object]:
    """Return a loss as the members of a JSON object."""
    members: dict[str, object] = msgspec.to_builtins(loss)
    return members


class Encoded(NamedTuple):
    """A request's body, and what of the request is not in it."""

    body: bytes
    losses: tuple[Loss, ...]


class StreamDecoder(Protocol):
    """Reads a streamed response as it comes, in pieces of any size."""

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes."""

    def finish(self) -> Response:
        """Return what has come, whole or cut; nothing may be fed after that."""


class WireDialect(NamedTuple):
    """What reads and writes the bodies of one provider's interface.

    Errors: each decoder raises FormatError for what is no such body or too large, and nothing
    else; what it does not understand inside is an `Unknown` part.
    """

    name: str
    decode_request: Callable[[bytes], Request]
    decode_message: Callable[[bytes], Message]
    decode_response: Callable[[bytes], Response]
    stream_decoder: Callable[[], StreamDecoder]
    encode_request: Callable[[Request], Encoded]

    def decode_stream(self, body: bytes) -> Response:
        """Return what a streamed response says, whole or cut.

        Raises:
            FormatError: It has more parts than one may have.
        """
        stream = self.stream_decoder()
        stream.feed(body)
        return stream.finish()
