"""`show-ref`: refs with their ids, for scripts that want to know whether they exist."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from tapegit.errors import RefNotFoundError
from tapegit.objects.kind import Kind
from tapegit.objects.tag import decode_tag
from tapegit.porcelain.plumbing.whole_refs import iter_whole_refs, verify_whole
from tapegit.refs.names import HEAD, RefName

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tapegit.objects.oid import ObjectId
    from tapegit.refs.loose import OnBroken
    from tapegit.repository.repository import Repository

PEEL_DEPTH_MAX: Final = 64


class ShownRef(NamedTuple):
    """A line of output; the label is the name, with `^{}` where a tag was followed."""

    oid: ObjectId
    label: str


class RefChoice(NamedTuple):
    """Which refs to show; a pattern matches a name's last parts, whole."""

    patterns: tuple[str, ...] = ()
    head: bool = False
    heads: bool = False
    tags: bool = False

    def takes(self, name: str) -> bool:
        """Return whether a ref is to be shown."""
        folders = [f for f, on in (("refs/heads/", self.heads), ("refs/tags/", self.tags)) if on]
        if folders and not name.startswith(tuple(folders)):
            return False
        return not self.patterns or any(
            name == pattern or name.endswith("/" + pattern) for pattern in self.patterns
        )


def list_refs(
    repository: Repository,
    choice: RefChoice,
    *,
    dereference: bool = False,
    on_broken: OnBroken | None = None,
) -> Iterator[ShownRef]:
    """Yield the refs that a choice takes, by name, HEAD first where it is asked for."""
    if choice.head:
        oid = repository.refs.read_head().oid
        if oid is not None:
            verify_whole(repository, HEAD, oid)
            yield ShownRef(oid, HEAD)
    for ref in iter_whole_refs(repository, on_broken=on_broken):
        if choice.takes(ref.name):
            yield from _show(repository, ref.name, ref.oid, dereference=dereference)


def verify_refs(
    repository: Repository, texts: Sequence[str], *, dereference: bool = False
) -> Iterator[ShownRef]:
    """Yield the refs of these exact names.

    Raises:
        RefNotFoundError: One does not exist.
        ObjectNotFoundError: The object of one is missing.
    """
    for text in texts:
        name = RefName.try_parse(text)
        oid = None if name is None else repository.refs.find(name)
        if name is None or oid is None:
            raise RefNotFoundError(f"'{text}' is not a valid ref", name=text)
        verify_whole(repository, name, oid)
        yield from _show(repository, name, oid, dereference=dereference)


def _show(
    repository: Repository, name: RefName, oid: ObjectId, *, dereference: bool
) -> Iterator[ShownRef]:
    yield ShownRef(oid, name)
    if not dereference:
        return
    end = oid
    for _ in range(PEEL_DEPTH_MAX):
        if repository.objects.read_header(end).kind is not Kind.TAG:
            break
        end = decode_tag(repository.objects.read(end).data).oid
    if end != oid:
        yield ShownRef(end, f"{name}^{{}}")
