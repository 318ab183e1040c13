"""`index-pack`: the index of a pack file, or a pack from standard input into the store."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from tapegit.errors import UserError
from tapegit.files.oserrors import storage_error
from tapegit.formats.packindex_writer import iter_index_parts
from tapegit.porcelain.plumbing.streams import iter_chunks, write_file
from tapegit.upkeep.receive.receive import Received, kind_finder, receive_pack, verify_pack

if TYPE_CHECKING:
    from typing import BinaryIO

    from tapegit.repository.repository import Repository
    from tapegit.store.index_builder import BuiltIndex


def index_file(
    pack: str, *, index: str | None = None, repository: Repository | None = None, strict: bool
) -> BuiltIndex:
    """Verify a pack file and write its index, durably; an index that is there is replaced.

    Args:
        pack: The path of the pack.
        index: The path of the index; by default that of the pack with the ending `.idx`.
        repository: The store whose turns the pack may descend from, if there is one.
        strict: Also check that links lead somewhere, in the pack or in the store.

    Raises:
        DataError: The pack breaks a rule; no index is written.
        StorageError: A file cannot be read or written.
        UserError: The pack's name does not end in `.pack`, and no index is named.
    """
    path = Path(os.path.abspath(pack))
    if index is None and path.suffix != ".pack":
        raise UserError(
            f"'{pack}' does not end in '.pack'", hint="name the index with '-o INDEX'", path=pack
        )
    target = Path(os.path.abspath(index)) if index is not None else path.with_suffix(".idx")
    find_facts = find_kind = None
    if repository is not None:
        find_facts = repository.objects.find_facts
        if strict:
            find_kind = kind_finder(repository)
    elif strict:
        find_kind = _find_nothing
    built = verify_pack(_real_path(path), find_kind, find_facts=find_facts)
    write_file(target, iter_index_parts(built.tables, built.identity), mode=0o444)
    return built


def _find_nothing(_oid: object) -> None:
    return None


def _real_path(path: Path) -> Path:
    """Return the path with links followed: the user named this file, whatever it is."""
    try:
        return path.resolve(strict=True)
    except OSError as error:
        raise storage_error(error, "open", path) from error


def receive_stream(
    repository: Repository,
    stream: BinaryIO,
    *,
    strict: bool,
    keep: str | None = None,
    size_max: int | None = None,
) -> Received:
    """Take a pack from a stream into the store; arguments and errors as of `receive_pack`."""
    return receive_pack(
        repository,
        iter_chunks(stream, "standard input"),
        check_links=strict,
        keep=keep,
        size_max=size_max,
    )
