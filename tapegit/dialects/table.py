"""The dialects that can be decoded: which function reads the raw bytes of a turn.

A store has turns of one or two of them, so the module of a dialect is loaded when its first
turn is read. To add a dialect: a folder whose `parts` has a pure `iter_parts`, a line here, a page
tapesdialect-<name>(7), vectors and tests.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Final

from tapegit.dialects.meaning.injected import WIRE_DIALECTS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tapegit.dialects.parts import AnyPart

    Decode = Callable[[Iterable[bytes]], Iterator[AnyPart]]

DECODERS: Final = {
    "claude-code@1": "claude_code.parts",
    "codex@1": "codex.parts",
    "gemini-cli@1": "gemini_cli.parts",
    "mini-swe-agent@1": "swe_agent.parts",
    "opencode@1": "opencode.parts",
    "pi@1": "pi.parts",
    "swe-agent@1": "swe_agent.parts",
    "tapes.message@1": "tapes.message",
    "tapes.resume@1": "tapes.resume",
    "vcr@1": "vcr.parts",
}
"""The module that has the decoder of a dialect."""


def find_decoder(dialect: str | None) -> Decode | None:
    """Return what reads a dialect of a version, or None where nothing here does."""
    return None if dialect is None else _load(dialect)


@cache
def _load(dialect: str) -> Decode | None:
    module = DECODERS.get(dialect)
    decoder: Decode | None = None
    if module is not None:
        decoder = import_module(f"tapegit.dialects.{module}").iter_parts
    elif dialect.partition("@")[0] in WIRE_DIALECTS or dialect.startswith("tapes.wire@"):
        decoder = import_module("tapegit.dialects.wire_parts").wire_decoder(dialect)
    return decoder
