"""A session as Markdown (CommonMark): to read as it is, or as a page.

What was said is Markdown itself most of the time, so it is kept, as a quotation: no line of it
can pass for a heading of ours. Outside its fenced code, what would be raw HTML, an image, or a
link that is not http or https is written with character references, so that it is seen and
does nothing. Everything else (calls, results, thinking that is not prose) stands in fences
longer than any in it.

Source: tapes-export(1), "MARKDOWN".
"""

from __future__ import annotations

import re
from collections import Counter
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

from tapegit.dialects.meaning.arguments import split_arguments
from tapegit.dialects.parts import (
    Attachment,
    Compaction,
    Failure,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    Unknown,
)
from tapegit.ui.dates import format_date
from tapegit.ui.escape import escape_line, escape_text
from tapegit.ui.show import describe_attachment, describe_usage, iter_session_facts

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tapegit.dialects.parts import AnyPart
    from tapegit.objects.turn import Turn

_FENCE_MIN: Final = 3
_OPENING: Final = re.compile(r"(`{3,})[^`]*|(~{3,}).*")
_INDENTED_FENCE: Final = re.compile(r"[ \t]+(?=`{3,}|~{3,})")
_ACTIVE: Final = re.compile(r"<(?=[A-Za-z/!?])|!(?=\[)|\](?=\((?!https?://))|\](?=:)")
_SPECIAL: Final = re.compile(r"[\\`*_{}\[\]<>#|~&!]")
_REFERENCES: Final = {"<": "&lt;", "!": "&#33;", "]": "&#93;", "`": "&#96;", "~": "&#126;"}
_RUNS_OF_TICKS: Final = re.compile(r"`+")


def iter_markdown(sections: Sequence[Any], turns: Iterable[Any]) -> Iterator[str]:
    """Yield the text in pieces.

    Args:
        sections: What is shown, each with `name`, `oids`, `first`, `parent`, `spawn`
            and `elsewhere`.
        turns: The turns of all of them, each with `section`, `number` and `shown`, in order;
            the parts of each are read before the next one is.
    """
    current = None
    agents: dict[str, list[str]] = {}
    for section in sections:
        if section.spawn is not None:
            agents.setdefault(section.spawn.call_id, []).append(section.name)
        for call_id, name in section.elsewhere:
            agents.setdefault(call_id, []).append(name)
    for each in turns:
        if current is None:
            yield from _iter_head(each.shown.turn)
        if each.section is not current:
            current = each.section
            if len(sections) > 1:
                yield from _iter_section_head(current)
        yield from _iter_turn(each, agents)


def _iter_head(turn: Turn) -> Iterator[str]:
    yield f"# {_escape_words(turn.summary or turn.role)}\n"
    facts = [f"- {name}: {_code(value)}\n" for name, value in iter_session_facts(turn)]
    if facts:
        yield "\n"
        yield from facts


def _iter_section_head(section: Any) -> Iterator[str]:
    yield f"\n## {_escape_words(section.name)}\n"
    if section.parent is not None:
        yield f"\nGoes on from #{section.first - 1}, turn {_code(str(section.parent))}.\n"
    if section.spawn is not None:
        turn = _code(str(section.spawn.oid))
        yield f"\nSpawned by a call of #{section.spawn.number}, turn {turn}.\n"


def _iter_turn(each: Any, agents: dict[str, list[str]]) -> Iterator[str]:
    turn: Turn = each.shown.turn
    facts = [f"#{each.number} {turn.role}"]
    if turn.model is not None:
        facts.append(_escape_words(turn.model))
    if turn.time is not None:
        facts.append(format_date(turn.time, "iso").removesuffix(" +0000") + " UTC")
    yield f"\n### {' · '.join(facts)}\n"
    if usage := describe_usage(turn):
        yield f"\nUsage: {usage}\n"
    is_empty = True
    for is_unknown, parts in groupby(each.shown.parts, lambda part: isinstance(part, Unknown)):
        is_empty = False
        if is_unknown:
            yield _format_unknown(parts)
        else:
            for part in parts:
                yield from _iter_part(part)
                if isinstance(part, ToolCall) and part.id in agents:
                    yield f"\nSpawned {', '.join(map(_code, agents[part.id]))}.\n"
    if is_empty and turn.summary is not None and turn.role != "session":
        yield f"\n{_escape_words(turn.summary)}\n"


