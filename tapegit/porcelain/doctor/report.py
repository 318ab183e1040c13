"""The file that goes with a report of a bug: versions, checks and settings, without secrets.

Rules: nothing of any tape is in it; of a path only its beginning is, of an address only how it is
reached; names of the home folder and of the user are replaced; every text goes through the rules
that find secrets.

Source: tapes-doctor(1), "THE REPORT".
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tapegit.porcelain.maintenance.version import find_version
from tapegit.porcelain.plumbing.streams import write_file
from tapegit.porcelain.secrets.redaction import load_redactor

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from tapegit.redact.redactor import Redactor
    from tapegit.repository.repository import Repository

_HOME: Final = "~"
_QUOTED: Final = re.compile(r"'([^']*)'")
_ADDRESS: Final = re.compile(r"([a-z+]{2,10})://|[^/@ ]+@?[^/@: ]+:")
_OTHER_THAN_LETTERS: Final = re.compile(r"[^A-Za-z0-9]")
_KEPT_PARTS: Final = 2
_REST: Final = "…"
_USER: Final = "USER"
_USER_LENGTH_MIN: Final = 3
_SHOWN_SETTINGS: Final = ("gc.", "core.")


def write_report(
    repository: Repository,
    checks: Iterable[Mapping[str, object]],
    path: str,
    *,
    home: str,
    user: str,
) -> None:
    """Write a report, durably: one JSON object on each line.

    Args:
        repository: The store.
        checks: What was found, as members of JSON.
        path: The file, which is replaced.
        home: The user's folder.
        user: The user's name.

    Raises:
        RedactionError: Secrets cannot be found as they must be; nothing is written.
        StorageError: It cannot be written.
    """
    redactor = load_redactor(repository.config)
    lines = [
        _clean(json.dumps(record, sort_keys=True), redactor, home, user).encode() + b"\n"
        for record in _iter_records(repository, checks, home)
    ]
    write_file(Path(os.path.abspath(path)), lines, mode=0o600)


def _iter_records(
    repository: Repository, checks: Iterable[Mapping[str, object]], home: str
) -> Iterator[Mapping[str, object]]:
    version = find_version()
    yield {"schema": 1, "tapes": version.version, **dict(version.parts)}
    shown = {
        setting.key: setting.value
        for setting in repository.config.iter_settings()
        if setting.key.startswith(_SHOWN_SETTINGS)
    }
    yield {"schema": 1, "settings": shown}
    names = [ref.name.split("/") for ref in repository.refs.iter_refs()]
    kinds: dict[str, int] = {}
    for parts in names:
        key = "/".join(parts[: 3 if parts[1] == "sessions" else 2])
        kinds[key] = kinds.get(key, 0) + 1
    objects = repository.objects
    yield {"schema": 1, "refs": kinds, "packs": len(objects.packs)}
    for check in checks:
        texts = {key: _hide(value, home) for key, value in check.items() if isinstance(value, str)}
        yield {"schema": 1, **check, **texts}


def _hide(text: str, home: str) -> str:
    """Return a text with no more of paths and addresses than what kind they are."""
    return _QUOTED.sub(lambda match: f"'{_shorten(match[1], home)}'", text)


def _shorten(text: str, home: str) -> str:
    if text == home or text.startswith((f"{home}/", "~/")):
        parts = text.removeprefix(home).removeprefix("~").strip("/").split("/")
        return "/".join(["~", *parts[:_KEPT_PARTS], *([_REST] if parts[_KEPT_PARTS:] else [])])
    if text.startswith("/"):
        first, _, rest = text[1:].partition("/")
        return f"/{first}/{_REST}" if rest else text
    match = _ADDRESS.match(text)
    return text if match is None else f"{match[1] or 'ssh'}://{_REST}"


def _clean(text: str, redactor: Redactor, home: str, user: str) -> str:
    """Return a line of JSON without the names of folder and user, and without secrets."""
    if len(home) > _USER_LENGTH_MIN:
        text = text.replace(json.dumps(home)[1:-1], _HOME)
        text = text.replace(_OTHER_THAN_LETTERS.sub("-", home), _HOME)
    if len(user) >= _USER_LENGTH_MIN:
        text = text.replace(json.dumps(user)[1:-1], _USER)
    return redactor.redact_text(text)
