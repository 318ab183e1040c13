"""The one line that stands for a turn of a Codex rollout.

Source: tapesdialect-codex(7), "Summary".
"""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING, Final

import msgspec

from tapegit.dialects.codex.record import Content, Payload, read_string
from tapegit.dialects.syntax.lines import LINE_LENGTH_MAX, first_line
from tapegit.dialects.syntax.members import (
    NO_VALUE,
    decode_members,
    decode_string,
    has_value,
    is_object,
    iter_array,
    read_count,
    read_text,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

ELEMENT_COUNT_MAX: Final = 4096
INJECTED_STARTS: Final = (
    "<environment_context>",
    "<user_instructions>",
    "<permissions instructions>",
    "<turn_aborted>",
    "<skill>",
    "<subagent_notification>",
    "# AGENTS.md instructions",
)
IDE_REQUEST: Final = "## My request for Codex:"
_BLANKS = re.compile(r"[ \t\r\n]*")
_PATCHED = re.compile(r"^\*\*\* (?:Add|Update|Delete) File: ([^\r\n]{1,1000})", re.MULTILINE)
_HEAD_LENGTH: Final = 4000
_ARGUMENTS: Final = ("cmd", "path", "query", "pattern", "url", "explanation", "prompt", "message")
_WORD_COUNT_MAX: Final = 64


class _Arguments(msgspec.Struct):
    command: msgspec.Raw = NO_VALUE
    cmd: msgspec.Raw = NO_VALUE
    path: msgspec.Raw = NO_VALUE
    query: msgspec.Raw = NO_VALUE
    pattern: msgspec.Raw = NO_VALUE
    url: msgspec.Raw = NO_VALUE
    explanation: msgspec.Raw = NO_VALUE
    prompt: msgspec.Raw = NO_VALUE
    message: msgspec.Raw = NO_VALUE


class _Output(msgspec.Struct):
    output: msgspec.Raw = NO_VALUE
    content: msgspec.Raw = NO_VALUE
    success: msgspec.Raw = NO_VALUE
    metadata: msgspec.Raw = NO_VALUE


class _Metadata(msgspec.Struct):
    exit_code: msgspec.Raw = NO_VALUE


class Output(msgspec.Struct):
    """What a call gave back: texts, the images between them, and whether it failed."""

    texts: list[str]
    images: list[str]
    is_error: bool


def is_injected(text: str) -> bool:
    """Return whether a text of a user's message was put there by the harness."""
    start = _BLANKS.match(text)
    return text.startswith(INJECTED_STARTS, start.end() if start is not None else 0)


def iter_texts(raw: msgspec.Raw) -> Iterator[str]:
    """Yield the texts of content: a string, or the texts of a list."""
    text = read_string(raw)
    if text is not None:
        yield text
        return
    for element in islice(iter_array(raw), ELEMENT_COUNT_MAX):
        content = decode_members(Content, element)
        text = read_string(content.text)
        if text is not None:
            yield text


def summarize_message(payload: Payload) -> str | None:
    """Return the line of a message."""
    texts = list(iter_texts(payload.content))
    for text in [text for text in texts if not is_injected(text)] or texts:
        head, mark, request = text.rpartition(IDE_REQUEST)
        line = first_line(request) if mark else None
        line = line or first_line(head if mark else text)
        if line:
            return line
    for element in islice(iter_array(payload.content), ELEMENT_COUNT_MAX):
        if read_text(decode_members(Content, element).type) == "input_image":
            return "[image]"
    return None


def summarize_call(kind: str, payload: Payload) -> str:
    """Return a call as `Name: argument`, or its name alone."""
    name = call_name(kind, payload)
    argument = _find_argument(kind, payload)
    return f"{name}: {argument}" if argument else name


def call_name(kind: str, payload: Payload) -> str:
    """Return the name of the tool that an item calls."""
    return read_text(payload.name) or kind.removesuffix("_call")


def read_arguments(payload: Payload) -> str | None:
    """Return the arguments of a call, as JSON or whatever text they are."""
    text = read_string(payload.arguments)
    if text is not None:
        return text
    for raw in (payload.arguments, payload.action):
        if is_object(raw):
            return bytes(raw).decode("utf-8", "backslashreplace")
    return None


def read_output(payload: Payload) -> Output:
    """Return what a call gave back; an output that is JSON with an output in it is opened."""
    raw = payload.output
    text = read_string(raw)
    is_error = False
    inner = decode_members(_Output, raw if text is None else text.encode())
    if has_value(inner.output) and (opened := decode_string(inner.output)) is not None:
        text = opened
    elif text is None and is_object(raw):
        text = read_string(inner.content)
        is_error = bytes(inner.success) == b"false"
    exit_code = decode_members(_Metadata, inner.metadata).exit_code
    if has_value(exit_code):
        is_error = is_error or read_count(exit_code) != 0
    if text is not None:
        return Output([text], [], is_error)
    texts, images = [], []
    for element in islice(iter_array(raw), ELEMENT_COUNT_MAX):
        content = decode_members(Content, element)
        said, image = read_string(content.text), read_string(content.image_url)
        if said is not None:
            texts.append(said)
        elif image is not None:
            images.append(image)
    return Output(texts, images, is_error)


def summarize_output(payload: Payload) -> str:
    """Return the line of a result."""
    output = read_output(payload)
    line = next(filter(None, map(first_line, output.texts)), None)
    if line is None and output.images:
        line = "[image]"
    if output.is_error:
        return f"error: {line}" if line else "error"
    return line or "ok"


def summarize_event(kind: str, payload: Payload) -> str:
    """Return the line of an event; `kind` is the payload's type, or `compacted`."""
    if kind == "compacted":
        line = first_line(read_string(payload.message) or "")
        return f"compacted: {line}" if line else "compacted"
    name = kind.replace("_", " ")
    if kind == "thread_rolled_back":
        count = read_count(payload.num_turns)
        return name if count is None else f"{name} ({count} turns)"
    detail = first_line(read_string(payload.reason) or read_string(payload.message) or "")
    return f"{name}: {detail}" if detail else name


def summarize_session(version: str | None, cwd: str | None, branch: str | None) -> str:
    """Return the line of a leader."""
    parts = ["codex", version, f"in {cwd}" if cwd else None, f"({branch})" if branch else None]
    return " ".join(filter(None, parts))


def _find_argument(kind: str, payload: Payload) -> str | None:
    if kind == "custom_tool_call":
        said = read_string(payload.input) or ""
        patched = _PATCHED.search(said[:_HEAD_LENGTH])
        return first_line(patched[1] if patched is not None else said)
    text = read_arguments(payload) or ""
    arguments = decode_members(_Arguments, text.encode("utf-8", "surrogatepass"))
    command = _read_command(arguments.command)
    if command:
        return command
    for name in _ARGUMENTS:
        value = read_string(getattr(arguments, name))
        line = first_line(value) if value else None
        if line:
            return line
    return None


def _read_command(raw: msgspec.Raw) -> str | None:
    """Return a command: of a list that runs a shell, what the shell runs."""
    text = read_string(raw)
    if text is not None:
        return first_line(text)
    words = [decode_string(word) or "" for word in islice(iter_array(raw), _WORD_COUNT_MAX)]
    if not words:
        return None
    if len(words) > 2 and words[-2].lower() in {"-c", "-lc", "-command", "/c"}:
        return first_line(words[-1])
    return first_line(" ".join(word[:LINE_LENGTH_MAX] for word in words))
