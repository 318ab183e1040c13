"""What is done to a store while its system calls are recorded: real commands, step by step.

Rules: a step is acknowledged when its command has ended without an error. What came before the
scenario (`prepare`) is durable.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from tapegit.objects.kind import Kind, object_id
from tapegit.refs.names import RefName
from tapegit.repository.repository import Repository
from tapegit.repository.shallow import add_cuts
from tests.builders import make_tape, turn_data
from tests.command import ACTOR, TIME_MS, run_here
from tests.crash.check import SECRET
from tests.faults.scenarios import make_transcript
from tests.unit.rewrite.leaky_store import fill

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Step = Callable[[Path], None]


class Scenario(NamedTuple):
    """Steps over a folder; those of `prepare` are not recorded.

    Those of `stopped` are of another process, that was stopped before it synced any folder.
    `damage` comes after `prepare` and harms the store: from then on it is asked only that what
    can be read, of all that could before, never gets less.
    """

    name: str
    prepare: tuple[Step, ...]
    steps: tuple[Step, ...]
    stopped: tuple[Step, ...] = ()
    damage: Step | None = None


def tapes(*args: str, stdin: bytes = b"", code: int | None = 0) -> Step:
    """Return a step that runs a command, by the clock of the machine, as files have its times."""

    def run(folder: Path) -> None:
        settings = {"XDG_CONFIG_HOME": str(folder / "config")}
        env = {"TAPES_ACTOR": ACTOR, "TAPES_DATE": "", **settings}
        result = run_here(list(args), stdin, folder, env)
        assert code in (None, result.code), (args, result)

    return run


def opened(folder: Path) -> Repository:
    """Return the store of a folder."""
    return Repository.open(folder / ".tapes", clock=lambda: TIME_MS, actor=ACTOR)


def tape(name: str | None, turns: int, label: str = "turn") -> Step:
    """Return a step that stores a chain of turns and sets a ref to its end."""

    def run(folder: Path) -> None:
        make_tape(opened(folder), turns, name=name, label=label)

    return run


def bulk(number: int) -> Step:
    """Return a step that stores a pack and moves two refs, in one transaction."""

    def run(folder: Path) -> None:
        repository = opened(folder)
        with repository.transaction("bulk", bulk=True) as transaction:
            oid = None
            for n in range(3):
                raw = transaction.write_bytes(b"raw %d %d" % (number, n))
                data = turn_data(f"bulk {number} {n}", parents=[oid] if oid else [], raw=[raw])
                oid = transaction.write(Kind.TURN, data)
            for name in ("main", "wire"):
                ref = RefName(f"refs/sessions/x/{number}/file/{name}")
                transaction.update_ref(ref, oid, None)

    return run


def move(name: str, revision: str) -> Step:
    """Return a step that sets a ref to what a revision names."""

    def run(folder: Path) -> None:
        oid = run_here(["rev-parse", revision], b"", folder, {}).oid
        tapes("update-ref", name, oid)(folder)

    return run


def orders(*lines: str) -> Step:
    """Return a step that changes several refs at once; `{main}` and such stand for ids."""

    def run(folder: Path) -> None:
        refs = {ref.name.short: str(ref.oid) for ref in opened(folder).refs.iter_refs()}
        text = "".join(f"{line.format_map(refs)}\n" for line in lines)
        tapes("update-ref", "--stdin", stdin=text.encode())(folder)

    return run


def shortened(folder: Path) -> None:
    """Leave the oldest move out of a reflog, as a step: what expiring does."""
    repository = opened(folder)
    first = repository.refs.read_reflog(RefName(MAIN))[0]
    repository.refs.expire_reflog(RefName(MAIN), lambda entry: entry != first)


def put(name: str, data: bytes) -> Step:
    """Return a step that writes a file beside the store."""
    return lambda folder: (folder / name).write_bytes(data) and None


def outside(name: str) -> Step:
    """Return a step that moves the only pack of the store out of it, beside it."""

    def run(folder: Path) -> None:
        (pack,) = (folder / ".tapes/objects/pack").glob("*.pack")
        pack.with_suffix(".idx").unlink()
        pack.rename(folder / name)
        tapes("update-ref", "-d", "refs/heads/main")(folder)

    return run


def restored(folder: Path) -> None:
    """Let a ref name what gc threw away, as a step."""
    tapes("update-ref", "refs/kept/back", str(object_id(Kind.BLOB, UNNEEDED)))(folder)


def without(pattern: str) -> Step:
    """Return a step that removes files or empty folders of the store."""

    def run(folder: Path) -> None:
        for path in (folder / ".tapes").glob(pattern):
            if not path.is_dir():
                path.unlink()
            elif not any(path.iterdir()):
                path.rmdir()

    return run


def to_keep(folder: Path) -> None:
    """Say of every pack that it is to stay, as a step."""
    for path in (folder / ".tapes/objects/pack").glob("*.pack"):
        path.with_suffix(".keep").write_bytes(b"")


def damaged(pattern: str, place: int) -> Step:
    """Return a step that flips a byte of a file of the store."""

    def run(folder: Path) -> None:
        (path,) = (folder / ".tapes").glob(pattern)
        data = bytearray(path.read_bytes())
        data[place] ^= 0xFF
        path.unlink()
        path.write_bytes(data)

    return run


def packed(folder: Path) -> None:
    """Store a pack and move no ref, as a step."""
    with opened(folder).transaction("packed", bulk=True) as transaction:
        transaction.write(Kind.TURN, turn_data("the same"))


def packed_again(folder: Path) -> None:
    """Store the same in one more transaction, and move a ref, as a step."""
    with opened(folder).transaction("packed", bulk=True) as transaction:
        transaction.update_ref(RefName(MAIN), transaction.write(Kind.TURN, turn_data("the same")))


def cut_off(folder: Path) -> None:
    """Store a turn without its parent, as a fetch of history in part does, and move a ref."""
    repository = opened(folder)
    with repository.transaction("cut") as transaction:
        parent = object_id(Kind.TURN, turn_data("left out"))
        oid = transaction.write(Kind.TURN, turn_data("cut", parents=[parent]))
        add_cuts(repository, {oid: (0, (bytes(20),))})
        transaction.update_ref(RefName("refs/heads/cut"), oid, None)


def unpacked(folder: Path) -> None:
    """Make a store's packs loose again, as a step: unpack-objects."""
    tapes("unpack-objects", stdin=(folder / "a.pack").read_bytes())(folder)


