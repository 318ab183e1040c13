"""`redact`: history without a secret, and nothing of it left in the store.

Rules: everything in the store is looked at, also what no ref needs; what does not hold the
secret keeps its id. Reading is done while recorders write; they are kept out from the last look
on. What another run has begun is finished first.

Source: tapesredaction(7), "Taking a secret out".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tapegit.formats.rewriting import Rewriting
from tapegit.formats.tombstones import REDACTED
from tapegit.porcelain.secrets.rewriting import GATE_TIMEOUT_S, begin, finish_pending
from tapegit.repository.gate import RemoverGate
from tapegit.repository.layout import PACK_NAME, TMP_NAME
from tapegit.rewrite.carry_out import open_refs
from tapegit.rewrite.forgetting import find_content
from tapegit.rewrite.ref_names import clean_reflogs, find_renames
from tapegit.rewrite.rewriter import Rewriter
from tapegit.rewrite.seams import find_split
from tapegit.rewrite.survey import Survey, close_upwards
from tapegit.store.pack_writer import PackWriter
from tapegit.upkeep.gc.collect import hold_upkeep, index_packs

if TYPE_CHECKING:
    from collections.abc import Callable

    from tapegit.repository.repository import Repository
    from tapegit.rewrite.secrets import Secrets

    OnProgress = Callable[[str, int], None]


class Redacted(NamedTuple):
    """What a redaction did, or with `is_dry_run` would do.

    Attributes:
        counts: How many placeholders were written, by rule.
        found_count: Objects that hold what was looked for themselves.
        object_count: Objects that went, with those that name one.
        moved: Refs that name something else now, or have another name.
        reflog_count: Lines of reflogs that held it.
        was_pending: Whether a former run was finished first.
        is_dry_run: Whether nothing was changed.
    """

    counts: dict[str, int]
    found_count: int
    object_count: int
    moved: tuple[str, ...]
    reflog_count: int = 0
    was_pending: bool = False
    is_dry_run: bool = False


def run_redact(
    repository: Repository,
    secrets: Secrets | None,
    *,
    is_dry_run: bool = False,
    on_progress: OnProgress | None = None,
) -> Redacted:
    """Take what is found out of a store.

    Args:
        repository: The store.
        secrets: What to look for; None only to finish what another run has begun.
        is_dry_run: Only look.
        on_progress: Is told how many objects were read, and the size of each.

    Raises:
        LockedError: Upkeep is at work, or writers did not leave in time; nothing was changed.
        RedactionError: Something cannot be taken out; nothing was changed.
        DataError: Something is damaged, so nobody knows what is in it; nothing was changed.
        StorageError: The system refused; run it again, and it is finished.
    """
    with hold_upkeep(repository.root):
        was_pending = not is_dry_run and finish_pending(repository)
        if secrets is None:
            return Redacted({}, 0, 0, (), was_pending=was_pending)
        index_packs(repository)
        survey = Survey(repository.objects, secrets.is_in)
        survey.extend(on_progress)
        if is_dry_run:
            found = _find_all(repository, secrets, survey)
            count = len(close_upwards(survey, found))
            renames = find_renames(secrets, _ref_names(repository))
            moved = tuple(renames.values())
            return Redacted({}, len(found), count, moved, is_dry_run=True)
        with RemoverGate(repository.root, GATE_TIMEOUT_S):
            survey.extend(on_progress)
            done = _redact(repository, secrets, survey)
    return done._replace(was_pending=was_pending)


def _find_all(repository: Repository, secrets: Secrets, survey: Survey) -> list[int]:
    """Return the objects that hold it themselves, and the ropes that hold it across pieces."""
    split = find_split(survey, repository.objects.find, secrets.find)
    return sorted({*survey.found, *split})


def _ref_names(repository: Repository) -> list[str]:
    return [ref.name for ref in repository.refs.iter_refs()]


def _redact(repository: Repository, secrets: Secrets, survey: Survey) -> Redacted:
    root = repository.root
    refs = open_refs(repository)
    reflog_count = clean_reflogs(refs, secrets)
    renames = find_renames(secrets, _ref_names(repository))
    found = _find_all(repository, secrets, survey)
    numbers = close_upwards(survey, found)
    if not numbers and not renames:
        return Redacted({}, 0, 0, (), reflog_count)
    with PackWriter(
        repository.objects,
        root / PACK_NAME,
        root / TMP_NAME,
        cold=True,
        threads=1,
        skip_existing=False,
    ) as writer:
        split = set(found) - set(survey.found)
        rewriter = Rewriter(survey, secrets, writer.add, split)
        rewriter.run(numbers)
        writer.finish()
    repository.objects.refresh()
    below = _find_below(repository, survey, rewriter) if split else set()
    rewriting = _plan(survey, rewriter, renames, below, repository.clock())
    done = begin(repository, rewriting)
    return Redacted(rewriter.counts, len(found), done.object_count, done.moved, reflog_count)


def _find_below(repository: Repository, survey: Survey, rewriter: Rewriter) -> set[int]:
    """Return pieces that nothing needs any more: each may hold a part of what went."""
    named = frozenset(ref.oid for ref in repository.refs.iter_refs())
    content = find_content(survey, frozenset(rewriter.successors), named)
    return {number for number in content if survey.oids[number] not in rewriter.written}


def _plan(
    survey: Survey,
    rewriter: Rewriter,
    renames: dict[str, str],
    below: set[int],
    time_ms: int,
) -> Rewriting:
    dropped = [n for n, new in rewriter.successors.items() if new is None]
    dropped += below
    return Rewriting(
        REDACTED,
        time_ms,
        frozenset(survey.oids[number] for number in dropped),
        {survey.oids[n]: new for n, new in rewriter.successors.items() if new is not None},
        renames,
    )
