"""Budget of upkeep over a long recording: how often a captured byte is written again by gc."""

from __future__ import annotations

import random
import shutil
from typing import TYPE_CHECKING

from bench.budget import Figure
from bench.material import Project
from bench.measure import folder_size, tapes
from tapegit.objects.kind import Kind
from tapegit.objects.turn import RawPiece, Turn, encode_turn
from tapegit.refs.names import RefName
from tapegit.repository.repository import Repository

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bench.measure import Options

ROUND_COUNT = 40
LOOSE_MAX = 1_000
"""When an automatic gc is due in this store: at a seventh of the default, and after fewer turns."""

TURNS_PER_ROUND = 650
TEXT_SIZE = 900


def measure_rewriting(options: Options) -> Iterator[Figure]:
    """Yield what gc writes, for each byte that recorders wrote as loose objects before it."""
    store = options.folder / "rewrite-tapes"
    shutil.rmtree(store, ignore_errors=True)
    store.mkdir(parents=True)
    tapes(store, "init")
    (store / ".tapes" / "config").write_text(f"[gc]\nauto = {LOOSE_MAX}\n")
    objects = store / ".tapes" / "objects"
    project = Project(random.Random(11), file_count=4)
    captured = written = runs = 0
    rounds = max(8, int(options.scale(ROUND_COUNT)))
    for number in range(rounds):
        packed = folder_size(objects / "pack")
        _record(store / ".tapes", project, number)
        captured += folder_size(objects) - packed
        before = {path.name for path in (objects / "pack").iterdir()}
        tapes(store, "gc", "--auto", "--no-detach")
        fresh = [path for path in (objects / "pack").iterdir() if path.name not in before]
        written += sum(path.stat().st_size for path in fresh)
        runs += bool(fresh)
    yield Figure(
        f"bytes written by {runs} automatic gcs for each byte captured,"
        f" {rounds * TURNS_PER_ROUND:,} turns",
        written / captured,
        5.0,
        "x",
        f"{captured / 1e6:.1f} MB loose, {written / 1e6:.1f} MB of packs and indexes,"
        f" {folder_size(objects) / 1e6:.1f} MB at the end",
    )


def _record(root: Path, project: Project, number: int) -> None:
    """Record the turns of one round, at the tip of one session."""
    repository = Repository.open(root)
    ref = RefName.parse("refs/sessions/bench/rewrite/wire/main")
    tip = repository.refs.find(ref)
    with repository.transaction(message="record") as transaction:
        for place in range(TURNS_PER_ROUND):
            text = project.make_prose(TEXT_SIZE)
            blob = transaction.write(Kind.BLOB, text.encode())
            turn = Turn(
                role="assistant",
                parents=(str(tip),) if tip else (),
                dialect="claude-code@1",
                raw=(RawPiece(str(blob)),),
                summary=f"answer {number}.{place}",
                time=1_760_000_000_000 + number * TURNS_PER_ROUND + place,
            )
            tip = transaction.write(Kind.TURN, encode_turn(turn))
        transaction.update_ref(ref, tip)
