"""A session as one HTML page that needs nothing else, and runs nothing.

Everything in a session came from outside, so each text goes through `escape`: what is
invisible or reorders its neighbours is spelled out as on a terminal, then markup is escaped.
Attributes that hold anything but our own words are links, and only http and https make one.
Images are shown from their own bytes, and only of types that cannot hold a script. On top of
that the page states a policy that forbids scripts, frames, forms and every fetch.

Source: tapes-export(1), "HTML".
"""

from __future__ import annotations

import re
from base64 import b64encode
from hashlib import sha256
from html import escape
from itertools import chain
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
)
from tapegit.ui.dates import format_date
from tapegit.ui.escape import escape_line, escape_text
from tapegit.ui.show import describe_attachment, describe_usage, iter_session_facts

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tapegit.dialects.parts import AnyPart
    from tapegit.objects.turn import Turn

PREVIEW_LENGTH_MAX: Final = 100
STEP_LENGTH: Final = 1 << 20
"""How many characters of a text are made HTML at a time."""
_IMAGE_TYPES: Final = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
_BASE64: Final = re.compile(r"[A-Za-z0-9+/]+={0,2}", re.ASCII)
_URL: Final = re.compile(r"https?://[!-~]+", re.ASCII | re.IGNORECASE)

STYLE: Final = """
:root{color-scheme:light dark;
--ground:#fff;--ink:#1d2127;--faint:#5c6570;--line:#d9dee4;
--box:#f5f7f9;--user:#0b62c4;--assistant:#7a3db8;--tool:#2c7a3f;--event:#8a6100;--bad:#b3261e}
@media (prefers-color-scheme:dark){:root{
--ground:#15181c;--ink:#e3e6ea;--faint:#98a2ad;--line:#333a42;
--box:#1e2329;--user:#6db1ff;--assistant:#c79bf2;--tool:#7ccf90;--event:#e0b34c;--bad:#ff8a80}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:60rem;padding:1.5rem;background:var(--ground);color:var(--ink);
font:16px/1.5 system-ui,sans-serif;overflow-wrap:anywhere}
h1{font-size:1.4rem}h2{font-size:1.15rem;margin-top:2.5rem}
a{color:inherit}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.1rem 1rem;margin:.5rem 0}
dt{color:var(--faint)}dd{margin:0}
article{border-top:1px solid var(--line);padding:.8rem 0 .8rem .9rem;
border-left:3px solid var(--line)}
article:target{background:var(--box)}
.user{border-left-color:var(--user)}.assistant{border-left-color:var(--assistant)}
.tool{border-left-color:var(--tool)}.event{border-left-color:var(--event)}
.head{margin:0 0 .4rem;color:var(--faint);font-size:.85rem}.head b{color:var(--ink)}
.text,pre{white-space:pre-wrap;unicode-bidi:isolate;margin:.3rem 0}
pre{font:13px/1.45 ui-monospace,monospace;background:var(--box);padding:.6rem;border-radius:4px;
max-height:40rem;overflow:auto}
details{margin:.4rem 0}summary{cursor:pointer;color:var(--faint);font-size:.9rem}
summary b{color:var(--ink);font-weight:600}
.bad,.bad>summary{color:var(--bad)}img{max-width:100%;height:auto;display:block;margin:.4rem 0}
footer{margin-top:2.5rem;color:var(--faint);font-size:.85rem}
"""
_STYLE_HASH: Final = b64encode(sha256(STYLE.encode()).digest()).decode()
POLICY: Final = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; img-src data:; "
    "base-uri 'none'; form-action 'none'"
)


def iter_html(sections: Sequence[Any], turns: Iterable[Any]) -> Iterator[str]:
    """Yield the page in pieces.

    Args:
        sections: What is shown, each with `name`, `oids`, `first`, `parent`, `spawn`
            and `elsewhere`.
        turns: The turns of all of them, each with `section`, `number` and `shown`, in order;
            the parts of each are read before the next one is.
    """
    turns = iter(turns)
    first = next(turns, None)
    title = _title(first.shown.turn) if first is not None else "session"
    yield from _iter_head(title, first.shown.turn if first is not None else None)
    if len(sections) > 1:
        yield from _iter_contents(sections)
    names = {id(section): number for number, section in enumerate(sections)}
    agents = _link_agents(sections)
    is_linked = len(sections) > 1
    current = None
    for each in chain((first,) if first is not None else (), turns):
        if each.section is not current:
            yield "</section>\n" if current is not None else ""
            current = each.section
            yield from _iter_section_head(each, names[id(current)], is_linked=is_linked)
        yield from _iter_turn(each, agents)
    yield "</section>\n" if current is not None else ""
    yield "</main>\n<footer>Exported by tapes.</footer>\n</body>\n</html>\n"


