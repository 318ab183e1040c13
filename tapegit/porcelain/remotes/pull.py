"""`pull` and `clone`: what a fetch got, on branches of one's own.

Rules: a branch goes forward or stays where it is; where both sides went on both are kept, and
said. Chains of notes are joined, which never conflicts.

Source: tapes-pull(1), tapes-clone(1).
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from tapegit.errors import NonFastForwardError, ProtocolError, RefNotFoundError, UserError
from tapegit.graph.ancestry import count_ahead_behind, is_ancestor
from tapegit.graph.notes import join_chains
from tapegit.graph.turns import TurnGraph
from tapegit.objects.kind import Kind
from tapegit.objects.oid import ObjectId
from tapegit.porcelain.remotes.fetch import REJECTED, FetchOptions, FetchReport
from tapegit.porcelain.remotes.fetch_any import fetch_any, verify_has_tapes
from tapegit.porcelain.remotes.fetch_into import followed_for_now
from tapegit.porcelain.remotes.remotes import add_remote, find_upstream_setting, set_upstream
from tapegit.refs.names import RefName
from tapegit.remote.ref_names import HEADS, NOTES, Shared
from tapegit.remote.scratch import remove_folder
from tapegit.remote.urls import parse_url
from tapegit.repository.init import init_store
from tapegit.repository.layout import STORE_NAME

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tapegit.porcelain.remotes.remotes import Remote
    from tapegit.remote.connection import Surroundings
    from tapegit.repository.repository import Repository

UP_TO_DATE = "up to date"
FORWARD = "fast-forward"
CREATED = "created"
DIVERGED = "diverged"
AHEAD = "ahead"


class Pulled(NamedTuple):
    """What became of the branch that is checked out.

    Attributes:
        state: `up to date`, `fast-forward`, `created`, `ahead` or `diverged`.
        branch: The branch, without `refs/heads/`.
        upstream: What it follows, such as `origin/main`.
        old: Where it was.
        oid: Where it is.
        ahead: How many turns are only here.
        behind: How many turns are only there.
    """

    state: str
    branch: str
    upstream: str
    old: ObjectId | None
    oid: ObjectId
    ahead: int = 0
    behind: int = 0


def pull(
    repository: Repository, remote: Remote, there: str | None, surroundings: Surroundings
) -> tuple[FetchReport, Pulled]:
    """Fetch from a remote, and let the branch that is checked out go forward.

    Args:
        repository: The store.
        remote: From where.
        there: The branch of the remote, or None for the one that is followed or of that name.
        surroundings: What connections are made with.

    Raises:
        UserError: HEAD is detached.
        RefNotFoundError: The remote has no such branch.
        NonFastForwardError: Both sides went on, and of an address alone nothing could be kept.
        RemoteError: It cannot be reached, or does not answer as git does.
    """
    head = repository.refs.read_head()
    if head.target is None:
        raise UserError(
            "HEAD is detached: no branch is checked out", hint="'tapes fetch' moves no branch"
        )
    branch = head.target.removeprefix("refs/heads/")
    if remote.name is None:
        return _pull_from_address(repository, remote, there or branch, surroundings)
    report = fetch_any(repository, remote.name, remote.url, FetchOptions(), surroundings)
    join_notes(repository, remote.name)
    followed = find_upstream_setting(repository, branch)
    name = there or (followed[1] if followed and followed[0] == remote.name else branch)
    upstream = RefName.parse(f"refs/remotes/{remote.name}/{name}")
    new = repository.refs.find(upstream)
    listed = {(each.kind, each.remote_name) for each in (*report.refs, *report.same)}
    if new is None or not listed & {(HEADS, name), ("", Shared(HEADS, name).remote_name)}:
        raise RefNotFoundError(
            f"remote '{remote.name}' has no branch '{name}'" + (" any more" if new else ""),
            hint=f"'tapes push {remote.name} {branch}:{name}' puts it there again"
            if new
            else "'tapes pull REMOTE BRANCH' takes another one",
            name=upstream,
        )
    return report, _advance(repository, head.target, head.oid, upstream, new)


def _pull_from_address(
    repository: Repository, remote: Remote, there: str, surroundings: Surroundings
) -> tuple[FetchReport, Pulled]:
    """Pull a branch of what has no name here; of the rest nothing is taken."""
    head = repository.refs.read_head()
    assert head.target is not None
    with followed_for_now(repository) as name:
        options = FetchOptions((f"refs/heads/{there}",))
        report = fetch_any(repository, name, remote.url, options, surroundings)
        report = report._replace(refs=[each for each in report.refs if each.mark == REJECTED])
        upstream = RefName.parse(f"refs/remotes/{name}/{there}")
        new = repository.refs.find(upstream)
        if new is None:
            raise ProtocolError(f"branch '{there}' of '{remote.shown}' was refused")
        pulled = _advance(repository, head.target, head.oid, upstream, new)
    shown = f"'{there}' of {remote.shown}"
    if pulled.state == DIVERGED:
        raise NonFastForwardError(
            f"'{pulled.branch}' and {shown} have diverged",
            hint=f"'tapes fetch {remote.shown} {there}:NAME' keeps both",
            name=head.target,
        )
    return report, pulled._replace(upstream=shown)


def _advance(
    repository: Repository,
    target: RefName,
    old: ObjectId | None,
    upstream: RefName,
    new: ObjectId,
) -> Pulled:
    branch, shown = target.removeprefix("refs/heads/"), upstream.short
    graph = TurnGraph(repository.objects)
    if old == new:
        return Pulled(UP_TO_DATE, branch, shown, old, new)
    if old is not None and not is_ancestor(graph, old, new):
        ahead, behind = count_ahead_behind(graph, old, new)
        state = AHEAD if not behind else DIVERGED
        return Pulled(state, branch, shown, old, old, ahead, behind)
    with repository.ref_transaction(f"pull: {shown}") as transaction:
        transaction.update(target, new, old)
    return Pulled(CREATED if old is None else FORWARD, branch, shown, old, new)


def join_notes(repository: Repository, remote: str) -> list[RefName]:
    """Join the chains of notes of a remote with those here; return which moved.

    Raises:
        DataError: A note is damaged.
        StorageError: What joins them cannot be stored.
    """
    graph = TurnGraph(repository.objects)
    prefix = f"refs/remotes/{remote}/@{NOTES}/"
    moved = []
    for ref in list(repository.refs.iter_refs(prefix)):
        name = RefName.parse(f"refs/notes/{ref.name.removeprefix(prefix)}")
        here = repository.refs.find(name)
        joined = ref.oid if here is None else join_chains(graph, here, ref.oid)
        if joined == here:
            continue
        with repository.transaction(f"notes: joined with {remote}") as transaction:
            is_known = isinstance(joined, ObjectId)
            oid = ObjectId(joined) if is_known else transaction.write(Kind.TURN, joined)
            transaction.update_ref(name, oid, here)
        moved.append(name)
    return moved


class CloneOptions(NamedTuple):
    """What to clone: all, or a branch, or a session, or both; and how many turns of each."""

    branch: str | None = None
    session: str | None = None
    depth: int | None = None


def clone(
    text: str,
    directory: str | None,
    options: CloneOptions,
    surroundings: Surroundings,
    open_store: Callable[[Path], Repository],
) -> tuple[Repository, FetchReport, str]:
    """Make a store with what a remote has; return it, what was fetched, and its branch.

    Args:
        text: Where the remote is.
        directory: Where to put the store, or None for a folder named like the remote.
        options: What to take.
        surroundings: What connections are made with.
        open_store: Opens the store at a path.

    Raises:
        UserError: The folder is there and not empty, or the remote has no tapes.
        RemoteError: It cannot be reached, or does not answer as git does.
        ProtocolError: Something that the clone needs is wrong.
    """
    url = parse_url(text)
    folder = Path(os.path.abspath(directory or name_folder(url.path)))
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(f"'{folder}' exists and is not an empty folder")
    verify_has_tapes(url, surroundings)
    root = folder / STORE_NAME
    with _removed_unless_made(root):
        init_store(root)
        repository = open_store(root)
        remote = add_remote(repository, "origin", text)
        assert remote.name is not None
        wanted = tuple(each for each in (options.branch, options.session) if each is not None)
        fetching = FetchOptions(wanted, has_meta=True, depth=options.depth)
        report = fetch_any(repository, remote.name, remote.url, fetching, surroundings)
        join_notes(repository, remote.name)
        branch = options.branch or report.head or "main"
        _check_out(repository, remote.name, branch)
    return repository, report, branch


@contextmanager
def _removed_unless_made(root: Path) -> Iterator[None]:
    """Remove the store of a clone that fails, and its folder if that was not there before."""
    made = next((each for each in (root.parent, root) if not each.exists()), root)
    is_made = False
    try:
        yield
        is_made = True
    finally:
        if not is_made:
            remove_folder(made)


def _check_out(repository: Repository, remote: str, branch: str) -> None:
    """Let HEAD name a branch, which follows that of the remote if it has it."""
    name = RefName.parse(f"refs/heads/{branch}")
    followed = RefName.parse(f"refs/remotes/{remote}/{branch}")
    tip = repository.refs.find(followed)
    with repository.ref_transaction(f"clone: from {remote}") as transaction:
        transaction.set_symbolic(RefName("HEAD"), name)
        if tip is not None:
            transaction.update(name, tip, None)
    if tip is not None:
        set_upstream(repository, branch, remote, branch)


def name_folder(path: str) -> str:
    """Return the name of the folder that a clone is put into.

    Raises:
        UserError: The address gives none.
    """
    name = path.rstrip("/").rpartition("/")[2].rpartition(":")[2]
    name = name.removesuffix(".git").removesuffix(".bundle")
    if not name or name.startswith((".", "-")):
        raise UserError("the address gives no name for a folder", hint="name the folder")
    return name
