"""What of a turn is searched: the text of its parts, its tools, files and failures.

Source: tapes-search(1), "WHAT IS SEARCHED".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from tapegit.dialects.meaning.arguments import decode_arguments
from tapegit.dialects.meaning.named_files import iter_files, iter_strings
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
from tapegit.dialects.table import find_decoder
from tapegit.objects.oid import ObjectId
from tapegit.objects.rope_reader import iter_content

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tapegit.dialects.parts import AnyPart
    from tapegit.objects.rope_reader import Find
    from tapegit.objects.turn import Turn

FILE_COUNT_MAX: Final = 1000

_CUT_STOPS: Final = frozenset(
    {
        *("max_tokens", "MAX_TOKENS", "max_output_tokens", "length", "incomplete"),
        *("model_context_window_exceeded", "aborted", "cancelled"),
    }
)
REFUSED_STOPS: Final = frozenset(
    {
        *("refusal", "content_filter", "content_filtered", "guardrail_intervened"),
        *("SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "IMAGE_SAFETY"),
    }
)
_ABORTED: Final = ("aborted", "turn aborted")
"""Begin what dialects say of an answer that somebody broke off."""
_CUT_OUTCOMES: Final = frozenset({"client_gone", "upstream_cut"})

TOOL: Final = "tool"
API: Final = "api"
REFUSAL: Final = "refusal"
CUT: Final = "cut"


class Document(NamedTuple):
    """What of a turn is searched.

    Attributes:
        texts: Of its parts, in order.
        files: Those that a call names.
        tools: Names of tools that it calls or has results of.
        errors: Kinds of failures: `tool`, `api`, `refusal`, `cut`.
        failures: The texts of the parts that failed.
    """

    texts: tuple[str, ...]
    files: tuple[str, ...]
    tools: tuple[str, ...]
    errors: tuple[str, ...]
    failures: tuple[str, ...] = ()


def read_document(find: Find, turn: Turn) -> Document:
    """Return what of a turn is searched.

    Raises:
        ObjectNotFoundError: Bytes of it are missing.
        DataError: They are damaged.
    """
    texts: list[str] = []
    failures: list[str] = []
    files: dict[str, None] = {}
    tools = dict.fromkeys(turn.tools)
    errors = dict.fromkeys(_iter_turn_errors(turn))
    for part in iter_parts(find, turn):
        texts += _iter_texts(part)
        if isinstance(part, ToolCall):
            tools[part.name] = None
            files |= dict.fromkeys(iter_files(part))
        elif isinstance(part, ToolResult):
            if part.name:
                tools[part.name] = None
            if part.is_error:
                errors[TOOL] = None
                failures.append(part.text)
        elif isinstance(part, Failure):
            errors[CUT if part.text.startswith(_ABORTED) else API] = None
            failures.append(part.text)
        elif isinstance(part, Text) and part.is_refusal:
            errors[REFUSAL] = None
            failures.append(part.text)
    if not texts and turn.summary is not None:
        texts.append(turn.summary)
    return Document(
        tuple(texts),
        tuple(list(files)[:FILE_COUNT_MAX]),
        tuple(tools),
        tuple(sorted(errors)),
        tuple(failures),
    )


def iter_parts(find: Find, turn: Turn) -> Iterator[AnyPart]:
    """Yield the parts of a turn that a dialect here can read."""
    decode = find_decoder(turn.dialect)
    if turn.value is not None:
        yield Text(text=turn.value)
    elif decode is not None:
        yield from decode(_iter_pieces(find, turn))


def _iter_pieces(find: Find, turn: Turn) -> Iterator[bytes]:
    for piece in turn.raw:
        if piece.at != 0:  # a whole document: what it says is in the turns before it
            yield from iter_content(find, ObjectId.parse(piece.oid))


def _iter_texts(part: AnyPart) -> Iterator[str]:
    if isinstance(part, ToolCall):
        yield part.name
        yield " ".join(iter_strings(decode_arguments(part.arguments)))
    elif isinstance(part, (Text, Thinking, ToolResult, Failure, Compaction)):
        if part.text:
            yield part.text
    elif isinstance(part, (Attachment, Unknown)):
        return


def _iter_turn_errors(turn: Turn) -> Iterator[str]:
    if turn.stop in _CUT_STOPS:
        yield CUT
    if turn.stop in REFUSED_STOPS:
        yield REFUSAL
    if turn.call is not None:
        if turn.call.outcome in _CUT_OUTCOMES:
            yield CUT
        if turn.call.outcome == "error":
            yield API
