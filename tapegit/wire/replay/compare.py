"""Requests compared for people: what differs in one that was answered, and in one that was not.

Source: tapes-replay(1), "REPORT".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from tapegit.dialects.meaning.arguments import split_arguments
from tapegit.dialects.meaning.injected import dialect_name, strip_blocks
from tapegit.dialects.parts import Text, ToolCall, ToolResult
from tapegit.dialects.wire_table import WIRE_DIALECTS
from tapegit.errors import FormatError
from tapegit.graph.textdiff import diff_lines

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tapegit.dialects.exchange import Request

LINE_LENGTH_MAX: Final = 400
LINE_COUNT_MAX: Final = 60
TEXT_LENGTH_MAX: Final = 4000
CONTEXT_COUNT: Final = 2


class Drift(NamedTuple):
    """Something that differs in a request that was answered all the same.

    Attributes:
        what: `tool result`, `system prompt` or `tools`.
        name: Of the tool, where it is known.
        number: Of the result in its request, from 1; 0 for what is no result.
        old: As recorded, perhaps cut.
        new: As it came in, perhaps cut.
    """

    what: str
    name: str | None
    number: int
    old: str
    new: str


def find_drift(dialect: str | None, recorded: bytes, sent: bytes) -> list[Drift]:
    """Return what differs between two requests of one conversation, besides ids."""
    wire = WIRE_DIALECTS.get(dialect or "")
    if wire is None:
        return []
    try:
        old, new = wire.decode_request(recorded), wire.decode_request(sent)
    except FormatError:
        return []
    found = []
    pairs = zip(_list_results(old), _list_results(new), strict=False)
    for number, ((name, before), (_, after)) in enumerate(pairs, 1):
        if before != after:
            found.append(Drift("tool result", name, number, _cut(before), _cut(after)))
    before, after = _system(old), _system(new)
    if before != after:
        found.append(Drift("system prompt", None, 0, _cut(before), _cut(after)))
    before, after = _tool_names(old), _tool_names(new)
    if before != after:
        found.append(Drift("tools", None, 0, _cut(before), _cut(after)))
    return found


def diff_requests(dialect: str | None, recorded: bytes, sent: bytes) -> tuple[str, ...]:
    """Return the lines of a diff of two requests; each begins with a blank, `-` or `+`."""
    old, new = _outline(dialect, recorded), _outline(dialect, sent)
    lines: list[str] = []
    for block in diff_lines(old, new).blocks:
        if block.is_shared:
            same = [f" {line}" for line in block.old]
            if len(same) > 2 * CONTEXT_COUNT:
                gap = len(same) - 2 * CONTEXT_COUNT
                same[CONTEXT_COUNT:-CONTEXT_COUNT] = [f" … {gap} lines that both have"]
            lines += same
        else:
            lines += [f"-{line}" for line in block.old] + [f"+{line}" for line in block.new]
    if len(lines) > LINE_COUNT_MAX:
        lines[LINE_COUNT_MAX:] = [f" … {len(lines) - LINE_COUNT_MAX} more lines"]
    return tuple(lines)


def _outline(dialect: str | None, body: bytes) -> str:
    wire = WIRE_DIALECTS.get(dialect or "")
    if wire is not None:
        try:
            return "\n".join(_iter_outline(wire.decode_request(body)))
        except FormatError:
            pass
    return body.decode("utf-8", "replace")[:TEXT_LENGTH_MAX]


def _iter_outline(request: Request) -> Iterator[str]:
    yield f"model: {request.model}"
    yield f"tools: {_tool_names(request)}"
    if request.previous is not None:
        yield f"goes on from: {request.previous}"
    for line in _system(request).split("\n"):
        yield _line("system", line)
    for message in request.messages:
        for part in message.parts:
            if isinstance(part, Text):
                for line in part.text.split("\n"):
                    yield _line(message.role, line)
            elif isinstance(part, ToolCall):
                yield _line(message.role, f"calls {part.name} {_arguments(part)}")
            elif isinstance(part, ToolResult):
                for line in part.text.split("\n"):
                    yield _line("result", line)


def _arguments(call: ToolCall) -> str:
    pairs = split_arguments(call.arguments)
    if pairs is None:
        return call.arguments
    return ", ".join(f"{name}={value}" for name, value in pairs).replace("\n", "⏎")


def _line(role: str, text: str) -> str:
    return f"{role}: {text}"[:LINE_LENGTH_MAX]


def _list_results(request: Request) -> list[tuple[str | None, str]]:
    names = {}
    found = []
    for message in request.messages:
        for part in message.parts:
            if isinstance(part, ToolCall) and part.id is not None:
                names[part.id] = part.name
            elif isinstance(part, ToolResult):
                name = names.get(part.call_id or "", part.name)
                found.append((name, strip_blocks(part.text, dialect_name(request.dialect))))
    return found


def _system(request: Request) -> str:
    return "\n".join(part.text for part in request.system if isinstance(part, Text))


def _tool_names(request: Request) -> str:
    return ", ".join(tool.name for tool in request.tools)


def _cut(text: str) -> str:
    return text if len(text) <= TEXT_LENGTH_MAX else f"{text[:TEXT_LENGTH_MAX]}…"
