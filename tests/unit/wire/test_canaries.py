"""A key in every place that traffic has: none of it is in the store, in whatever way it is written.

One canary has the form of a provider's key; the other has no form at all, and is known only
because it was seen in a header.
"""

from __future__ import annotations

import gzip
import json
from base64 import b64encode
from urllib.parse import quote

import pytest

from tapegit.formats.loose import decode_loose
from tapegit.objects.oid import ObjectId
from tapegit.objects.rope_reader import read_content
from tapegit.recorder.calls.exchanges import ScopeFacts
from tapegit.redact.known_values import encode_forms
from tapegit.redact.redactor import default_redactor
from tapegit.wire.recording.calls import CallRecorder
from tests.scripted_calls import (
    CLAUDE,
    CODEX,
    MESSAGES,
    SDK,
    STREAM,
    Script,
    answer_events,
    result,
    said,
    stream,
    user,
)
from tests.thread_shapes import make_store, tape

MIXED = "q3V8kM9x7Cz6N1bW0r8Ty6U4pS3d7Fg5H0j2LaE6i3O7eR5tY1uX9"
RULED = "sk-ant-" + "api03-" + MIXED
FORMLESS = "Zx81/harbour+Lamp=four~teen"
KEYS = (RULED, FORMLESS)


def escaped(text):
    """Return a text with every letter as an escape of JSON."""
    return "".join(f"\\u{ord(letter):04x}" for letter in text)


def put_in_header(script, key):
    """Put a key into a header alone."""
    script.call([user("one")], said("first"))


def put_in_query(script, key):
    """Put a key into the query of the address."""
    script.request([user("one")], target=f"{MESSAGES}&key={quote(key, safe='')}")


def put_in_body(script, key):
    """Put a key into a message."""
    script.call([user(f"my key is {key}")], said("first"))


def put_in_large_body(script, key):
    """Put a key into a message of a body that is cut."""
    script.call([user("x" * 5000), user(f"my key is {key}"), user("y" * 500)], said("first"))


def put_in_system(script, key):
    """Put a key into the system prompt."""
    script.call([user("one")], said("first"), system=f"the key: {key} " + "z" * 6000)


def put_in_metadata(script, key):
    """Put a key into a member between the messages."""
    script.call([user("one")], said("first"), metadata={"note": key, "pad": "z" * 5000})


def put_in_nested_json(script, key):
    """Put a key into JSON in a string of JSON."""
    inner = json.dumps({"env": json.dumps({"token": key})})
    script.call([user("one"), result("t", inner)], said("first"))


def put_in_escapes(script, key):
    """Put a key into a message, every letter an escape."""
    body = json.dumps({"messages": [user("KEY")]}).replace("KEY", escaped(key)).encode()
    script.response(script.request(body=body), stream(*answer_events(said("first"))))


def put_in_base64(script, key):
    """Put a key into base64, with other text."""
    coded = b64encode(f"user:{key}\n".encode()).decode()
    script.call([user(f"it is {coded}")], said("first"))


def put_in_url(script, key):
    """Put a key into an address in a text."""
    script.call([user(f"https://x.example/?a={quote(key, safe='')}")], said("first"))


def put_in_listing(script, key):
    """Put a key into a listing of files."""
    listing = f"-rw-r--r-- 1 root root 12 .env-{key}\n"
    script.call([user("ls"), result("t", listing)], said("first"))


def put_in_deltas(script, key):
    """Put a key into a text that comes in many pieces."""
    number = script.request([user("one")])
    script.response(number, stream(*answer_events(said(f"here: {key}, done"), piece=7)))