def _iter_head(title: str, leader: Turn | None) -> Iterator[str]:
    yield (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        '<meta name="referrer" content="no-referrer">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
        f"<header>\n<h1>{title}</h1>\n"
    )
    facts = list(iter_session_facts(leader)) if leader is not None else []
    if facts:
        yield "<dl>\n"
        yield from (f"<dt>{name}</dt><dd>{_escape_line(value)}</dd>\n" for name, value in facts)
        yield "</dl>\n"
    yield "</header>\n<main>\n"


def _iter_contents(sections: Sequence[Any]) -> Iterator[str]:
    yield "<nav>\n<ul>\n"
    for number, section in enumerate(sections):
        name = _escape_line(section.name)
        yield f'<li><a href="#tape-{number}">{name}</a>, {_count(len(section.oids), "turn")}</li>\n'
    yield "</ul>\n</nav>\n"


def _iter_section_head(each: Any, number: int, *, is_linked: bool) -> Iterator[str]:
    section = each.section
    yield f'<section id="tape-{number}">\n'
    if not is_linked:
        return
    yield f"<h2>{_escape_line(section.name)}</h2>\n"
    if section.parent is not None:
        link = _anchor(section.parent)
        yield f'<p class="head">goes on from <a href="#{link}">#{section.first - 1}</a></p>\n'
    if section.spawn is not None:
        link, number = _call_anchor(section.spawn.call_id), section.spawn.number
        yield f'<p class="head">spawned by <a href="#{link}">a tool call of #{number}</a></p>\n'


def _link_agents(sections: Sequence[Any]) -> dict[str, str]:
    """Return what leads to the agents that each call spawned, by the call's id."""
    links: dict[str, str] = {}
    for number, section in enumerate(sections):
        if section.spawn is not None:
            link = f'<a href="#tape-{number}">{_escape_line(section.name)}</a>'
            links[section.spawn.call_id] = f"{links.get(section.spawn.call_id, '')} {link}"
        for call_id, name in section.elsewhere:
            links[call_id] = f"{links.get(call_id, '')} {_escape_line(name)}"
    return links


def _iter_turn(each: Any, agents: dict[str, str]) -> Iterator[str]:
    shown = each.shown
    turn: Turn = shown.turn
    anchor = _anchor(shown.oid)
    facts = [f'<a href="#{anchor}" title="{shown.oid}">#{each.number}</a>', f"<b>{turn.role}</b>"]
    if turn.model is not None:
        facts.append(_escape_line(turn.model))
    if turn.time is not None:
        exact, text = (format_date(turn.time, mode) for mode in ("iso-strict", "iso"))
        facts.append(f'<time datetime="{exact}">{text.removesuffix(" +0000")} UTC</time>')
    if usage := describe_usage(turn):
        facts.append(usage)
    if turn.stop is not None:
        facts.append(f"stop: {_escape_line(turn.stop)}")
    yield f'<article id="{anchor}" class="{turn.role}">\n<p class="head">{" · ".join(facts)}</p>\n'
    is_empty = True
    for part in shown.parts:
        is_empty = False
        yield from _iter_part(part)
        if isinstance(part, ToolCall) and part.id in agents:
            yield f'<p class="head">spawned{agents[part.id]}</p>\n'
    if is_empty and turn.summary is not None:
        yield f'<p class="text">{_escape_line(turn.summary)}</p>\n'
    yield "</article>\n"


