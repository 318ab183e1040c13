"""Prices: exact sums, the price of the day, and nothing for what has none."""

from __future__ import annotations

import tomllib
from datetime import UTC, date, datetime

import pytest

from tapegit.porcelain.usage.prices import PRICED, TABLE_PATH, PriceRow, PriceTable, load_prices

SIMPLE = PriceRow(None, {"input": 3, "output": 15, "cache_read": 1}, None, {})


def ms(year, month, day):
    """Return noon of a day, in ms since the epoch."""
    return int(datetime(year, month, day, 12, tzinfo=UTC).timestamp() * 1000)


def usage(**tokens):
    """Return tokens in the order of the index."""
    names = ("input", "output", "cache_read", "cache_write_5m", "cache_write_1h", "reasoning")
    return tuple(tokens.get(name) for name in names)


def test_a_cost_is_tokens_times_price_and_nothing_is_rounded():
    """Reasoning is part of the output and not counted again."""
    table = PriceTable({"m": [SIMPLE]}, "today")
    spent = usage(input=7, output=11, cache_read=13, reasoning=5)
    assert table.cost("m", spent, None) == 7 * 3 + 11 * 15 + 13 * 1


def test_what_has_no_price_is_unpriced_and_never_free():
    """A model that is not known, no model, and a kind of token without a price."""
    table = PriceTable({"m": [SIMPLE]}, "today")
    assert table.cost("other", usage(input=1), None) is None
    assert table.cost(None, usage(input=1), None) is None
    assert table.cost("m", usage(input=1, cache_write_5m=1), None) is None
    assert table.cost("m", usage(input=1, cache_write_5m=0), None) == 3


def test_the_price_is_that_of_the_day():
    """Before the first price of a model it is unpriced; without a day it is the newest."""
    early = PriceRow(date(2026, 1, 1), {"input": 10}, None, {})
    late = PriceRow(date(2026, 2, 1), {"input": 4}, None, {})
    table = PriceTable({"m": [early, late]}, "today")
    assert table.cost("m", usage(input=1), ms(2025, 12, 31)) is None
    assert table.cost("m", usage(input=1), ms(2026, 1, 31)) == 10
    assert table.cost("m", usage(input=1), ms(2026, 2, 1)) == 4
    assert table.cost("m", usage(input=1), None) == 4


def test_a_long_prompt_has_the_higher_price_for_the_whole_call():
    """Cached tokens are part of the prompt, the output is not."""
    row = PriceRow(
        None,
        {"input": 1, "output": 5, "cache_read": 1},
        100,
        {"input": 2, "output": 9, "cache_read": 2},
    )
    table = PriceTable({"m": [row]}, "today")
    assert table.cost("m", usage(input=60, cache_read=40, output=900), None) == 100 + 4500
    assert table.cost("m", usage(input=60, cache_read=41, output=1), None) == 202 + 9


@pytest.mark.parametrize(
    ("model", "known"),
    [
        ("claude-sonnet-4-5", True),
        ("claude-sonnet-4-5-20250929", True),
        ("claude-opus-4.5", True),
        ("anthropic/claude-opus-4-5", True),
        ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", True),
        ("claude-opus-4-6[1m]", True),
        ("openai/gpt-4o-mini", True),
        ("gpt-4o-mini-2024-07-18", True),
        ("codex-mini-latest", True),
        ("GPT-5", True),
        ("gpt-5-turbo-imagined", False),
        ("claude-sonnet-4-5-mini", False),
        ("gemma3", False),
        ("ollama/llama3.1", False),
        ("<synthetic>", False),
        ("", False),
    ],
)
def test_a_model_is_found_by_name_and_nothing_else_is_guessed(model, known):
    """A provider before it and a day behind it are taken off; what goes on is another model."""
    cost = load_prices().cost(model, usage(input=1, output=1), None)
    assert (cost is not None) == known


def test_the_table_is_whole_and_says_where_it_is_from():
    """Each row has a known source, whole prices of known kinds, and names of its own."""
    data = tomllib.loads(TABLE_PATH.read_text())
    date.fromisoformat(data["checked"])
    seen = set()
    for model in data["model"]:
        source = data["sources"][model["source"]]
        assert source["read"] == "nowhere" or source["page"].startswith("https://")
        for prices in (model["price"], model.get("long", model["price"])):
            assert set(prices) <= set(PRICED)
            assert {"input", "output"} <= set(prices)
            assert all(isinstance(price, int) and price > 0 for price in prices.values())
        assert ("long" in model) == ("long_above" in model)
        for name in model["names"]:
            place = (name, model.get("from"))
            assert place not in seen, place
            seen.add(place)
