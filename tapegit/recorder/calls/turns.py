"""The turns that are made of calls: leaders, messages, events, answers.

Rules: pure; ids of bodies are handed in. Every text that is not of a body already without
secrets goes through the redactor here.

Source: tapeswire(7), "Turns".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from tapegit.dialects.wire_parts import EVENTS
from tapegit.objects.turn import (
    Call,
    CodeRepository,
    RawPiece,
    Redacted,
    Session,
    Turn,
    clean_summary,
)
from tapegit.recorder.calls.answers import first_words
from tapegit.recorder.calls.clients import UNKNOWN
from tapegit.recorder.calls.exchanges import provider_of
from tapegit.redact.placeholders import Numbering
from tapegit.redact.rules import RULES_VERSION

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tapegit.objects.oid import ObjectId
    from tapegit.recorder.calls.answers import Answer
    from tapegit.recorder.calls.clients import Client
    from tapegit.recorder.calls.exchanges import Answered, Asked, Headers, ScopeFacts
    from tapegit.recorder.calls.request_bodies import Counts
    from tapegit.recorder.calls.threads import Unit
    from tapegit.redact.redactor import Redactor

TOOL_COUNT_MAX: Final = 256
TEXT_LENGTH_MAX: Final = 4096
"""Of a header, an address, a name: longer ones are cut."""


class SentRequest(NamedTuple):
    """A request as it was stored.

    Attributes:
        asked: What was asked.
        oid: Of its body, if it has one.
        dialect: Of its body.
        model: That it asks for.
        system: Which pieces of the body hold the system prompt.
        tools: Which hold the definitions of tools.
        counts: How many secrets were replaced outside of its messages.
    """

    asked: Asked
    oid: ObjectId | None
    dialect: str | None
    model: str | None
    system: tuple[int, ...]
    tools: tuple[int, ...]
    counts: Counts


class Attempt(NamedTuple):
    """Which attempt of its group a call is, from 1."""

    group: str
    number: int


def leader_turn(
    client: Client,
    time_ms: int,
    facts: ScopeFacts,
    cwd: str | None,
    redactor: Redactor,
    parent: ObjectId | None = None,
) -> Turn:
    """Return the first turn of a lane.

    Args:
        client: Whose it is.
        time_ms: When it began.
        facts: What is known of its scope.
        cwd: What a request says of the working directory.
        redactor: Finds secrets.
        parent: The turn of another tape that it goes on from, if it does.
    """
    numbering = Numbering()
    clean = redactor.redact_text
    is_agent = client.agent is not None
    cwd = cwd or facts.cwd
    session = Session(
        harness=client.harness if client.harness != UNKNOWN else None,
        version=clean(client.version, numbering) if client.version else None,
        id=None if is_agent else client.session,
        parent=client.session if is_agent else client.parent,
        agent=client.agent,
        cwd=clean(cwd, numbering) if cwd else None,
        command=tuple(clean(word, numbering) for word in facts.command),
        name=clean_summary(clean(facts.name, numbering)) or None if facts.name else None,
        repository=_clean_code(facts.repository, redactor, numbering),
    )
    summary = client.harness
    if parent is not None:
        summary += f" goes on from {parent.short()}"
    if session.cwd:
        summary += f" in {session.cwd}"
    return Turn(
        role="session",
        parents=(str(parent),) if parent is not None else (),
        time=time_ms,
        session=session,
        summary=clean_summary(summary) or None,
        redacted=_redacted(numbering.counts.items()),
    )


def _clean_code(
    code: CodeRepository | None, redactor: Redactor, numbering: Numbering
) -> CodeRepository | None:
    """Return what is known of the user's code without secrets; a commit is none."""
    if code is None:
        return None
    branch, remote = (
        redactor.redact_text(text, numbering) if text else None
        for text in (code.branch, code.remote)
    )
    return CodeRepository(branch=branch, commit=code.commit, remote=remote)


def message_turn(
    parent: ObjectId, unit: Unit, pieces: Iterable[ObjectId], time_ms: int, dialect: str
) -> Turn:
    """Return the turn of a message of a request."""
    facts = [element.facts for element in unit.elements]
    line = next((each.summary for each in facts if each.summary), None)
    tools = dict.fromkeys(name for each in facts for name in each.tools)
    return Turn(
        role=unit.role,  # type: ignore[arg-type]
        parents=(str(parent),),
        time=time_ms,
        dialect=dialect,
        raw=tuple(RawPiece(str(oid)) for oid in pieces),
        summary=(clean_summary(line) or None) if line else None,
        tools=tuple(tools)[:TOOL_COUNT_MAX],
        redacted=_redacted(_sum_counts(element.counts for element in unit.elements)),
    )


