"""Names of refs on both sides: which ref of a store is which ref of a git repository.

Source: tapesformat-git(5), "Refs".
"""

from __future__ import annotations

from typing import Final, NamedTuple

from tapegit.errors import InvalidNameError
from tapegit.refs.names import RefName

ROOT: Final = "refs/tapes/"
META: Final = "refs/tapes/meta"
HEADS: Final = "heads"
TAGS: Final = "tags"
SESSIONS: Final = "sessions"
NOTES: Final = "notes"
ASIDE: Final = "@"
"""Begins the folders of what is no branch, below `refs/remotes/<remote>/`."""


class Shared(NamedTuple):
    """What a ref of a remote is: its kind, and its name below that kind's folder."""

    kind: str
    name: str

    @property
    def remote_name(self) -> str:
        """The full name on the remote."""
        return f"{ROOT}{self.kind}/{self.name}"

    @property
    def full(self) -> str:
        """The name in a store, in full; of a session that of its folder."""
        return f"refs/{self.kind}/{self.name}"

    @property
    def short(self) -> str:
        """The name for people: without `heads/`, and of a tag without `tags/`."""
        return self.name if self.kind in (HEADS, TAGS) else f"{self.kind}/{self.name}"


def parse_remote_name(text: str) -> Shared | None:
    """Return what a ref of a remote is, or None for meta and for what later versions may add.

    Raises:
        InvalidNameError: No store could hold a ref of this name.
    """
    kind, _, name = text.removeprefix(ROOT).partition("/")
    if not text.startswith(ROOT) or kind not in (HEADS, TAGS, SESSIONS, NOTES) or not name:
        return None
    local_name(Shared(kind, name))
    tracking_name("origin", Shared(kind, name))
    if kind == SESSIONS and name.count("/") != 1:
        raise InvalidNameError(
            f"'{text[:200]!a}' is no name of a session", text=text, rule="harness and session"
        )
    if kind == HEADS and name.startswith(ASIDE):
        raise InvalidNameError(
            f"branch '{name}' cannot be shared: it begins with '{ASIDE}'",
            text=text,
            rule=f"no branch that is shared begins with '{ASIDE}'",
        )
    return Shared(kind, name)


def local_name(shared: Shared) -> RefName:
    """Return the ref of a store that is shared so; of a session the folder of its refs.

    Raises:
        InvalidNameError: No store could hold it.
    """
    return RefName.parse(f"refs/{shared.kind}/{shared.name}")


def tracking_name(remote: str, shared: Shared) -> RefName:
    """Return where a store keeps what it last saw; of a session the folder; of a tag the tag.

    Raises:
        InvalidNameError: No store could hold it.
    """
    if shared.kind == TAGS:
        return local_name(shared)
    folder = "" if shared.kind == HEADS else f"{ASIDE}{shared.kind}/"
    return RefName.parse(f"refs/remotes/{remote}/{folder}{shared.name}")


def share(name: RefName) -> Shared | None:
    """Return what a ref of a store is on a remote; any ref of a session stands for the session."""
    kind, _, rest = name.removeprefix("refs/").partition("/")
    if kind not in (HEADS, TAGS, SESSIONS, NOTES) or not rest:
        return None
    if kind == SESSIONS:
        harness, _, below = rest.partition("/")
        session, slash, _ = below.partition("/")
        return Shared(kind, f"{harness}/{session}") if slash else None
    return Shared(kind, rest)
