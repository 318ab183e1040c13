"""`rev-parse`: what revisions mean, and where the store is, for scripts."""

from __future__ import annotations

import os
from collections.abc import Callable  # noqa: TC003 - a constant says it
from typing import TYPE_CHECKING, Final, NamedTuple

from tapegit.errors import AmbiguousRevisionError, RepositoryNotFoundError, UserError
from tapegit.graph.lookup import abbreviate_ref
from tapegit.graph.revision import EXCLUDE, INCLUDE, parse_range
from tapegit.objects.oid import OidPrefix
from tapegit.porcelain.plumbing.tips import is_set

if TYPE_CHECKING:
    from pathlib import Path

    from tapegit.graph.resolve import Point, Resolver
    from tapegit.objects.oid import ObjectId
    from tapegit.refs.names import RefName
    from tapegit.refs.reader import RefReader
    from tapegit.store.source import ObjectSource

STORE_FOLDER: Final = ".tapes"
CANDIDATE_COUNT_MAX: Final = 100_000

_SINGLE: Final = (INCLUDE, EXCLUDE)

AS_OID: Final = "oid"
AS_WRITTEN: Final = "written"
AS_FULL_NAME: Final = "full-name"
AS_SHORT_NAME: Final = "short-name"


class Parsed(NamedTuple):
    """One end of what was asked for; `ref` is the ref it was named by, if it was."""

    oid: ObjectId
    text: str
    is_excluded: bool
    ref: RefName | None


def verify_single(tokens: list[str]) -> None:
    """Refuse anything but exactly one revision.

    Raises:
        UserError: There is none, there are more, or it is a range.
    """
    if len(tokens) != 1 or is_set(tokens[0]) or parse_range(tokens[0]).form not in _SINGLE:
        raise UserError("needed a single revision")


def describe_point(resolver: Resolver, refs: RefReader, point: Point) -> Parsed:
    """Return an end of a range with the ref it was named by, symbolic refs followed.

    Raises:
        DataError: A ref is damaged.
    """
    name = resolver.find_ref(point.text)
    ref = None if name is None else refs.resolve(name).name
    return Parsed(point.oid, point.text, point.is_excluded, ref)


def format_parsed(
    parsed: Parsed, refs: RefReader, form: str, abbreviate: Callable[[ObjectId], str]
) -> str | None:
    """Return what to print of it, or None where its form is a name and it has none."""
    if form == AS_OID:
        text: str | None = abbreviate(parsed.oid)
    elif form == AS_WRITTEN:
        text = parsed.text
    elif parsed.ref is None:
        text = None
    else:
        text = parsed.ref if form == AS_FULL_NAME else abbreviate_ref(refs, parsed.ref)
    return "^" + text if text is not None and parsed.is_excluded else text


def list_candidates(objects: ObjectSource, text: str) -> list[ObjectId]:
    """Return every object whose id begins with these digits, ascending.

    Raises:
        AmbiguousRevisionError: There are more than anybody asks for.
    """
    prefix = OidPrefix.find(text)
    if prefix is None:
        return []
    found = objects.match_prefix(prefix, count_max=CANDIDATE_COUNT_MAX + 1)
    if len(found) > CANDIDATE_COUNT_MAX:
        raise AmbiguousRevisionError(
            f"'{text}' begins more than {CANDIDATE_COUNT_MAX} ids", text=text, candidates=[]
        )
    return found


def answer_query(name: str, root: Path) -> str:
    """Return what one question about the place says, as `git rev-parse` does of its own.

    Args:
        name: The option, one of `QUERIES`.
        root: The store.

    Raises:
        RepositoryNotFoundError: The store is not that of the directory here nor of one above.
    """
    return QUERIES[name](_Place.find(root))


class _Place(NamedTuple):
    """The store, the directory that has it if it is a `.tapes` there, and the current one."""

    root: str
    work: str | None
    here: str

    @classmethod
    def find(cls, root: Path) -> _Place:
        real = os.path.realpath(root)
        work = os.path.dirname(real) if os.path.basename(real) == STORE_FOLDER else None
        return cls(real, work, os.path.realpath(os.getcwd()))

    @property
    def is_inside_store(self) -> bool:
        return _is_inside(self.here, self.root)

    @property
    def is_inside_work(self) -> bool:
        return (
            self.work is not None and _is_inside(self.here, self.work) and not self.is_inside_store
        )

    @property
    def toplevel(self) -> str:
        if self.work is None or not self.is_inside_work:
            raise RepositoryNotFoundError(
                f"the store '{self.root}' is not that of the directory here, nor of one above",
                path=self.root,
            )
        return self.work

    @property
    def below(self) -> list[str]:
        """The names from the top level down to here."""
        path = os.path.relpath(self.here, self.toplevel)
        return [] if path == os.curdir else path.split(os.sep)


def _relative_root(place: _Place) -> str:
    if place.here == place.work:
        return STORE_FOLDER
    return os.curdir if place.here == place.root else place.root


QUERIES: Final[dict[str, Callable[[_Place], str]]] = {
    "--tapes-dir": _relative_root,
    "--absolute-tapes-dir": lambda place: place.root,
    "--show-toplevel": lambda place: place.toplevel,
    "--show-prefix": lambda place: "".join(name + os.sep for name in place.below),
    "--show-cdup": lambda place: (os.pardir + os.sep) * len(place.below),
    "--is-inside-work-tree": lambda place: _answer(is_true=place.is_inside_work),
    "--is-inside-tapes-dir": lambda place: _answer(is_true=place.is_inside_store),
    "--show-object-format": lambda _: "blake3",
}


def _is_inside(path: str, folder: str) -> bool:
    return os.path.commonpath((path, folder)) == folder


def _answer(*, is_true: bool) -> str:
    return "true" if is_true else "false"
