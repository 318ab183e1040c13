"""Situations for recipes: files as a table, and a proxy that writes down what it stands for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tapegit.harness.launch.recipe import Situation

if TYPE_CHECKING:
    from collections.abc import Mapping

HOME = Path("/home/ada")
WORK = HOME / "code" / "app"
FOLDER = Path("/run/tapes")
PROXY = "http://127.0.0.1:7"


def situation(
    *arguments: str,
    files: Mapping[str, str] | None = None,
    environ: Mapping[str, str] | None = None,
    asked: list[tuple[str, str]] | None = None,
) -> Situation:
    """Return a situation; `files` by path below the user's folder, or absolute.

    Each address that is asked for becomes `PROXY/<provider>`, and is appended to `asked`.
    """
    texts = {HOME / name: text for name, text in (files or {}).items()}

    def point(provider: str, url: str) -> str:
        if asked is not None:
            asked.append((provider, url))
        return f"{PROXY}/{provider}"

    return Situation(arguments, environ or {}, HOME, WORK, texts.get, point, FOLDER)
