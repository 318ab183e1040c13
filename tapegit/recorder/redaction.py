"""Records without their secrets: what the recorder stores of a record, and of what it says.

Secrets are numbered within a turn, but which turn a record belongs to shows only once it was
read. So a record is read with numbers of its own, and both its bytes and what it says get the
numbers of its turn when that is known. Hardly any record has more than one secret of a kind.

Source: tapesredaction(7), "Placeholders".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from tapegit.dialects.syntax.json_records import CUT_OFF, TOO_LONG, Record, RecordReader
from tapegit.redact.placeholders import Numbering

if TYPE_CHECKING:
    from tapegit.harness.facts import Harness, RecordFacts, SessionFacts
    from tapegit.redact.placeholders import Secret
    from tapegit.redact.redactor import Redactor


class Removed(NamedTuple):
    """What was taken out of a record.

    Attributes:
        data: The bytes that the secrets are in.
        secrets: Where, in order.
        numbering: Their numbers within the record.
        rest: The bytes with placeholders of these numbers.
    """

    data: bytes
    secrets: list[Secret]
    numbering: Numbering
    rest: bytes

    def data_for(self, numbering: Numbering) -> bytes:
        """Return the bytes of the record with the numbers of its turn; each secret is counted."""
        return numbering.replace(self.data, self.secrets)

    def facts_for(self, facts: RecordFacts, numbering: Numbering) -> RecordFacts:
        """Return what the record says with the numbers of its turn."""
        session = facts.session
        if session is not None:
            session = type(session)(*(self._text_for(text, numbering) for text in session))
        return facts._replace(
            session=session,
            headline=self._text_for(facts.headline, numbering),
            labels=tuple(self._text_for(label, numbering) or "" for label in facts.labels),
            fallback=self._text_for(facts.fallback, numbering),
            tools=tuple(self._text_for(name, numbering) or "" for name in facts.tools),
            model=self._text_for(facts.model, numbering),
            provider=self._text_for(facts.provider, numbering),
            stop=self._text_for(facts.stop, numbering),
        )

    def _text_for(self, text: str | None, numbering: Numbering) -> str | None:
        if text is None:
            return None
        return self.numbering.translate(text, numbering, is_counted=False)


def translate_session(
    session: SessionFacts, numbering: Numbering, target: Numbering
) -> SessionFacts:
    """Return what is said of a session with the numbers of a leader.

    Each secret in it is counted there: the leader states it and does not have its bytes.
    """
    return type(session)(
        *(
            None if text is None else numbering.translate(text, target, is_counted=True)
            for text in session
        )
    )


def remove(redactor: Redactor, data: bytes, *, is_json: bool) -> Removed | None:
    """Return what must be taken out of some bytes, or None where that is nothing."""
    secrets = redactor.find(data, is_json=is_json)
    return _remove(data, secrets) if secrets else None


def _remove(data: bytes, secrets: list[Secret]) -> Removed:
    numbering = Numbering()
    return Removed(data, secrets, numbering, numbering.replace(data, secrets))


class RecordRedactor:
    """Takes the secrets out of the records of one source.

    Args:
        redactor: Finds them.
        harness: Whose records they are.
        are_lines: Whether they are lines, not elements of a document.
    """

    def __init__(self, redactor: Redactor, harness: Harness, *, are_lines: bool) -> None:
        self._redactor = redactor
        self._decode = harness.decode
        self._are_lines = are_lines

    def redact(self, record: Record[Any]) -> tuple[Record[Any], Removed | None]:
        """Return a record without its secrets and what was removed, or as it is and None."""
        data = record.data
        is_cut_off = record.reason == CUT_OFF
        secrets = self._redactor.find(data, is_json=record.reason is None, is_cut_off=is_cut_off)
        if not secrets:
            return record, None
        removed = _remove(data, secrets)
        redacted = self._read_again(record, removed.rest)
        if redacted is not None:
            return redacted, removed
        # Without the secret the line would be another record, or several: then it goes whole.
        end = len(data) - data.endswith(b"\n")
        removed = _remove(data, [removed.secrets[0]._replace(start=0, end=end, value=data)])
        redacted = self._read_again(record, removed.rest)
        assert redacted is not None
        return redacted, removed

    def _read_again(self, record: Record[Any], data: bytes) -> Record[Any] | None:
        """Return the record that these bytes are where they are in place of a record's, if one."""
        if record.reason == TOO_LONG:
            return record._replace(data=data)
        if not self._are_lines:
            return record._replace(data=data, value=self._decode(data))
        reader: RecordReader[Any] = RecordReader(self._decode, is_whole=record.number == 1)
        records = [*reader.feed(data), *reader.finish()]
        if len(records) != 1:
            return None
        return record._replace(data=data, value=records[0].value, reason=records[0].reason)
