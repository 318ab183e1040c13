"""A store that keeps a secret in every place that a store has, and the search for what is left."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import zstandard

from tapegit.objects.kind import Kind
from tapegit.objects.turn import Turn, encode_turn
from tapegit.porcelain.maintenance.gc import GcOptions, run_gc
from tapegit.redact.redactor import default_redactor
from tapegit.repository.repository import Repository
from tapegit.rewrite.secrets import Secrets
from tests.builders import set_ref, write_blob, write_bytes, write_tag, write_turn
from tests.command import ACTOR, TIME_MS

if TYPE_CHECKING:
    from pathlib import Path

SECRET = b"correct-horse-9911"
ESCAPED = b"correct\\u002dhorse-9911"
MAGIC = b"\x28\xb5\x2f\xfd"


def open_at(root: Path, time_ms: int = TIME_MS) -> Repository:
    """Open a store with the clock of all tests."""
    return Repository.open(root, clock=lambda: time_ms, actor=ACTOR)


def find_secret() -> Secrets:
    """Return what finds the secret of this store, and nothing else."""
    return Secrets(default_redactor().only_known([SECRET]))


def fill(repository: Repository) -> dict[str, object]:
    """Put the secret into packs, loose objects, refs, reflogs, trash, tmp and what is derived.

    Returns:
        Ids of what does not hold it, by a name: they stay.
    """
    root = repository.root
    clean = write_turn(repository, "clean", raw=[write_blob(repository, b'{"text":"hello"}\n')])
    record = b'{"text":"it is \\"' + ESCAPED + b'\\", keep it"}\n'
    told = write_turn(
        repository,
        f"it is {SECRET.decode()}",
        raw=[write_blob(repository, record)],
        parents=[clean],
    )
    body = {"messages": [{"content": "x" * 90}, {"content": f"use {SECRET.decode()} " + "y" * 90}]}
    asked = write_turn(
        repository,
        "asked",
        raw=[write_bytes(repository, json.dumps(body).encode())],
        parents=[told],
    )
    set_ref(repository, "refs/heads/clean", clean)
    set_ref(repository, "refs/heads/main", asked)
    set_ref(repository, f"refs/heads/{SECRET.decode()}", told, f"from {SECRET.decode()}")
    for oid in (told, asked):  # a move that is no fast-forward has a reflog
        set_ref(repository, "refs/sessions/x/correct-horse-9911/file/main", oid)
    set_ref(repository, "refs/tags/v1", write_tag(repository, told, message="as told\n"))
    dropped = write_turn(repository, f"dropped {SECRET.decode()}", parents=[clean])
    write_blob(repository, b"lonely " + SECRET)
    run_gc(repository, GcOptions(prune="never"))
    repository = open_at(root)
    note = encode_turn(
        Turn(role="note", about=str(told), key="title", value=f"{SECRET.decode()}!", time=TIME_MS)
    )
    with repository.transaction("note") as transaction:
        noted = transaction.write(Kind.TURN, note)
    set_ref(repository, "refs/notes/tapes", noted)
    later = write_turn(
        repository,
        "later",
        raw=[write_blob(repository, b'{"text":"https://u:' + SECRET + b'@h"}\n')],
        parents=[asked],
    )
    set_ref(repository, "refs/heads/main", later)
    with repository.refs.transaction("detach") as transaction:
        transaction.detach_head(told)
    for name in ("trash/1700000000000-00000000/objects/x", "tmp/file-1-00", "index/search.sqlite"):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(SECRET)
    for name in ("lost-found/other/x", "trash/lost/pack-x.pack", "remote/map", "gc.log"):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" + SECRET)
    assert dropped
    return {"clean": clean}


def find_left(root: Path, words: tuple[bytes, ...] = (SECRET, ESCAPED)) -> list[str]:
    """Return where words still are: in files as they are, in objects, in names."""

    def is_in(data: bytes) -> bool:
        return any(word in data for word in words)

    left = [str(path) for path in root.rglob("*") if is_in(path.name.encode())]
    for path in sorted(root.rglob("*")):
        if path.is_file() and not path.is_symlink():
            data = path.read_bytes()
            left += [str(path)] * is_in(data)
            left += [f"{path} (frame)" for frame in _iter_frames(data) if is_in(frame)]
    repository = open_at(root)
    for oid in repository.objects.iter_oids():
        if is_in(repository.objects.read(oid).data):
            left.append(str(oid))
    return left


def _iter_frames(data: bytes) -> list[bytes]:
    """Return what every zstd frame in some bytes holds, wherever it begins."""
    frames = []
    start = data.find(MAGIC)
    while start >= 0:
        decompressor = zstandard.ZstdDecompressor(max_window_size=1 << 27)
        try:
            frames.append(decompressor.decompressobj().decompress(data[start:]))
        except zstandard.ZstdError:
            frames.append(b"")  # four bytes by chance
        start = data.find(MAGIC, start + 4)
    return frames


def refs_of(repository: Repository) -> dict[str, str]:
    """Return every ref with its id."""
    return {ref.name: str(ref.oid) for ref in repository.refs.iter_refs()}