def put_in_two_deltas(script, key):
    """Put a key into a text that comes in two."""
    number = script.request([user("one")])
    script.response(number, stream(*answer_events(said(f"{key} is it"), piece=len(key) // 2)))


def put_in_argument_deltas(script, key):
    """Put a key into arguments that come in pieces."""
    call = ("Bash", {"command": f"curl -H 'x-api-key: {key}' http://x"}, "t1")
    number = script.request([user("one")])
    script.response(number, stream(*answer_events(said("", call), piece=9)))


def put_in_gzip(script, key):
    """Put a key into a compressed stream."""
    number = script.request([user("one")])
    body = gzip.compress(stream(*answer_events(said(f"zipped {key}"), piece=6)))
    script.response(number, body, headers=(*STREAM, ("Content-Encoding", "gzip")))


def put_in_gzip_request(script, key):
    """Put a key into a compressed request."""
    body = gzip.compress(json.dumps({"messages": [user(f"zipped {key}")]}).encode())
    script.response(script.request(body=body, headers=(("content-encoding", "gzip"),)), b"{}")


def put_in_cut_stream(script, key):
    """Put a key into a stream that was cut."""
    number = script.request([user("one")])
    body = stream(*answer_events(said(f"cut {key} here"), piece=6))
    script.response(number, body[: len(body) * 2 // 3], outcome="upstream_cut")


def put_in_error(script, key):
    """Put a key into an error."""
    number = script.request([user("one")])
    error = {"type": "error", "error": {"type": "auth", "message": f"bad key {key}"}}
    script.response(number, json.dumps(error).encode(), outcome="error", status=401, headers=())


def put_in_error_page(script, key):
    """Put a key into an error that is no JSON."""
    number = script.request([user("one")])
    page = f"<html>no: {key}</html>".encode()
    script.response(number, page, outcome="error", status=502, headers=())


def put_in_image(script, key):
    """Put a key into what an image is called."""
    block = {"type": "image", "alt": f"shot of {key}", "source": {"type": "url", "url": "u"}}
    script.call([{"role": "user", "content": [block]}], said("first"))


def put_in_response_header(script, key):
    """Put a key into headers of a response."""
    number = script.request([user("one")])
    headers = (*STREAM, ("set-cookie", f"s={key}"), ("request-id", f"req {key}"))
    script.response(number, stream(*answer_events(said("first"))), headers=headers)


def put_in_kept_header(script, key):
    """Put a key into a header that is kept."""
    script.request([user("one")], headers=(("x-app", f"app {key}"),))


def put_in_session(script, key):
    """Put a key into the id of a session."""
    script.headers = (*SDK, ("x-session-id", quote(key, safe="")))
    script.call([user("one")], said("first"))


def put_in_scope(script, key):
    """Put a key into the name of a recording."""
    script.headers, script.scope = SDK, f"run {key}"
    script.call([user("one")], said("first"))


def put_in_path(script, key):
    """Put a key into the path."""
    script.request(body=b"{}", target=f"/v2/other/{quote(key, safe='')}")


def put_in_chat_stream(script, key):
    """Put a key into chunks of another interface."""
    number = script.request([user("one")], target="/v1/chat/completions")
    chunks = [
        {"id": "c", "choices": [{"index": 0, "delta": {"content": key[at : at + 5]}}]}
        for at in range(0, len(key), 5)
    ]
    body = b"".join(b"data: " + json.dumps(chunk).encode() + b"\n\n" for chunk in chunks)
    script.response(number, body + b"data: [DONE]\n\n")


def put_in_json_lines(script, key):
    """Put a key into lines of JSON."""
    number = script.request([user("one")], target="/api/chat")
    lines = [
        {"model": "m", "message": {"role": "assistant", "content": key[at : at + 6]}, "done": False}
        for at in range(0, len(key), 6)
    ]
    body = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
    script.response(number, body + b'{"model":"m","done":true,"done_reason":"stop"}\n')


def put_in_log_probabilities(script, key):
    """Put a key into tokens of a list in each chunk."""
    number = script.request([user("one")], target="/v1/chat/completions")
    tokens = [key[at : at + 4] for at in range(0, len(key), 4)]
    chunks = [
        {"choices": [{"index": 0, "delta": {}, "logprobs": {"content": [{"token": token}]}}]}
        for token in tokens
    ]
    body = b"".join(b"data: " + json.dumps(chunk).encode() + b"\n\n" for chunk in chunks)
    script.response(number, body + b"data: [DONE]\n\n")


def put_in_socket(script, key):
    """Put a key into messages of a WebSocket, both ways."""
    script.headers = CODEX
    number = script.socket()
    create = {"type": "response.create", "input": [{"role": "user", "content": f"k {key}"}]}
    script.send(number, create)
    for at in range(0, len(key), 8):
        event = {"type": "response.output_text.delta", "output_index": 0, "content_index": 0}
        script.send(number, {**event, "delta": key[at : at + 8]}, is_from_client=False)
    script.send(number, {"type": "response.completed", "response": {}}, is_from_client=False)
    script.send(number, {"type": "note", "text": key})
    script.hang_up(number)


PLACES = [value for name, value in sorted(globals().items()) if name.startswith("put_in_")]


def everything(repository):
    """Return all that is in a store: every object, unpacked, and every other file and name."""
    found = []
    for path in sorted(repository.root.rglob("*")):
        found.append(str(path.relative_to(repository.root)).encode())
        if path.is_file():
            found.append(path.read_bytes())
    for oid in repository.objects.loose.iter_oids():
        path = repository.objects.loose.path_of(oid)
        found.append(decode_loose(path.read_bytes(), oid, where=path).data)
    for ref in repository.refs.iter_refs("refs/"):
        for _, turn in tape(repository, ref.oid):
            call = turn.call
            bodies = [call.request, call.response] if call is not None else []
            for body in filter(None, bodies):
                whole = read_content(repository.objects.find, ObjectId.parse(body))
                found += [whole, joined_strings(whole)]
    return b"\n".join(found)


def joined_strings(body):
    """Return the values of all members of a stream that hold text, as they follow each other."""
    texts = []
    for line in body.split(b"\n"):
        try:
            value = json.loads(line.removeprefix(b"data:"))
        except ValueError:
            continue
        stack = [value]
        while stack:
            item = stack.pop()
            if isinstance(item, dict):
                stack += [v for k, v in item.items() if k not in {"type", "id", "model", "object"}]
            elif isinstance(item, list):
                stack += item
            elif isinstance(item, str):
                texts.append(item)
    return "".join(texts).encode("utf-8", "replace")


@pytest.mark.parametrize("key", KEYS, ids=["of-a-provider", "without-form"])
@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.__name__[7:])
def test_key_is_nowhere_in_the_store(tmp_path, place, key):
    """Neither as it is, nor percent-encoded, in base64, in hexadecimal, in pieces, in names."""
    repository = make_store(tmp_path)
    script = Script((*CLAUDE, ("x-api-key", key)))
    place(script, key)
    script.headers = (*script.headers, ("authorization", f"Bearer {key}"))
    script.call([user("afterwards")], said("still there"))
    recorder = CallRecorder(repository, default_redactor())
    recorder.set_facts("run", ScopeFacts(command=("agent", "--key", key), cwd=f"/home/{key}/x"))
    # What is known by a header alone must have been seen: the first request of all has it.
    first = script.values[0]
    script.values[0] = first._replace(headers=(*first.headers, ("x-api-key", key)))
    for value in script.values:
        recorder.take(value)
    summary = recorder.finish()
    assert summary.lost == 0
    held = everything(repository)
    assert b"still there" in held
    for form in encode_forms([key.encode()]):
        assert form not in held, form


def test_placeholder_stands_where_the_first_piece_was(tmp_path):
    """What is around a key in a stream stays as it was, and the stream stays one."""
    repository = make_store(tmp_path)
    script = Script()
    number = script.request([user("one")])
    script.response(number, stream(*answer_events(said(f"before {RULED} after"), piece=10)))
    recorder = CallRecorder(repository, default_redactor())
    for value in script.values:
        recorder.take(value)
    summary = recorder.finish()
    (ref,) = repository.refs.iter_refs("refs/")
    turn = tape(repository, ref.oid)[-1][1]
    assert turn.summary == "before [REDACTED:anthropic-key:1] after"
    assert turn.redacted is not None
    assert turn.redacted.rules == (("anthropic-key", 1),)
    assert summary.redacted == (("anthropic-key", 1),)


def test_message_with_a_secret_is_one_message_in_every_request(tmp_path):
    """Numbers of secrets count within a message, so it reads the same when it is sent again."""
    repository = make_store(tmp_path)
    script = Script()
    other = RULED.replace("q3V8", "w7K2")
    messages = script.call([user(f"one {RULED}")], said("first"))
    messages = script.call([*messages, user(f"two {other}")], said("second"))
    script.call([*messages, user("three")], said("third"))
    recorder = CallRecorder(repository, default_redactor())
    for value in script.values:
        recorder.take(value)
    recorder.finish()
    (ref,) = repository.refs.iter_refs("refs/")
    summaries = [turn.summary for _, turn in tape(repository, ref.oid)]
    assert summaries[1:] == [
        *("one [REDACTED:anthropic-key:1]", "first", "two [REDACTED:anthropic-key:1]"),
        *("second", "three", "third"),
    ]


def test_cookies_that_change_with_every_response_do_not_push_the_key_out(tmp_path):
    """A key that is used again and again is known for as long as it is."""
    repository = make_store(tmp_path)
    script = Script((*CLAUDE, ("x-api-key", FORMLESS)))
    messages = [user("one")]
    for number in range(80):
        asked = script.request(messages)
        cookie = (("set-cookie", f"__cf=cookie-{number:06}-of-this-response; path=/"),)
        body = stream(*answer_events(said(f"answer {number}")))
        script.response(asked, body, headers=(*STREAM, *cookie))
        messages = [*messages, said(f"answer {number}"), user(f"next {number}")]
    script.call([*messages, user(f"it was {FORMLESS}")], said("I see"))
    recorder = CallRecorder(repository, default_redactor())
    for value in script.values:
        recorder.take(value, more=True)
    assert recorder.finish().redacted == (("known-value", 1),)
    assert FORMLESS.encode() not in everything(repository)
