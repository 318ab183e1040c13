"""Objects as `show` prints them: turns with their parts, tags, bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from tapegit.dialects.parts import (
    Attachment,
    Compaction,
    Failure,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    part_members,
)
from tapegit.ui.dates import format_date
from tapegit.ui.escape import escape_line
from tapegit.ui.log import iter_header, turn_members
from tapegit.ui.objects import object_members
from tapegit.ui.terminal import Styled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from tapegit.dialects.parts import AnyPart
    from tapegit.objects.oid import ObjectId
    from tapegit.objects.tag import Tag
    from tapegit.objects.turn import Subject, Turn
    from tapegit.ui.log import LogForm, Parts
    from tapegit.ui.terminal import Terminal

    Agents = Sequence[tuple[Any, Callable[[ObjectId], Subject]]]

AGENT_TURN_COUNT_MAX: Final = 20
"""How many turns of an agent are listed below the call that spawned it."""

_MARGIN: Final = "    "


def print_turn(terminal: Terminal, shown: Any, form: LogForm, agents: Agents = ()) -> None:
    """Print a turn with its parts; `shown` has `oid`, `turn` and `parts`."""
    for parts in iter_header(shown.oid, shown.turn, form):
        terminal.line(*parts)
    for parts in iter_facts(shown.turn):
        terminal.line(*parts)
    print_parts(terminal, shown.parts, form, agents)


def print_parts(
    terminal: Terminal, parts: Iterable[AnyPart], form: LogForm, agents: Agents = ()
) -> None:
    """Print parts, an empty line before each, and below a call the agents that it spawned.

    Args:
        terminal: Where to.
        parts: Of one turn.
        form: How ids look.
        agents: Tapes as porcelain/agents gives them, with a function that reads role and summary.
    """
    for part in parts:
        terminal.line("")
        print_part(terminal, part)
        for agent, read_subject in agents:
            if isinstance(part, ToolCall) and part.id == agent.call_id:
                for lines in _iter_agent_lines(agent, read_subject, form):
                    terminal.line(*lines)


def _iter_agent_lines(agent: Any, read_subject: Any, form: LogForm) -> Iterator[Parts]:
    """Yield the lines of an agent's tape, oldest first: its name, and a line for each turn."""
    count = agent.turn_count
    words = f"[agent {escape_line(agent.name)}, {count} turn{'' if count == 1 else 's'}]"
    yield (_MARGIN, Styled(words, "dim"))
    for oid in agent.oids[:AGENT_TURN_COUNT_MAX]:
        subject = read_subject(oid)
        text = subject.role if subject.summary is None else f"{subject.role}: {subject.summary}"
        yield (f"{_MARGIN}| ", Styled(form.abbreviate(oid), "yellow"), f" {escape_line(text)}")
    if count > AGENT_TURN_COUNT_MAX:
        more = f"... {count - AGENT_TURN_COUNT_MAX} more: tapes log {form.abbreviate(agent.tip)}"
        yield (f"{_MARGIN}| {more}",)


def print_part(terminal: Terminal, part: AnyPart) -> None:
    """Print a part: what it is, where that is not plain, and its text, indented."""
    for parts in iter_part(part):
        terminal.line(*parts)


def print_tag(terminal: Terminal, tag: Tag, form: LogForm) -> None:
    """Print a tag as git does."""
    terminal.line(Styled(f"tag {escape_line(tag.name)}", "yellow"))
    if tag.tagger is not None:
        terminal.line(f"Tagger: {escape_line(tag.tagger.who)}")
        terminal.line(f"Date:   {format_date(tag.tagger.time_ms, form.date, now_ms=form.now_ms)}")
    terminal.line("")
    for line in tag.message.splitlines():
        terminal.line(line)
    terminal.line("")


def shown_turn_members(shown: Any, *, with_parts: bool = True) -> dict[str, object]:
    """Return a turn, and its parts if wanted, as the members of a JSON object."""
    members = {**turn_members(shown.oid, shown.data), "kind": "turn"}
    if with_parts:
        members["parts"] = [part_members(part) for part in shown.parts]
    return members


def agent_members(agent: Any) -> dict[str, object]:
    """Return the tape of an agent as the members of a JSON object."""
    return {
        "agent": agent.name,
        "oid": str(agent.tip),
        "leader": str(agent.leader),
        "ref": agent.ref,
        "turns": agent.turn_count,
        "call": agent.call_id,
    }


