"""Context ids: the table of pairs that must be equal and pairs that must differ."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from tapegit.dialects.parts import AnyPart, Text, ToolCall, ToolResult
from tapegit.dialects.table import find_decoder
from tapegit.index.context import EMPTY_CONTEXT, ContextChain

ROOT = Path(__file__).parents[3]
TABLES = sorted((ROOT / "fixtures" / "context").glob("*.json"))
PAIRS = [(path.stem, pair) for path in TABLES for pair in json.loads(path.read_text())]


def parts_of(turn):
    """Return the parts of a turn of the table: given as parts, or decoded from records."""
    if "parts" in turn:
        return msgspec.convert(turn["parts"], list[AnyPart])
    raw = b"".join(json.dumps(record).encode() + b"\n" for record in turn["records"])
    return list(find_decoder(turn["dialect"])([raw]))


def context_of(turns):
    """Return the context id of a conversation of the table."""
    chain = ContextChain()
    for turn in turns:
        chain.add(turn["dialect"], turn["role"], parts_of(turn))
    return chain.id


@pytest.mark.parametrize(
    "pair", [pair for _, pair in PAIRS], ids=[f"{name}-{pair['name']}" for name, pair in PAIRS]
)
def test_pair_is_equal_or_differs_as_the_table_says(pair):
    """The table is the specification: each of its pairs is as it says."""
    one, other = context_of(pair["one"]), context_of(pair["other"])

    assert (one == other) is pair["equal"], pair["why"]


@pytest.mark.parametrize(
    "pair", [pair for _, pair in PAIRS], ids=[f"{name}-{pair['name']}" for name, pair in PAIRS]
)
def test_no_pair_is_equal_because_nothing_counts(pair):
    """A pair proves something only if the projection left something of it."""
    if not pair.get("empty"):
        assert EMPTY_CONTEXT not in {context_of(pair["one"]), context_of(pair["other"])}


def test_table_has_both_kinds():
    """There are pairs of both kinds, and each name is there once."""
    assert len(PAIRS) >= 40
    assert {pair["equal"] for _, pair in PAIRS} == {True, False}
    assert len({pair["name"] for _, pair in PAIRS}) == len(PAIRS)


def test_context_id_is_frozen():
    """The id of a version never changes: this is the one the page works out."""
    chain = ContextChain()
    chain.add("openai.chat@1", "user", [Text(text="ls?")])
    chain.add("openai.chat@1", "assistant", [ToolCall(name="sh", arguments='{"c": "ls"}', id="x")])
    chain.add("openai.chat@1", "tool", [ToolResult(text="a\n", call_id="x")])

    page = (ROOT / "man" / "tapescontext.7.md").read_text()
    assert EMPTY_CONTEXT.hex() in page
    assert chain.id.hex() in page


def test_copy_goes_its_own_way():
    """Calls of one line do not number those of another that went on from it."""
    chain = ContextChain()
    chain.add("pi@1", "assistant", [ToolCall(name="a", arguments="{}", id="1")])
    other = chain.copy()
    chain.add("pi@1", "tool", [ToolResult(text="r", call_id="1")])
    before = other.id
    other.add("pi@1", "assistant", [ToolCall(name="b", arguments="{}", id="1")])

    assert chain.id not in {before, other.id}
    assert other.add("pi@1", "user", []) == other.id


def test_many_results_take_bounded_time():
    """A run of very many results is no reason to wait."""
    chain = ContextChain()
    parts = [ToolResult(text=str(number), call_id=str(number)) for number in range(5000)]

    assert chain.add("pi@1", "tool", parts) != EMPTY_CONTEXT
