"""Sessions as Markdown: what was said stays Markdown, and does nothing."""

from __future__ import annotations

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

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
from tapegit.objects.turn import Turn
from tapegit.ui.escape import escape_text
from tapegit.ui.export_markdown import iter_markdown
from tests.unit.ui.exported import Each, Section, Shown, Spawn

PIECES = [
    "\n",
    "\n\n",
    "```",
    "````",
    "~~~",
    " ",
    "  ",
    "    ",
    "\t",
    "- ",
    "1. ",
    "> ",
    "# ",
    "`",
    "<b>",
    "<script>",
    "</details>",
    "<!--",
    "-->",
    "<?x",
    "<![CDATA[",
    "<javascript:alert(1)>",
    "<https://example.com>",
    "[x](javascript:alert(1))",
    "[x](data:text/html,x)",
    "[x](https://example.com)",
    "[x]: javascript:alert(1)",
    "[x][x]",
    "[x]",
    "![x](https://evil.example/x.png)",
    "![x][x]",
    "\\",
    "]",
    "(",
    "word",
    "&lt;",
    "\x1b[31m",
    "\u202e",
    "\r",
]
texts = st.lists(st.sampled_from(PIECES), max_size=14).map("".join) | st.text(max_size=12)
parts = (
    st.builds(Text, text=texts, injected=st.booleans())
    | st.builds(Thinking, text=texts)
    | st.builds(ToolCall, name=texts, arguments=texts)
    | st.builds(ToolCall, name=texts, arguments=texts.map(lambda text: json.dumps({"a": text})))
    | st.builds(ToolResult, text=texts)
    | st.builds(Attachment, kind=texts, url=texts)
    | st.builds(Failure, text=texts)
    | st.builds(Compaction, text=texts)
    | st.builds(Unknown, type=texts, raw=texts)
)


def render(*found: object, summary: str = "go") -> str:
    """Return a turn with these parts, and another one after it."""
    section = Section("main", ["a" * 64], elsewhere=((summary, "codex/<b>"),))
    turn = Turn(role="user", summary=summary, model=summary)
    turns = [Each(section, n, Shown("a" * 64, turn, [*found])) for n in range(2)]
    agent = Section(summary, ["b" * 64], spawn=Spawn(summary, "b" * 64, 1))
    turns.append(Each(agent, 0, Shown("b" * 64, turn, [])))
    return "".join(iter_markdown([section, agent], turns))


@given(st.lists(parts, max_size=3), texts)
@example([Text(text="- a\n  ```\n  x\n<b>")], "")
@example([Text(text="- ```\n```\n<b>")], "")
@example([Text(text="  ```\n```\n<b>")], "")
@example([Text(text="```a`\n<b>")], "")
@example([Text(text="> ```\n```\n<b>\n```\n<b>")], "")
@example([Text(text="```\nnever closed <b>"), Text(text="<b>")], "")
@example([Text(text="\\<b>"), Text(text="[a\nb]: javascript:x\n\n[a b]")], "")
def test_page_made_of_it_is_harmless(found, summary):
    """Rendered, there is no HTML, no picture, and no link but to the web; headings are ours."""
    markdown_it = pytest.importorskip("markdown_it")
    reader = markdown_it.MarkdownIt("commonmark")
    reader.validateLink = lambda _: True
    pending = reader.parse(render(*found, summary=summary))
    depth = headings = 0
    while pending:
        token = pending.pop(0)
        pending = [*(token.children or ()), *pending]
        assert token.type not in ("html_block", "html_inline", "image"), token
        if token.type == "link_open":
            assert str(token.attrs["href"]).startswith(("http://", "https://")), token
        depth += (token.type == "blockquote_open") - (token.type == "blockquote_close")
        headings += token.type == "heading_open" and depth == 0
    assert headings == 6


@given(st.lists(parts, max_size=3), texts)
def test_no_character_hides_or_reorders(found, summary):
    """Controls and what changes the direction of text are spelled out."""
    text = render(*found, summary=summary)
    assert escape_text(text) == text


def test_code_stays_as_it_is():
    """Inside a fence nothing is replaced; outside, what would be HTML is."""
    text = render(Text(text="a <b>\n```c\n#include <stdio.h>\n![x](y)\n```\n<c> 1 < 2 ![p](q)"))
    assert "> a &lt;b>\n> ```c\n> #include <stdio.h>\n> ![x](y)\n> ```\n" in text
    assert "> &lt;c> 1 < 2 &#33;[p&#93;(q)\n" in text


def test_fence_is_longer_than_any_in_it():
    """A result that holds fences stays in its own."""
    text = render(ToolResult(text="````\nx\n``"))
    assert "\n`````text\n````\nx\n``\n`````\n" in text


def test_records_without_a_form_are_named():
    """They are counted by type, on one line where they follow one another."""
    found = [Unknown(type="progress", raw="x"), Unknown(type="`odd`", raw="y")]
    text = render(Text(text="a"), found[0], found[0], found[1], Text(text="b"))
    assert "\n*not shown:* `progress` (2), `` `odd` ``\n" in text


def test_agent_and_its_call_name_one_another():
    """Below the call stands the name of the agent's tape, and there the call's turn."""
    page = render(ToolCall(name="Task", arguments="{}", id="c*1"), summary="c*1")

    assert "\nSpawned `codex/<b>`, `c*1`.\n" in page
    assert f"\nSpawned by a call of #1, turn `{'b' * 64}`.\n" in page
