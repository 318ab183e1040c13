"""Settings as lines in git's form, and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from pathlib import Path


class ShownSetting(Protocol):
    """A key, what it holds, and the file that says so."""

    @property
    def key(self) -> str:
        """The key."""

    @property
    def value(self) -> str | int | bool:
        """What it holds."""

    @property
    def layer(self) -> str:
        """`user` or `store`."""

    @property
    def path(self) -> Path:
        """The file."""


def format_setting(setting: ShownSetting, *, nul: bool, named: bool, origin: bool) -> str:
    """Return the record of a setting, without its end.

    Args:
        setting: The setting.
        nul: Part its fields as git does with -z, so that a value may hold line ends.
        named: Say the key too.
        origin: Say the file too.
    """
    value = setting.value
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if named:
        text = f"{setting.key}\n{text}" if nul else f"{setting.key}={text}"
    separator = "\0" if nul else "\t"
    return f"file:{setting.path}{separator}{text}" if origin else text


def setting_members(setting: ShownSetting) -> dict[str, object]:
    """Return a setting as the members of a JSON object."""
    return {
        "key": setting.key,
        "value": setting.value,
        "layer": setting.layer,
        "path": str(setting.path),
    }
