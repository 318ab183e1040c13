"""The plugin of pytest: a test with a tape asks no model.

    @pytest.mark.tape("refund")
    def test_refund():
        assert agent.run("refund order 7") == "refunded"

Nothing of tapegit but this module and its errors is loaded until a test has a tape.

Source: tapespytest(7).
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Any, Final

import pytest

import tapegit
from tapegit.errors import TapesError

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from tapegit.testing import TapeOfTest

MODES: Final = ("none", "once", "new_episodes", "all")
FOLDER: Final = "tapes"
NAME_LENGTH_MAX: Final = 120
_UNNAMED: Final = re.compile(r"[^A-Za-z0-9._\[\]-]+", re.ASCII)
_tape_key: Final = pytest.StashKey["TapeOfTest"]()
_passed_key: Final = pytest.StashKey[bool]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option and the settings."""
    group = parser.getgroup("tapes", "tapes of what tests ask of models")
    group.addoption(
        "--tapes-mode",
        choices=MODES,
        help="none: replay tapes alone (default); once: record those that are missing; "
        "new_episodes: replay, and record what a tape does not answer; all: record every one anew",
    )
    parser.addini("tapes_mode", "As --tapes-mode", default="none")
    parser.addini("tapes_folder", "Where tapes are, beside each test's file", default=FOLDER)


def pytest_configure(config: pytest.Config) -> None:
    """Tell of the marker."""
    config.addinivalue_line(
        "markers", "tape(name, *, strict=False): what the test asks of models is on this tape"
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let a test that has the marker have the fixture."""
    for item in items:
        names = getattr(item, "fixturenames", None)
        if names is not None and item.get_closest_marker("tape") and "tape" not in names:
            names.insert(0, "tape")


@pytest.fixture
def tape(request: pytest.FixtureRequest, tmp_path_factory: Any) -> Iterator[TapeOfTest]:
    """Give the tape of the test; clients that are made from now on are led to it."""
    marker = request.node.get_closest_marker("tape")
    strict = bool(marker.kwargs.get("strict", False)) if marker is not None else False
    config = request.config
    mode = config.getoption("--tapes-mode") or config.getini("tapes_mode")
    if mode not in MODES:
        raise pytest.UsageError(f"tapes_mode is '{mode}', not one of {', '.join(MODES)}")
    folder = request.node.path.parent / config.getini("tapes_folder")
    path = folder / _find_place(request.node, marker)
    made: TapeOfTest = tapegit.TapeOfTest(
        path, mode, tmp_path_factory.mktemp("tape"), strict=strict
    )
    try:
        made.start()
    except TapesError as error:
        hint = f"\nhint: {error.hint}" if error.hint else ""
        pytest.fail(f"tapes: {error}{hint}", pytrace=False)
    request.node.stash[_tape_key] = made
    try:
        yield made
    finally:
        made.stop(is_kept=request.node.stash.get(_passed_key, False))


def _find_place(node: Any, marker: pytest.Mark | None) -> str:
    """Return where in the folder the tape of a test is: by its marker, else by its own names."""
    if marker is not None and marker.args:
        return f"{_clean(str(marker.args[0]))}.tape"
    classes = [each.name for each in node.listchain() if isinstance(each, pytest.Class)]
    return f"{_clean(node.path.stem)}/{_clean('.'.join([*classes, node.name]))}.tape"


def _clean(name: str) -> str:
    """Return a name as that of a file; two names never become one."""
    cleaned = _UNNAMED.sub("-", name)[:NAME_LENGTH_MAX].strip("-.")
    if cleaned == name:
        return name
    return f"{cleaned}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Fail a test that has not followed its tape, and print the report with any that fails."""
    try:
        result = yield
        made = item.stash.get(_tape_key, None)
        if made is not None:
            made.verify()
    except BaseException:
        made = item.stash.get(_tape_key, None)
        report = made.describe() if made is not None else None
        if report is not None:
            item.add_report_section("call", "replay", report)
        raise
    item.stash[_passed_key] = True
    return result
