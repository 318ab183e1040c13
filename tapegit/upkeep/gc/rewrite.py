"""Writing the packs that a plan asks for: what is needed into one, what is young into another.

Rules: each object is hashed again when it is written and must have the id it had; a pack is
durable and verified before this module returns, and nothing is removed here. The cruft file
gets its name after its pack: until then the objects count as packed just now, which keeps them
longer and never shorter.

Source: tapesmaintenance(7), "How gc works", step 5; tapesformat-cruft(5).
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Final, NamedTuple

from tapegit.errors import IntegrityError
from tapegit.files.durable import replace_file
from tapegit.files.safe_read import map_file
from tapegit.formats.cruft import encode_cruft
from tapegit.formats.packindex import PackIndex
from tapegit.repository.layout import PACK_NAME, TMP_NAME
from tapegit.store.compression import count_threads
from tapegit.store.pack_writer import PackWriter
from tapegit.upkeep.gc.object_reader import ObjectReader
from tapegit.upkeep.gc.order import iter_in_order

if TYPE_CHECKING:
    from collections.abc import Callable

    from tapegit.repository.repository import Repository
    from tapegit.store.pack_writer import PackSummary
    from tapegit.upkeep.gc.plan import Plan
    from tapegit.upkeep.gc.stock import Stock

    OnProgress = Callable[[str, int], None]

THREAD_COUNT_MAX: Final = 2
"""Each thread at work on a large frame takes about 90 MB; upkeep is not to be felt."""


class NewPack(NamedTuple):
    """A pack that was written, and its index."""

    summary: PackSummary
    pack_index: PackIndex
    copied_count: int

    @property
    def name(self) -> str:
        """The name of its files without the ending."""
        return self.summary.path.stem


class Quality(NamedTuple):
    """How to compress: `cold` is large frames; without `threads` there are a few."""

    cold: bool = True
    threads: int | None = None


def write_pack(
    repository: Repository,
    stock: Stock,
    plan: Plan,
    quality: Quality,
    on_progress: OnProgress | None = None,
) -> NewPack | None:
    """Write what is needed into one pack, or return None where there is nothing to write.

    Args:
        repository: The store.
        stock: What it has.
        plan: What of it to write.
        quality: How to compress.
        on_progress: Is told how many objects are written, and the size of each.

    Raises:
        DataError: An object is damaged; nothing was installed.
        StorageError: It cannot be written.
    """
    if not plan.writes_pack:
        return None
    links = stock.links
    copied_count = 0
    with _open_writer(repository, quality) as writer:
        for place, section in plan.copied:
            view = links.packs[place]
            is_copied = writer.copy_section(view.path, view.index, section)
            assert is_copied, "a plan has no object twice"
            copied_count += len(view.ordinals_of(section))
        _add_all(writer, repository, stock, plan.fresh, on_progress)
        summary = writer.finish()
    return None if summary is None else _open_new(summary, copied_count)


def write_cruft_pack(
    repository: Repository,
    stock: Stock,
    plan: Plan,
    quality: Quality,
    on_progress: OnProgress | None = None,
) -> NewPack | None:
    """Write the young unreachable objects into a pack with their times, or return None.

    The arguments are those of `write_pack`.

    Raises:
        DataError: An object is damaged; nothing was installed.
        StorageError: It cannot be written.
    """
    if not plan.cruft:
        return None
    links = stock.links
    wanted = links.new_marks()
    for number in plan.cruft:
        wanted[number] = 1
    with _open_writer(repository, quality) as writer:
        _add_all(writer, repository, stock, wanted, on_progress)
        summary = writer.finish()
    assert summary is not None, "something was put into it"
    new = _open_new(summary, 0)
    times = array("q", bytes(8 * new.pack_index.object_count))
    for number in plan.cruft:
        position = new.pack_index.find_position(links.oid_of(number))
        times[new.pack_index.ordinals[position]] = plan.times[number]
    path = summary.path.with_suffix(".cruft")
    data = encode_cruft(summary.checksum, times)
    replace_file(path, data, tmp_dir=repository.root / TMP_NAME)
    return new


def _open_writer(repository: Repository, quality: Quality) -> PackWriter:
    return PackWriter(
        repository.objects,
        repository.root / PACK_NAME,
        repository.root / TMP_NAME,
        cold=quality.cold,
        threads=quality.threads or min(count_threads(), THREAD_COUNT_MAX),
        skip_existing=False,
    )


def _open_new(summary: PackSummary, copied_count: int) -> NewPack:
    index = PackIndex(map_file(summary.index_path), where=summary.index_path)
    return NewPack(summary, index, copied_count)


def _add_all(
    writer: PackWriter,
    repository: Repository,
    stock: Stock,
    wanted: bytearray,
    on_progress: OnProgress | None,
) -> None:
    links = stock.links
    reader = ObjectReader(links, repository.objects.loose)
    for number in iter_in_order(links, stock.tips(), wanted):
        found = reader.read(number)
        oid = writer.add(found.kind, found.data)
        if oid != links.oid_of(number):
            raise IntegrityError(
                f"object '{links.oid_of(number)}' is damaged: its bytes are of another id",
                hint="run 'tapes fsck --full'",
                oid=links.oid_of(number),
            )
        if on_progress is not None:
            on_progress(f"{writer.object_count} objects", len(found.data))
