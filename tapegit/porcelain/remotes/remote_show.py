"""`remote show`, `remote prune` and `ls-remote`: what a remote has, without fetching it.

Source: tapes-remote(1), tapes-ls-remote(1).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tapegit.errors import InvalidNameError, UserError
from tapegit.porcelain.remotes.remotes import find_remote
from tapegit.remote.connection import UPLOAD, connect
from tapegit.remote.conversation import Upload
from tapegit.remote.ref_names import HEADS, SESSIONS, TAGS, parse_remote_name, tracking_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tapegit.porcelain.remotes.remotes import Remote
    from tapegit.refs.names import RefName
    from tapegit.remote.connection import Surroundings
    from tapegit.remote.conversation import RemoteRef
    from tapegit.remote.ref_names import Shared
    from tapegit.remote.urls import RemoteUrl
    from tapegit.repository.repository import Repository


def list_remote_refs(url: RemoteUrl, surroundings: Surroundings) -> list[RemoteRef]:
    """Return the refs of a remote below `refs/tapes/`.

    Raises:
        RemoteError: It cannot be reached, or does not answer as git does.
    """
    with connect(url, UPLOAD, surroundings) as connection:
        upload = Upload(connection, url.root)
        upload.close()
    return upload.refs


def describe_remote(repository: Repository, name: str, surroundings: Surroundings) -> Iterator[str]:
    """Yield what there is to say of a remote, in lines.

    Raises:
        UserError: There is no such remote.
        RemoteError: It cannot be reached, or does not answer as git does.
    """
    remote = _find(repository, name)
    refs = list_remote_refs(remote.url, surroundings)
    yield f"* remote {name}"
    yield f"  Fetch URL: {remote.url.shown}"
    yield f"  Push  URL: {remote.push_url.shown}"
    counts = {HEADS: ("branch", "branches"), TAGS: ("tag", "tags")}
    counts[SESSIONS] = ("session", "sessions")
    found = [shared for ref in refs if (shared := _try_parse(ref.name)) is not None]
    for kind, words in counts.items():
        count = sum(shared.kind == kind for shared in found)
        yield f"  {count} {words[count != 1]}"
    gone = set(list_gone(repository, name, refs))
    for shared in found:
        if shared.kind == HEADS:
            is_here = repository.refs.find(tracking_name(name, shared)) is not None
            yield f"    {shared.name}  {'tracked' if is_here else 'new (next fetch will store it)'}"
    for ref in sorted(gone):
        yield f"    {ref}  stale (use 'tapes remote prune' to remove)"


def _find(repository: Repository, name: str) -> Remote:
    found = find_remote(repository, name)
    if found is None:
        raise UserError(f"no remote '{name}'", hint="'tapes remote -v' lists remotes")
    return found


def _try_parse(name: str) -> Shared | None:
    try:
        return parse_remote_name(name)
    except InvalidNameError:
        return None


def list_gone(repository: Repository, name: str, refs: list[RemoteRef]) -> list[RefName]:
    """Return the refs that follow refs which the remote does not have any more."""
    kept = {
        str(tracking_name(name, shared))
        for ref in refs
        if (shared := _try_parse(ref.name)) is not None
    }
    sessions = f"refs/remotes/{name}/@{SESSIONS}/"
    gone = []
    for ref in repository.refs.iter_refs(f"refs/remotes/{name}/"):
        followed = str(ref.name)
        if followed.startswith(sessions):
            followed = sessions + "/".join(followed.removeprefix(sessions).split("/")[:2])
        if followed not in kept and ref.target is None:
            gone.append(ref.name)
    return gone


def prune_remote(
    repository: Repository, name: str, surroundings: Surroundings, *, is_dry_run: bool
) -> list[RefName]:
    """Delete the refs that follow refs which are gone from a remote, and return them.

    Raises:
        UserError: There is no such remote.
        RemoteError: It cannot be reached, or does not answer as git does.
    """
    gone = list_gone(repository, name, list_remote_refs(_find(repository, name).url, surroundings))
    if not is_dry_run:
        with repository.ref_transaction(f"remote prune {name}") as transaction:
            for ref in gone:
                transaction.delete(ref)
    return gone
