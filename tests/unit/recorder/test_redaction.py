"""No secret is stored: whatever harness wrote it, wherever it is, however it is written."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tapegit.objects.rope_reader import read_content
from tapegit.objects.turn import decode_turn
from tapegit.recorder.sources.source import recognise, record_document, record_source
from tapegit.redact.placeholders import PLACEHOLDER, are_one
from tapegit.redact.redactor import Redactor, default_redactor
from tapegit.redact.rule import MIXED
from tapegit.redact.user_rules import UserRules
from tapegit.wire.recording.cassette_files import record_cassette
from tests.claude_records import assistant, user
from tests.recordings import Recordings, jsonl, record_ends

FIXTURES = Path(__file__).parents[3] / "fixtures" / "transcripts"
SHARED = Path(__file__).parents[4] / "shared" / "data"
FILES = sorted(path for path in FIXTURES.rglob("*.json*") if path.stat().st_size < 200_000)
DATA = {
    f"{path.parent.name}/{path.name}": path.read_bytes()
    for path in FILES
    if recognise([path.read_bytes()]) is not None
}
SECRETS = ["ghp_" + MIXED[:36].decode(), "sk-ant-api03-" + MIXED[50:143].decode()]


class NoRedactor(Redactor):
    """Finds nothing."""

    def find(self, data, *, is_json, is_cut_off=False):
        """Return no secrets."""
        return []


def plant(value, draw, secret):
    """Return a value with a secret in one of its strings."""
    if isinstance(value, dict) and value:
        key = draw(st.sampled_from(sorted(value)))
        return {**value, key: plant(value[key], draw, secret)}
    if isinstance(value, list) and value:
        at = draw(st.integers(0, len(value) - 1))
        return [*value[:at], plant(value[at], draw, secret), *value[at + 1 :]]
    if not isinstance(value, str):
        return f"x {secret}"
    at = draw(st.integers(0, len(value)))
    text = f"{value[:at]} {secret} {value[at:]}"
    how = draw(st.sampled_from(["text", "text", "json", "base64"]))
    if how == "json":
        return json.dumps({"deep": text}, ensure_ascii=draw(st.booleans()))
    if how == "base64":
        return base64.b64encode(text.encode("utf-8", "replace")).decode()
    return text


@st.composite
def planted_sources(draw):
    """Give a real transcript with secrets in some of its records, and the secrets."""
    data = DATA[draw(st.sampled_from(sorted(DATA)))]
    secrets = draw(st.lists(st.sampled_from(SECRETS), min_size=1, max_size=3))
    lines = data.splitlines(keepends=True)
    if recognise([data]).document is not None:
        lines = [json.dumps(json.loads(data)).encode()]
    places = draw(st.lists(st.integers(0, len(lines) - 1), min_size=1, max_size=3, unique=True))
    secrets = secrets[: len(places)]
    for at, secret in zip(places, secrets, strict=False):
        try:
            value = json.loads(lines[at])
        except ValueError:
            lines[at] = secret.encode() + lines[at]
            continue
        text = json.dumps(plant(value, draw, secret), ensure_ascii=draw(st.booleans()))
        if draw(st.booleans()) and f" {secret}" in text:
            text = text.replace(secret, "".join(f"\\u{ord(letter):04x}" for letter in secret))
        lines[at] = text.encode("utf-8", "surrogatepass") + b"\n"
    return b"".join(lines), secrets


def forms_of(secret):
    """Yield bytes of which none may be stored: the secret in the ways that it is planted."""
    data = secret.encode()
    yield data
    yield data[8:]
    yield "".join(f"\\u{byte:04x}" for byte in data).encode()
    for before in (b"", b"x", b"xy"):
        yield base64.b64encode(before + data)[4:-4]


def stored(recordings):
    """Yield all bytes that are stored."""
    for oid in recordings.objects.iter_oids():
        yield recordings.objects.find(oid).data
    for name in recordings.refs:
        yield str(name).encode()


@settings(max_examples=200)
@given(planted_sources())
def test_planted_secrets_are_nowhere(case):
    """Secrets in a real transcript are in no object and no ref, and the rest comes back."""
    data, secrets = case
    if recognise([data]) is None:
        return
    recordings = Recordings()
    source = recordings.record(data)
    recordings.add_refs(source)
    for secret in secrets:
        forms = list(forms_of(secret))
        for kept in stored(recordings):
            assert not [form for form in forms if form in kept]
    if not source.tapes:
        return
    back = rebuild(recordings, source)
    before, after = data.splitlines(keepends=True), back.splitlines(keepends=True)
    assert len(before) == len(after)
    assert all(are_one(one, other) for one, other in zip(before, after, strict=True))
    assert PLACEHOLDER.search(back)
    assert sum(count for _, count in source.redacted)


def rebuild(recordings, source):
    """Return the bytes of a source, or of a document."""
    if source.document is None:
        return recordings.rebuild(source)
    turn = decode_turn(recordings.objects.find(source.tapes[0].tip).data)
    (piece,) = turn.raw
    return read_content(recordings.objects.find, type(source.tapes[0].tip).parse(piece.oid))


@settings(max_examples=40)
@given(planted_sources())
def test_growing_source_with_secrets_ends_as_if_imported_once(case):
    """Importing any beginnings of a file with secrets and then all gives the same refs."""
    data, _ = case
    if recognise([data]) is None or recognise([data]).document is not None:
        return
    once, growing = Recordings(), Recordings()
    once.add(data)
    ends = record_ends(data)
    for end in ends[:: max(len(ends) // 6, 1)]:
        growing.add(data[:end])
    growing.add(data)
    assert growing.refs == once.refs


@pytest.mark.parametrize("name", sorted(DATA))
def test_source_without_secrets_has_the_ids_it_would_have_without_redaction(name):
    """Where nothing is found nothing changes."""
    data = DATA[name]
    redacted = Recordings().record(data)
    assert redacted.redacted == ()
    harness = recognise([data])
    plain = Recordings()
    if harness.recording is not None:
        documents = plain.documents()
        documents.redactor = NoRedactor()
        source = record_cassette(harness, [data], documents, plain.objects.write)
    elif harness.document is None:
        source = record_source(harness, [data], plain.objects.write, redactor=NoRedactor())
    else:
        documents = plain.documents()
        documents.redactor = NoRedactor()
        source = record_document(harness, [data], documents, plain.objects.write)
    assert source == redacted


def test_numbers_are_those_of_the_turn():
    """Records of one turn share their numbers, in raw, summary and names of tools."""
    one, two = SECRETS[0], "ghp_" + MIXED[40:76].decode()
    records = [
        user("go", "u1"),
        assistant(one, "m", "a1", "u1"),
        assistant(f"{two} {one}", "m", "a2", "a1"),
        user(f"{two} again", "u2", "a2"),
    ]
    recordings = Recordings()
    source = recordings.record(jsonl(records))
    _, _, answer, prompt = recordings.line(source.tapes[0].tip)
    assert answer.redacted.rules == (("github-token", 3),)
    assert answer.summary == "[REDACTED:github-token:1]"
    assert prompt.summary == "[REDACTED:github-token:1] again"
    assert prompt.redacted.version == 1
    back = recordings.rebuild(source)
    assert [int(number) for _, number in PLACEHOLDER.findall(back)] == [1, 2, 1, 1]
    assert source.redacted == (("github-token", 4),)


def test_headline_has_the_numbers_of_its_turn():
    """A summary that comes from a later record of a turn has the number of the turn."""
    one, two = SECRETS[0], "ghp_" + MIXED[40:76].decode()
    thinking = assistant("", "m", "a1", "u1")
    thinking["message"]["content"] = [{"type": "thinking", "thinking": one}]
    records = [user("go", "u1"), thinking, assistant(two, "m", "a2", "a1")]
    recordings = Recordings()
    source = recordings.record(jsonl(records))
    assert recordings.line(source.tapes[0].tip)[-1].summary == "[REDACTED:github-token:2]"


def test_leader_numbers_what_it_states():
    """Head, working directory and branch share the numbers of the leader; all are counted."""
    one, two = SECRETS[0], "ghp_" + MIXED[40:76].decode()
    head = {"type": "queue-operation", "operation": "enqueue", "content": one}
    first = user("go", "u1", cwd=f"/w/{two}", gitBranch=one)
    recordings = Recordings()
    source = recordings.record(jsonl([head, first]))
    leader = recordings.line(source.tapes[0].tip)[0]
    assert leader.session.cwd == "/w/[REDACTED:github-token:2]"
    assert leader.session.repository.branch == "[REDACTED:github-token:1]"
    assert leader.redacted.rules == (("github-token", 3),)


def test_line_that_would_be_read_otherwise_goes_whole():
    """A line that only its secret makes unreadable stays one unreadable record."""
    user_rules = UserRules(rules=(("user-bad", rb"BAD"),))
    data = jsonl([user("go", "u1")]) + b'{"a":1} BAD\n[1]BAD[2]\n'
    harness = recognise([data])
    recordings = Recordings()
    source = record_source(harness, [data], recordings.objects.write, redactor=Redactor(user_rules))
    back = recordings.rebuild(source)
    assert b"BAD" not in back
    assert (
        back.splitlines()[1:]
        == [
            b'{"a":1} [REDACTED:user-bad:1]',
            b"[1][REDACTED:user-bad:2]",
        ]
        or len(back.splitlines()) == 3
    )


def test_source_that_ends_inside_of_a_secret_keeps_none_of_it():
    """Wherever a file that is being written ends, no beginning of a secret is stored."""
    password = "Sup3rS3cret99"
    texts = [SECRETS[0], f"password={password}", f"Authorization: Bearer {SECRETS[0]}"]
    data = jsonl([user(f"use {text} x", f"u{n}") for n, text in enumerate(texts)])
    once = Recordings()
    once.add(data)
    for end in range(1, len(data)):
        growing = Recordings()
        growing.add(data[:end])
        for kept in stored(growing):
            assert SECRETS[0][4:8].encode() not in kept
            assert password[:4].encode() not in kept
        growing.add(data)
        assert growing.refs == once.refs


REVIEWED = {
    "assignment": {b"6da9a43058a5d1b9f3353153921fb04d", b"3f9ad6b9d7b7e8e5a1a5a9a7b0b0b0b0"},
    "aws-access-key": {b"ASIAQEMAC2MS4BWMXJDU"},
}
"""What the rules find in the real files: keys of analytics and an address that was signed."""
SIGNED_ADDRESS = {"key-header", "url-parameter"}


@pytest.mark.slow
def test_real_files_hold_no_false_secrets():
    """Hashes, uuids, images and signatures of real transcripts are never taken for secrets."""
    if not SHARED.is_dir():
        pytest.skip("no ../shared/data on this machine")
    redactor = default_redactor()
    for path in sorted(SHARED.rglob("*.json*")):
        for line in path.read_bytes().splitlines():
            for secret in redactor.find(line, is_json=False):
                is_key = secret.value.startswith(b"phc_") or secret.rule in SIGNED_ADDRESS
                assert is_key or secret.value in REVIEWED.get(secret.rule, ()), (path, secret)