def _iter_part(part: AnyPart) -> Iterator[str]:
    if isinstance(part, Text):
        yield "\n*injected:*\n" if part.injected else ""
        yield _quote(part.text)
    elif isinstance(part, Thinking):
        note = "" if part.text else ", no text was given"
        yield f"\n*{'redacted thinking' if part.is_redacted else 'thinking'}{note}:*\n"
        yield _quote(part.text) if part.text else ""
    elif isinstance(part, ToolCall):
        yield f"\n**call** {_code(part.name)}\n"
        yield from _iter_arguments(part.arguments)
    elif isinstance(part, ToolResult):
        yield f"\n**{'error' if part.is_error else 'result'}**\n"
        yield _fence(part.text) if part.text else ""
        for attachment in part.attachments:
            yield f"\n{_code(describe_attachment(attachment))}\n"
    elif isinstance(part, Attachment):
        yield f"\n{_code(describe_attachment(part))}\n"
    elif isinstance(part, Failure):
        yield f"\n**error**\n{_fence(part.text)}"
    elif isinstance(part, Compaction):
        yield f"\n**compaction**\n{_fence(part.text)}"


def _iter_arguments(arguments: str) -> Iterator[str]:
    split = split_arguments(arguments)
    if split is None:
        yield _fence(arguments) if arguments else ""
        return
    is_in_list = False
    for name, value in split:
        is_long = "\n" in value
        yield "" if is_in_list else "\n"
        shown = f"\n{_fence(value)}" if is_long else f" {_code(value)}\n"
        yield f"- {_code(name)}:{shown}"
        is_in_list = not is_long


def _format_unknown(parts: Iterable[Any]) -> str:
    """Return one line for parts that have no form here; their bytes are in the other formats."""
    counts = Counter(part.type for part in parts)
    names = ", ".join(
        _code(name) + (f" ({count})" if count > 1 else "") for name, count in counts.items()
    )
    return f"\n*not shown:* {names}\n"


def _quote(text: str) -> str:
    """Return text as a quotation, with nothing in it that does more than look."""
    if not text.strip():
        return ""
    lines = _iter_harmless(escape_text(text.strip("\n")))
    return "\n" + "".join(f"> {line}\n" if line else ">\n" for line in lines)


def _iter_harmless(text: str) -> Iterator[str]:
    """Yield the lines of Markdown; only what is surely inside a fence stays as it is.

    A fence counts where it stands at the beginning of a line: there it ends every other block.
    One that is indented might belong to a list, and end with it, so it is made text.
    """
    fence: re.Pattern[str] | None = None
    for line in text.split("\n"):
        if fence is not None:
            if fence.fullmatch(line):
                fence = None
            yield line
            continue
        opening = _OPENING.fullmatch(line)
        if opening is not None:
            marks = opening[1] or opening[2]
            fence = re.compile(rf" {{0,3}}{marks[0]}{{{len(marks)},}}[ \t]*")
            yield line
            continue
        yield _ACTIVE.sub(lambda match: _REFERENCES[match[0]], _disarm_fence(line))


def _disarm_fence(line: str) -> str:
    indented = _INDENTED_FENCE.match(line)
    if indented is None:
        return line
    end = indented.end()
    return line[:end] + _REFERENCES[line[end]] + line[end + 1 :]


def _fence(text: str) -> str:
    """Return text in a fence that is longer than any run of its marks."""
    text = escape_text(text)
    longest = max(map(len, _RUNS_OF_TICKS.findall(text)), default=0)
    marks = "`" * max(_FENCE_MIN, longest + 1)
    end = "" if text.endswith("\n") else "\n"
    return f"\n{marks}text\n{text}{end}{marks}\n"


def _code(text: str) -> str:
    """Return text on one line as a code span."""
    text = escape_line(text)
    longest = max(map(len, _RUNS_OF_TICKS.findall(text)), default=0)
    marks = "`" * (longest + 1)
    pad = " " if not text.strip() or text[0] in "` " or text[-1] in "` " else ""
    return f"{marks}{pad}{text}{pad}{marks}"


def _escape_words(text: str) -> str:
    """Return text on one line as words, whatever is in it."""
    return _SPECIAL.sub(lambda match: f"\\{match[0]}", escape_line(text))
