"""Acknowledged means durable: every state that a power cut may leave, opened by real code.

The system calls of real commands are recorded once. Then the checker goes through every moment
between two of them and through what a careless disk may lose of what was not synced. And to
show that it would notice: with the syncs of any one place in the program left out, it fails.

Of scenarios with thousands of states every run of the tests looks at a third, spread evenly;
`make faults` looks at them all.
"""

from __future__ import annotations

import functools
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tapegit.errors import TapesError
from tests.crash.check import NONE, Facts, Workplace, check, check_damaged, read_damaged, read_facts
from tests.crash.disk import Base, Call, Site, Sync, iter_states
from tests.crash.recorder import Recorder
from tests.crash.scenarios import SCENARIOS
from tests.crash.sites import find_sites

if TYPE_CHECKING:
    from tapegit.objects.oid import ObjectId

STATES_MIN = 200
"""Of so many states at the beginning each is looked at."""
EVERY = 3
"""Of those after them, one in so many."""

BY_NAME = {scenario.name: scenario for scenario in SCENARIOS}


@dataclass(frozen=True, eq=False)
class Recording:
    """What a scenario did, and what the store held before the first step and after each."""

    base: Base
    calls: list[Call]
    history: list[Facts]
    is_damaged: bool

    @functools.cached_property
    def seen(self) -> set[int]:
        """The keys of all states of the whole run."""
        seen: set[int] = set()
        for _ in iter_states(self.base, self.calls, seen=seen):
            pass
        return seen

    @property
    def sites(self) -> frozenset[Site]:
        """Where the program asked for something to be durable."""
        return frozenset(call.site for call in self.calls if isinstance(call, Sync))


@pytest.fixture(scope="module")
def arena(world, tmp_path_factory):
    """Give a folder in memory, where writing states costs little."""
    base = "/dev/shm" if os.access("/dev/shm", os.W_OK) else tmp_path_factory.getbasetemp()
    path = Path(base) / f"tapes-crash-{os.getpid()}"
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir()
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="module")
def record(arena):
    """Give a function that records a scenario, once."""

    @functools.cache
    def record(name: str) -> Recording:
        scenario = BY_NAME[name]
        folder = arena / f"record-{name}"
        folder.mkdir()
        for step in scenario.prepare:
            step(folder)
        facts = _facts
        if scenario.damage is not None:
            universe = _facts(folder).oids
            scenario.damage(folder)
            facts = functools.partial(_damaged_facts, universe=universe)
        recorder = Recorder(folder)
        history = [facts(folder)]
        for step in scenario.stopped:
            with recorder.recording_no_sync():
                step(folder)
        for number, step in enumerate(scenario.steps, 1):
            with recorder.recording():
                step(folder)
            recorder.acknowledge(number)
            history.append(facts(folder))
        return Recording(recorder.base, recorder.calls, history, scenario.damage is not None)

    return record


def _find_root(folder: Path) -> Path:
    inner = folder / "a/b/.tapes"
    return inner if inner.parent.exists() else folder / ".tapes"


def _facts(folder: Path) -> Facts:
    root = _find_root(folder)
    return read_facts(root) if root.exists() else NONE


def _damaged_facts(folder: Path, *, universe: frozenset[ObjectId]) -> Facts:
    return read_damaged(_find_root(folder), universe)


def find_fault(
    recording: Recording, place: Workplace, *, without: Site | None = None, every: int = 1
) -> str | None:
    """Return what is wrong with the first state that is, or None where none is.

    With a site left out only the states are looked at that the whole run has not.
    """
    seen = set() if without is None else set(recording.seen)
    states = iter_states(recording.base, recording.calls, without=without, seen=seen)
    for number, state in enumerate(states):
        if number > STATES_MIN and number % every:
            continue
        place.show(state.tree)
        root = _find_root(place.folder)
        is_new = not (root / "HEAD").exists()
        try:
            if recording.is_damaged:
                check_damaged(state, root, recording.history)
            else:
                check(state, root, recording.history)
        except (TapesError, AssertionError) as error:
            return f"after step {state.done}, {state.what}: {type(error).__name__}: {error}"
        finally:
            if is_new or place.is_written_to():
                place.forget()
    return None


