"""Fetching from whatever an address is of: a git repository, or a bundle.

Source: tapesremotes(7), "Bundles".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tapegit.errors import UserError
from tapegit.porcelain.remotes.fetch import DEPTH_MAX, FetchOptions, FetchReport, fetch
from tapegit.porcelain.remotes.fetch_bundle import fetch_bundle, list_bundle_refs
from tapegit.porcelain.remotes.remote_show import list_remote_refs
from tapegit.remote.connection import is_bundle

if TYPE_CHECKING:
    from tapegit.remote.connection import Surroundings
    from tapegit.remote.urls import RemoteUrl
    from tapegit.repository.repository import Repository


def fetch_any(
    repository: Repository,
    name: str,
    url: RemoteUrl,
    options: FetchOptions,
    surroundings: Surroundings,
) -> FetchReport:
    """Fetch what is new at an address; arguments and errors as of `fetch` and `fetch_bundle`."""
    if is_bundle(url):
        if options.depth is not None:
            raise UserError("a bundle is taken whole: it has no depth")
        return fetch_bundle(repository, name, url, options)
    return fetch(repository, name, url, options, surroundings)


def choose_depth(repository: Repository, depth: int | None, *, is_whole: bool) -> int | None:
    """Return how many turns of each history to take, None for no limit but that of before.

    Raises:
        UserError: Both a limit and none are asked for, or nothing was ever cut off.
    """
    if not is_whole:
        return depth
    if depth is not None:
        raise UserError("--depth and --unshallow contradict each other")
    if not repository.objects.cuts:
        raise UserError("nothing was cut off here: --unshallow has nothing to get")
    return DEPTH_MAX


def verify_has_tapes(url: RemoteUrl, surroundings: Surroundings) -> None:
    """Check that there is anything to clone.

    Raises:
        UserError: There is not.
        RemoteError: The remote cannot be reached, or does not answer as git does.
        DataError: A bundle is damaged.
    """
    found = list_bundle_refs(url).refs if is_bundle(url) else list_remote_refs(url, surroundings)
    if not found:
        raise UserError(
            f"no tapes at '{url.shown}'", hint="'tapes push' of a store that has tapes brings them"
        )
