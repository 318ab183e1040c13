"""What differs inside two turns: part by part, setting by setting.

A change is a pair of texts, or one text that only one side has, and says what it is: the text
of a message, an argument of a call by its path, a parameter. Parts are aligned as turns are:
what is equal first, then by kind and in order.

Source: tapes-diff(1), "WHAT IS COMPARED".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from tapegit.dialects.meaning.injected import TRANSCRIPT_DIALECTS, dialect_name
from tapegit.dialects.meaning.projection import (
    MESSAGE_ROLES,
    VOLATILE_KEYS,
    canonical_json,
    clean_text,
    strip_text,
)
from tapegit.dialects.parts import (
    AnyPart,
    Attachment,
    Compaction,
    Failure,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    Unknown,
)
from tapegit.graph.subsequence import common_subsequence
from tapegit.objects.oid import hash_content
from tapegit.porcelain.diff.json_values import diff_json, diff_values
from tapegit.porcelain.diff.settings import SYSTEM
from tapegit.porcelain.diff.steps import is_opaque

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tapegit.objects.turn import Turn
    from tapegit.porcelain.diff.json_values import PathChange
    from tapegit.porcelain.diff.requests import Asked
    from tapegit.porcelain.diff.settings import Settings

_ARGUMENTS: Final = "arguments"


class Change(NamedTuple):
    """One difference.

    Attributes:
        what: `text`, `thinking`, `call`, `result`, `attachment`, `error`, `compaction`,
            `injected`, `unknown`, or a setting: `model`, `system`, `tools`, `parameters` …
        old: Its text on the old side; None where that has nothing.
        new: The same of the new side.
        name: Of the tool.
        path: Which value of the arguments or of the setting, or which property of the part.
        turn_count: How many turns a setting differs in this way; 0 for a part.
        is_json: Both texts are JSON, not what a string says.
    """

    what: str
    old: str | None
    new: str | None
    name: str | None = None
    path: str | None = None
    turn_count: int = 0
    is_json: bool = False


class _View(NamedTuple):
    """A part as it is compared: what is equal has an equal key, and pairs have one kind."""

    kind: str
    key: str
    text: str
    name: str | None = None
    facts: tuple[tuple[str, str], ...] = ()


def compare_parts(
    old_turn: Turn, old_parts: Iterable[AnyPart], new_turn: Turn, new_parts: Iterable[AnyPart]
) -> list[Change]:
    """Return what differs between the parts of two turns."""
    old, new = _views(old_turn, old_parts), _views(new_turn, new_parts)
    if dialect_name(old_turn.dialect) != dialect_name(new_turn.dialect):
        old, new = ([view for view in each if view.kind != "injected"] for each in (old, new))
    if not (_thinks(old) and _thinks(new)):
        old, new = ([view for view in each if view.kind != "thinking"] for each in (old, new))
    found = common_subsequence([view.key for view in old], [view.key for view in new])
    changes: list[Change] = []
    i = j = 0
    for old_at, new_at in [*found.pairs, (len(old), len(new))]:
        changes += _compare_rest(old[i:old_at], new[j:new_at])
        i, j = old_at + 1, new_at + 1
    return changes


def list_parts(turn: Turn, parts: Iterable[AnyPart], *, is_old: bool) -> list[Change]:
    """Return the parts of a turn that only one side has."""
    views = [view for view in _views(turn, parts) if view.kind != "injected"]
    return [change for view in views for change in _alone(view, is_old=is_old)]


def compare_settings(old: Settings, new: Settings) -> list[Change]:
    """Return what differs of the settings that both sides know."""
    changes = []
    for name in new:
        if name not in old:
            continue
        what = name.partition(" ")[0]
        changes += [_setting_change(what, each) for each in diff_values(old[name], new[name])]
    return changes


def compare_requests(old: Asked, new: Asked) -> list[Change]:
    """Return what differs of what two requests asked besides the conversation."""
    changes = [Change(SYSTEM, old.system, new.system)] if old.system != new.system else []
    changes += [_setting_change("tools", each) for each in diff_values(old.tools, new.tools)]
    return changes + [
        _setting_change("parameters", each) for each in diff_values(old.parameters, new.parameters)
    ]


def _setting_change(what: str, change: PathChange) -> Change:
    return _path_change(what, change)._replace(turn_count=1)


def _path_change(what: str, change: PathChange, name: str | None = None) -> Change:
    # A text is shown as what it says if the other side is a text too, or is not there.
    olds = (change.old, change.old_text)
    news = (change.new, change.new_text)
    is_text = all(json is None or text is not None for json, text in (olds, news))
    return Change(
        what,
        change.old_text if is_text else change.old,
        change.new_text if is_text else change.new,
        name=name,
        path=change.path or None,
        is_json=not is_text,
    )


def _thinks(views: Sequence[_View]) -> bool:
    return any(view.kind == "thinking" for view in views)


def _compare_rest(old: list[_View], new: list[_View]) -> Iterator[Change]:
    """Yield what differs between views of which no two are equal."""
    i = j = 0
    pairs = common_subsequence([_pairing(view) for view in old], [_pairing(view) for view in new])
    for old_at, new_at in [*pairs.pairs, (len(old), len(new))]:
        for view in old[i:old_at]:
            yield from _alone(view, is_old=True)
        for view in new[j:new_at]:
            yield from _alone(view, is_old=False)
        if old_at < len(old):
            yield from _compare_views(old[old_at], new[new_at])
        i, j = old_at + 1, new_at + 1


def _pairing(view: _View) -> str:
    return f"{view.kind} {view.name if view.kind == 'call' else ''}"


def _compare_views(old: _View, new: _View) -> Iterator[Change]:
    if old.kind == "call":
        for each in diff_json(old.text, new.text):
            yield _path_change("call", each, new.name)
        return
    old_facts, new_facts = dict(old.facts), dict(new.facts)
    for name in dict.fromkeys((*old_facts, *new_facts)):
        if old_facts.get(name) != new_facts.get(name):
            yield Change(old.kind, old_facts.get(name), new_facts.get(name), new.name, name)
    if old.text != new.text:
        yield Change(old.kind, old.text, new.text, new.name)


def _alone(view: _View, *, is_old: bool) -> Iterator[Change]:
    def one_sided(text: str, path: str | None = None) -> Change:
        old, new = (text, None) if is_old else (None, text)
        return Change(view.kind, old, new, name=view.name, path=path)

    if view.kind == "call":
        sides = ("{}", view.text) if not is_old else (view.text, "{}")
        changes = [_path_change("call", each, view.name) for each in diff_json(*sides)]
        if changes and all(change.path is not None for change in changes):
            yield from changes
        else:
            yield one_sided(view.text)
        return
    facts = [(name, value) for name, value in view.facts if value != "false"]
    for name, value in facts:
        yield one_sided(value, name)
    if view.text or not facts:
        yield one_sided(view.text)


def _views(turn: Turn, parts: Iterable[AnyPart]) -> list[_View]:
    decoded = list(parts)
    views = [view for part in decoded for view in _iter_views(turn, part)]
    if not views and turn.role in MESSAGE_ROLES and is_opaque(decoded):
        views = [
            _View("unknown", f"unknown {part.type} {part.raw}", part.raw, part.type)
            for part in decoded
            if isinstance(part, Unknown)
        ]
        return views or ([_view("text", turn.summary)] if turn.summary else [])
    return views


def _iter_views(turn: Turn, part: AnyPart) -> Iterator[_View]:
    name = dialect_name(turn.dialect)
    if isinstance(part, Text):
        yield from _text_views("text", part.text, turn, name)
    elif isinstance(part, Thinking):
        if part.text:
            yield _view("thinking", clean_text(part.text))
    elif isinstance(part, ToolCall):
        key = canonical_json(part.arguments)
        yield _View("call", f"call {part.name} {key}", part.arguments, part.name)
    elif isinstance(part, ToolResult):
        facts = (("is_error", "true" if part.is_error else "false"),)
        said, *injected = _text_views("result", part.text, turn, name)
        yield said._replace(key=f"{said.key} {facts}", facts=facts)
        yield from injected
        for attachment in part.attachments:
            yield _attachment_view(attachment)
    elif isinstance(part, Attachment):
        yield _attachment_view(part)
    elif isinstance(part, Failure):
        yield _view("error", clean_text(part.text))
    elif isinstance(part, Compaction):
        yield _compaction_view(part)
    elif name not in TRANSCRIPT_DIALECTS:
        raw = canonical_json(part.raw, volatile=VOLATILE_KEYS)
        yield _View("unknown", f"unknown {part.type} {raw}", part.raw, part.type)


def _text_views(kind: str, text: str, turn: Turn, name: str) -> Iterator[_View]:
    """Yield what was said, and what the harness put before and after it."""
    whole = clean_text(text)
    kept = strip_text(text, name) if turn.role in MESSAGE_ROLES - {"assistant"} else whole
    start = whole.find(kept) if kept else 0
    if kept or kind == "result":
        yield _view(kind, kept)
    for piece in (whole[:start].strip(), whole[start + len(kept) :].strip()):
        if piece:
            yield _view("injected", piece)


def _view(kind: str, text: str) -> _View:
    return _View(kind, f"{kind} {text}", text)


def _attachment_view(part: Attachment) -> _View:
    content = part.data if part.data is not None else part.url or ""
    facts: dict[str, Any] = {"kind": part.kind, "media_type": part.media_type}
    if part.data is not None:
        facts["size"] = str(len(part.data) * 3 // 4)
    elif part.url is not None:
        facts["url"] = part.url
    facts["content"] = hash_content(content.encode("utf-8", "surrogatepass")).hex()[:16]
    known = tuple((name, value) for name, value in facts.items() if value is not None)
    return _View("attachment", f"attachment {known}", "", None, known)


def _compaction_view(part: Compaction) -> _View:
    facts = [("is_partial", "true" if part.is_partial else "false")]
    if part.trigger is not None:
        facts.append(("trigger", part.trigger))
    text = clean_text(part.text)
    return _View("compaction", f"compaction {facts} {text}", text, None, tuple(facts))