def event_turn(parent: ObjectId, text: str, pieces: Sequence[ObjectId], time_ms: int) -> Turn:
    """Return the turn of an event that the recorder states."""
    return Turn(
        role="event",
        parents=(str(parent),),
        time=time_ms,
        dialect=EVENTS,
        raw=tuple(RawPiece(str(oid)) for oid in pieces),
        summary=clean_summary(text),
    )


def answer_turn(
    parent: ObjectId,
    request: SentRequest,
    answered: Answered,
    answer: Answer,
    response: ObjectId | None,
    attempt: Attempt | None,
    redactor: Redactor,
) -> Turn:
    """Return the turn of what came back: a message of the model, or an event."""
    asked = request.asked
    numbering = Numbering()
    call = _make_call(request, answered, response, attempt, redactor, numbering)
    counts = _sum_counts([request.counts, answer.counts, tuple(numbering.counts.items())])
    said = answer.response
    is_message = is_spoken(request.dialect, answered, answer)
    first_ms = answered.first_byte_ms
    model = (said.model or request.model) if request.dialect is not None else None
    return Turn(
        role="assistant" if is_message else "event",
        parents=(str(parent),),
        time=answered.ended_ms,
        dialect=(request.dialect or EVENTS) if response is not None else None,
        raw=(RawPiece(str(response)),) if response is not None else (),
        summary=_summarize(request, answered, answer, redactor, is_message=is_message),
        model=model[:TEXT_LENGTH_MAX] if model else None,
        provider=provider_of(asked.url) if is_message else None,
        stop=said.stop if is_message else None,
        tools=tuple(dict.fromkeys(answer.facts.tools))[:TOOL_COUNT_MAX] if is_message else (),
        usage=said.usage,
        duration_ms=max(answered.ended_ms - asked.started_ms, 0),
        ttft_ms=None if first_ms is None else max(first_ms - asked.started_ms, 0),
        call=call,
        redacted=_redacted(counts),
    )


def is_spoken(dialect: str | None, answered: Answered, answer: Answer) -> bool:
    """Return whether what came back is a message of the model."""
    return dialect is not None and answered.outcome == "ok" and answer.is_message


def _make_call(
    request: SentRequest,
    answered: Answered,
    response: ObjectId | None,
    attempt: Attempt | None,
    redactor: Redactor,
    numbering: Numbering,
) -> Call:
    asked = request.asked

    def clean(headers: Headers) -> Headers:
        return tuple(
            (name, redactor.redact_text(value, numbering)[:TEXT_LENGTH_MAX])
            for name, value in headers
        )

    return Call(
        group=attempt.group if attempt is not None else None,
        attempt=attempt.number if attempt is not None else None,
        method=asked.method[:100],
        url=redactor.redact_text(asked.url, numbering)[:TEXT_LENGTH_MAX],
        started_ms=asked.started_ms,
        first_byte_ms=answered.first_byte_ms,
        ended_ms=answered.ended_ms,
        outcome=answered.outcome,
        status=answered.status,
        request=str(request.oid) if request.oid is not None else None,
        response=str(response) if response is not None else None,
        request_coding=asked.coding,
        response_coding=answered.coding,
        request_headers=clean(asked.headers),
        response_headers=clean(answered.headers),
        system=request.system,
        tools=request.tools,
    )


def _summarize(
    request: SentRequest,
    answered: Answered,
    answer: Answer,
    redactor: Redactor,
    *,
    is_message: bool,
) -> str | None:
    """Return the line of a turn: what was said, else what came of the call."""
    if is_message:
        return clean_summary(answer.facts.summary or "") or None
    asked = request.asked
    what = {
        "client_gone": "client gone",
        "upstream_cut": "cut off",
        "error": f"error {answered.status}" if answered.status else "no answer",
    }.get(answered.outcome)
    if what is None:
        path = asked.target.partition("?")[0]
        what = f"{asked.method} {path} {answered.status or ''}".rstrip()
    reason = asked.reason or answered.reason or answer.reason
    words = first_words(answer)
    line = f"{what} ({reason})" if reason else what
    line = f"{line}: {words}" if words else line
    return clean_summary(redactor.redact_text(line[:TEXT_LENGTH_MAX])) or None


def _sum_counts(counts: Iterable[Counts]) -> Counts:
    sums: dict[str, int] = {}
    for each in counts:
        for rule, count in each:
            sums[rule] = sums.get(rule, 0) + count
    return tuple(sorted(sums.items()))


def _redacted(counts: Iterable[tuple[str, int]]) -> Redacted | None:
    rules = tuple(sorted(counts))
    return Redacted(rules=rules, version=RULES_VERSION) if rules else None
