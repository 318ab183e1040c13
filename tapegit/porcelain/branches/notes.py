"""`notes`: say something of an object, show it, take it back.

Source: tapes-notes(1).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from tapegit.errors import InvalidNameError, RefNotFoundError, UserError
from tapegit.graph.notes import NOTES, encode_note, read_notes
from tapegit.objects.kind import Kind
from tapegit.porcelain.secrets.redaction import load_redactor
from tapegit.refs.names import RefName

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tapegit.graph.notes import Note
    from tapegit.graph.turns import TurnGraph
    from tapegit.objects.oid import ObjectId
    from tapegit.repository.repository import Repository

NAMESPACE: Final = "main"
TITLE: Final = "title"
RATING: Final = "rating"
TEXT: Final = "note"
LABEL_PREFIX: Final = "label."
VALUE_SIZE_MAX: Final = 65_536

_KEY: Final = re.compile(r"[a-z][a-z0-9_]*(?:[./-][a-z0-9_]+)*", re.ASCII)


def notes_ref(text: str) -> RefName:
    """Return the full name of a chain of notes from its namespace.

    Raises:
        InvalidNameError: It breaks a rule for names.
    """
    return RefName.parse(text if text.startswith(NOTES) else NOTES + text)


def label_key(name: str) -> str:
    """Return the key of a label, so that an object can have several.

    Raises:
        InvalidNameError: It is no name of a label.
    """
    return _verify_key(LABEL_PREFIX + name.lower(), name)


def find_notes(
    repository: Repository, graph: TurnGraph, ref: RefName, about: ObjectId | None = None
) -> list[Note]:
    """Return what is said, of one object or of all, oldest first.

    Raises:
        DataError: The chain is damaged.
        ObjectNotFoundError: A turn of it is missing.
    """
    notes = read_notes(graph, repository.refs.find(ref)).values()
    chosen = [note for note in notes if about is None or note.about == about]
    return sorted(chosen, key=lambda note: (note.time_ms, note.oid))


def add_note(
    repository: Repository,
    graph: TurnGraph,
    ref: RefName,
    about: ObjectId,
    values: Iterable[tuple[str, str]],
    *,
    is_forced: bool = False,
) -> list[tuple[str, ObjectId]]:
    """Say something of an object, with what secrets there are taken out.

    Args:
        repository: The store.
        graph: Its turns.
        ref: The chain.
        about: The object.
        values: Keys and texts.
        is_forced: Replace what the same key says already.

    Returns:
        The key and the turn of each note, in order.

    Raises:
        UserError: The key says something already, or a text is empty or too long.
        InvalidNameError: A key is none.
        StaleRefError: Somebody else said something meanwhile; nothing was written.
    """
    tip = repository.refs.find(ref)
    known = read_notes(graph, tip)
    redactor = load_redactor(repository.config)
    added: list[tuple[str, ObjectId]] = []
    with repository.transaction(message="notes: added") as transaction:
        parent = tip
        for key, text in values:
            _verify_key(key, key)
            if (about, key) in known and not is_forced:
                raise UserError(
                    f"there is a {_describe(key)} for object '{about.short()}' already",
                    hint="-f replaces it; what it was stays in the chain",
                )
            value = redactor.redact_text(_clean(text))
            _verify_value(value, key)
            time_ms = _later_than(known.get((about, key)), repository.clock())
            data = encode_note(about, key, value, time_ms=time_ms, parent=parent)
            parent = transaction.write(Kind.TURN, data)
            added.append((key, parent))
        if parent is not None and added:
            transaction.update_ref(ref, parent, tip, is_fast_forward=True)
    return added


def remove_notes(
    repository: Repository, graph: TurnGraph, ref: RefName, about: ObjectId, keys: Iterable[str]
) -> list[str]:
    """Take back what is said of an object; with no keys all of it. Return the keys.

    Raises:
        RefNotFoundError: Nothing of that is said.
        StaleRefError: Somebody else said something meanwhile; nothing was written.
    """
    tip = repository.refs.find(ref)
    known = read_notes(graph, tip)
    there = sorted(key for oid, key in known if oid == about)
    wanted = list(keys) or there
    missing = [key for key in wanted if key not in there]
    if missing or not wanted:
        what = _describe(missing[0]) if missing else "note"
        raise RefNotFoundError(
            f"object '{about.short()}' has no {what}",
            hint="'tapes notes list' lists all there are",
            name=str(about),
        )
    with repository.transaction(message="notes: removed") as transaction:
        parent = tip
        for key in wanted:
            time_ms = _later_than(known[about, key], repository.clock())
            data = encode_note(about, key, None, time_ms=time_ms, parent=parent)
            parent = transaction.write(Kind.TURN, data)
        assert parent is not None, "what is said has a chain"
        transaction.update_ref(ref, parent, tip, is_fast_forward=True)
    return wanted


def _later_than(known: Note | None, now_ms: int) -> int:
    """Return the time of what replaces a note: later than that, whatever the clock says."""
    return now_ms if known is None else max(now_ms, known.time_ms + 1)


def _verify_key(key: str, shown: str) -> str:
    if not _KEY.fullmatch(key) or len(key) > 64:
        raise InvalidNameError(
            f"'{shown}' is no key: letters, digits and _, parted by one of . / -",
            text=shown,
            rule="a key",
        )
    return key


def _verify_value(value: str, key: str) -> None:
    if not value:
        raise UserError(
            f"the {_describe(key)} is empty", hint="'tapes notes remove' takes one back"
        )
    if len(value.encode("utf-8", "replace")) > VALUE_SIZE_MAX:
        raise UserError(f"the {_describe(key)} is longer than {VALUE_SIZE_MAX} bytes")


def _clean(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.splitlines()).strip("\n")


def _describe(key: str) -> str:
    return "note" if key == TEXT else key
