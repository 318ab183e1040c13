"""`pack-objects`: a pack of what is named, or of what can be reached from it.

Objects are written with what they need before them, whatever the order they are named in: a
reference to what came before is small.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from tapegit.errors import InvalidNameError
from tapegit.files import syscalls
from tapegit.files.durable import fsync_dir
from tapegit.files.oserrors import storage_errors
from tapegit.graph.reachable import iter_reachable_objects
from tapegit.objects.links import iter_links
from tapegit.objects.oid import OID_HEX_LENGTH, ObjectId
from tapegit.porcelain.plumbing.tips import iter_points
from tapegit.repository.layout import TMP_NAME
from tapegit.store.pack_file import PackFile
from tapegit.store.pack_writer import PackWriter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tapegit.graph.resolve import Resolver
    from tapegit.objects.kind import Object
    from tapegit.repository.repository import Repository
    from tapegit.store.database import ObjectDatabase
    from tapegit.store.pack_writer import PackSummary

_READ_SIZE_BYTES = 1 << 20


class PackOptions(NamedTuple):
    """What to pack and how.

    Attributes:
        incremental: Leave out what is in a pack already.
        honors_keep: Leave out what is in a pack with a `.keep` file.
        threads: How many compress at a time.
    """

    incremental: bool = False
    honors_keep: bool = False
    threads: int | None = None


def parse_names(lines: Iterable[bytes]) -> list[ObjectId]:
    """Return the ids that lines begin with; what follows after a space is passed over.

    Raises:
        InvalidNameError: A line does not begin with an id.
    """
    oids: list[ObjectId] = []
    for line in lines:
        text = line.decode("utf-8", "replace").strip()
        if text:
            if text[OID_HEX_LENGTH : OID_HEX_LENGTH + 1] not in ("", " "):
                raise InvalidNameError(
                    f"expected an object id, got '{text[:80]}'", text=text, rule="an object id"
                )
            oids.append(ObjectId.parse(text[:OID_HEX_LENGTH]))
    return oids


def find_reachable(
    repository: Repository, resolver: Resolver, tokens: Iterable[str], *, with_reflogs: bool = False
) -> list[ObjectId]:
    """Return what tokens as of `rev-list` reach, and what reflogs do.

    Raises:
        UserError: A token names nothing or several things, or an object is missing.
        DataError: Something on the way is damaged.
    """
    points = list(iter_points(resolver, repository.refs, tokens, is_peeled=False))
    tips = [point.oid for point in points if not point.is_excluded]
    if with_reflogs:
        for name in repository.refs.iter_reflogs():
            for entry in repository.refs.read_reflog(name):
                tips += [oid for oid in (entry.old, entry.new) if any(oid)]
    exclude = [point.oid for point in points if point.is_excluded]
    return list(iter_reachable_objects(repository.objects, tips, exclude=exclude))


def write_pack(
    repository: Repository, oids: Iterable[ObjectId], base: Path, options: PackOptions
) -> PackSummary | None:
    """Write a pack `<base>-<checksum>.pack` with its index; None where it would be empty.

    Raises:
        ObjectNotFoundError: An object is missing.
        DataError: An object is damaged.
        StorageError: It cannot be written.
    """
    summary = _write(repository, oids, base.parent, base.parent, options)
    if summary is None or base.name == "pack":
        return summary
    stem = base.parent / f"{base.name}-{summary.checksum.hex()}"
    path, index_path = Path(f"{stem}.pack"), Path(f"{stem}.idx")
    with storage_errors("rename to", path):
        syscalls.rename(summary.path, path)
        syscalls.rename(summary.index_path, index_path)
    fsync_dir(base.parent)
    return summary._replace(path=path, index_path=index_path)


def iter_pack(
    repository: Repository, oids: Iterable[ObjectId], options: PackOptions
) -> Iterator[bytes]:
    """Yield the bytes of a pack; none where it would be empty. Raises as `write_pack`."""
    tmp_dir = repository.root / TMP_NAME
    folder = tmp_dir / f"pack-{os.getpid()}-{os.urandom(8).hex()}"
    with storage_errors("create", folder):
        syscalls.mkdir(folder)
    try:
        summary = _write(repository, oids, folder, tmp_dir, options)
        if summary is not None:
            with PackFile(summary.path) as file:
                for offset in range(0, file.size_bytes, _READ_SIZE_BYTES):
                    yield file.read(offset, min(_READ_SIZE_BYTES, file.size_bytes - offset))
    finally:
        with storage_errors("remove", folder):
            for name in os.listdir(folder):
                syscalls.unlink(folder / name)
            syscalls.rmdir(folder)


def _write(
    repository: Repository,
    oids: Iterable[ObjectId],
    pack_dir: Path,
    tmp_dir: Path,
    options: PackOptions,
) -> PackSummary | None:
    is_left_out = _make_filter(repository.objects, options)
    wanted = {oid for oid in oids if not is_left_out(oid)}
    if not wanted:
        return None
    objects = repository.objects
    with PackWriter(
        objects, pack_dir, tmp_dir, cold=True, threads=options.threads, skip_existing=False
    ) as writer:
        for found in iter_links_first(objects, wanted):
            writer.add(found.kind, found.data)
        return writer.finish()


def _make_filter(objects: ObjectDatabase, options: PackOptions) -> Callable[[ObjectId], bool]:
    packs = [
        pack
        for pack in objects.packs
        if options.incremental
        or (options.honors_keep and os.path.lexists(pack.path.with_suffix(".keep")))
    ]
    return lambda oid: any(pack.locate(oid) >= 0 for pack in packs)


def iter_links_first(objects: ObjectDatabase, oids: Iterable[ObjectId]) -> Iterator[Object]:
    """Yield objects, each once and after those of them that it needs.

    Raises:
        ObjectNotFoundError: One is missing.
        DataError: One is damaged.
    """
    waiting = dict.fromkeys(oids)
    order = list(waiting)
    for top in reversed(order):
        stack = [(top, False)] if top in waiting else []
        while stack:
            oid, is_open = stack.pop()
            if is_open:
                yield objects.read(oid)
            elif oid in waiting:
                del waiting[oid]
                found = objects.read(oid)
                needed = [n.oid for n in iter_links(found.kind, found.data) if n.oid in waiting]
                if not needed:
                    yield found
                    continue
                stack.append((oid, True))
                stack.extend((other, False) for other in reversed(needed))
