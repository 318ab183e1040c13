"""Forgetting and retention: nothing of a session is left, whatever stops it; the rest stays."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pytest

from tapegit.porcelain.maintenance.fsck import run_fsck
from tapegit.repository.layout import REWRITING_NAME
from tapegit.upkeep.fsck.fsck import FsckOptions
from tests.builders import make_store, set_ref
from tests.command import TIME_MS, run_here
from tests.e2e.test_forget import transcript
from tests.unit.rewrite.killing import kill_at
from tests.unit.rewrite.leaky_store import find_left, open_at, refs_of

if TYPE_CHECKING:
    from pathlib import Path

WORDS = "purple-elephant-4711"
GONE, KEPT = "gone-session", "kept-session"
COMMANDS = {
    "forget": ("forget", GONE),
    "retention": ("gc", "-q", "--keep-sessions", "5d", "--force"),
}
DAY_MS = 86_400_000
SAMPLE_STEP = 29


class Told(NamedTuple):
    """A folder with a store that has a session which is to go, and what refs stay as they are."""

    folder: Path
    kept: dict[str, str]


def run(folder: Path, *args: str, code: int | None = 0) -> str:
    """Run a command with the clock of all tests; return what it prints."""
    result = run_here(list(args), b"", folder, {"TAPES_DATE": str(TIME_MS)})
    assert code in (None, result.code), (args, result)
    return result.out


def told(session: str, text: str, *, days: int) -> str:
    """Return a transcript of so many days ago."""
    then = TIME_MS - days * DAY_MS
    assert then > 0
    stamp = f"2025-06-{15 - days:02d}T10:00:0"
    return transcript(session, text).replace("2025-06-01T10:00:0", stamp)


def fill(folder: Path) -> Told:
    """Put a session into packs, loose objects, reflogs, remote refs, notes and all derived."""
    folder.mkdir(parents=True)
    root = make_store(folder / ".tapes")
    texts = {KEPT: "let this stay", GONE: f"the word is {WORDS}"}
    for session, text in texts.items():
        path = folder / f"{session}.jsonl"
        path.write_text(told(session, text, days=1 if session == KEPT else 12))
        run(folder, "import", str(path))
        run(folder, "notes", "add", "--session", "-m", f"note: {text}", session)
    run(folder, "gc", "-q", "--prune=never")
    path = folder / f"{GONE}.jsonl"
    more = told("more", f"{WORDS} once more", days=12)
    more = more.replace('"sessionId": "more"', f'"sessionId": "{GONE}"')
    path.write_text(path.read_text() + more)
    run(folder, "import", str(path))
    run(folder, "notes", "add", "-f", "--session", "-m", "a later note", KEPT)
    run(folder, "search", "stay", code=None)
    repository = open_at(root)
    name = f"refs/sessions/claude-code/{GONE}/file/main"
    tip = repository.refs.read(name)
    set_ref(repository, f"refs/remotes/origin/@sessions/claude-code/{GONE}/file/main", tip)
    set_ref(repository, f"refs/sessions/claude-code/{GONE}/forks/a", tip)
    for place in ("trash/1700000000000-00000000/objects/x", "tmp/file-1-00", "lost-found/x"):
        path = root / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(WORDS.encode())
    for path in folder.glob("*.jsonl"):
        path.unlink()
    refs = refs_of(open_at(root))
    return Told(folder, {name: oid for name, oid in refs.items() if KEPT in name})


def check(folder: Path, kept: dict[str, str]) -> None:
    """Check that nothing is left of the session, that the other stays, and that all is well."""
    root = folder / ".tapes"
    assert find_left(root, (WORDS.encode(), GONE.encode())) == []
    refs = refs_of(open_at(root))
    assert {name: refs.get(name) for name in kept} == kept
    assert sorted(refs) == sorted([*kept, "refs/notes/main"]), sorted(refs)
    assert not (root / REWRITING_NAME).exists()
    assert run_fsck(open_at(root), FsckOptions(full=True)).code == 0
    assert "a later note" in run(folder, "notes")
    assert "let this stay" in run(folder, "log", KEPT)


@pytest.fixture(scope="module")
def original(world, tmp_path_factory):
    """Give the store that is copied."""
    return fill(tmp_path_factory.mktemp("told") / "store")


def kill(told, tmp_path, numbers, command):
    """Kill it before each of these calls; the second run must end it. Return the last."""

    def do(folder):
        result = run_here([*COMMANDS[command]], b"", folder, {"TAPES_DATE": str(TIME_MS)})
        is_gone_before = command == "forget" and "no ref, session or object" in result.err
        assert result.code == (12 if is_gone_before else 0), result

    return kill_at(told.folder, tmp_path, numbers, do, lambda folder: check(folder, told.kept))


def test_the_store_of_these_tests_has_the_session_everywhere(original):
    """Before, its words are in files, frames, objects, and its id in names."""
    left = find_left(original.folder / ".tapes", (WORDS.encode(), GONE.encode()))
    assert sum("(frame)" in place for place in left) >= 3
    assert sum("tmp/" in place or "trash/" in place for place in left) >= 2
    assert any("index/" in place for place in left)
    assert len(left) > 15
    assert len(original.kept) == 1


@pytest.mark.parametrize("command", COMMANDS)
def test_killed_at_some_calls_the_second_run_finishes(original, tmp_path, command):
    """A sample of all calls, with the last, which is none."""
    last = kill(original, tmp_path, range(3, 2000, SAMPLE_STEP), command)
    assert last is not None
    assert last > 60, "the calls were counted"
