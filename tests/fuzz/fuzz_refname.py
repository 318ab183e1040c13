"""Fuzz names of refs, and ids of harnesses as parts of them."""

from __future__ import annotations

from tapegit.errors import TapesError
from tapegit.refs.names import RefName, percent_decode_component, percent_encode_component
from tests.fuzz.driver import run

SEEDS = [
    b"refs/heads/main",
    b"HEAD",
    b"refs/tags/v1.0",
    b"a..b",
    b"con.txt",
    b"x.lock",
    "é".encode(),
    b"-x",
    b"@{1}",
]


def target(data: bytes) -> None:
    """Take any bytes."""
    text = data.decode("utf-8", "surrogateescape")
    try:
        assert RefName.parse(text) == text
    except TapesError:
        assert RefName.try_parse(text) is None
    if not text:
        return
    component = percent_encode_component(text)
    RefName.parse(f"refs/sessions/x/{component}/main")
    percent_decode_component(component)
    percent_decode_component(data.decode("utf-8", "replace"))


if __name__ == "__main__":
    run(target, SEEDS)
