"""Fuzz settings."""

from __future__ import annotations

from pathlib import Path

from tapegit.errors import TapesError
from tapegit.repository.config import flatten_tables, parse_toml
from tapegit.repository.config_keys import KEYS, parse_value, split_key, verify_value
from tests.fuzz.driver import run

SEEDS = [
    b"[gc]\nauto = 2000\n",
    b"a.b = 1",
    b"x = [1, 2]",
    b"[[a]]",
    b"s = '''x'''",
    b"2.weeks",
    b"true",
    b"gc.auto",
]


def target(data: bytes) -> None:
    """Take any bytes."""
    text = data.decode("utf-8", "surrogateescape")
    path = Path("config")
    try:
        flatten_tables(parse_toml(text, path), path)
    except TapesError:
        pass
    for key in (text, *KEYS):
        try:
            split_key(key)
            value = parse_value(key, text)
            assert verify_value(key, value) == value
        except TapesError:
            pass


if __name__ == "__main__":
    run(target, SEEDS)
