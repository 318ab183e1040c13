"""Fuzz what update-ref reads."""

from __future__ import annotations

import io

from tapegit.errors import TapesError
from tapegit.objects.oid import ObjectId
from tapegit.porcelain.plumbing.ref_commands import iter_commands, iter_records
from tests.fuzz.driver import run

SEEDS = [
    b"update refs/heads/a " + b"0" * 64 + b"\n",
    b"start\ncommit\n",
    b"delete refs/heads/a\n",
    b'create "refs/heads/a" ' + b"1" * 64,
    b"update refs/heads/a\0" + b"0" * 64 + b"\0\0",
    b"symref-update HEAD refs/heads/a\n",
    b"option no-deref\nverify refs/heads/a\n",
]


def target(data: bytes) -> None:
    """Take any bytes."""
    for nul in (False, True):
        try:
            list(iter_commands(iter_records(io.BytesIO(data), nul=nul), ObjectId.parse, nul=nul))
        except TapesError:
            pass


if __name__ == "__main__":
    run(target, SEEDS)
