"""A request that names a response of a tape gets the conversation in its place."""

from __future__ import annotations

import json

from tapegit.wire.replay.chain import ROOT_COUNT_MAX, Chain

DIALECT = "openai.responses@1"


def ask(items: object, previous: str | None = None) -> bytes:
    """Return a request."""
    more = {"previous_response_id": previous} if previous is not None else {}
    return json.dumps({"model": "m", "input": items, "store": False, **more}).encode()


def answer(name: str, *items: object, is_stream: bool = True) -> bytes:
    """Return a response with these items, as a stream that has them in its last event or before."""
    response = {"id": name, "object": "response", "output": list(items)}
    if not is_stream:
        return json.dumps(response).encode()
    events = [
        {"type": "response.created", "response": {**response, "output": []}},
        *({"type": "response.output_item.done", "item": item} for item in items),
        {"type": "response.completed", "response": {**response, "output": []}},
    ]
    return b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in events)


def test_conversation_takes_the_place_of_the_id():
    """Through all responses that were given, streamed or not, a text as the message it is."""
    chain = Chain()
    chain.note(DIALECT, ask("hi"), answer("r1", {"n": 1}))
    chain.note(DIALECT, ask([{"n": 2}], "r1"), answer("r2", {"n": 3}, is_stream=False))
    expanded = json.loads(chain.expand(ask([{"n": 4}], "r2")))
    assert expanded == {
        "model": "m",
        "store": False,
        "input": [
            {"type": "message", "role": "user", "content": "hi"},
            *({"n": number} for number in (1, 2, 3, 4)),
        ],
    }


def test_other_requests_stay_as_they_are():
    """Those that name no response, or one that the tape did not give, or are no request."""
    chain = Chain()
    chain.note(DIALECT, ask("hi"), answer("r1", {"n": 1}))
    chain.note("anthropic.messages@1", ask("hi"), answer("r2", {"n": 1}))
    for request in (ask("hi"), ask("hi", "r2"), ask("hi", "live"), b"no JSON", b"[]", b""):
        assert chain.expand(request) is request


def test_whole_conversations_are_not_kept():
    """Of a client that names no response only the last are remembered, and all that was named."""
    chain = Chain()
    chain.note(DIALECT, ask("first"), answer("named", {"n": 0}))
    chain.note(DIALECT, ask([], "named"), answer("next"))
    for number in range(ROOT_COUNT_MAX + 1):
        chain.note(DIALECT, ask("hi"), answer(f"r{number}", {"n": number}))
    assert b"first" in chain.expand(ask([], "next"))
    gone, kept = ask([], "r0"), ask([], "r1")
    assert chain.expand(gone) is gone
    assert chain.expand(kept) is not kept