def indexed(folder: Path) -> None:
    """Put a pack into the store, as a step: index-pack."""
    tapes("index-pack", "--stdin", stdin=(folder / "a.pack").read_bytes())(folder)


def kept(folder: Path) -> None:
    """Say of a pack that is there that it is to stay, as a step."""
    tapes("index-pack", "--stdin", "--keep=why", stdin=(folder / "a.pack").read_bytes())(folder)


def client(folder: Path) -> None:
    """Put a client that does nothing, and a home, beside the store, as a step."""
    program = folder / "bin" / "claude"
    for path in (program.parent, folder / "home"):
        path.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)


def resumed(folder: Path) -> None:
    """Let the client go on from where HEAD is, as a step."""
    home = {"HOME": str(folder / "home"), "XDG_CONFIG_HOME": str(folder / "config")}
    path = f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
    env = {"TAPES_ACTOR": ACTOR, "TAPES_DATE": "", "CLAUDE_CONFIG_DIR": "", "PATH": path, **home}
    result = run_here(["resume"], b"", folder, env)
    assert result.code == 0, result


def without_transcripts(folder: Path) -> None:
    """Remove the files beside the store that it was told, as a step."""
    for path in folder.glob("*.jsonl"):
        path.unlink()


def leaky(folder: Path) -> None:
    """Put the secret of `check` into every place that a store has, as a step."""
    fill(opened(folder))


def kept_and_cruft(folder: Path) -> None:
    """Put the secret into a pack that is to stay, and into a cruft pack, as a step."""
    with opened(folder).transaction("kept", bulk=True) as transaction:
        transaction.write(Kind.BLOB, b"kept with " + SECRET)
        transaction.write(Kind.BLOB, b"kept without")
    to_keep(folder)
    for data in (b"young with " + SECRET, b"young without"):
        tapes("hash-object", "-w", "--stdin", stdin=data)(folder)
    tapes("gc", "-q", "--prune=never")(folder)


MAIN = "refs/heads/main"
UNNEEDED = b"unneeded"
NEW = tapes("init")
STORE = (NEW, tape(MAIN, 3), tape("refs/heads/topic/x", 2, "other"))

ELSEWHERE = (NEW, tape(MAIN, 3), tapes("gc", "--expire-trash=now"), outside("a.pack"))

