"""The manual is whole, in step with the program, and refers to pages that exist."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path

import pytest

from tapegit.cli.app import ENVIRONMENT
from tapegit.objects.kind import Kind

ROOT = Path(__file__).parents[2]
MAN = ROOT / "man"
PAGES = sorted(MAN.glob("*.md"))
REFERENCE = re.compile(r"\b(tapes[a-z-]*)(?:\*\*)?\(([157])\)")
FORMAT_SECTIONS = ("NAME", "SEE ALSO")


def load_generator():
    """Return `.ci/man.py` as a module."""
    spec = importlib.util.spec_from_file_location("ci_man", ROOT / ".ci" / "man.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["ci_man"] = module
    spec.loader.exec_module(module)
    return module


man = load_generator()


def test_pages_of_commands_are_in_step_with_help():
    """What `make man` would write is what is there."""
    assert [path.name for path, old, new in man.iter_pages() if old != new] == []


def test_pages_of_commands_are_finished():
    """Every page has all its sections, each with something in it."""
    assert [
        fault for path, _, new in man.iter_pages() for fault in man.find_faults(path, new)
    ] == []


def test_environment_is_documented():
    """Every variable the program reads is in tapes(1)."""
    text = (MAN / "tapes.1.md").read_text()

    assert [name for name in ENVIRONMENT if f"`{name}`" not in text] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_page_has_name_and_neighbours(page):
    """Each page begins with its name and ends with what to read next."""
    sections = man.split_page(page.read_text())

    assert next(iter(sections)) == "NAME"
    assert f"{page.name.rsplit('.', 2)[0]} - " in sections["NAME"]
    assert sections.get("SEE ALSO")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_page_refers_to_pages_that_exist(page):
    """No page sends its reader to a page that is not there."""
    named = {f"{name}.{section}.md" for name, section in REFERENCE.findall(page.read_text())}

    assert {name for name in named if not (MAN / name).exists()} == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_page_refers_to_sections_that_exist(page):
    """Where a page sends its reader to a section of another one, there is that section."""
    references = re.findall(r"(tapes[a-z-]*)\*{0,2}\((\d)\), \"([^\"\n]+)\"", page.read_text())
    missing = [
        (name, heading)
        for name, section, heading in references
        if not has_heading(MAN / f"{name}.{section}.md", heading)
    ]

    assert missing == []


def test_source_lines_name_pages_and_sections_that_exist():
    """A `Source:` line in the code leads to a page, and to a heading of it where it names one."""
    missing = []
    for path in sorted((ROOT / "tapegit").rglob("*.py")):
        for name, section, heading in re.findall(
            r"^\s*Source: (tapes[a-z-]*)\((\d)\)(?:, \"([^\"]+)\")?", path.read_text(), re.MULTILINE
        ):
            page = MAN / f"{name}.{section}.md"
            if not page.exists():
                missing.append(f"{path.relative_to(ROOT)}: {name}({section})")
            elif heading and not has_heading(page, heading):
                missing.append(f"{path.relative_to(ROOT)}: {name}({section}), {heading}")

    assert missing == []


def has_heading(page: Path, heading: str) -> bool:
    """Return whether a page has a heading, of whatever level and case."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return heading.lower() in {text.lower() for text in headings}


def test_every_format_module_names_its_page():
    """A codec of a file says which page decides about it."""
    pure = {"zstd"}  # a door to a library, no format of ours
    for path in (ROOT / "tapegit" / "formats").glob("*.py"):
        if path.stem not in pure | {"__init__"}:
            assert re.search(r"^Source: tapesformat-\w+\(5\)", path.read_text(), re.MULTILINE), path


def test_every_format_has_vectors():
    """Bytes that are good and bytes that are not are kept for each codec of a file."""
    others = {"zstd": "loose", "packindex_writer": "packindex", "records": "pack", "__init__": ""}
    folders = {path.name for path in (ROOT / "fixtures" / "vectors").iterdir() if path.is_dir()}
    codecs = {path.stem for path in (ROOT / "tapegit" / "formats").glob("*.py")}

    assert {others.get(name, name) for name in codecs} - folders == {""}
    assert {kind.value for kind in Kind} - {"blob"} <= folders  # a blob is any bytes


@pytest.mark.parametrize("page", sorted(MAN.glob("*.5.md")), ids=lambda page: page.name)
def test_every_format_has_a_worked_example(page):
    """A page about a format shows real bytes, which a test decodes, or real text."""
    text = page.read_text()

    assert "EXAMPLE" in text.upper()
    assert "```hex" in text or "    " in text


def test_glossary_is_sorted_and_each_term_has_one_entry():
    """A term is found where the alphabet puts it, once."""
    text = man.split_page((MAN / "tapesglossary.7.md").read_text())["TERMS"]
    terms = re.findall(r"^\*\*([^*]+)\*\*", text, re.MULTILINE)

    assert terms == sorted(terms, key=str.lower)
    assert len(terms) == len(set(terms))


@pytest.mark.parametrize(
    "term",
    [
        *[kind.value for kind in Kind],
        *["object", "object id", "framing", "session", "tape", "harness", "transcript", "leader"],
        *["loose object", "pack", "frame", "section", "index", "fanout", "object database"],
        *["ref", "symbolic ref", "HEAD", "unborn", "reflog", "tag", "peel", "revision", "dialect"],
        *["reachable", "unreachable", "dangling", "prune", "gc", "repack", "fsck", "salvage"],
        *["fast-forward", "bundle", "plumbing", "porcelain", "raw", "summary", "role", "note"],
    ],
)
def test_glossary_has_the_words_of_the_project(term):
    """The words that code and pages use are explained."""
    text = (MAN / "tapesglossary.7.md").read_text()

    assert f"**{term}**" in text
