"""Requests written for each provider's interface: what is carried comes back, the rest is told."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tapegit.dialects.exchange import Loss, Message, Request, Tool
from tapegit.dialects.parts import (
    Attachment,
    Compaction,
    Failure,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    Unknown,
)
from tapegit.dialects.wire_table import WIRE_DIALECTS
from tests.wire import FIXTURES, RECORDINGS, recordings

if TYPE_CHECKING:
    from typing import Any

    Strategy = st.SearchStrategy[Any]

ANTHROPIC = "anthropic.messages@1"
GEMINI = "gemini.generate@1"
CHAT = "openai.chat@1"
RESPONSES = "openai.responses@1"
OLLAMA = "ollama.chat@1"

texts = st.text(min_size=1, max_size=20)
said = st.builds(Text, text=texts)
signed = st.builds(Thinking, text=texts, is_signed=st.just(True), signature=texts)
objects = st.dictionaries(texts, st.integers() | texts, max_size=2).map(
    lambda value: msgspec.json.encode(value).decode()
)


def images(*kinds, **more):
    """Return attachments of some kinds."""
    return st.builds(Attachment, kind=st.sampled_from(kinds), data=st.just("AAAA"), **more)


def calls(arguments):
    """Return calls with such arguments."""
    return st.builds(ToolCall, name=texts, arguments=arguments, id=texts)


def results(**more):
    """Return results of calls."""
    return st.builds(ToolResult, text=texts, call_id=texts, **more)


def some(part, most=3):
    """Return a few parts of a kind."""
    return st.lists(part, max_size=most)


def mixed(role, *parts):
    """Return messages of a role, each of some of the parts, in any order."""
    return st.builds(
        Message,
        role=st.just(role),
        parts=st.lists(st.one_of(*parts), min_size=1, max_size=4).map(tuple),
    )


def ordered(role, *parts):
    """Return messages of lists of parts, one list after the other, none of them empty."""
    return (
        st.tuples(*parts)
        .map(lambda lists: tuple(part for some in lists for part in some))
        .filter(bool)
        .map(lambda parts: Message(role=role, parts=parts))
    )


def rounds(*messages):
    """Return conversations in which such messages come in turn."""
    return st.lists(st.tuples(*messages), max_size=3).map(
        lambda told: tuple(message for messages in told for message in messages)
    )


def any_of(*messages):
    """Return conversations of such messages in any order."""
    return st.lists(st.one_of(*messages), max_size=6).map(tuple)


class Interface(NamedTuple):
    """What requests of an interface can carry of a conversation.

    `lost` are kinds of what it has no place for in recorded requests of others.
    """

    conversations: Strategy
    systems: Strategy
    model: str | None = "m"
    lost: frozenset[str] = frozenset({"parameter", "thinking"})


PNG = {"media_type": st.just("image/png")}
FILES = images("image", "document", **PNG)
THOUGHT = some(st.builds(Thinking, text=texts), 1)
INTERFACES = {
    ANTHROPIC: Interface(
        rounds(
            mixed("user", said, FILES),
            mixed("assistant", said, signed, calls(objects)),
            mixed(
                "tool",
                results(is_error=st.booleans(), attachments=some(FILES, 2).map(tuple)),
            ),
        ),
        some(said, 2),
        lost=frozenset({"parameter", "signature"}),
    ),
    GEMINI: Interface(
        rounds(
            mixed("user", said, images("image", **PNG)),
            mixed("assistant", said, signed, calls(objects)),
            mixed("tool", results(is_error=st.booleans(), name=texts)),
        ),
        some(said, 2),
        model=None,
    ),
    CHAT: Interface(
        any_of(
            ordered("user", some(said), some(FILES, 2)),
            ordered("assistant", THOUGHT, some(said), some(calls(texts))),
            ordered("tool", results().map(lambda result: [result])),
        ),
        some(said),
        lost=frozenset({"parameter", "thinking", "is_error", "signature", "attachment"}),
    ),
    RESPONSES: Interface(
        rounds(
            ordered("user", some(said), some(FILES, 2)),
            ordered("assistant", some(signed, 1), some(said), some(calls(texts))),
            ordered("tool", results(attachments=some(FILES, 2).map(tuple)).map(lambda one: [one])),
        ),
        some(said, 1),
        lost=frozenset({"parameter", "thinking", "is_error", "signature", "attachment"}),
    ),
    OLLAMA: Interface(
        any_of(
            ordered("user", some(said, 1), some(images("image"), 2)),
            ordered("assistant", THOUGHT, some(said, 1), some(calls(st.just("{}")))),
            ordered("tool", results().map(lambda result: [result])),
        ),
        some(said, 1),
        lost=frozenset({"parameter", "thinking", "is_error", "signature", "attachment"}),
    ),
}


def encode(dialect, request):
    """Return a request as an interface has it, and what is lost."""
    return WIRE_DIALECTS[dialect].encode_request(request)


def decode(dialect, body):
    """Return a request of an interface."""
    return WIRE_DIALECTS[dialect].decode_request(body)


@pytest.mark.parametrize("dialect", INTERFACES)
@given(data=st.data())
@settings(max_examples=60)
def test_what_is_encoded_comes_back(dialect, data):
    """Encoding and decoding gives the same messages, and nothing is lost."""
    interface = INTERFACES[dialect]
    system = tuple(data.draw(interface.systems))
    messages = data.draw(interface.conversations)
    request = Request(dialect=dialect, model=interface.model, system=system, messages=messages)

    encoded = encode(dialect, request)

    assert encoded.losses == ()
    assert decode(dialect, encoded.body) == request


def shape(messages, *, with_thoughts):
    """Return kind and text or name of each part."""
    return [
        (type(part), getattr(part, "text", None) or getattr(part, "name", None))
        for message in messages
        for part in message.parts
        if with_thoughts or not isinstance(part, Thinking)
    ]


@pytest.mark.parametrize("dialect", INTERFACES)
@pytest.mark.parametrize(
    "path", sorted(FIXTURES.glob("*.request.json")), ids=lambda path: path.name
)
def test_recorded_requests_of_all_dialects_are_carried(path, dialect):
    """A recorded request of any dialect keeps its texts, calls and results, in order."""
    source = next(
        name
        for name in WIRE_DIALECTS
        if path.name.split("-")[0] in {name.split(".")[0], name.split(".")[1].split("@")[0]}
    )
    request = decode(source, path.read_bytes())

    encoded = encode(dialect, request)

    with_thoughts = dialect == ANTHROPIC
    again = decode(dialect, encoded.body).messages
    expected = shape(request.messages, with_thoughts=with_thoughts)
    assert shape(again, with_thoughts=with_thoughts) == expected
    assert {loss.kind for loss in encoded.losses} <= INTERFACES[dialect].lost


@pytest.mark.skipif(not RECORDINGS.exists(), reason="needs ../shared/data/anthropic-wire")
def test_recorded_session_comes_back():
    """Every request of a real session is the same after decoding, encoding and decoding."""
    for body, _ in recordings():
        request = decode(ANTHROPIC, body)
        encoded = encode(ANTHROPIC, request)
        assert encoded.losses == ()
        again = decode(ANTHROPIC, encoded.body)
        assert (again.messages, again.system, again.model) == (
            request.messages,
            request.system,
            request.model,
        )
        assert again.parameters == request.parameters
        assert [tool.name for tool in again.tools] == [tool.name for tool in request.tools]


@pytest.mark.parametrize("dialect", [CHAT, RESPONSES])
@pytest.mark.skipif(not RECORDINGS.exists(), reason="needs ../shared/data/anthropic-wire")
def test_recorded_session_of_another_provider_is_carried(dialect):
    """Of a real session nothing is lost but thoughts, signatures, failures and settings."""
    for body, _ in recordings():
        request = decode(ANTHROPIC, body)
        encoded = encode(dialect, request)
        assert {loss.kind for loss in encoded.losses} <= {"thinking", "parameter", "is_error"}
        again = decode(dialect, encoded.body)
        count = sum(isinstance(p, ToolCall) for m in request.messages for p in m.parts)
        assert sum(isinstance(p, ToolCall) for m in again.messages for p in m.parts) == count
        assert len(again.tools) == len(request.tools)


def lost(role, part, kind, detail):
    """Return a message of one part, and the loss that it is."""
    return Message(role=role, parts=(part,)), kind, detail


EVENT = (Message(role="event", parts=()), "role", "event")
LOST_BY_ALL = [
    lost("assistant", Thinking(text="t"), "thinking", "t"),
    lost("user", Unknown(type="u", raw="{}"), "unknown", "u"),
]
SIGNED = [
    lost("user", Text(text="a", signature="s"), "signature", "text"),
    lost("user", Failure(text="e"), "error", "e"),
    lost("user", Compaction(text="c"), "compaction", "c"),
    lost("assistant", ToolCall(name="n", arguments="x"), "arguments", "n"),
]
NO_ANSWER = lost("tool", ToolResult(text="r"), "tool_result", "r")
NO_FILE = lost("user", Attachment(kind="image", url="file:f"), "attachment", "image")
NO_AUDIO = lost("user", Attachment(kind="audio", data="A"), "attachment", "audio")
NO_ERROR = lost("tool", ToolResult(text="r", call_id="i", is_error=True), "is_error", "i")
COMPACTED = lost("event", Compaction(text="c"), "compaction", "c")
LOST = {
    ANTHROPIC: [*SIGNED, NO_AUDIO, NO_ANSWER, EVENT],
    GEMINI: [
        *SIGNED,
        lost("user", Attachment(kind="audio", url="u"), "attachment", "audio"),
        NO_ANSWER,
        EVENT,
    ],
    CHAT: [NO_AUDIO, NO_FILE, NO_ANSWER, NO_ERROR, EVENT],
    RESPONSES: [NO_AUDIO, NO_FILE, NO_ANSWER, NO_ERROR, COMPACTED],
    OLLAMA: [NO_AUDIO, NO_FILE, NO_ERROR, EVENT],
}


@pytest.mark.parametrize(
    ("dialect", "message", "kind", "detail"),
    [(dialect, *row) for dialect, rows in LOST.items() for row in [*LOST_BY_ALL, *rows]],
)
def test_what_cannot_be_carried_is_told(dialect, message, kind, detail):
    """Each part that the interface has no place for is a loss, with its message."""
    source = GEMINI if dialect in (CHAT, RESPONSES, OLLAMA) else CHAT
    encoded = encode(dialect, Request(dialect=source, messages=(message,)))

    assert encoded.losses == (Loss(kind=kind, detail=detail, message=1),)


@pytest.mark.parametrize(
    ("dialect", "asks", "answers"), [(ANTHROPIC, "id", "call_id"), (GEMINI, "name", "name")]
)
def test_results_in_a_row_are_one_message(dialect, asks, answers):
    """Results of parallel calls, also without ids, answer their calls in one message."""
    call, result = ToolCall(name="n", arguments="{}"), ToolResult(text="r")
    request = Request(
        dialect=OLLAMA,
        messages=(
            Message(role="assistant", parts=(call, call)),
            Message(role="tool", parts=(result,)),
            Message(role="tool", parts=(result,)),
        ),
    )

    asked, answered = decode(dialect, encode(dialect, request).body).messages

    said = [getattr(part, asks) for part in asked.parts]
    assert said == [getattr(part, answers) for part in answered.parts]
    assert len(said) == 2


def test_a_provider_s_own_calls_are_not_sent_back():
    """A call with its result in the same message is lost with it; so are foreign settings."""
    own = (ToolCall(name="web", arguments="{}", id="i"), ToolResult(text="r", call_id="i"))
    request = Request(
        dialect=RESPONSES,
        tools=(Tool(name="web_search", raw='{"type":"web_search"}'),),
        parameters={"store": "true", "stream": "true"},
        messages=(Message(role="assistant", parts=(*own, Text(text="a"))),),
    )

    encoded = encode(ANTHROPIC, request)

    assert [(loss.kind, loss.detail, loss.message) for loss in encoded.losses] == [
        ("tool_call", "web", 1),
        ("tool_result", "r", 1),
        ("tool", "web_search", None),
        ("parameter", "store", None),
    ]
    assert decode(ANTHROPIC, encoded.body).parameters == {"stream": "true"}