SCENARIOS = (
    Scenario("init", (), (NEW,)),
    Scenario("init-below", (), (tapes("init", "a/b"),)),
    Scenario(
        "loose",
        (NEW,),
        (
            tapes("hash-object", "-w", "--stdin", stdin=b"one"),
            tape(MAIN, 2),
            tapes("hash-object", "-w", "--stdin", stdin=b"one"),
        ),
    ),
    Scenario(
        "one-ref",
        STORE,
        (
            move(MAIN, "main~1"),
            move("refs/heads/deep/er/new", "main"),
            tapes("symbolic-ref", "HEAD", "refs/heads/topic/x"),
            tapes("update-ref", "-d", "refs/heads/deep/er/new"),
            move("HEAD", "main"),
            tapes("pack-refs", "--all"),
            move(MAIN, "topic/x"),
            tapes("update-ref", "-d", "refs/heads/topic/x"),
        ),
    ),
    Scenario(
        "many-refs",
        (*STORE, tapes("pack-refs", "--all"), tape(MAIN, 4, "more"), tape("refs/tags/t", 1)),
        (
            orders(
                f"update {MAIN} {{topic/x}} {{main}}",
                "delete refs/heads/topic/x",
                "create refs/heads/new/a {main}",
                "create refs/heads/new/b {main}",
            ),
            orders(f"update {MAIN} {{t}}", "delete refs/tags/t", "update refs/heads/new/a {t}"),
            orders("delete refs/heads/new/a", "delete refs/heads/new/b"),
        ),
    ),
    Scenario("pack-refs", STORE, (tapes("pack-refs", "--all"), move(MAIN, "main~1"))),
    Scenario("bulk", (NEW,), (bulk(1), bulk(2))),
    Scenario(
        "import",
        (NEW, put("a.jsonl", make_transcript("1111-1111", 4))),
        (
            tapes("import", "a.jsonl"),
            put("a.jsonl", make_transcript("1111-1111", 7)),
            tapes("import", "a.jsonl"),
        ),
    ),
    Scenario(
        "conversation",
        (
            NEW,
            put("a.jsonl", make_transcript("1111-1111", 4)),
            tapes("import", "a.jsonl"),
            tapes("switch", "-c", "fix", "@{latest}#3"),
            client,
        ),
        (
            tapes("amend", "--text", "another prompt"),
            tapes("merge", "-m", "and this", "@{latest}"),
            tapes("reset", "fix@{1}"),
            resumed,
        ),
    ),
    Scenario(
        "reflog",
        (*STORE, move(MAIN, "main~1"), move(MAIN, "topic/x")),
        (shortened, tapes("reflog", "expire", "--expire=now", MAIN), move(MAIN, "topic/x~1")),
    ),
    Scenario("config", STORE, (tapes("config", "gc.auto", "1"), tapes("config", "gc.auto", "2"))),
    Scenario(
        "gc",
        (NEW, tape(MAIN, 2), bulk(1), tapes("hash-object", "-w", "--stdin", stdin=UNNEEDED)),
        (tapes("gc", "-q"), tape(MAIN, 1, "after"), tapes("gc", "-q", "--prune=now")),
    ),
    Scenario(
        "repack",
        (*STORE, bulk(1), bulk(2)),
        (tapes("repack", "-a", "-d", "-q"), tapes("prune", "--expire=now")),
    ),
    Scenario(
        "redact",
        (NEW, tape(MAIN, 1), leaky),
        (tapes("redact", "--value", stdin=SECRET), tape("refs/heads/after", 1, "after")),
    ),
    Scenario(
        "redact-packs",
        (NEW, tape(MAIN, 2), kept_and_cruft),
        (tapes("redact", "--value", stdin=SECRET),),
    ),
    Scenario(
        "forget",
        (
            NEW,
            put("a.jsonl", make_transcript("1111-1111", 3).replace(b"word2", SECRET)),
            tapes("import", "a.jsonl"),
            put("b.jsonl", make_transcript("2222-2222", 3)),
            tapes("import", "b.jsonl"),
            without_transcripts,
            tapes("notes", "add", "--session", "-m", "one", "1111-1111"),
            tapes("notes", "add", "--session", "-m", "two", "2222-2222"),
        ),
        (tapes("forget", "1111-1111"),),
    ),
    Scenario("index-pack", ELSEWHERE, (indexed, kept)),
    Scenario("unpack-objects", ELSEWHERE, (unpacked,)),
    Scenario("user-config", STORE, (tapes("config", "--user", "gc.auto", "1"),)),
    Scenario(
        "restore",
        (
            *STORE,
            tapes("hash-object", "-w", "--stdin", stdin=UNNEEDED),
            tapes("gc", "--prune=now"),
            without("objects/??"),
        ),
        (restored,),
    ),
    Scenario(
        "no-folders",
        (NEW, without("objects/??")),
        (tapes("hash-object", "-w", "--stdin", stdin=b"one"),),
    ),
    Scenario("cut-off", (NEW,), (cut_off,)),
    Scenario("same-loose", (NEW,), (tape(MAIN, 2),), stopped=(tape(None, 2),)),
    Scenario("same-packed", (NEW,), (packed_again,), stopped=(packed,)),
    Scenario(
        "no-index",
        (NEW, bulk(1), to_keep, without("objects/pack/*.idx")),
        (tapes("gc", "--prune=never"),),
    ),
    Scenario(
        "salvage-index",
        (*STORE, bulk(1)),
        (tapes("fsck", "--salvage", code=None),),
        damage=damaged("objects/pack/*.idx", 200),
    ),
    Scenario(
        "salvage-pack",
        (*STORE, bulk(1)),
        (tapes("fsck", "--salvage", code=None),),
        damage=damaged("objects/pack/*.pack", 60),
    ),
)
