"""`gc`: everything that keeps a store small, in the order that is safe."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, NamedTuple

from tapegit.errors import LockedError, TapesError
from tapegit.graph.dates import parse_date
from tapegit.graph.turns import TurnGraph
from tapegit.porcelain.history.reflog import Expiry, expire
from tapegit.porcelain.secrets.rewriting import finish_pending
from tapegit.upkeep.gc import auto
from tapegit.upkeep.gc.collect import Collected, collect, hold_upkeep
from tapegit.upkeep.gc.plan import Fold, Wish
from tapegit.upkeep.gc.sweep import Swept, sweep

if TYPE_CHECKING:
    from tapegit.repository.repository import Repository
    from tapegit.upkeep.gc.rewrite import OnProgress


class GcOptions(NamedTuple):
    """What a run of gc was asked for; dates as people type them, None for what is configured."""

    prune: str | None = None
    expire_trash: str | None = None
    is_auto: bool = False
    is_aggressive: bool = False
    is_dry_run: bool = False


class GcReport(NamedTuple):
    """What a run of gc did, or with `--dry-run` would do."""

    collected: Collected
    reflog_count: int
    ref_count: int
    swept: Swept
    is_dry_run: bool


def run_gc(
    repository: Repository, options: GcOptions, on_progress: OnProgress | None = None
) -> GcReport:
    """Expire reflogs, pack refs, fold packs, remove what is not needed, empty the trash.

    Raises:
        LockedError: Another process is at it.
        InvalidNameError: A date is none.
        ConfigError: A setting of gc is none.
        ObjectNotFoundError: Something needed is missing; nothing was removed.
        DataError: Something is damaged; nothing was removed.
        StorageError: The system refused.
    """
    now_ms = repository.clock()
    config = repository.config
    expire_ms = parse_date(options.prune or config.text("gc.prune_expire"), now_ms)
    trash_ms = parse_date(options.expire_trash or config.text("gc.trash_expire"), now_ms)
    wish = Wish(
        Fold.ALL if options.is_aggressive else Fold.GEOMETRIC,
        expire_ms=expire_ms,
        is_auto=options.is_auto,
        is_forced=options.is_aggressive,
    )
    with hold_upkeep(repository.root):
        if not options.is_dry_run:
            finish_pending(repository)
        reflog_count = _expire_reflogs(repository, now_ms, is_dry_run=options.is_dry_run)
        ref_count = 0 if options.is_dry_run else repository.refs.pack_refs(all=True)
        collected = collect(
            repository, wish, is_dry_run=options.is_dry_run, on_progress=on_progress
        )
        swept = Swept(0, 0)
        if not options.is_dry_run:
            # "now" means all there is, what this run threw away included.
            before_ms = repository.clock() + 1 if trash_ms == now_ms else trash_ms
            swept = sweep(repository.root, trash_before_ms=before_ms, now_ms=now_ms)
    return GcReport(collected, reflog_count, ref_count, swept, options.is_dry_run)


def _expire_reflogs(repository: Repository, now_ms: int, *, is_dry_run: bool) -> int:
    config = repository.config
    expiry = Expiry(
        parse_date(config.text("gc.reflog_expire"), now_ms),
        parse_date(config.text("gc.reflog_expire_unreachable"), now_ms),
        is_dry_run=is_dry_run,
    )
    names = list(repository.refs.iter_reflogs())
    graph = TurnGraph(repository.objects)
    return sum(count for _, count in expire(repository, graph, names, expiry))


def is_due(repository: Repository) -> bool:
    """Return whether an automatic run would do anything.

    Raises:
        ConfigError: A setting of gc is none.
        StorageError: A folder cannot be listed.
    """
    config = repository.config
    return auto.is_due(
        repository.root,
        loose_max=config.integer("gc.auto"),
        pack_max=config.integer("gc.auto_pack_limit"),
    )


def start_auto(repository: Repository, options: GcOptions | None = None) -> str | None:
    """Start a run in the background if one is due; for commands that have just written.

    Returns:
        Why it was not started although it was due, or None.

    Raises:
        ConfigError: A setting of gc is none.
        StorageError: A folder cannot be listed, or no process be started.
    """
    if not is_due(repository):
        return None
    failure = auto.find_failure(repository.root, repository.clock())
    if failure is not None:
        return failure
    wanted = (options or GcOptions())._replace(is_auto=True)
    if not auto.detach(lambda: _run_detached(repository, wanted)):
        _run_detached(repository, wanted)
    return None


def _run_detached(repository: Repository, options: GcOptions) -> None:
    """Run gc where nobody waits for it, and leave what went wrong in the log."""
    text: str | None = None
    try:
        text = _find_fault(repository, options)
    finally:
        if text is None:
            text = f"tapes: gc ended before its time: {sys.exc_info()[1]!r}\n"
        try:
            auto.write_log(repository.root, text)
        except TapesError:
            pass  # a full disk may be what gc failed of


def _find_fault(repository: Repository, options: GcOptions) -> str:
    """Run gc, and return what went wrong with it, or nothing."""
    try:
        run_gc(repository, options)
    except LockedError:
        return ""  # another run is at it
    except TapesError as error:
        return f"tapes: error: {error}\n" + (f"hint: {error.hint}\n" if error.hint else "")
    return ""
