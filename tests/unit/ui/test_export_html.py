"""Sessions as HTML: nothing that is in one becomes markup."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
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
from tapegit.objects.turn import CodeRepository, Session, Turn
from tapegit.ui.escape import escape_text
from tapegit.ui.export_html import POLICY, STEP_LENGTH, STYLE, iter_html
from tests.unit.ui.exported import Each, Section, Shown, Spawn

TAGS = {"html", "head", "meta", "title", "style", "body", "header", "h1", "h2", "dl", "dt", "dd"}
TAGS |= {"main", "nav", "ul", "li", "section", "article", "p", "a", "b", "time", "div", "details"}
TAGS |= {"summary", "pre", "img", "footer"}
ATTRIBUTES = {"lang", "charset", "http-equiv", "content", "name", "id", "class", "href", "title"}
ATTRIBUTES |= {"datetime", "dir", "rel", "alt", "src"}
HOSTILE = [
    "<script>alert(1)</script>",
    "</script><script src=//evil.example/x.js></script>",
    "<img src=x onerror=alert(1)>",
    "<svg onload=alert(1)>",
    '"><iframe srcdoc="<script>x</script>">',
    "' onmouseover='alert(1)",
    "</pre></details></article><base href=//evil.example>",
    "<meta http-equiv=refresh content='0;url=//evil.example'>",
    "</style><style>*{background:url(//evil.example)}</style>",
    "<math><mtext></table><mglyph><style><img src onerror=alert(1)>",
    "</title><script>x</script>",
    "-->]]><!--<![CDATA[",
    "[x](javascript:alert(1))",
    "&lt;b&gt;&amp;&#60;",
    "\x1b]52;c;x\x07\u202egnp.exe\u2066\x00\x9b\ud800",
    "`${x}`{{x}}<%= x %>",
]
URLS = [
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "data:text/html,<script>x</script>",
    "vbscript:x",
    "file:///etc/passwd",
    "//evil.example/x",
    "https://evil.example/\u202ex",
    'https://evil.example/" onclick="x',
    "http://evil.example/<script>",
    " https://evil.example",
]
texts = st.sampled_from(HOSTILE) | st.text(max_size=20)
optional = st.none() | texts
attachments = st.builds(
    Attachment,
    kind=texts,
    media_type=st.sampled_from(["image/png", "image/svg+xml", "text/html", None]) | texts,
    data=st.sampled_from(["AAAA", 'AAAA" onerror="x', "", None]) | texts,
    url=st.sampled_from(URLS) | optional,
)
parts = (
    st.builds(Text, text=texts, injected=st.booleans())
    | st.builds(Thinking, text=texts, is_redacted=st.booleans())
    | st.builds(
        ToolCall, name=texts, id=optional, arguments=texts | st.dictionaries(texts, texts).map(str)
    )
    | st.builds(ToolCall, name=texts, arguments=st.dictionaries(texts, texts).map(json.dumps))
    | st.builds(ToolResult, text=texts, attachments=st.lists(attachments, max_size=2).map(tuple))
    | attachments
    | st.builds(Failure, text=texts)
    | st.builds(Compaction, text=texts)
    | st.builds(Unknown, type=texts, raw=texts)
)


class Page(HTMLParser):
    """What a page holds: elements with their attributes, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.strange: list[str] = []
        self.pieces: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element and its attributes."""
        self.elements.append((tag, dict(attrs)))
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Close the element that was opened last, which must be this."""
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Note text."""
        self.pieces.append(data)

    def handle_comment(self, data: str) -> None:
        """Note what should not be there."""
        self.strange.append(data)

    unknown_decl = handle_pi = handle_comment


def render(*parts: object, text: str = "go", name: str = "main", role: str = "user") -> str:
    """Return a page of one turn with these parts, its fields all holding a text."""
    session = Session(
        harness=text, id=text, cwd=text, repository=CodeRepository(branch=text), tool_use=text
    )
    turn = Turn(
        role=role, summary=text, model=text, stop=text, session=session, time=1_750_000_000_000
    )
    section = Section(name, ["a" * 64], 1, "b" * 64, elsewhere=((text, text),))
    other = Section("agents/" + name, ["a" * 64], spawn=Spawn(text, "a" * 64, 1))
    shown = Shown("a" * 64, turn, list(parts))
    return "".join(iter_html([section, other], [Each(section, 1, shown), Each(other, 0, shown)]))


@given(st.lists(parts, max_size=4), texts)
def test_nothing_from_a_session_becomes_markup(found, text):
    """Only our elements and attributes are there, all closed; links lead nowhere but to the web."""
    page = Page(render(*found, text=text, name=text))
    assert page.open == []
    assert page.strange == []
    for tag, attributes in page.elements:
        assert tag in TAGS
        assert set(attributes) <= ATTRIBUTES
        link = attributes.get("href")
        assert link is None or re.fullmatch(r"#[\w-]+|https?://[!-~]+", link, re.IGNORECASE)
        picture = attributes.get("src")
        assert picture is None or re.fullmatch(r"data:image/png;base64,[\w+/]+=*", picture)


@given(texts, texts)
def test_text_is_all_there(text, name):
    """What was said is read as it was, but for what is spelled out."""
    page = Page(render(Text(text=text), ToolResult(text=name), Unknown(type="t", raw=text)))
    shown = "".join(page.pieces)
    assert escape_text(text) in shown
    assert escape_text(name) in shown


@given(st.lists(parts, max_size=3), texts)
def test_no_character_hides_or_reorders(found, text):
    """Controls and what changes the direction of text are spelled out everywhere."""
    page = render(*found, text=text, name=text)
    assert escape_text(page) == page


def test_page_forbids_what_it_does_not_need():
    """The policy comes first, and allows our style and pictures in the page, nothing else."""
    text = render()
    assert text.index("Content-Security-Policy") < text.index("<title>")
    assert POLICY in text
    assert POLICY.startswith("default-src 'none';")
    assert "unsafe" not in POLICY
    assert text.count("<style>") == 1
    assert "url(" not in STYLE
    assert "@import" not in STYLE
    assert "prefers-color-scheme:dark" in STYLE


@pytest.mark.parametrize("url", URLS)
def test_address_that_is_none_of_the_web_is_text(url):
    """It is read, and cannot be followed."""
    page = Page(render(Attachment(kind="image", url=url)))
    links = [values["href"] for tag, values in page.elements if tag == "a" and "rel" in values]
    assert [link for link in links if not link.startswith(("http://", "https://"))] == []
    assert bool(links) == (url == "http://evil.example/<script>")


def test_address_of_the_web_is_a_link_that_tells_nothing():
    """A link says not where it was followed from, and the picture is not fetched."""
    page = Page(render(Attachment(kind="image", url="https://example.com/a?b=1&c=2")))
    link = {"href": "https://example.com/a?b=1&c=2", "rel": "noopener noreferrer"}
    assert ("a", link) in page.elements
    assert not any(tag == "img" for tag, _ in page.elements)


def test_picture_is_shown_from_its_bytes():
    """Types that cannot hold a script are shown, others are named."""
    page = Page(render(Attachment(kind="image", media_type="image/png", data="AAAA")))
    images = [values for tag, values in page.elements if tag == "img"]
    assert images[0]["src"] == "data:image/png;base64,AAAA"
    for media_type in ("image/svg+xml", "text/html", None, "image/png;x"):
        text = render(Attachment(kind="image", media_type=media_type, data="AAAA"))
        assert "<img" not in text
        assert "3 bytes" in text


def test_arguments_are_shown_one_by_one():
    """Each has its name, and a text is read with its lines; what is no object is as it is."""
    text = render(ToolCall(name="Bash", id="t<1", arguments='{"command":"a\\nb","n":[1, 2]}'))
    assert "<dt>command</dt><dd><pre>a\nb</pre>\n</dd>" in text
    assert "<dt>n</dt><dd><pre>[1, 2]</pre>\n</dd>" in text
    assert 'id="call-t-1"' in text
    assert "<pre>{&quot;a</pre>" in render(ToolCall(name="x", arguments='{"a'))


def test_long_text_is_whole():
    """A text is made HTML piece by piece, and nothing is lost or added between pieces."""
    text = "<&\n" * (STEP_LENGTH // 3 + 5)
    assert text in "".join(Page(render(Text(text=text))).pieces)


def test_first_empty_line_is_shown():
    """Browsers drop a new-line at the beginning of `pre`, so there is one to drop."""
    assert "<pre>\n\na</pre>" in render(ToolResult(text="\na"))
    assert "<pre>a</pre>" in render(ToolResult(text="a"))


def test_agent_and_its_call_lead_to_one_another():
    """Below the call stands where the agent is, and the agent says where the call is."""
    page = render(ToolCall(name="Task", arguments="{}", id="call 1"), text="call 1", name="a<b")

    assert '<p class="head">spawned call 1 <a href="#tape-1">agents/a&lt;b</a></p>' in page
    assert 'id="call-call-1"' in page
    assert '<p class="head">spawned by <a href="#call-call-1">a tool call of #1</a></p>' in page
