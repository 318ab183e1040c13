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


class AttachedOption(click.Option):
    """An option whose value, if it has one, is attached with `=`."""


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


def attach_values(command: click.Command, args: list[str]) -> list[str]:
    """Return arguments in which options with an optional value have one, attached.

    As in git such a value is written `--abbrev=7`, and what follows a mere `--abbrev` is an
    argument; click would take it for the value.
    """
    written = {
        name: _attach(option.opts[-1], option.flag_value)
        for option in command.params
        if isinstance(option, click.Option) and _has_optional_value(option)
        for name in option.opts
    }
    end = args.index("--") if "--" in args else len(args)
    return [written.get(arg, arg) for arg in args[:end]] + args[end:]


def _attach(name: str, value: object) -> str:
    return f"{name}={value}" if name.startswith("--") else f"{name}{value}"


def _has_optional_value(option: click.Option) -> bool:
    return not option.is_flag and isinstance(option.flag_value, str | int)


def color_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--color` and `--no-color` as git's commands have them; the terminal takes them."""
    when = click.option(
        "--color",
        cls=AttachedOption,
        is_flag=False,
        flag_value="always",
        type=click.Choice(["auto", "always", "never"]),
        metavar="[WHEN]",
        expose_value=False,
        callback=_set_color,
        help="When to colour output: always, never or auto",
    )
    no = click.option(
        "--no-color",
        is_flag=True,
        expose_value=False,
        callback=_set_color,
        help="Do not colour output",
    )
    return when(no(command))


def _set_color(ctx: click.Context, param: click.Parameter, value: str | bool | None) -> None:
    """Let the terminal colour or not; `auto` and an option that is not there change nothing."""
    if value in {"always", "never", True}:
        ctx.obj.terminal.color = value == "always"


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
