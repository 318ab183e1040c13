"""What of a request is compared with those of a tape: three keys, each laxer than the one before.

Rules: pure. A recorded request and one that comes in go the same way through here, secrets
taken out by the same rules, so that what is equal there is equal here.

Source: tapes-replay(1), "MATCHING".
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from tapegit.dialects.meaning.normal_form import normalise
from tapegit.objects.oid import hash_content
from tapegit.recorder.calls.clients import find_client
from tapegit.recorder.calls.endpoints import (
    CALL,
    GEMINI,
    OLLAMA,
    find_endpoint,
    is_generate,
    model_of_target,
)
from tapegit.recorder.calls.request_bodies import RequestReader
from tapegit.recorder.calls.side_calls import side_kind
from tapegit.wire.proxy.routes import SCOPE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from tapegit.dialects.syntax.bodies import Members
    from tapegit.recorder.calls.clients import Client
    from tapegit.recorder.calls.message_keys import MessageFacts
    from tapegit.recorder.calls.request_bodies import RequestBody
    from tapegit.redact.redactor import Redactor

_PREFIXES: Final = re.compile(rf"(?:/s/{SCOPE.pattern})?(?:/u/{SCOPE.pattern})?(?=[/?]|$)")
_RESULT: Final = b'["result",'
UNIT_COUNT_MAX: Final = 1 << 16
_UNHEARD: Final = frozenset({"system", "event"})
"""Roles of what a harness puts between the messages."""


class RequestKeys(NamedTuple):
    """A request, as far as it is compared.

    Attributes:
        method: As sent.
        path: Without the prefixes of a proxy.
        query: What follows it.
        kind: `call`, or the kind of a side call.
        dialect: Of its body, where something here reads it.
        model: That it asks for.
        exact: Of the body as it is.
        normal: Of its normal form.
        chain: Of the conversation: what the user said, what the model said and called, in order.
        units: What the chain is made of, one for each message that counts.
        talk: The same of a conversation in whatever dialect, for tapes that have no requests.
        client: Who sent it.
        is_stream: It asks for a stream.
    """

    method: str
    path: str
    query: str
    kind: str
    dialect: str | None
    model: str | None
    exact: bytes
    normal: bytes
    chain: bytes
    units: tuple[bytes, ...]
    talk: bytes
    client: Client
    is_stream: bool = False

    @property
    def is_side(self) -> bool:
        """Whether it is a call beside the conversation."""
        return self.kind != CALL

    def is_for(self, other: RequestKeys) -> bool:
        """Return whether both ask the same thing of the same interface and model."""
        if (self.method, self.kind, self.dialect) != (other.method, other.kind, other.dialect):
            return False
        if self.kind == CALL:
            return self.model == other.model
        return self.path.endswith(other.path) or other.path.endswith(self.path)


class KeyReader:
    """Makes keys, and remembers the messages that it saw.

    Args:
        redactor: Finds secrets; another can be set at any time.

    Attributes:
        reads_talk: Whether `talk` is made too: a tape has no requests.
    """

    def __init__(self, redactor: Redactor) -> None:
        self._bodies = RequestReader(redactor)
        self._units: dict[tuple[bytes, str | None], bytes | None] = {}
        self.reads_talk = False

    def set_redactor(self, redactor: Redactor) -> None:
        """Take out other secrets from now on."""
        self._bodies.set_redactor(redactor)

    def read(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[RequestKeys, RequestBody]:
        """Return the keys of a request, and its body without secrets.

        Args:
            method: As sent.
            target: Path and query, with or without the prefixes of a proxy.
            headers: By name in lower case.
            body: Its content coding undone.
        """
        path, query = split_target(target)
        target = f"{path}?{query}" if query else path
        endpoint = find_endpoint(method, target)
        dialect = endpoint.dialect if not is_generate(target) else None
        read = self._bodies.read(body, dialect)
        fields = read.fields
        client = find_client(headers, fields)
        units = tuple(self._iter_units(read, client.session))
        has_tools = any(True for _ in fields.elements("tools"))
        previous = fields.string("previous_response_id") or ""
        normal = normalise(dialect, read.data)
        keys = RequestKeys(
            method,
            path,
            query,
            side_kind(endpoint, read) or CALL,
            dialect,
            fields.name("model") or model_of_target(target),
            hash_content(read.data),
            hash_content(read.data if normal is None else normal),
            hash_content(b"\0".join((b"%d" % has_tools, previous.encode(), *units))),
            units,
            talk_of(each.facts for each in read.elements) if self.reads_talk else b"",
            client,
            _wants_stream(dialect, path, fields),
        )
        return keys, read

    def _iter_units(self, body: RequestBody, session: str | None) -> Iterator[bytes]:
        """Yield what counts of each message."""
        if len(self._units) > UNIT_COUNT_MAX:
            self._units.clear()
        for element in body.elements:
            key = element.facts.key, session
            if key not in self._units:
                self._units[key] = _make_unit(element.facts, session)
            unit = self._units[key]
            if unit is not None:
                yield unit


def split_target(target: str) -> tuple[str, str]:
    """Return path and query as the client meant them."""
    found = _PREFIXES.match(target)
    rest = target[found.end() :] if found is not None else target
    path, _, query = rest.partition("?")
    return (path if path.startswith("/") else f"/{path}"), query


def talk_of(messages: Iterable[MessageFacts]) -> bytes:
    """Return the key of a conversation, in whatever dialect and however it is cut into messages.

    What the model says between two messages of others is one.
    """
    spoken: list[bytes] = []
    said, calls = "", list[bytes]()
    for facts in messages:
        if facts.role in _UNHEARD:
            continue
        if facts.role == "assistant":
            said += facts.texts
            calls += facts.items
            continue
        if said or calls:
            spoken.append(b"\0".join((b"m", said.encode("utf-8", "surrogatepass"), *calls)))
            said, calls = "", []
        spoken += [b"u" + item for item in facts.items if not item.startswith(_RESULT)]
    if said or calls:
        spoken.append(b"\0".join((b"m", said.encode("utf-8", "surrogatepass"), *calls)))
    return hash_content(b"\0\0".join(spoken))


def _wants_stream(dialect: str | None, path: str, fields: Members) -> bool:
    if dialect == GEMINI:
        return path.endswith(":streamGenerateContent")
    if dialect == OLLAMA:
        return bytes(fields.get("stream", b"true")) != b"false"
    return fields.flag("stream")


def _make_unit(facts: MessageFacts, session: str | None) -> bytes | None:
    """Return what counts of a message: not what tools gave back, nor what a harness put in.

    Words that hold the client's own name of its session are all the same: after a compaction it
    says where the file of the session is.
    """
    if facts.role in _UNHEARD:
        return None
    items = [item for item in facts.items if not item.startswith(_RESULT)]
    results = b"r" * (len(facts.items) - len(items))
    if session:
        own = re.compile(rb'[^\s"\\]*' + re.escape(session.encode()) + rb'[^\s"\\]*')
        items = [own.sub(b"#", item) if session.encode() in item else item for item in items]
    said = facts.texts.encode("utf-8", "surrogatepass")
    if facts.role != "assistant" and not items and not results:
        return None
    is_model = b"m" if facts.role == "assistant" else b"u"
    return hash_content(b"\0".join((is_model, said, results, *items)))
