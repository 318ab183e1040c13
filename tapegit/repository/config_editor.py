"""Changing one setting in a file, with everything else in it as it was, comments too.

Rules: this is the door to tomlkit. The file is changed under a lock and replaced whole; what
is about to be written is parsed again by the reader's parser and must say just what was asked,
so that a value with quotes or line ends in it can become no other setting.

Source: tapesformat-config(5), "How it is changed".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import tomlkit
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import Table

from tapegit.errors import ConfigError
from tapegit.files.durable import make_directories, replace_file
from tapegit.files.locks import Lock
from tapegit.repository.config import flatten_tables, parse_toml, read_text
from tapegit.repository.config_keys import split_key

if TYPE_CHECKING:
    from pathlib import Path

    from tomlkit import TOMLDocument

    from tapegit.repository.config_keys import Value


def edit_setting(path: Path, key: str, value: Value | None, *, tmp_dir: Path, lock: Path) -> bool:
    """Set a key in a file, or take it out (None); return whether it was there before.

    Args:
        path: The file, made where it is missing.
        key: The key.
        value: What it is to hold.
        tmp_dir: A directory on the same file system.
        lock: The lock file to hold meanwhile.

    Raises:
        ConfigError: The file is damaged, or the key is in the way of another.
        LockedError: Somebody else is changing it.
        StorageError: It could not be written; it is as it was.
    """
    parts = split_key(key)
    _make_folder(path.parent)
    with Lock(lock).exclusive():
        try:
            text = read_text(path)
        except FileNotFoundError:
            text = ""
        before = dict(flatten_tables(parse_toml(text, path), path))
        if value is None and key not in before:
            return False
        after = {name: old for name, old in before.items() if name != key}
        if value is not None:
            after[key] = value
        data = _edit(text, parts, value, path)
        if dict(flatten_tables(parse_toml(data, path), path)) != after:
            raise _in_the_way(path, key)
        replace_file(path, data.encode(), tmp_dir=tmp_dir)
    return key in before


def _edit(text: str, parts: list[str], value: Value | None, path: Path) -> str:
    try:
        document: TOMLDocument = tomlkit.parse(text)
        table: TOMLDocument | Table = document
        for part in parts[:-1]:
            if part not in table:
                table.add(part, tomlkit.table(is_super_table=part != parts[-2]))
            inner = table[part]
            if not isinstance(inner, Table):
                raise _in_the_way(path, ".".join(parts))
            table = inner
        if value is None:
            table.remove(parts[-1])
        else:
            table[parts[-1]] = value
        return tomlkit.dumps(document)
    except (TOMLKitError, ValueError) as error:
        raise _in_the_way(path, ".".join(parts)) from error


def _make_folder(path: Path) -> None:
    root = path
    while not root.is_dir():
        root = root.parent
    make_directories(path, root=root)


def _in_the_way(path: Path, key: str) -> ConfigError:
    return ConfigError(
        f"cannot change '{key}' in '{path}' without changing something else",
        hint="change it with an editor",
        path=path,
        key=key,
    )
