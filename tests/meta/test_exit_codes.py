"""The tree of errors and the page of exit codes say the same."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

from tapegit import errors
from tapegit.cli import failure
from tapegit.errors import TapesError

PAGE = Path(__file__).parents[2] / "man" / "tapes-exit-codes.7.md"
ROW = re.compile(r"^\| (\d+) \| (?:`([a-z-]+)`)? ?\| (\w+)? ?\| (.+) \|$", re.MULTILINE)
RANGES = {
    errors.UserError: range(10, 20),
    errors.ConflictError: range(10, 30),
    errors.DataError: range(30, 40),
    errors.StorageError: range(30, 40),
    errors.RemoteError: range(40, 50),
}


def iter_classes(top=TapesError):
    """Yield the class and all below it."""
    yield top
    for below in top.__subclasses__():
        if below.__module__ == "tapegit.errors":
            yield from iter_classes(below)


CLASSES = list(iter_classes())


def test_page_lists_exactly_the_errors_there_are():
    """Each error has its row with code, name and class, and no row is about anything else."""
    rows = {(int(code), name, cls) for code, name, cls, _ in ROW.findall(PAGE.read_text()) if cls}

    assert rows == {(cls.exit_code, cls.code_name, cls.__name__) for cls in CLASSES}


def test_page_lists_the_codes_that_are_no_errors():
    """Success, "no", usage, interrupt and a closed pipe are in the table too."""
    codes = {int(code) for code, _, cls, _ in ROW.findall(PAGE.read_text()) if not cls}

    assert codes == {0, 1, failure.USAGE_CODE, failure.INTERRUPTED_CODE, failure.CLOSED_PIPE_CODE}


def test_module_draws_the_whole_tree():
    """The tree at the top of errors.py shows every class, its code and its place."""
    drawn = re.findall(r"^    [│├└─ ]*(\w+Error) +(\d+)$", errors.__doc__ or "", re.MULTILINE)

    assert sorted((name, int(code)) for name, code in drawn) == sorted(
        (cls.__name__, cls.exit_code) for cls in CLASSES
    )


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_each_error_is_documented_and_in_range(cls):
    """A class has a sentence, a name of its own and a code of its family."""
    assert (inspect.getdoc(cls) or "").endswith(".")
    assert sum(other.code_name == cls.code_name for other in CLASSES) == 1
    for family, codes in RANGES.items():
        if issubclass(cls, family) and cls is not errors.UserError:
            assert cls.exit_code in codes


def test_codes_are_shared_only_by_what_callers_need_not_tell_apart():
    """Two errors have one code only if both say: what you named is not there."""
    by_code: dict[int, set[str]] = {}
    for cls in CLASSES:
        by_code.setdefault(cls.exit_code, set()).add(cls.__name__)
    shared = {code: names for code, names in by_code.items() if len(names) > 1}

    assert shared == {
        1: {"TapesError", "UserError"},
        12: {"ObjectNotFoundError", "RefNotFoundError"},
    }
