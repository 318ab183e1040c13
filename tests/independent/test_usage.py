"""What `tapes usage` says of real sessions is what a script of its own finds in their files."""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path

import pytest

from tests.independent.usagereader import KINDS, read_sessions, report

SHARED = Path(__file__).parents[3] / "shared" / "data"
FIXTURES = Path(__file__).parents[2] / "fixtures" / "transcripts"
SCRIPT = Path(__file__).with_name("usagereader.py")
PRICES = Path(__file__).parents[2] / "tapegit" / "porcelain" / "usage" / "prices.toml"

CASSETTES = "vcr/openllmetry/packages/opentelemetry-instrumentation-openai"
REAL = {
    "claude-code": ("claude-code/entire-cli", "*.jsonl", 15),
    "codex": ("codex", "*.jsonl", 8),
    "gemini-cli": ("gemini-cli", "full.jsonl", 3),
    "pi": ("pi", "*.jsonl", 2),
    "vcr": (CASSETTES, "*.yaml", 2),
}
"""Folder of the files of each harness, and how many sessions there must be at least."""


def read_rows(tapes):
    """Return what the program says of each session, in the shape of the script."""
    rows = {}
    for row in tapes("usage", "session", "--json").records[:-1]:
        tokens = [row["usage"].get(kind, 0) for kind in KINDS]
        unpriced = row.get("unpriced", 0)
        rows[row["name"]] = (row["calls"], tokens, row.get("cost_micro_usd", 0), unpriced)
    return rows


@pytest.mark.parametrize("harness", REAL)
def test_real_sessions_used_and_cost_what_their_files_say(tapes, store, harness):
    """Every session of a harness in one store: calls, tokens of each kind, and micro-dollars."""
    folder, pattern, least = REAL[harness]
    paths = sorted((SHARED / folder).rglob(pattern))
    if not paths:
        pytest.skip(f"no {SHARED / folder}")
    expected = report(tomllib.loads(PRICES.read_text()), read_sessions(harness, paths))
    tapes("import", *paths, code=None)

    found = read_rows(tapes)

    assert len(expected) >= least
    if harness == "vcr":  # a cassette has no id of its own
        assert sorted(expected.values()) == sorted(found.values())
    else:
        assert expected == found


@pytest.mark.parametrize(
    ("harness", "names"),
    [
        ("opencode", ["agent-parent.json", "agent-child.json", "calls.json"]),
        ("claude-code", ["representative.jsonl", "sample.jsonl", "sidechain.jsonl"]),
        ("codex", ["aborted.jsonl", "ide.jsonl", "short.jsonl"]),
        ("gemini-cli", ["first.json", "second.json"]),
        ("pi", ["large-head.jsonl", "commands.jsonl"]),
    ],
)
def test_kept_sessions_used_and_cost_what_their_files_say(tapes, store, harness, names):
    """The same without the large files."""
    paths = [FIXTURES / harness / name for name in names]
    expected = report(tomllib.loads(PRICES.read_text()), read_sessions(harness, paths))
    tapes("import", *paths)

    assert expected
    assert expected == read_rows(tapes)


def test_the_script_imports_nothing_of_the_program():
    """Or it would agree with it whatever it says."""
    tree = ast.parse(SCRIPT.read_text())
    imported = [
        alias.name if isinstance(node, ast.Import) else str(node.module)
        for node in ast.walk(tree)
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for alias in node.names
    ]
    assert not [name for name in imported if name.split(".")[0] in ("tapegit", "tests")]