def tag_members(shown: Any) -> dict[str, object]:
    """Return a tag as the members of a JSON object."""
    tag: Tag = shown.tag
    return {
        "oid": str(shown.oid),
        "kind": "tag",
        "object": str(tag.oid),
        "type": str(tag.kind),
        "tag": tag.name,
        "tagger": tag.tagger.who if tag.tagger is not None else None,
        "time": tag.tagger.time_ms if tag.tagger is not None else None,
        "message": tag.message,
    }


def bytes_members(shown: Any) -> dict[str, object]:
    """Return bytes as the members of a JSON object: as text where they are that, else base64."""
    return object_members(shown.oid, shown.kind, b"".join(shown.pieces))


def shown_part_members(shown: Any) -> dict[str, object]:
    """Return one part of a turn as the members of a JSON object."""
    return {"oid": str(shown.oid), "number": shown.number, **part_members(shown.part)}


def iter_facts(turn: Turn) -> Iterator[Parts]:
    """Yield the lines of what a turn cost, why it ended, and what a leader says of its session."""
    known = describe_usage(turn)
    if known:
        yield (f"Usage: {known}",)
    if turn.stop is not None:
        yield (f"Stop:  {escape_line(turn.stop)}",)
    for name, value in iter_session_facts(turn):
        yield (f"{name}: {escape_line(value)}",)


def describe_usage(turn: Turn) -> str:
    """Return the tokens of a turn in words; nothing where none are known."""
    usage = turn.usage
    if usage is None:
        return ""
    counts = (
        ("input", usage.input),
        ("output", usage.output),
        ("cache read", usage.cache_read),
        ("cache write 5m", usage.cache_write_5m),
        ("cache write 1h", usage.cache_write_1h),
        ("reasoning", usage.reasoning),
    )
    return ", ".join(f"{count} {name}" for name, count in counts if count)


def iter_session_facts(turn: Turn) -> Iterator[tuple[str, str]]:
    """Yield name and value of what a leader says of its session, not escaped."""
    session = turn.session
    if session is None:
        return
    names = (
        ("Harness", " ".join(filter(None, (session.harness, session.version)))),
        ("Session", session.id or session.parent),
        ("Agent", session.agent),
        ("Directory", session.cwd),
        ("Branch", session.repository.branch if session.repository is not None else None),
    )
    yield from ((name, value) for name, value in names if value)


def iter_part(part: AnyPart) -> Iterator[Parts]:
    """Yield the lines of a part: what it is, where that is not plain, and its text, indented."""
    if isinstance(part, Text):
        if part.injected:
            yield (_MARGIN, Styled("[injected]", "dim"))
        yield from _indent(part.text)
    elif isinstance(part, Thinking):
        yield (_MARGIN, Styled("[redacted thinking]" if part.is_redacted else "[thinking]", "dim"))
        yield from _indent(part.text)
    elif isinstance(part, ToolCall):
        yield (_MARGIN, Styled(escape_line(part.name), "cyan"), " " + escape_line(part.arguments))
    elif isinstance(part, ToolResult):
        style = "red" if part.is_error else "dim"
        yield (_MARGIN, Styled("[error]" if part.is_error else "[result]", style))
        yield from _indent(part.text)
        for attachment in part.attachments:
            yield from iter_part(attachment)
    elif isinstance(part, Attachment):
        yield (_MARGIN, Styled(describe_attachment(part), "dim"))
    elif isinstance(part, Failure):
        yield (_MARGIN, Styled(escape_line(part.text), "red"))
    elif isinstance(part, Compaction):
        yield (_MARGIN, Styled(escape_line(part.text), "yellow"))
    else:
        size = len(part.raw.encode("utf-8", "surrogatepass"))
        yield (_MARGIN, Styled(f"[{escape_line(part.type)}, {size} bytes]", "dim"))


def describe_attachment(part: Attachment) -> str:
    """Return what an attachment is, on one line, in brackets."""
    words = [part.kind]
    if part.media_type is not None:
        words.append(part.media_type)
    if part.url is not None:
        words.append(part.url)
    if part.data is not None:
        words.append(f"{len(part.data) * 3 // 4} bytes")
    return escape_line(f"[{', '.join(words)}]")


def _indent(text: str) -> Iterator[Parts]:
    for line in text.split("\n"):
        yield (f"{_MARGIN}{line}" if line else "",)
