"""Parameter types and options that several commands share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from tapegit.errors import TapesError
from tapegit.objects.kind import parse_kind
from tapegit.refs.names import RefName

if TYPE_CHECKING:
    from collections.abc import Callable

    from tapegit.objects.kind import Kind


def kind(text: str) -> Kind:
    """Return the kind of object of this name."""
    try:
        return parse_kind(text)
    except TapesError as error:
        raise click.BadParameter(str(error)) from error


def ref_name(text: str) -> RefName:
    """Return the whole name of a ref, such as `refs/heads/main`, checked.

    Raises:
        InvalidNameError: The text breaks a rule for names; it travels on, with its own code.
    """
    return RefName.parse(text)


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
