"""Tips: where a walk starts and what it leaves out, as a command line or its input names them.

A token is a revision, a range, or one of git's names for a set of refs; `--not` turns the sense
of everything after it round, up to the next one. Order is kept, for those who print.

    --all  --branches[=pattern]  --tags[=…]  --remotes[=…]  --sessions[=…]  --glob=<pattern>
    --not  <revision>  ^<revision>  a..b  a...b  r^@  r^!  r^-

Source: tapesrevisions(7), "Ranges" and "Sets of refs".
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from itertools import chain
from typing import TYPE_CHECKING, Final

from tapegit.errors import ObjectNotFoundError
from tapegit.graph.resolve import Point
from tapegit.refs.names import HEAD

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tapegit.graph.resolve import Resolver
    from tapegit.objects.oid import ObjectId
    from tapegit.refs.loose import OnBroken
    from tapegit.refs.reader import RefReader

SETS: Final = {
    "--all": "refs/",
    "--branches": "refs/heads/",
    "--tags": "refs/tags/",
    "--remotes": "refs/remotes/",
    "--sessions": "refs/sessions/",
}
"""Each set of refs and the beginning of their names."""

_GLOB: Final = "--glob="
_NOT: Final = "--not"
_ALL: Final = "--all"


def iter_points(
    resolver: Resolver,
    refs: RefReader,
    tokens: Iterable[str],
    *,
    is_peeled: bool = True,
    with_head: bool = True,
    on_broken: OnBroken | None = None,
) -> Iterator[Point]:
    """Yield the ends that tokens name, in their order.

    Args:
        resolver: Of revisions.
        refs: The refs.
        tokens: As above.
        is_peeled: Follow tags to turns, and pass over refs that lead to none; else what is
            named may be any object.
        with_head: `--all` means HEAD too.
        on_broken: Takes (name, error) of a ref of a set that cannot be read, or whose object
            is missing.

    Raises:
        UserError: A token is no revision, or names nothing or several things.
        DataError: Something on the way is damaged.
    """
    is_negated = False
    for token in tokens:
        if token == _NOT:
            is_negated = not is_negated
            continue
        points: Iterator[Point]
        if is_set(token):
            points = _iter_set(resolver, refs, token, is_peeled=is_peeled, on_broken=on_broken)
            if with_head and token == _ALL:
                points = chain(points, _iter_head(resolver, refs, is_peeled=is_peeled))
        else:
            points = iter(resolver.resolve_points(token, is_peeled=is_peeled))
        for point in points:
            yield point._replace(is_excluded=not point.is_excluded) if is_negated else point


def is_set(token: str) -> bool:
    """Return whether a token names a set of refs."""
    return token.startswith(_GLOB) or token.partition("=")[0] in SETS


def _iter_set(
    resolver: Resolver,
    refs: RefReader,
    token: str,
    *,
    is_peeled: bool,
    on_broken: OnBroken | None,
) -> Iterator[Point]:
    option, _, pattern = token.partition("=")
    prefix = SETS.get(option, "")
    wanted = _complete(prefix, pattern) if pattern else None
    for ref in refs.iter_refs(prefix or "refs/", on_broken=on_broken):
        if wanted is not None and not fnmatchcase(ref.name, wanted):
            continue
        oid: ObjectId | None = ref.oid
        try:
            if is_peeled:
                oid = resolver.find_turn(ref.oid, ref.name)
            else:
                resolver.verify_present(ref.oid, ref.name)
        except ObjectNotFoundError as error:
            if on_broken is None:
                raise
            on_broken(ref.name, error)
            continue
        if oid is not None:
            yield Point(oid, ref.name)


def _iter_head(resolver: Resolver, refs: RefReader, *, is_peeled: bool) -> Iterator[Point]:
    head = refs.read_head().oid
    if head is not None:
        yield Point(resolver.peel_to_turn(head, HEAD) if is_peeled else head, HEAD)


def _complete(prefix: str, pattern: str) -> str:
    """Return a pattern for whole names; without a wildcard it means everything below, as git's."""
    if not any(character in pattern for character in "?*["):
        pattern = pattern.removesuffix("/") + "/*"
    if not prefix and not pattern.startswith("refs/"):
        prefix = "refs/"
    return prefix + pattern
