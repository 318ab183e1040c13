"""`tapes config`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click

from tapegit.cli.app import App, pass_app
from tapegit.cli.types import json_option, nul_option
from tapegit.errors import RepositoryNotFoundError
from tapegit.porcelain.maintenance import config
from tapegit.ui.settings import format_setting, setting_members

if TYPE_CHECKING:
    from pathlib import Path

    from tapegit.repository.config import Setting


WORDS: Final = {"get": "--get", "list": "--list", "set": None, "unset": "--unset"}
"""What git puts first in place of an option; a key always has a dot in it."""


class ConfigCommand(click.Command):
    """`config`, also with a word of git in place of an option: `config get KEY`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the option of this meaning in the place of the word."""
        if args and args[0] in WORDS:
            option = WORDS[args[0]]
            args = [option, *args[1:]] if option is not None else args[1:]
        return super().parse_args(ctx, args)


@click.command("config", cls=ConfigCommand)
@click.option("--get", "--get-all", "action", flag_value="get", help="Print the value of KEY")
@click.option("-l", "--list", "action", flag_value="list", help="List all settings of all files")
@click.option("--unset", "--unset-all", "action", flag_value="unset", help="Remove KEY")
@click.option("--user", "--global", "layer", flag_value="user", help="Only your own settings")
@click.option("--store", "--local", "layer", flag_value="store", help="Only those of the store")
@click.option("--show-origin", is_flag=True, help="Say which file a setting is from")
@nul_option
@json_option
@click.argument("key", required=False)
@click.argument("value", required=False)
@pass_app
def command(
    app: App,
    /,
    action: str | None,
    layer: str | None,
    show_origin: bool,
    nul: bool,
    as_json: bool,
    key: str | None,
    value: str | None,
) -> None:
    """Read and write settings"""
    if (action == "list") != (key is None) or (value is not None and action is not None):
        raise click.UsageError("give a KEY, a KEY and a VALUE, or --list")
    if key is not None and (value is not None or action == "unset"):
        root = None if layer == config.USER else app.root
        if value is None:
            config.unset_setting(root, key)
        else:
            config.set_setting(root, key, value)
        return
    settings = config.load_layers(_find_root(app, layer), layer)
    if key is None:
        for setting in settings.iter_settings():
            _show(app, setting, as_json=as_json, nul=nul, named=True, origin=show_origin)
        return
    found = config.find_setting(settings, key)
    if found is None:
        click.get_current_context().exit(1)
    _show(app, found, as_json=as_json, nul=nul, named=False, origin=show_origin)


def _find_root(app: App, layer: str | None) -> Path | None:
    """Return the store, or None where there is none and none is needed."""
    if layer == config.USER:
        return None
    try:
        return app.root
    except RepositoryNotFoundError:
        if layer is None and app.named_store is None:
            return None
        raise


def _show(
    app: App, setting: Setting, *, as_json: bool, nul: bool, named: bool, origin: bool
) -> None:
    if as_json:
        app.terminal.json(setting_members(setting))
    else:
        app.terminal.record(format_setting(setting, nul=nul, named=named, origin=origin), nul=nul)
