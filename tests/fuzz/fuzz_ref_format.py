"""Fuzz formats of for-each-ref and cat-file."""

from __future__ import annotations

from tapegit.errors import TapesError
from tapegit.porcelain.plumbing import batch, ref_format
from tapegit.porcelain.plumbing.for_each_ref import fnmatch_path, parse_sort_key
from tests.fuzz.driver import run

SEEDS = [
    b"%(objectname) %(refname:short)",
    b"%(objecttype)%00%%",
    b"%(contents:subject)",
    b"-committerdate",
    b"%(objectsize)",
    b"refs/*/[a-m]?in",
]


def target(data: bytes) -> None:
    """Take any bytes."""
    text = data.decode("utf-8", "surrogateescape")
    fnmatch_path("refs/heads/main", text)
    for parse in (ref_format.parse_format, batch.parse_format, parse_sort_key):
        try:
            parse(text)
        except TapesError:
            pass


if __name__ == "__main__":
    run(target, SEEDS)
