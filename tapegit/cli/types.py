"""Parameter types and options that several commands share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from tapegit.errors import TapesError
from tapegit.objects.kind import Kind, parse_kind
from tapegit.refs.names import RefName

if TYPE_CHECKING:
    from collections.abc import Callable


class KindType(click.ParamType):
    """One of the four kinds of object."""

    name = "kind"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Kind:
        """Return the kind of this name."""
        if isinstance(value, Kind):
            return value
        try:
            return parse_kind(value)
        except TapesError as error:
            self.fail(str(error), param, ctx)


class RefNameType(click.ParamType):
    """The whole name of a ref, such as `refs/heads/main`."""

    name = "ref"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> RefName:
        """Return the name, checked.

        Raises:
            InvalidNameError: The text breaks a rule for names; it travels on, with its own code.
        """
        return value if isinstance(value, RefName) else RefName.parse(value)


KIND = KindType()
REF_NAME = RefNameType()


def json_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--json` as the argument `as_json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line")(
        command
    )


def nul_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `-z` as the argument `nul`."""
    return click.option("-z", "nul", is_flag=True, help="End each record with NUL, not new-line")(
        command
    )
