"""Fetching from a bundle: a file that stands for a remote.

Source: tapes-fetch(1), tapesformat-bundle(5).
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from tapegit.errors import DataError, InvalidNameError, ObjectNotFoundError
from tapegit.graph.ancestry import is_ancestor
from tapegit.graph.turns import TurnGraph
from tapegit.porcelain.remotes.bundle import open_bundle, take_bundle
from tapegit.porcelain.remotes.fetch import (
    FAST_FORWARD,
    FORCED,
    NEW,
    REJECTED,
    UP_TO_DATE,
    FetchedRef,
    FetchReport,
    verify_session,
)
from tapegit.porcelain.remotes.fetch_choice import choose_refs
from tapegit.refs.names import RefName
from tapegit.remote.ref_names import ASIDE, HEADS, SESSIONS, TAGS, Shared, share, tracking_name
from tapegit.repository.tombstones import read_tombstones

if TYPE_CHECKING:
    from tapegit.formats.bundle import BundleHeader, BundleRef
    from tapegit.porcelain.remotes.fetch import FetchOptions
    from tapegit.remote.urls import RemoteUrl
    from tapegit.repository.repository import Repository


def list_bundle_refs(url: RemoteUrl) -> BundleHeader:
    """Return what a bundle says that it has.

    Raises:
        DataError: It is no bundle.
        StorageError: It cannot be read.
    """
    with open_bundle(url.path, io.BytesIO()) as bundle:
        return bundle.header


def fetch_bundle(
    repository: Repository, name: str, url: RemoteUrl, options: FetchOptions
) -> FetchReport:
    """Take what a bundle has into a store, and move the refs that follow it.

    Args:
        repository: The store.
        name: Of the remote.
        url: Where the file is.
        options: What to fetch.

    Raises:
        ObjectNotFoundError: The store lacks what the bundle builds on.
        RemovedError: It has what was removed on purpose; nothing was stored.
        DataError: It is damaged; nothing was stored.
        StorageError: It could not be stored.
    """
    with open_bundle(url.path, io.BytesIO()) as bundle:
        refs = bundle.header.refs
        report = FetchReport([], 0, _find_head(bundle.header))
        planned = [(ref, _plan(name, ref)) for ref in refs if ref.name != "HEAD"]
        offered = [(ref, *plan) for ref, plan in planned if plan]
        chosen = choose_refs(options.wanted, {shared for _, shared, _ in offered})
        wanted = [each for each in offered if chosen is None or each[1] in chosen]
        if not options.is_dry_run:
            removed = read_tombstones(repository.root)
            for _, shared, _ in wanted:
                verify_session(removed, shared)
            take_bundle(repository, bundle)
    graph = TurnGraph(repository.objects)
    same: list[FetchedRef] = []
    with repository.ref_transaction(f"fetch {name}") as transaction:
        for ref, shared, local in wanted:
            move = _plan_move(repository, graph, ref, shared, local)
            (same if move.mark == UP_TO_DATE else report.refs).append(move)
            if move.mark not in (UP_TO_DATE, REJECTED) and not options.is_dry_run:
                transaction.update(local, ref.oid, move.old)
    return report._replace(same=tuple(same))


def _find_head(header: BundleHeader) -> str | None:
    """Return the branch that HEAD of the bundle is at, else any."""
    oids = {ref.oid for ref in header.refs if ref.name == "HEAD"}
    heads = [ref for ref in header.refs if ref.name.startswith(f"refs/{HEADS}/")]
    found = [ref for ref in heads if ref.oid in oids] or heads
    return found[0].name.removeprefix(f"refs/{HEADS}/") if found else None


def _plan(remote: str, ref: BundleRef) -> tuple[Shared, RefName] | None:
    """Return what a ref is and where it goes, or None for one that is not shared."""
    name = RefName.try_parse(ref.name)
    shared = share(name) if name is not None else None
    if shared is None or (shared.kind == HEADS and shared.name.startswith(ASIDE)):
        return None
    try:
        local = tracking_name(remote, shared)
        if shared.kind == SESSIONS:
            tape = ref.name.removeprefix(f"refs/{SESSIONS}/{shared.name}/")
            local = RefName.parse(f"{local}/{tape}")
    except InvalidNameError:
        return None
    return shared, local


def _plan_move(
    repository: Repository, graph: TurnGraph, ref: BundleRef, shared: Shared, local: RefName
) -> FetchedRef:
    old = repository.refs.find(local)
    mark, reason = FORCED, "forced update"
    if old is None:
        mark, reason = NEW, ""
    elif old == ref.oid:
        mark, reason = UP_TO_DATE, ""
    elif shared.kind == TAGS:
        mark, reason = REJECTED, "would clobber existing tag"
    else:
        try:
            if is_ancestor(graph, old, ref.oid):
                mark, reason = FAST_FORWARD, ""
        except (DataError, ObjectNotFoundError):
            pass  # what cannot be compared is no step forward
    return FetchedRef(mark, shared.kind, shared.name, local, old, ref.oid, reason or None)
