"""The page tapesredaction(7): its table is that of the code."""

from __future__ import annotations

from pathlib import Path

from tapegit.redact.rules import RULES, RULES_VERSION
from tapegit.redact.values import is_varied

PAGE = Path(__file__).parents[3] / "man" / "tapesredaction.7.md"
BEGIN, END = "<!-- rules: begin -->\n", "<!-- rules: end -->"


def format_rules() -> str:
    """Return the table of rules as the page has it."""
    lines = []
    for rule in RULES:
        mark = "" if rule.check is is_varied else " +"
        pattern = rule.pattern.decode()
        lines.append(f"**{rule.name}**{mark}\n: {rule.meaning}\n\n        {pattern}\n")
    return "\n".join(lines)


def test_page_has_the_table_of_the_code():
    """Every rule is on the page as it is: what `format_rules` gives stands between the marks."""
    text = PAGE.read_text()
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    expected = f"{before}{BEGIN}\n{format_rules()}\n{END}{after}"
    assert text == expected


def test_page_has_the_version_of_the_code():
    """The page says which version of the rules it describes."""
    assert f"\nVersion {RULES_VERSION}. " in PAGE.read_text()
