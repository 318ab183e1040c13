"""Fuzz formats of turns, patterns, and what tells of agents."""

from __future__ import annotations

from tapegit.dialects.meaning.named_files import iter_files
from tapegit.dialects.meaning.spawned import iter_spawned
from tapegit.dialects.parts import ToolCall
from tapegit.errors import TapesError
from tapegit.porcelain.turns.patterns import compile_pattern
from tapegit.ui.turn_format import parse_turn_format
from tests.fuzz.driver import run

RESULT = (
    b'{"type":"user","message":{"content":[{"type":"tool_result","tool_use_id":"t"}]},'
    b'"toolUseResult":{"agentId":"a"}}\n'
)
OUTPUT = (
    b'{"timestamp":"t","type":"response_item","payload":{"type":"function_call_output",'
    b'"call_id":"c","output":"{\\"agent_id\\":\\"t\\"}"}}\n'
)
SEEDS = [
    b"%H %h%n%C(bold red)%an%Creset%x00%(usage:input)",
    b"format:%(session:cwd) %ad",
    rb"\(a\|b\)\{1,2\}[[:alpha:]]*$",
    b"(a|b)+?[^]x]{2,}",
    RESULT,
    OUTPUT,
    b'{"parts":[{"callID":"c","state":{"metadata":{"sessionId":"s"}}}]}',
    b'{"path":"a","input":"*** Update File: b\\n"}',
]


def target(data: bytes) -> None:
    """Take any bytes."""
    text = data.decode("utf-8", "surrogateescape")
    for parse in (
        parse_turn_format,
        lambda given: compile_pattern(given, "basic"),
        lambda given: compile_pattern(given, "extended"),
        lambda given: compile_pattern(given, "perl"),
    ):
        try:
            parse(text)
        except TapesError:
            pass
    for dialect in ("claude-code@1", "codex@1", "opencode@1"):
        list(iter_spawned(dialect, [data]))
    list(iter_files(ToolCall(name="x", arguments=text)))


if __name__ == "__main__":
    run(target, SEEDS)
