"""What is true of every wire dialect: chunks do not matter, and nothing from outside breaks it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tapegit.dialects.wire_table import WIRE_DIALECTS
from tapegit.errors import FormatError
from tests.wire import FIXTURES

DIALECTS = sorted(WIRE_DIALECTS)
PREFIXES = {
    "anthropic.messages@1": "anthropic",
    "openai.chat@1": "chat",
    "openai.responses@1": "responses",
    "gemini.generate@1": "gemini",
    "ollama.chat@1": "ollama",
}
STREAMS = [
    (name, path)
    for name in DIALECTS
    for path in sorted(FIXTURES.glob(f"{PREFIXES[name]}-*.stream"))
]
keys = st.sampled_from(
    [
        *("type", "role", "content", "text", "messages", "input", "output", "contents", "parts"),
        *("tool_calls", "function", "arguments", "name", "id", "index", "delta", "choices"),
        *("message", "usage", "item", "output_index", "response", "candidates", "functionCall"),
        *("tools", "system", "error", "content_block", "images", "summary", "done", "args"),
    ]
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=5),
    max_leaves=12,
)
bodies = st.dictionaries(keys, json_values, max_size=6)


def read(name, *chunks):
    """Return the response of a stream that comes in chunks."""
    stream = WIRE_DIALECTS[name].stream_decoder()
    for chunk in chunks:
        stream.feed(chunk)
    return stream.finish()


@pytest.mark.parametrize(("name", "path"), STREAMS, ids=lambda value: getattr(value, "name", value))
def test_chunks_do_not_matter(name, path):
    """A recorded stream gives the same response byte by byte, in sevens, and at once."""
    data = path.read_bytes()
    whole = read(name, data)

    assert whole.is_complete
    assert read(name, *(data[n : n + 1] for n in range(len(data)))) == whole
    assert read(name, *(data[n : n + 7] for n in range(0, len(data), 7))) == whole


@pytest.mark.parametrize(("name", "path"), STREAMS, ids=lambda value: getattr(value, "name", value))
def test_cut_stream_gives_what_came(name, path):
    """A stream that was cut anywhere is read as far as it came, and nothing raises."""
    data = path.read_bytes()

    for end in range(0, len(data), max(len(data) // 150, 1)):
        assert read(name, data[:end]).dialect == name
    assert not read(name, data[: len(data) // 2]).is_complete


@pytest.mark.parametrize("name", DIALECTS)
@given(body=bodies, stream=st.lists(bodies, max_size=4))
@settings(max_examples=60)
def test_any_object_is_read(name, body, stream):
    """Any JSON object is a request, a message and a response, and any objects are a stream."""
    dialect = WIRE_DIALECTS[name]
    data = json.dumps(body).encode()

    assert dialect.decode_request(data).dialect == name
    assert dialect.decode_message(data).role
    assert dialect.decode_response(data).dialect == name
    lines = [json.dumps(event).encode() for event in stream]
    read(name, b"".join(b"data: " + line + b"\n\n" for line in lines))
    read(name, b"\n".join(lines))


@pytest.mark.parametrize("name", DIALECTS)
@given(data=st.binary(max_size=200))
@settings(max_examples=60)
def test_any_bytes_are_a_stream(name, data):
    """No bytes make a stream raise, and what they are fed in does not show."""
    assert read(name, data) == read(name, *(data[n : n + 1] for n in range(len(data))))


@pytest.mark.parametrize("name", DIALECTS)
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff",
        b"null",
        b"7",
        b'{"a":',
        b'{"a":' * 5000 + b"1" + b"}" * 5000,
        b" " * (64 * 1024 * 1024 + 1),
    ],
    ids=["empty", "not UTF-8", "null", "number", "cut", "deep", "large"],
)
def test_body_that_is_none_is_refused(name, body):
    """What is no JSON object, too deep or too large is a FormatError."""
    dialect = WIRE_DIALECTS[name]
    for decode in (dialect.decode_request, dialect.decode_message, dialect.decode_response):
        with pytest.raises(FormatError):
            decode(body)


@pytest.mark.parametrize("name", DIALECTS)
def test_lone_surrogates_are_replaced(name):
    """Half of a surrogate pair anywhere in a body is U+FFFD, not an error."""
    body = rb'{"model":"\ud800","messages":[{"role":"user","content":"\udfff"}]}'

    request = WIRE_DIALECTS[name].decode_request(body)

    assert "\ud800" not in json.dumps(repr(request), ensure_ascii=False)


@pytest.mark.parametrize("name", DIALECTS)
@given(body=bodies)
@settings(max_examples=60)
def test_any_request_is_written_for_anyone(name, body):
    """Whatever was asked in one dialect can be written, and read, in each of them."""
    request = WIRE_DIALECTS[name].decode_request(json.dumps(body).encode())

    for dialect in WIRE_DIALECTS.values():
        assert dialect.decode_request(dialect.encode_request(request).body).dialect == dialect.name
