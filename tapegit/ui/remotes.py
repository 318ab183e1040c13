"""What a push and a fetch did to each ref, in git's words, and as JSON."""
# ruff: noqa: D102 - the docstrings of the protocols name their fields

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Protocol

    class ShownRemote(Protocol):
        """A remote: its name, and where it is fetched from and pushed to."""

        @property
        def name(self) -> str | None: ...
        @property
        def url(self) -> ShownUrl: ...
        @property
        def push_url(self) -> ShownUrl: ...

    class ShownPulled(Protocol):
        """What became of a branch, what it follows, where it was and is, and what is where."""

        @property
        def state(self) -> str: ...
        @property
        def branch(self) -> str: ...
        @property
        def upstream(self) -> str: ...
        @property
        def old(self) -> object | None: ...
        @property
        def oid(self) -> object: ...
        @property
        def ahead(self) -> int: ...
        @property
        def behind(self) -> int: ...

    class ShownContents(Protocol):
        """How many tapes and turns are about to leave, and what they tell of their origin."""

        @property
        def tape_count(self) -> int: ...
        @property
        def turn_count(self) -> int: ...
        @property
        def has_system_prompts(self) -> bool: ...
        @property
        def directories(self) -> tuple[str, ...]: ...

    class ShownUrl(Protocol):
        """An address, without a password."""

        @property
        def shown(self) -> str: ...


_SUMMARY_WIDTH: Final = 17
_DIRECTORY_COUNT_MAX: Final = 3
_STATES: Final = {
    "=": "up to date",
    "*": "new",
    " ": "fast-forward",
    "+": "forced",
    "-": "deleted",
    "!": "rejected",
}


class RefLine(NamedTuple):
    """A ref in a report: `mark` as git's, `kind` its folder, ids abbreviated or None."""

    mark: str
    kind: str
    source: str
    target: str
    old: str | None
    new: str | None
    reason: str | None = None
    is_remote_reason: bool = False


def iter_ref_lines(lines: Sequence[RefLine]) -> Iterator[str]:
    """Yield one line for each ref, as `git push` and `git fetch` print them."""
    width = max((len(line.source) for line in lines), default=0)
    for line in lines:
        reason = f" ({line.reason})" if line.reason else ""
        names = f"{line.source:{width}} -> {line.target}" if line.source else line.target
        yield f" {line.mark} {_summarize(line):{_SUMMARY_WIDTH}} {names}{reason}"


def format_porcelain_line(line: RefLine) -> str:
    """Return a line as `git push --porcelain` prints it."""
    reason = f" ({line.reason})" if line.reason else ""
    return f"{line.mark}\t{line.source}:{line.target}\t{_summarize(line)}{reason}"


def _summarize(line: RefLine) -> str:
    if line.mark == "*":
        what = {"heads": "branch", "tags": "tag", "sessions": "session"}.get(line.kind, "reference")
        return f"[new {what}]"
    if line.mark == "!":
        return "[remote rejected]" if line.is_remote_reason else "[rejected]"
    if line.mark in ("=", "-"):
        return "[up to date]" if line.mark == "=" else "[deleted]"
    if line.old is None or line.new is None:
        return "[updated]"
    return f"{line.old}{'...' if line.mark == '+' else '..'}{line.new}"


def ref_members(line: RefLine, full: Callable[[str], str | None]) -> dict[str, object]:
    """Return a ref as the members of a JSON object; `full` gives the ids `old` and `new`."""
    members: dict[str, object] = {"ref": line.target, "state": _STATES[line.mark]}
    if line.source:
        members["source"] = line.source
    for key in ("old", "new"):
        value = full(key)
        if value is not None:
            members[key] = value
    if line.reason:
        members["reason"] = line.reason
        if line.mark == "!":
            members["by"] = "remote" if line.is_remote_reason else "here"
    return members


def iter_remote_lines(remotes: Sequence[ShownRemote], *, is_verbose: bool) -> Iterator[str]:
    """Yield the names of remotes, or with addresses two lines for each, as git does."""
    for remote in remotes:
        if not is_verbose:
            yield remote.name or ""
            continue
        yield f"{remote.name}\t{remote.url.shown} (fetch)"
        yield f"{remote.name}\t{remote.push_url.shown} (push)"


def remote_members(remote: ShownRemote) -> dict[str, object]:
    """Return a remote as the members of a JSON object."""
    return {"name": remote.name, "url": remote.url.shown, "push_url": remote.push_url.shown}


def format_pulled(pulled: ShownPulled, old: str | None, new: str) -> str:
    """Return what a pull did to the branch, in a line; ids are abbreviated."""
    if pulled.state == "up to date":
        return "Already up to date."
    if pulled.state == "created":
        return f"Branch '{pulled.branch}' begins at {pulled.upstream} ({new})"
    if pulled.state == "fast-forward":
        return f"Fast-forward '{pulled.branch}': {old}..{new}"
    if pulled.state == "ahead":
        return f"'{pulled.branch}' is ahead of {pulled.upstream} by {pulled.ahead}."
    return (
        f"'{pulled.branch}' and {pulled.upstream} have diverged:"
        f" {_count(pulled.ahead, 'turn')} only here, {pulled.behind} only there;"
        f" both are kept, and '{pulled.branch}' stays at {new}"
    )


def pulled_members(pulled: ShownPulled) -> dict[str, object]:
    """Return what a pull did as the members of a JSON object."""
    members: dict[str, object] = {
        "state": pulled.state,
        "branch": pulled.branch,
        "upstream": pulled.upstream,
        "oid": str(pulled.oid),
        "ahead": pulled.ahead,
        "behind": pulled.behind,
    }
    if pulled.old is not None:
        members["old"] = str(pulled.old)
    return members


def _count(count: int, thing: str) -> str:
    return f"{count} {thing}{'' if count == 1 else 's'}"


def iter_notice(contents: ShownContents, where: str) -> Iterator[str]:
    """Yield who will be able to read what is pushed, and what is in it."""
    yield f"first push to '{where}': everybody who can read it can read what is pushed"
    holds = [_count(contents.tape_count, "tape"), _count(contents.turn_count, "turn")]
    if contents.has_system_prompts:
        holds.append("system prompts")
    if contents.directories:
        shown = ", ".join(contents.directories[:_DIRECTORY_COUNT_MAX])
        more = len(contents.directories) - _DIRECTORY_COUNT_MAX
        holds.append(f"paths such as {shown}" + (f" and {more} more" if more > 0 else ""))
    yield f"it holds {', '.join(holds)}"
