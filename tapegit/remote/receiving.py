"""A pack from a remote into a folder where its objects can be read.

Rules: the bytes are counted as they come; how many objects the pack states is looked at first;
git makes the index, with bounded memory and time, and finds what is damaged.

Source: tapesformat-git(5), "Checking"; git-index-pack(1).
"""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING, Final

from tapegit.errors import ProtocolError, TransportError
from tapegit.files import syscalls
from tapegit.files.durable import write_all
from tapegit.files.oserrors import storage_errors
from tapegit.remote.packet_line import clean_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tapegit.remote.connection import Surroundings
    from tapegit.remote.scratch import ScratchFolder

PACK_SIZE_MAX_BYTES: Final = 8 << 30
OBJECT_COUNT_MAX: Final = 20_000_000
# What git may take to make an index: far more than objects of ours need, far less than a pack of
# small deltas that stand for gigabytes could ask for.
MEMORY_MIN_KB: Final = 1 << 20
MEMORY_PER_OBJECT_BYTES: Final = 256
CPU_MIN_S: Final = 30
CPU_PER_MIB_S: Final = 2
_HEAD_SIZE_BYTES: Final = 12
_NAME: Final = "pack/pack-incoming"


def receive_git_pack(
    chunks: Iterable[bytes], folder: ScratchFolder, surroundings: Surroundings
) -> int:
    """Write a pack into a folder, index it, and return how many objects it has.

    Raises:
        ProtocolError: It is no pack, or too large.
        TransportError: The connection broke.
        StorageError: It could not be stored.
    """
    folder.make_folder("pack")
    path = folder.path / f"{_NAME}.pack"
    size_bytes, head = 0, b""
    with storage_errors("create", path):
        fd = syscalls.open_new(path)
    try:
        for chunk in chunks:
            size_bytes += len(chunk)
            if len(head) < _HEAD_SIZE_BYTES:
                head += chunk[:_HEAD_SIZE_BYTES]
                _verify_head(head)
            if size_bytes > PACK_SIZE_MAX_BYTES:
                raise ProtocolError(f"the remote sent more than {PACK_SIZE_MAX_BYTES} bytes")
            with storage_errors("write", path):
                write_all(fd, chunk)
    finally:
        os.close(fd)
    if len(head) < _HEAD_SIZE_BYTES:
        raise ProtocolError("the remote sent no pack")
    count = int.from_bytes(head[8:12], "big")
    if count:
        _index(folder, surroundings, _limits(size_bytes, count))
    return count


def _limits(size_bytes: int, count: int) -> str:
    """Return what a shell sets before it makes the index of a pack."""
    memory_kb = MEMORY_MIN_KB + count * MEMORY_PER_OBJECT_BYTES // 1024
    cpu_s = CPU_MIN_S + CPU_PER_MIB_S * (size_bytes >> 20)
    return f"ulimit -v {memory_kb} 2>/dev/null; ulimit -t {cpu_s} 2>/dev/null"


def _verify_head(head: bytes) -> None:
    if len(head) < _HEAD_SIZE_BYTES:
        return
    if not head.startswith(b"PACK"):
        raise ProtocolError("the remote sent what is no pack")
    count = int.from_bytes(head[8:12], "big")
    if count > OBJECT_COUNT_MAX:
        raise ProtocolError(f"the remote sent {count} objects, the most is {OBJECT_COUNT_MAX}")


def _index(folder: ScratchFolder, surroundings: Surroundings, limits: str) -> None:
    script = f'{limits}; exec git "$@"'
    arguments = ["-c", "core.bigFileThreshold=16m", "-c", "pack.threads=2"]
    arguments += ["index-pack", "-o", f"{_NAME}.idx", f"{_NAME}.pack"]
    # Not in the user's own repository, in which this folder may lie.
    ceiling = os.path.realpath(folder.path.parent)
    try:
        done = subprocess.run(  # noqa: S603 - the user's own git, and arguments of ours
            ["/bin/sh", "-c", script, "git", *arguments],
            cwd=os.path.realpath(folder.path),
            env=surroundings.child_environ(GIT_CEILING_DIRECTORIES=ceiling),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
    except OSError as error:
        raise TransportError("cannot start 'git'", errno=error.errno) from error
    if done.returncode < 0:
        raise ProtocolError("the pack of the remote takes too long to unpack")
    if done.returncode:
        lines = clean_text(done.stderr).strip().split("\n")
        raise ProtocolError(f"the pack of the remote is damaged: {lines[-1][:200]}")
