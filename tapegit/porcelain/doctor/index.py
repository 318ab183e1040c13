"""`doctor`, on what is derived: the index of sessions and the index of words.

Rules: nothing is lost with either; answers are right without them. They are looked at as they
lie, by their readers.

Source: tapes-doctor(1).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tapegit.index import database as index
from tapegit.index.database import DamagedIndexError, IndexFile
from tapegit.porcelain.doctor.doctor import NOTE, OK, WARNING, Check
from tapegit.repository.layout import INDEX_NAME
from tapegit.search import database as words
from tapegit.search.database import SearchFile
from tapegit.search.indexer import is_up_to_date, open_words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tapegit.errors import TapesError
    from tapegit.graph.turns import TurnGraph
    from tapegit.repository.repository import Repository


def check_index(repository: Repository) -> Iterator[Check]:
    """Yield how the index of sessions and the index of words are."""
    yield _check_sessions(repository)
    yield _check_words(repository)


def _check_sessions(repository: Repository) -> Check:
    folder = repository.root / INDEX_NAME
    if not (folder / index.FILE_NAME).exists():
        return Check(
            "index", OK, "index-missing", "no index of sessions yet: it is made in passing"
        )
    try:
        IndexFile.open_read_only(folder).__exit__()
    except DamagedIndexError:
        what = (
            "the index of sessions is damaged, or of another version; answers are right, and slow"
        )
        return Check("index", WARNING, "index-damaged", what, None, is_fixable=True)
    except OSError as error:
        what = f"the index of sessions cannot be read: {error}"
        return Check("index", WARNING, "index-unreadable", what)
    return Check("index", OK, "index-sound", "the index of sessions can be used")


def _check_words(repository: Repository) -> Check:
    folder = repository.root / INDEX_NAME
    if not (folder / words.FILE_NAME).exists():
        return Check("index", OK, "words-missing", "no index of words yet: 'tapes search' makes it")
    file = SearchFile.open_read_only(folder)
    if file is None:
        what = "the index of words is damaged, or of another version; 'tapes search' makes it anew"
        return Check("index", WARNING, "words-damaged", what, None, is_fixable=True)
    with file:
        if is_up_to_date(repository, file, _ignore):
            return Check("index", OK, "words-sound", "the index of words has all turns")
    what = "the index of words lacks turns: the next search adds them, and takes longer"
    return Check("index", NOTE, "words-behind", what, None, is_fixable=True)


def drop_index(repository: Repository) -> None:
    """Delete the index of sessions; raises OSError."""
    index.remove(repository.root / INDEX_NAME)


def renew_words(repository: Repository, graph: TurnGraph) -> None:
    """Bring the index of words up to date; one that is damaged is made anew.

    Raises:
        TapesError: A turn cannot be read, or the index cannot be written.
    """
    open_words(repository, graph, on_broken=_ignore, on_progress=_pass).__exit__()


def _ignore(_name: str, _error: TapesError) -> None:
    """Take what cannot be read: the check of the store tells of it."""


def _pass(_count: int) -> None:
    """Take what nobody looks at."""