@pytest.fixture
def place(arena, request):
    """Give a folder to show states in."""
    folder = arena / "states"
    folder.mkdir()
    yield Workplace(folder)
    shutil.rmtree(folder)


@pytest.mark.parametrize("name", list(BY_NAME))
def test_no_power_cut_loses_what_was_acknowledged(record, place, name):
    """Whenever it comes and whatever it takes: refs old or new together, no object damaged."""
    fault = find_fault(record(name), place, every=EVERY)

    assert fault is None


@pytest.mark.faults
@pytest.mark.parametrize("name", list(BY_NAME))
def test_no_power_cut_whatever_loses_what_was_acknowledged(record, place, name):
    """The same of every state that there is."""
    fault = find_fault(record(name), place)

    assert fault is None


EXEMPT = {
    "porcelain/plumbing/pack_objects.py": "writes files outside of the store",
    "porcelain/resume/resume.py": "writes the file of a client, outside of the store",
    "porcelain/plumbing/streams.py": "writes files outside of the store",
    "porcelain/imports/watch_service.py": "writes a file outside of the store",
    "repository/tombstones.py: replace_file(root / TOMBSTONES_NAME, data, tmp_dir=root / TMP_NAME)"
    " [fsync_dir]": "the journal says the same until the folder is synced once more",
    'rewrite/shred.py: replace_file(summary.path.with_suffix(".keep"), keep, '
    "tmp_dir=root / TMP_NAME)": (
        "what it says is for people, and its folder is synced when the old pack leaves it"
    ),
    'rewrite/shred.py: replace_file(path.with_suffix(".cruft"), data, tmp_dir=root / TMP_NAME)'
    " [fsync_dir]": "its folder is synced when the old pack leaves it",
    "upkeep/fsck/lostfound.py": "writes what is there already once more, for people to look at",
    "upkeep/salvage/aside.py: fsync_dir(target.parent)": (
        "the model keeps the two halves of a rename"
    ),
    "upkeep/salvage/aside.py: replace_file(target, damaged, tmp_dir=root / TMP_NAME)": (
        "it is for people to look at"
    ),
    "upkeep/salvage/aside.py: replace_file(root / relative, sound, tmp_dir=root / TMP_NAME)": (
        "until it is there the damaged file is, of which the next run says the same"
    ),
    'upkeep/salvage/salvage.py: replace_file(keep, b"", tmp_dir=repository.root / TMP_NAME)': (
        "the file is empty, and its folder is synced when the damaged pack leaves it"
    ),
    'upkeep/receive/receive.py: replace_file(path.with_suffix(".keep"), text, '
    "tmp_dir=root / TMP_NAME) [fsync_dir]": "installing the pack syncs the same folder right after",
}
"""Files, lines of files and calls in lines, that a check of stores by this model cannot judge."""

SITES = [
    site
    for site, line in find_sites().items()
    if not EXEMPT.keys() & {site.path, f"{site.path}: {line}", f"{site.path}: {line} [{site.call}]"}
]


@pytest.fixture(scope="module")
def by_site(record):
    """Give, for each place, the scenarios that come by there, the shortest first."""
    found: dict[Site, list[Recording]] = {}
    for recording in sorted(map(record, BY_NAME), key=lambda recording: len(recording.calls)):
        for site in recording.sites:
            found.setdefault(site, []).append(recording)
    return found


@pytest.mark.slow
@pytest.mark.parametrize("site", SITES, ids=lambda site: f"{site.path}:{site.line}-{site.call}")
def test_the_checker_notices_when_a_sync_is_left_out(by_site, place, site):
    """Each sync is needed, for without it something acknowledged can be lost; and it is seen."""
    recordings = by_site.get(site, [])
    assert recordings, "no scenario comes by here"

    assert any(find_fault(recording, place, without=site) for recording in recordings)


def test_every_sync_that_happened_was_found_in_the_source(by_site):
    """The list of places is whole: nothing syncs in a way that it does not know."""
    assert set(by_site) <= find_sites().keys()


def test_every_exemption_is_of_a_place_that_exists():
    """An exemption for code that has gone would hide the next one."""
    found = find_sites().items()
    names = {site.path for site, _ in found}
    names |= {f"{site.path}: {line}" for site, line in found}
    names |= {f"{site.path}: {line} [{site.call}]" for site, line in found}

    assert EXEMPT.keys() <= names
