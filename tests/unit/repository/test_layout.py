"""The names in a store, and the page that lists them."""

from __future__ import annotations

import re

from tapegit.repository.layout import FOLDER_NAMES, TOP_NAMES
from tests.vectors.vector import MAN_DIR

PAGE = (MAN_DIR / "tapesformat-store.5.md").read_text()
DIAGRAM = PAGE.split("# DIAGRAM")[1].split("\n# ")[0]


def test_every_name_at_the_top_is_in_the_diagram():
    """And the diagram has no other: at the head of a line, or after it a second folder."""
    listed = set(re.findall(r"^      ([\w.-]+)", DIAGRAM, re.MULTILINE))
    listed |= set(re.findall(r"^      \w+/ ([\w-]+)/ ", DIAGRAM, re.MULTILINE))

    assert listed - {"logs"} == TOP_NAMES - {"logs"}
    assert "logs/HEAD" in DIAGRAM


def test_a_folder_comes_before_what_is_in_it():
    """In the order in which init makes them, each once."""
    assert len(set(FOLDER_NAMES)) == len(FOLDER_NAMES) == 270
    for place, name in enumerate(FOLDER_NAMES):
        assert "/" not in name or name.rpartition("/")[0] in FOLDER_NAMES[:place]


def test_every_lock_is_in_the_page():
    """With who holds it."""
    for name in ("gc", "turnstile", "refs", "upkeep", "config"):
        assert f"| `{name}` |" in PAGE
