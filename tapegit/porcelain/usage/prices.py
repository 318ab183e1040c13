"""What a call of a model cost: a dated table of prices, in whole numbers all the way.

Rules: a cost is counted in millionths of a micro-dollar, so nothing is rounded before it is
shown; a model that is not in the table is unpriced, never free; so is a call that has tokens
of a kind without a price.

Source: tapes-usage(1), "PRICES".
"""

from __future__ import annotations

import re
import tomllib
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from tapegit.errors import ConfigError
from tapegit.index.calls import USAGE_NAMES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tapegit.repository.config import Config

PRICED: Final = ("input", "output", "cache_read", "cache_write_5m", "cache_write_1h")
TABLE_PATH: Final = Path(__file__).with_name("prices.toml")
SECTION: Final = "price"

_SUFFIXES: Final = re.compile(
    r"(?:\[1m\]|[-@](?:latest|20[0-9]{6}|20[0-9]{2}-[0-9]{2}-[0-9]{2})|-v[0-9]+:[0-9]+|:[a-z]+)$"
)
_PREFIX: Final = re.compile(r"^(?:[a-z0-9_.-]+/)+|^(?:[a-z]{2,6}\.)?anthropic\.")
_DOTTED: Final = re.compile(r"^(claude-[a-z]+-[0-9]+)\.([0-9]+)$")

Prices = dict[str, int]


class PriceRow(NamedTuple):
    """The prices of a model from a day on, in micro-dollars for a million tokens."""

    since: date | None
    price: Prices
    long_above: int | None
    long: Prices


class PriceTable:
    """Prices by model.

    Args:
        rows: The rows of each name.

    Attributes:
        checked: The day on which the table was compared with its sources.
    """

    def __init__(self, rows: Mapping[str, list[PriceRow]], checked: str) -> None:
        self._rows = {
            name: sorted(each, key=lambda row: row.since or date.min, reverse=True)
            for name, each in rows.items()
        }
        self.checked = checked

    def cost(
        self, model: str | None, usage: tuple[int | None, ...], time_ms: int | None
    ) -> int | None:
        """Return what a call cost, in millionths of a micro-dollar; None where that is not known.

        Args:
            model: Its name, as the source has it.
            usage: Tokens, in the order of USAGE_NAMES.
            time_ms: When it was, for the price of that day; the newest price where unknown.
        """
        row = self._find(model, time_ms)
        if row is None:
            return None
        tokens = dict(zip(USAGE_NAMES, usage, strict=True))
        prompt = sum(tokens[name] or 0 for name in PRICED if name != "output")
        is_long = row.long_above is not None and prompt > row.long_above
        prices = row.long if is_long else row.price
        total = 0
        for name in PRICED:
            count = tokens[name] or 0
            if count and name not in prices:
                return None
            total += count * prices.get(name, 0)
        return total

    def _find(self, model: str | None, time_ms: int | None) -> PriceRow | None:
        if model is None:
            return None
        rows = next((self._rows[name] for name in iter_names(model) if name in self._rows), [])
        if time_ms is None:
            return rows[0] if rows else None
        day = datetime.fromtimestamp(time_ms / 1000, UTC).date()
        return next((row for row in rows if row.since is None or row.since <= day), None)


def iter_names(model: str) -> Iterable[str]:
    """Yield the names that a model may have in the table, the most exact first.

    Taken off are a provider before it (`openai/`, `us.anthropic.`) and a day or a variant of
    the same price after it (`-20250929`, `-latest`, `[1m]`, `:free` is none).
    """
    yield model
    name = _PREFIX.sub("", model.lower())
    yield name
    while True:
        shorter = _SUFFIXES.sub("", name)
        if shorter == name:
            break
        name = shorter
        yield name
    dotted = _DOTTED.sub(r"\1-\2", name)
    if dotted != name:
        yield dotted


def load_prices(config: Config | None = None) -> PriceTable:
    """Return the prices of the package, with those of the user's settings in their place.

    Raises:
        ConfigError: A price of the user's is no whole number, or is for no kind of token.
    """
    with TABLE_PATH.open("rb") as file:
        data = tomllib.load(file)
    rows: dict[str, list[PriceRow]] = {}
    for model in data["model"]:
        row = PriceRow(
            model.get("from"), model["price"], model.get("long_above"), model.get("long", {})
        )
        for name in model["names"]:
            rows.setdefault(name, []).append(row)
    for name, price in _read_own(config).items():
        rows[name] = [PriceRow(None, price, None, {})]
    return PriceTable(rows, data["checked"])


def _read_own(config: Config | None) -> dict[str, Prices]:
    """Return the prices that the user set: keys `price.<model>.<kind>`."""
    own: dict[str, Prices] = {}
    if config is None:
        return own
    for setting in config.iter_settings():
        section, _, rest = setting.key.partition(".")
        model, _, kind = rest.rpartition(".")
        if section != SECTION or not model:
            continue
        own.setdefault(model, {})[_verify_kind(setting.key, kind)] = _verify_price(
            setting.key, setting.value
        )
    return own


def _verify_kind(key: str, kind: str) -> str:
    if kind not in PRICED:
        raise ConfigError(
            f"'{key}' is a price of no kind of token",
            hint=f"the kinds are {', '.join(PRICED)}",
            key=key,
        )
    return kind


def _verify_price(key: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ConfigError(
            f"'{key}' is '{value}', not micro-dollars for a million tokens",
            hint=f"$3.00 are 'tapes config {key} 3000000'",
            key=key,
        )
    return value
