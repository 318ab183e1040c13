"""`config`: reading and changing settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tapegit.errors import ConfigError
from tapegit.repository.config import Config, read_settings
from tapegit.repository.config_editor import edit_setting
from tapegit.repository.config_keys import parse_value, split_key
from tapegit.repository.layout import CONFIG_LOCK, CONFIG_NAME, TMP_NAME
from tapegit.repository.user_dirs import find_user_config, no_home

if TYPE_CHECKING:
    from pathlib import Path

    from tapegit.repository.config import Setting

USER: Final = "user"
STORE: Final = "store"
ALIAS: Final = "alias"
"""A section of git's settings that could only mislead here."""


def load_layers(root: Path | None, layer: str | None) -> Config:
    """Return the settings of one layer, or of both.

    Args:
        root: The store, or None where there is none.
        layer: `user`, `store` or None.

    Raises:
        ConfigError: A file is damaged.
    """
    settings: list[Setting] = []
    path = find_user_config()
    if layer != STORE and path is not None:
        settings += read_settings(path, USER)
    if layer != USER and root is not None:
        settings += read_settings(root / CONFIG_NAME, STORE)
    return Config(settings)


def find_setting(config: Config, key: str) -> Setting | None:
    """Return the setting of a key that holds, or None.

    Raises:
        ConfigError: It is no key, or its value is not of the key's type.
    """
    split_key(key)
    return config.find(key)


def set_setting(root: Path | None, key: str, text: str) -> None:
    """Set a key, in the store or (root None) for the user.

    Raises:
        ConfigError: It is no key, or cannot hold this; or the file is damaged.
        UserError: The user has no home.
        StorageError: It could not be written.
    """
    if split_key(key)[0] == ALIAS:
        raise ConfigError(
            f"'{key}' would have no effect: settings name no program and no alias",
            hint="an alias of the shell does that: alias NAME='tapes log --oneline'",
            key=key,
        )
    value = parse_value(key, text)
    path, tmp_dir, lock = _places(root)
    edit_setting(path, key, value, tmp_dir=tmp_dir, lock=lock)


def unset_setting(root: Path | None, key: str) -> None:
    """Take a key out of the settings of the store, or (root None) of the user.

    Raises:
        ConfigError: It is no key, or is not set; or the file is damaged.
        StorageError: It could not be written.
    """
    path, tmp_dir, lock = _places(root)
    if not edit_setting(path, key, None, tmp_dir=tmp_dir, lock=lock):
        raise ConfigError(f"'{key}' is not set in '{path}'", path=path, key=key)


def _places(root: Path | None) -> tuple[Path, Path, Path]:
    """Return the file of a layer, where to write it first, and its lock."""
    if root is not None:
        return root / CONFIG_NAME, root / TMP_NAME, root / CONFIG_LOCK
    path = find_user_config()
    if path is None:
        raise no_home()
    return path, path.parent, path.with_name("config.lock")
