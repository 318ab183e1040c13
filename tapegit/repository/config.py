"""Settings as they are read: those of the user, and over them those of the store.

Rules: a file is parsed only if it is there and not empty; whatever is wrong with it is one
error that names the file; a value is judged when it is asked for, so that a key of tomorrow
harms nobody today. Changing files is in `config_editor`.

Source: tapesformat-config(5).
"""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from tapegit.errors import ConfigError, DataError
from tapegit.files.safe_read import read_file
from tapegit.repository.config_keys import KEYS, Value, split_key, verify_value
from tapegit.repository.layout import CONFIG_NAME
from tapegit.repository.user_dirs import find_user_config

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

CONFIG_SIZE_MAX_BYTES: Final = 1 << 16
DEPTH_MAX: Final = 3
_LINE_LENGTH_MAX: Final = 4096
_BARE: Final = re.compile(r"\A[\s\ufeff]*\Z")


class Setting(NamedTuple):
    """One key of one file; `layer` is `user` or `store`."""

    key: str
    value: Value
    layer: str
    path: Path


class Config:
    """The settings of several files; a later file wins."""

    def __init__(self, settings: list[Setting]) -> None:
        self._settings = settings
        self._winners = {setting.key: setting for setting in settings}

    def find(self, key: str) -> Setting | None:
        """Return the setting of a key that holds, or None where no file has it.

        Raises:
            ConfigError: Its value is not of the key's type.
        """
        setting = self._winners.get(key)
        if setting is not None:
            verify_value(key, setting.value, path=setting.path)
        return setting

    def integer(self, key: str) -> int:
        """Return the number that a key of the table holds, or its default.

        Raises:
            ConfigError: A file has something else there.
        """
        value = self._value(key)
        assert isinstance(value, int), key
        return value

    def text(self, key: str) -> str:
        """Return the text or span of time that a key of the table holds, or its default.

        Raises:
            ConfigError: A file has something else there.
        """
        value = self._value(key)
        assert isinstance(value, str), key
        return value

    def _value(self, key: str) -> Value:
        setting = self.find(key)
        return KEYS[key].default if setting is None else setting.value

    def iter_settings(self) -> Iterator[Setting]:
        """Yield every setting of every file, those that hold after those they overrule."""
        return iter(self._settings)


def load_config(root: Path | None, *, user_path: Path | None = None) -> Config:
    """Return the settings for a store.

    Args:
        root: The store, or None for the user's settings alone.
        user_path: The user's file, where the platform has it by default.

    Raises:
        ConfigError: A file is damaged.
        StorageError: A file cannot be read.
    """
    path = user_path or find_user_config()
    settings = [] if path is None else read_settings(path, "user")
    if root is not None:
        settings += read_settings(root / CONFIG_NAME, "store")
    return Config(settings)


def read_settings(path: Path, layer: str) -> list[Setting]:
    """Return what one file sets, in the order of the file; nothing where there is none.

    Raises:
        ConfigError: The file is damaged.
        StorageError: It cannot be read.
    """
    try:
        text = read_text(path)
    except FileNotFoundError:
        return []
    found = flatten_tables(parse_toml(text, path), path)
    return [Setting(key, value, layer, path) for key, value in found]


def read_text(path: Path) -> str:
    """Return the text of a file of settings.

    Raises:
        FileNotFoundError: There is no such file.
        ConfigError: It is too large or not UTF-8.
        StorageError: It cannot be read.
    """
    try:
        return read_file(path, size_max=CONFIG_SIZE_MAX_BYTES).decode()
    except (DataError, UnicodeDecodeError) as error:
        reason = error.message if isinstance(error, DataError) else "it is not UTF-8"
        raise _damaged(path, reason) from error


def parse_toml(text: str, path: Path) -> dict[str, Any]:
    """Return what TOML says.

    Raises:
        ConfigError: It is none; or it is so long or deep that no person wrote it.
    """
    if _BARE.fullmatch(text):
        return {}
    # The parser takes quadratic time for a long key, and recursion for deep arrays.
    if max(map(len, text.split("\n"))) > _LINE_LENGTH_MAX:
        raise _damaged(path, f"a line is longer than {_LINE_LENGTH_MAX} characters")
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError, ValueError) as error:
        reason = "it is nested too deep" if isinstance(error, RecursionError) else str(error)
        raise _damaged(path, reason[:1].lower() + reason[1:]) from error


def flatten_tables(tables: Mapping[str, Any], path: Path) -> list[tuple[str, Value]]:
    """Return the keys and values of parsed TOML, in the order of the file.

    Raises:
        ConfigError: Something in it is no setting.
    """
    found: list[tuple[str, Value]] = []
    waiting: list[tuple[tuple[str, ...], Any]] = [((), tables)]
    while waiting:
        parts, value = waiting.pop()
        if isinstance(value, dict) and len(parts) < DEPTH_MAX:
            waiting += [((*parts, name), inner) for name, inner in reversed(list(value.items()))]
            continue
        key = ".".join(parts)
        is_setting = len(parts) > 1 and isinstance(value, str | int)
        if not is_setting or split_key(key) != list(parts):
            raise ConfigError(
                f"cannot read '{path}': '{key[:80]}' is no setting",
                hint="a setting is text, a whole number or true or false, in a [section]",
                path=path,
                key=key,
            )
        found.append((key, value))
    return found


def _damaged(path: Path, reason: str) -> ConfigError:
    return ConfigError(
        f"cannot read '{path}': {reason}", hint="correct it with an editor", path=path
    )
