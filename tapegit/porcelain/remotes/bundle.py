"""`bundle`: refs and the objects they need in one file, and such a file into a store.

Rules: a bundle is believed in nothing. Its refs are told to nobody before its prerequisites
were found, its pack was verified to the last byte, everything that an object of it needs was
found, and the pack is durable in the store.

Source: tapesformat-bundle(5).
"""

from __future__ import annotations

import os
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from tapegit.errors import ObjectNotFoundError, UserError
from tapegit.files.durable import TemporaryFile
from tapegit.files.oserrors import storage_error
from tapegit.formats.bundle import (
    HEADER_SIZE_MAX_BYTES,
    BundleHeader,
    BundleRef,
    Prerequisite,
    decode_header,
    encode_header,
)
from tapegit.graph.reachable import iter_with_content, sort_tips
from tapegit.graph.turns import TurnGraph
from tapegit.graph.walk import walk
from tapegit.objects.kind import Kind
from tapegit.objects.turn import decode_subject
from tapegit.porcelain.plumbing.pack_objects import PackOptions, iter_pack
from tapegit.porcelain.plumbing.streams import iter_chunks, write_file
from tapegit.porcelain.plumbing.tips import iter_points
from tapegit.refs.names import RefName
from tapegit.repository.layout import TMP_NAME
from tapegit.upkeep.receive.receive import (
    kind_finder,
    receive_pack,
    take_chunks,
    verify_needed,
    verify_pack,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import BinaryIO

    from tapegit.graph.resolve import Point, Resolver
    from tapegit.objects.oid import ObjectId
    from tapegit.repository.repository import Repository

_END_OF_HEADER: Final = b"\n\n"
_HEADER_STEP_BYTES: Final = 1 << 16
_SHOWN_MAX: Final = 10


class Contents(NamedTuple):
    """What goes into a bundle; `left_out` names the refs that the exclusions leave nothing of."""

    header: BundleHeader
    oids: list[ObjectId]
    left_out: list[str]


def choose_contents(repository: Repository, resolver: Resolver, tokens: Iterable[str]) -> Contents:
    """Return what a bundle of some tips, ranges and sets of refs has to hold.

    Raises:
        UserError: A token names nothing or several things, or no ref is left to write.
        DataError: Something on the way is damaged.
    """
    points = list(iter_points(resolver, repository.refs, tokens, is_peeled=False))
    objects, graph = repository.objects, TurnGraph(repository.objects)
    tags, turns, content = sort_tips(objects, [p.oid for p in points if not p.is_excluded])
    excluded = sort_tips(objects, [p.oid for p in points if p.is_excluded])
    hidden_tags, hidden_turns, hidden_content = excluded
    walked = dict.fromkeys(walk(graph, turns, exclude=hidden_turns))
    cut = next((oid for oid in walked if objects.lacks_parents(oid)), None)
    if cut is not None:
        raise UserError(
            f"history is cut off at '{cut}': a bundle could not be verified",
            hint="'tapes fetch --unshallow' gets the rest; or leave it out, with '^' and its id",
        )
    border = {up: None for oid in walked for up in graph.parents(oid) if up not in walked}
    reached = iter_with_content(
        objects, walked, content=content, hidden_turns=border, hidden_content=hidden_content
    )
    oids = dict.fromkeys(found.oid for found in reached)
    oids.update((tag, None) for tag in tags if tag not in hidden_tags)
    refs, left_out = _name_refs(resolver, points, oids)
    if not refs:
        left = f"the exclusions leave nothing of {', '.join(left_out)}" if left_out else None
        raise UserError(
            "refusing to create an empty bundle",
            hint=left or "name at least one ref: 'tapes bundle create FILE main', or '--all'",
        )
    required = [*border, *hidden_content]
    prerequisites = [
        Prerequisite(oid, _describe(repository, oid)) for oid in dict.fromkeys(required)
    ]
    return Contents(BundleHeader(tuple(prerequisites), tuple(refs)), list(oids), left_out)


def _name_refs(
    resolver: Resolver, points: Iterable[Point], oids: dict[ObjectId, None]
) -> tuple[list[BundleRef], list[str]]:
    """Return the refs among the tips, and the names of those whose objects are not packed."""
    refs: dict[str, ObjectId] = {}
    left_out: list[str] = []
    for point in points:
        if point.is_excluded:
            continue
        name = RefName.try_parse(point.text) or resolver.find_ref(point.text)
        if name is None:
            continue
        if point.oid in oids:
            refs[name] = point.oid
        else:
            left_out.append(name)
    return [BundleRef(name, oid) for name, oid in refs.items()], left_out


def _describe(repository: Repository, oid: ObjectId) -> str:
    found = repository.objects.read(oid)
    if found.kind is not Kind.TURN:
        return found.kind
    return decode_subject(found.data).summary or ""


def write_bundle(repository: Repository, contents: Contents, path: str) -> None:
    """Write a bundle file, durably; a file of that name is replaced when the new one is whole.

    Raises:
        DataError: An object is damaged.
        StorageError: It cannot be written.
    """
    write_file(Path(os.path.abspath(path)), iter_bundle(repository, contents), mode=0o644)


def iter_bundle(repository: Repository, contents: Contents) -> Iterator[bytes]:
    """Yield the bytes of a bundle.

    Raises:
        DataError: An object is damaged.
        StorageError: There is no place for the pack.
    """
    yield encode_header(contents.header)
    yield from iter_pack(repository, contents.oids, PackOptions())


class Bundle(NamedTuple):
    """A bundle that is open: its header, and the stream from where its pack may begin.

    `rest` is what was read of the pack already.
    """

    header: BundleHeader
    rest: bytes
    stream: BinaryIO
    name: str

    def iter_pack(self) -> Iterator[bytes]:
        """Yield the bytes of the pack.

        Raises:
            StorageError: They cannot be read.
        """
        yield self.rest
        yield from iter_chunks(self.stream, self.name)


@contextmanager
def open_bundle(path: str, stdin: BinaryIO) -> Iterator[Bundle]:
    """Open a bundle file, or standard input for `-`, and read its header.

    Raises:
        DataError: It is no bundle, or its header breaks a rule.
        InvalidNameError: It has a ref whose name is not allowed.
        StorageError: It cannot be read.
    """
    if path == "-":
        yield _read_bundle(stdin, "standard input")
        return
    with ExitStack() as stack:
        try:
            stream = stack.enter_context(open(path, "rb"))
        except OSError as error:
            raise storage_error(error, "open", path) from error
        yield _read_bundle(stream, path)


def _read_bundle(stream: BinaryIO, name: str) -> Bundle:
    head = b""
    searched = 0
    while (end := head.find(_END_OF_HEADER, max(searched - 1, 0))) < 0:
        searched = len(head)
        part = b""
        if searched < HEADER_SIZE_MAX_BYTES and b"\0" not in head:
            part = _read_part(stream, name)
        if not part:
            break
        head += part
    header, offset = decode_header(head if end < 0 else head[: end + len(_END_OF_HEADER)])
    for ref in header.refs:
        RefName.parse(ref.name)
    return Bundle(header, head[offset:], stream, name)


def _read_part(stream: BinaryIO, name: str) -> bytes:
    try:
        return stream.read(_HEADER_STEP_BYTES)
    except OSError as error:
        raise storage_error(error, "read", name) from error


def verify_bundle(repository: Repository, bundle: Bundle) -> int:
    """Check everything about a bundle that can be checked here; return how many objects it has.

    Raises:
        ObjectNotFoundError: The store lacks a prerequisite, or an object a link or ref needs.
        DataError: The pack, or an object in it, breaks a rule.
        StorageError: There is no place to look at the pack.
    """
    verify_prerequisites(repository, bundle.header)
    with TemporaryFile(repository.root / TMP_NAME, "incoming") as file:
        take_chunks(file, bundle.iter_pack(), size_max=None)
        built = verify_pack(
            file.path, kind_finder(repository), find_facts=repository.objects.find_facts
        )
        verify_needed(repository, built, [ref.oid for ref in bundle.header.refs])
        return built.object_count


def verify_prerequisites(repository: Repository, header: BundleHeader) -> None:
    """Check that the store has what a bundle takes for granted.

    Raises:
        ObjectNotFoundError: It lacks one; the hint lists all of them.
    """
    lacking = [p for p in header.prerequisites if not repository.objects.contains(p.oid)]
    if lacking:
        shown = [f"  {p.oid} {p.comment}".rstrip() for p in lacking[:_SHOWN_MAX]]
        if len(lacking) > _SHOWN_MAX:
            shown.append(f"  and {len(lacking) - _SHOWN_MAX} more")
        raise ObjectNotFoundError(
            f"the store lacks {len(lacking)} of the objects that the bundle builds on",
            hint="\n".join(["it needs", *shown]),
            oid=lacking[0].oid,
        )


def take_bundle(
    repository: Repository, bundle: Bundle, names: Sequence[str] = ()
) -> list[BundleRef]:
    """Take the objects of a bundle into the store, durably, and return its refs.

    No ref of the store moves.

    Args:
        repository: The store.
        bundle: The bundle.
        names: Which refs to return; none for all of them.

    Raises:
        ObjectNotFoundError: The store lacks a prerequisite, or an object a link or ref needs;
            nothing was stored.
        DataError: The pack, or an object in it, breaks a rule; nothing was stored.
        StorageError: It could not be stored.
    """
    header = bundle.header
    verify_prerequisites(repository, header)
    receive_pack(repository, bundle.iter_pack(), needed=[ref.oid for ref in header.refs])
    return filter_refs(header, names)


def filter_refs(header: BundleHeader, names: Sequence[str]) -> list[BundleRef]:
    """Return the refs of a bundle with these names, or all where there are none."""
    return [ref for ref in header.refs if not names or ref.name in names]
