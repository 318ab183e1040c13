"""`remote`: which remotes there are; and what pushing and fetching need to know of one.

Rules: remotes are settings of the store, `remote.<name>.url` and `branch.<name>.remote`. They
are data: an address is parsed whenever it is used, and no setting names a program.

Source: tapes-remote(1), tapesremotes(7).
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Final, NamedTuple

from tapegit.errors import ConfigError, InvalidNameError, UserError
from tapegit.porcelain.recording.code_repository import find_code_repository
from tapegit.refs.names import RefName
from tapegit.remote.seen import forget_remote, rename_known
from tapegit.remote.urls import PATH, RemoteUrl, mask_password, parse_url
from tapegit.repository.config_editor import edit_setting
from tapegit.repository.layout import CONFIG_LOCK, CONFIG_NAME, TMP_NAME

if TYPE_CHECKING:
    from tapegit.repository.repository import Repository

DEFAULT_REMOTE: Final = "origin"
DEFAULT_NAMESPACE: Final = "refs/tapes"
_NAMESPACES_OF_GIT: Final = ("refs/heads", "refs/tags", "refs/notes", "refs/remotes")
_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,62}")
_REMOTE_KEY: Final = re.compile(r"remote\.(.+)\.(url|pushurl|namespace)")


class Remote(NamedTuple):
    """A remote: its name, None for one that is only an address, and where it is."""

    name: str | None
    url: RemoteUrl
    push_url: RemoteUrl

    @property
    def shown(self) -> str:
        """The name or the address."""
        return self.name or self.url.shown


def list_remotes(repository: Repository) -> list[Remote]:
    """Return the remotes, by name.

    Raises:
        ConfigError: The settings are damaged.
        InvalidNameError: An address is none.
    """
    found: dict[str, dict[str, str]] = {}
    for setting in repository.config.iter_settings():
        match = _REMOTE_KEY.fullmatch(setting.key)
        if match is not None and isinstance(setting.value, str):
            found.setdefault(match[1], {})[match[2]] = setting.value
    remotes = []
    for name, urls in sorted(found.items()):
        if "url" in urls:
            url = parse_url(urls["url"])
            push_url = parse_url(urls["pushurl"]) if "pushurl" in urls else url
            root = _parse_namespace(urls.get("namespace", DEFAULT_NAMESPACE))
            here, there = url._replace(root=root), push_url._replace(root=root)
            remotes.append(Remote(verify_remote_name(name), here, there))
    return remotes


def _parse_namespace(text: str) -> str:
    """Return the folder of refs that a setting names.

    Raises:
        ConfigError: It is none, or one that is not of tapes alone.
    """
    name = RefName.try_parse(f"{text}/heads/main")
    if name is None or not text.startswith("refs/") or text in _NAMESPACES_OF_GIT:
        raise ConfigError(
            f"'{text[:80]!a}' is no namespace for tapes",
            hint=f"'{DEFAULT_NAMESPACE}' is one, 'refs/heads/tapes' for hosts of branches alone",
            key="namespace",
        )
    return f"{text}/"


def verify_remote_name(name: str) -> str:
    """Return the name of a remote.

    Raises:
        InvalidNameError: It is none.
    """
    if not _NAME.fullmatch(name) or RefName.try_parse(f"refs/remotes/{name}/HEAD") is None:
        raise InvalidNameError(
            f"'{name[:80]!a}' is no name of a remote",
            text=name,
            rule="up to 63 letters, digits, dots, dashes and underscores",
        )
    return name


def find_remote(repository: Repository, name: str) -> Remote | None:
    """Return a remote by its name, or None."""
    return next((each for each in list_remotes(repository) if each.name == name), None)


def choose_remote(repository: Repository, given: str | None) -> Remote:
    """Return the remote that is meant: by name or address, else that of the branch, else origin.

    Raises:
        UserError: There is none.
        InvalidNameError: It is neither a name nor an address.
    """
    if given is not None:
        found = find_remote(repository, given)
        if found is not None:
            return found
        if not any(mark in given for mark in "/:."):
            raise UserError(f"no remote '{given}'", hint=_hint_of_remotes(repository, given))
        url = parse_url(given)
        return Remote(None, url, url)
    name = default_remote(repository)
    remotes = list_remotes(repository)
    for remote in remotes:
        if remote.name == name:
            return remote
    if len(remotes) == 1:
        return remotes[0]
    raise UserError(
        "no remote is named, and there is no default one",
        hint=_hint_of_remotes(repository, DEFAULT_REMOTE),
    )


def _hint_of_remotes(repository: Repository, name: str) -> str:
    """Return what to say where a remote is missing: that of the code is not taken by itself."""
    code = find_code_repository(repository.root.parent)
    url = code.remote if code is not None else None
    if name == DEFAULT_REMOTE and url is not None:
        return f"'tapes remote add {name} {mask_password(url)}' takes that of the code here"
    return f"'tapes remote -v' lists remotes, 'tapes remote add {name} URL' adds one"


def default_remote(repository: Repository) -> str:
    """Return the name of the remote that the branch which is checked out follows, or origin."""
    head = repository.refs.read_head().target
    found = find_upstream_setting(repository, head.removeprefix("refs/heads/")) if head else None
    return found[0] if found is not None else DEFAULT_REMOTE


def find_upstream_setting(repository: Repository, branch: str) -> tuple[str, str] | None:
    """Return the remote that a branch follows and the branch there, or None for none."""
    remote = repository.config.find(f"branch.{branch}.remote")
    merge = repository.config.find(f"branch.{branch}.merge")
    if remote is None or not isinstance(remote.value, str):
        return None
    there = merge.value if merge is not None and isinstance(merge.value, str) else branch
    return remote.value, there.removeprefix("refs/heads/")


def set_upstream(repository: Repository, branch: str, remote: str, there: str) -> None:
    """Let a branch follow one of a remote.

    Raises:
        ConfigError: The settings are damaged.
        StorageError: They cannot be written.
    """
    change_setting(repository, f"branch.{branch}.remote", remote)
    change_setting(repository, f"branch.{branch}.merge", f"refs/heads/{there}")


def change_setting(repository: Repository, key: str, value: str | None) -> bool:
    """Set a key of the store, or take it out; return whether it was there."""
    return edit_setting(
        repository.root / CONFIG_NAME,
        key,
        value,
        tmp_dir=repository.root / TMP_NAME,
        lock=repository.root / CONFIG_LOCK,
    )


def add_remote(repository: Repository, name: str, url: str) -> Remote:
    """Add a remote.

    Raises:
        UserError: There is one of this name.
        InvalidNameError: The name or the address is none, or the address has a password.
    """
    verify_remote_name(name)
    if find_remote(repository, name) is not None:
        raise UserError(f"remote '{name}' exists already", hint="'tapes remote set-url' changes it")
    parsed = _parse_kept(url)
    forget_remote(repository.root, name)
    change_setting(repository, f"remote.{name}.url", parsed.text)
    return Remote(name, parsed, parsed)


def set_remote_url(repository: Repository, name: str, url: str, *, is_push: bool) -> None:
    """Change where a remote is, or where alone it is pushed to.

    Raises:
        UserError: There is no such remote.
        InvalidNameError: The address is none, or has a password.
    """
    _read_remote(repository, name)
    parsed = _parse_kept(url)
    change_setting(repository, f"remote.{name}.{'pushurl' if is_push else 'url'}", parsed.text)


def remove_remote(repository: Repository, name: str) -> None:
    """Remove a remote, what branches say of it, and the refs that follow it.

    Raises:
        UserError: There is no such remote.
    """
    _read_remote(repository, name)
    with repository.ref_transaction(f"remote: removed {name}") as transaction:
        for ref in repository.refs.iter_refs(f"refs/remotes/{name}/"):
            transaction.delete(ref.name, deref=False)
    _forget_settings(repository, name, None)
    forget_remote(repository.root, name)


def rename_remote(repository: Repository, old: str, new: str) -> None:
    """Rename a remote, with what branches say of it and the refs that follow it.

    Raises:
        UserError: There is no such remote, or the new name is taken.
        InvalidNameError: The new name is none.
    """
    remote = _read_remote(repository, old)
    verify_remote_name(new)
    if find_remote(repository, new) is not None:
        raise UserError(f"remote '{new}' exists already")
    with repository.ref_transaction(f"remote: renamed {old} to {new}") as transaction:
        for ref in repository.refs.iter_refs(f"refs/remotes/{old}/"):
            if ref.target is None:
                tail = ref.name.removeprefix(f"refs/remotes/{old}/")
                transaction.update(RefName.parse(f"refs/remotes/{new}/{tail}"), ref.oid)
            transaction.delete(ref.name, deref=False)
    rename_known(repository.root, old, new)
    change_setting(repository, f"remote.{new}.url", remote.url.text)
    if remote.push_url != remote.url:
        change_setting(repository, f"remote.{new}.pushurl", remote.push_url.text)
    namespace = remote.url.root.removesuffix("/")
    if namespace != DEFAULT_NAMESPACE:
        change_setting(repository, f"remote.{new}.namespace", namespace)
    _forget_settings(repository, old, new)


def _forget_settings(repository: Repository, name: str, successor: str | None) -> None:
    for setting in list(repository.config.iter_settings()):
        kept = _REMOTE_KEY.fullmatch(setting.key)
        if kept is not None and kept[1] == name:
            change_setting(repository, setting.key, None)
        elif re.fullmatch(r"branch\..+\.remote", setting.key) and setting.value == name:
            change_setting(repository, setting.key, successor)
            if successor is None:
                merge = setting.key.removesuffix("remote") + "merge"
                change_setting(repository, merge, None)


def _read_remote(repository: Repository, name: str) -> Remote:
    found = find_remote(repository, name)
    if found is None:
        raise UserError(f"no remote '{name}'", hint="'tapes remote -v' lists remotes")
    return found


def _parse_kept(url: str) -> RemoteUrl:
    parsed = parse_url(url)
    if parsed.has_password:
        raise ConfigError(
            "an address with a password in it is not kept",
            hint="git's credential helpers keep passwords: see gitcredentials(7)",
            key="url",
        )
    if parsed.transport == PATH and "://" not in url:
        # Whoever stands elsewhere later means the same place.
        return parse_url(os.path.abspath(url))
    return parsed
