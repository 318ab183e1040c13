"""Pushing again what somebody else was faster with.

Rules: a remote takes a ref only if it is still where it was listed. Where it says that it is
not, the refs are listed anew, and what is to become of each is worked out again: it may have
diverged by now, which is then said, or be kept under a name of its own. A ref that did not move
is tried once more, for its lock may have been held; then the remote's words are final.

Source: tapes-push(1).
"""

from __future__ import annotations

import random
import re
import time
from typing import TYPE_CHECKING, Final

from tapegit.porcelain.remotes.push import push

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tapegit.objects.oid import ObjectId
    from tapegit.porcelain.remotes.push import Inspect, PushedRef, PushOptions, PushReport
    from tapegit.porcelain.remotes.push_line import PushLine
    from tapegit.porcelain.remotes.push_plan import Planned, Wish
    from tapegit.repository.repository import Repository

TRY_COUNT_MAX: Final = 8
_WAIT_S: Final = 0.05
# What git, of several versions, and JGit say of a ref that somebody else moves.
_LOST: Final = re.compile(
    r"failed to update ref|incorrect old value|reference already exists|stale info|lock",
    re.IGNORECASE,
)


def push_until_settled(
    repository: Repository,
    name: str | None,
    line: PushLine,
    wishes: Sequence[Wish],
    options: PushOptions,
    inspect: Inspect,
) -> PushReport:
    """Push as `push` does, and again what others moved meanwhile; return what became of each ref.

    Raises:
        RemoteError: The remote cannot be reached, or does not answer as git does.
        ObjectNotFoundError: Something that is to be pushed is missing here.
        DataError: It is damaged.
    """

    def inspect_again(turns: list[ObjectId], planned: Sequence[Planned], _first: object) -> None:
        inspect(turns, planned, False)

    report = push(repository, name, line, wishes, options, inspect)
    refs = list(report.refs)
    options = options._replace(followed=None)
    still: set[str] = set()
    for number in range(1, TRY_COUNT_MAX):
        lost = [place for place, ref in enumerate(refs) if _is_lost(ref, still)]
        if not lost:
            break
        time.sleep(random.uniform(0, _WAIT_S * number))  # noqa: S311 - to get out of step
        before = report.advertised
        again = [wishes[place] for place in lost]
        report = push(repository, name, line, again, options, inspect_again)
        still = {each for each, commit in report.advertised.items() if before.get(each) == commit}
        still |= {refs[place].shared.remote_name for place in lost} - report.advertised.keys()
        for place, ref in zip(lost, report.refs, strict=True):
            refs[place] = ref
    return report._replace(refs=refs)


def _is_lost(ref: PushedRef, still: set[str]) -> bool:
    """Return whether a ref was moved by others, but is none that did not move since."""
    is_told = ref.is_failed and ref.is_remote_reason and ref.reason is not None
    return is_told and bool(_LOST.search(ref.reason or "")) and ref.shared.remote_name not in still
