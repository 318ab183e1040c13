"""Clients that push to one server at the same moment, each a process of its own.

`python -m tests.racing '[ROUNDS, [FOLDER, ...]]'`: each folder has a store whose `origin` is the
server. Everybody adds a turn to `main` and one to a branch of his own, and pushes both; what is
told to have diverged is pushed again with `--auto-fork`. Each turn of which the push was
acknowledged is printed.
"""

from __future__ import annotations

import json
import multiprocessing
import sys
from pathlib import Path

from tapegit.repository.repository import Repository
from tests.builders import make_tape
from tests.command import Runner, run_here

OK, DIVERGED = 0, 21


def play(folder: Path, number: int, round_count: int) -> None:
    """Be one client."""
    tapes = Runner(run_here, folder)
    repository = Repository.open(folder / ".tapes")
    names = ["main", f"own{number}"]
    for each in range(round_count):
        tips = {}
        for name in names:
            ref = f"refs/heads/{name}"
            start = repository.refs.find(ref) or repository.refs.find("refs/heads/main")
            label = f"{number}.{each}"
            tips[name] = str(make_tape(repository, 1, start=start, name=ref, label=label)[-1])
        acknowledge(tapes, tips)


def acknowledge(tapes: Runner, tips: dict[str, str]) -> None:
    """Push branches; print those that were taken, and push again what diverged."""
    first = tapes("push", "--json", "origin", *tips, code=None)
    assert first.code in (OK, DIVERGED), first.err
    diverged = []
    for record in first.records:
        name = record["source"]
        if record["state"] == "rejected":
            assert record["by"] == "here", record
            assert record["reason"].startswith("diverged"), record
            diverged.append(name)
        else:
            print(tips[name], flush=True)
    assert bool(diverged) == (first.code == DIVERGED)
    for name in diverged:
        second = tapes("push", "--json", "--auto-fork", "origin", name)
        (record,) = second.records
        assert record["state"] == "new", record
        assert record["ref"].startswith(f"refs/tapes/heads/{name}."), record
        print(tips[name], flush=True)


def main(round_count: int, folders: list[Path]) -> int:
    """Let one client play in each folder; return how many failed."""
    own = multiprocessing.get_context("fork")
    clients = [
        own.Process(target=play, args=(folder, number, round_count))
        for number, folder in enumerate(folders)
    ]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    return sum(client.exitcode != 0 for client in clients)


if __name__ == "__main__":
    rounds, named = json.loads(sys.argv[1])
    sys.exit(main(rounds, [Path(folder) for folder in named]))