def _iter_part(part: AnyPart) -> Iterator[str]:
    if isinstance(part, Text):
        body = _iter_block('div class="text" dir="auto"', part.text)
        yield from _iter_fold("injected", _preview(part.text), body) if part.injected else body
    elif isinstance(part, Thinking):
        label = "redacted thinking" if part.is_redacted else "thinking"
        body = _iter_block('div class="text" dir="auto"', part.text)
        yield from _iter_fold(label, "" if part.text else "no text was given", body)
    elif isinstance(part, ToolCall):
        yield from _iter_call(part)
    elif isinstance(part, ToolResult):
        body = chain(_iter_block("pre", part.text), map(_format_attachment, part.attachments))
        label, style = ("error", "bad") if part.is_error else ("result", "")
        yield from _iter_fold(label, _preview(part.text), body, style=style)
    elif isinstance(part, Attachment):
        yield _format_attachment(part)
    elif isinstance(part, Failure):
        yield from _iter_block('div class="text bad"', part.text)
    elif isinstance(part, Compaction):
        yield from _iter_fold("compaction", _preview(part.text), _iter_block("pre", part.text))
    else:
        size = _count(len(part.raw.encode("utf-8", "surrogatepass")), "byte")
        yield from _iter_fold(_escape_line(part.type), size, _iter_block("pre", part.raw))


def _iter_call(part: ToolCall) -> Iterator[str]:
    anchor = f' id="{_call_anchor(part.id)}"' if part.id else ""
    arguments = split_arguments(part.arguments)
    if arguments is None:
        preview, body = _preview(part.arguments), _iter_block("pre", part.arguments)
    else:
        preview, body = _preview(arguments[0][1]), _iter_arguments(arguments)
    yield from _iter_fold(_escape_line(part.name), preview, body, more=anchor)


def _iter_arguments(arguments: list[tuple[str, str]]) -> Iterator[str]:
    yield "<dl>\n"
    for name, value in arguments:
        yield f"<dt>{_escape_line(name)}</dt><dd>"
        yield from _iter_block("pre", value)
        yield "</dd>\n"
    yield "</dl>\n"


def _iter_block(start: str, text: str) -> Iterator[str]:
    """Yield an element with a text in it, which may be long; nothing where there is no text."""
    if not text:
        return
    yield f"<{start}>"
    yield "\n" if text.startswith("\n") and start == "pre" else ""  # a first one is not shown
    for at in range(0, len(text), STEP_LENGTH):
        yield escape(escape_text(text[at : at + STEP_LENGTH]))
    yield f"</{start.partition(' ')[0]}>\n"


def _format_attachment(part: Attachment) -> str:
    what = escape(describe_attachment(part))
    if part.data is not None and part.media_type in _IMAGE_TYPES and _BASE64.fullmatch(part.data):
        return f'<img alt="{what}" src="data:{part.media_type};base64,{part.data}">\n'
    if part.url is not None and _URL.fullmatch(part.url):
        link = escape(part.url)
        return f'<p class="head"><a href="{link}" rel="noopener noreferrer">{what}</a></p>\n'
    return f'<p class="head">{what}</p>\n'


def _iter_fold(
    label: str, preview: str, body: Iterable[str], *, style: str = "", more: str = ""
) -> Iterator[str]:
    """Yield what is shown when it is asked for; all but the style is HTML already."""
    style = f' class="{style}"' if style else ""
    space = " " if preview else ""
    yield f"<details{style}{more}><summary><b>{label}</b>{space}{preview}</summary>\n"
    yield from body
    yield "</details>\n"


def _title(turn: Turn) -> str:
    return _escape_line(turn.summary or turn.role)


def _preview(text: str) -> str:
    """Return the first line of a text that is not blank, cut."""
    head = text[: 8 * PREVIEW_LENGTH_MAX].strip().partition("\n")[0]
    is_cut = len(head) > PREVIEW_LENGTH_MAX
    return _escape_line(head[:PREVIEW_LENGTH_MAX] + "…" if is_cut else head)


def _anchor(oid: object) -> str:
    return f"turn-{str(oid)[:16]}"


def _call_anchor(call_id: str) -> str:
    return "call-" + re.sub(r"[^A-Za-z0-9_-]", "-", call_id[:PREVIEW_LENGTH_MAX], flags=re.ASCII)


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"


def _escape_line(text: str) -> str:
    return escape(escape_line(text))
