"""Which turns of a walk a log shows: by role, tool, model, file, and what was said.

The fields that a turn stores decide first; its raw bytes are read and decoded only where a
pattern is not found in its summary, or where it called tools and files are asked for.

Source: tapes-log(1), "CHOOSING TURNS".
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, NamedTuple

from tapegit.dialects.meaning.named_files import is_below, iter_files
from tapegit.dialects.parts import ToolCall
from tapegit.objects.turn import decode_turn
from tapegit.porcelain.turns.parts import iter_parts, iter_texts

if TYPE_CHECKING:
    import re
    from collections.abc import Iterator

    from tapegit.objects.rope_reader import Find
    from tapegit.objects.turn import Turn


class TurnChoice(NamedTuple):
    """What a turn must be; an empty member lets everything pass.

    Attributes:
        roles: Its role is one of these.
        tools: It called a tool with one of these names, in which `*`, `?` and `[…]` are wildcards.
        models: Its model has one of these texts in its name.
        files: A call of a tool names one of these files, or one below.
        patterns: A line of its summary or of what was said has one of these.
        needs_all: All of the patterns, not one.
        is_inverted: What the patterns find is left out instead.
    """

    roles: tuple[str, ...] = ()
    tools: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    patterns: tuple[re.Pattern[str], ...] = ()
    needs_all: bool = False
    is_inverted: bool = False

    def takes(self, find: Find, data: bytes) -> bool:
        """Return whether the turn with this data is to be shown.

        Raises:
            ObjectNotFoundError: An object that it was read from is missing.
            DataError: It, or such an object, is damaged.
        """
        turn = decode_turn(data)
        if self.roles and turn.role not in self.roles:
            return False
        if self.models and not any(text in (turn.model or "") for text in self.models):
            return False
        if self.tools and not any(
            fnmatchcase(name, tool) for name in turn.tools for tool in self.tools
        ):
            return False
        if self.files and not self._names_file(find, turn):
            return False
        return not self.patterns or self._says(find, turn) is not self.is_inverted

    def _names_file(self, find: Find, turn: Turn) -> bool:
        return any(
            is_below(file, path)
            for part in (iter_parts(find, turn) if turn.tools else ())
            if isinstance(part, ToolCall)
            for file in iter_files(part)
            for path in self.files
        )

    def _says(self, find: Find, turn: Turn) -> bool:
        left = list(self.patterns)
        for text in _iter_message(find, turn):
            for line in text.split("\n"):
                left = [pattern for pattern in left if not pattern.search(line)]
                if not left or (len(left) < len(self.patterns) and not self.needs_all):
                    return True
        return False


def _iter_message(find: Find, turn: Turn) -> Iterator[str]:
    yield turn.summary or ""
    for part in iter_parts(find, turn):
        yield from iter_texts(part)
