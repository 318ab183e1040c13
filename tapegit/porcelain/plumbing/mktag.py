"""`mktag`: store a tag object from its exact text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tapegit.errors import FormatError
from tapegit.objects.kind import Kind
from tapegit.objects.tag import decode_tag

if TYPE_CHECKING:
    from tapegit.objects.oid import ObjectId
    from tapegit.repository.repository import Repository


def make_tag(repository: Repository, data: bytes) -> ObjectId:
    """Store a tag, after checking that what it names is here and of the kind it says.

    Raises:
        FormatError: The text is no valid tag, or the object is of another kind.
        ObjectNotFoundError: The object that it names is not in the store.
    """
    tag = decode_tag(data)
    kind = repository.objects.read_header(tag.oid).kind
    if kind is not tag.kind:
        raise FormatError(
            f"tag says that '{tag.oid}' is a {tag.kind}, but it is a {kind}",
            where="tag",
            expected=str(tag.kind),
            actual=str(kind),
        )
    with repository.transaction(message="mktag") as transaction:
        return transaction.write(Kind.TAG, data)
