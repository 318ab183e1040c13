"""`tag`: create and delete tags, plain or annotated.

Source: tapes-tag(1), tapesformat-tag(5).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from tapegit.errors import InvalidNameError, RefNotFoundError, UserError
from tapegit.objects.kind import Kind
from tapegit.objects.tag import Tag, Tagger, encode_tag
from tapegit.refs.names import RefName

if TYPE_CHECKING:
    from tapegit.objects.oid import ObjectId
    from tapegit.repository.repository import Repository

TAGS: Final = "refs/tags/"


class TagChange(NamedTuple):
    """A tag that was made, moved or deleted; None where it did not exist, or no longer does."""

    name: RefName
    before: ObjectId | None
    after: ObjectId | None


def tag_name(text: str) -> RefName:
    """Return the full name of a tag from its short one.

    Raises:
        InvalidNameError: It breaks a rule for names.
    """
    if text.startswith("-"):
        raise InvalidNameError(
            f"'{text}' is no name for a tag: it begins with '-'", text=text, rule="no leading -"
        )
    return RefName.parse(TAGS + text)


def create_tag(
    repository: Repository,
    name: RefName,
    oid: ObjectId,
    message: str | None = None,
    *,
    is_forced: bool = False,
) -> TagChange:
    """Name an object; with a message through a tag object.

    Raises:
        UserError: The tag exists; or the message is empty.
        ObjectNotFoundError: The object is missing.
    """
    before = repository.refs.find(name)
    if before is not None and not is_forced:
        raise UserError(
            f"tag '{name.short}' already exists", hint="-f replaces it; other stores may have it"
        )
    kind = repository.objects.read_header(oid).kind
    target = oid
    with repository.transaction(message=f"tag: {name.short}") as transaction:
        if message is not None:
            tagger = Tagger(repository.actor or "unknown", repository.clock())
            text = _clean(message)
            if not text:
                raise UserError("no tag message", hint="give one with -m, or a file with -F")
            data = encode_tag(Tag(oid, kind, name.removeprefix(TAGS), tagger, text))
            target = transaction.write(Kind.TAG, data)
        transaction.update_ref(name, target, before)
    return TagChange(name, before, target)


def delete_tag(repository: Repository, name: RefName) -> TagChange:
    """Delete a tag; return where it was.

    Raises:
        RefNotFoundError: There is no such tag.
    """
    oid = repository.refs.find(name)
    if oid is None:
        raise RefNotFoundError(
            f"tag '{name.short}' not found", hint="'tapes tag' lists them", name=name
        )
    with repository.ref_transaction("tag: deleted") as refs:
        refs.delete(name, oid)
    return TagChange(name, oid, None)


def _clean(message: str) -> str:
    """Return a message without space at the ends of its lines, or empty lines around it."""
    lines = "\n".join(line.rstrip() for line in message.splitlines()).strip("\n")
    return lines + "\n" if lines else ""
