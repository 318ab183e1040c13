"""Sending over http: by `git push` from a repository that holds only what is to be sent.

Rules: git itself does what its http helper knows, credentials, proxies, certificates and
redirects. The repository lies in `tmp/` for as long as it takes. Turns that the remote has are
its lowest commits; `info/grafts` hides that they have parents, and nothing of this is told to the
server. Each ref is sent with the value that it was seen at.

Source: tapesremotes(7), "How it connects".
"""

from __future__ import annotations

import os
import re
import subprocess
from typing import TYPE_CHECKING, Final

from tapegit.errors import ProtocolError, TransportError
from tapegit.remote.conversation import NO_COMMIT, Outcome, outer_name
from tapegit.remote.packet_line import clean_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tapegit.remote.connection import Surroundings
    from tapegit.remote.conversation import Command
    from tapegit.remote.scratch import ScratchFolder
    from tapegit.remote.urls import RemoteUrl

BATCH_COUNT_MAX: Final = 500
_CONFIG: Final = b"[core]\n\trepositoryformatversion = 0\n\tbare = true\n"
_SETTINGS: Final = (
    "advice.graftFileDeprecated=false",
    "pack.useSparse=false",
    "pack.window=0",
    "gc.auto=0",
)
_REMOTE_REASON: Final = re.compile(r"\[remote rejected\] \((.*)\)|\[remote failure\] \((.*)\)")
_REASON: Final = re.compile(r"\((.*)\)$")


def push_by_git(
    url: RemoteUrl,
    commands: Sequence[Command],
    pack: Iterable[bytes],
    lowest: Mapping[bytes, Sequence[bytes]],
    folder: ScratchFolder,
    surroundings: Surroundings,
) -> list[Outcome]:
    """Send a pack and set refs; return what became of each.

    Args:
        url: Where.
        commands: The refs; one that is not at its old value any more is refused.
        pack: The bytes of a pack with what the remote lacks and the lowest commits.
        lowest: Commits whose parents are not all in the pack, and those that are; the remote has
            the others.
        folder: Where to put the repository.
        surroundings: What connections are made with.

    Raises:
        TransportError: The remote cannot be reached, or took nothing.
        ProtocolError: Git cannot read the pack.
        StorageError: There is no room for the repository.
    """
    for name in ("objects", "objects/pack", "refs", "info"):
        folder.make_folder(name)
    folder.write("HEAD", b"ref: refs/heads/none\n")
    folder.write("config", _CONFIG)
    folder.write("info/grafts", b"".join(map(_format_graft, lowest.items())))
    names = {command.name: f"refs/out/{number}" for number, command in enumerate(commands)}
    lines = [
        f"{command.new.hex()} {names[command.name]}\n"
        for command in commands
        if command.new != NO_COMMIT
    ]
    folder.write("packed-refs", "".join(sorted(lines, key=lambda line: line[41:])).encode())
    if lines:
        _take_pack(folder, pack, surroundings)
    outcomes: list[Outcome] = []
    for start in range(0, len(commands), BATCH_COUNT_MAX):
        batch = commands[start : start + BATCH_COUNT_MAX]
        outcomes += _push(url, batch, names, folder, surroundings)
    return outcomes


def _format_graft(graft: tuple[bytes, Sequence[bytes]]) -> bytes:
    commit, parents = graft
    return b" ".join(each.hex().encode() for each in (commit, *parents)) + b"\n"


def _git(folder: ScratchFolder, *arguments: str) -> list[str]:
    settings = [part for setting in _SETTINGS for part in ("-c", setting)]
    return ["git", *settings, f"--git-dir={os.path.realpath(folder.path)}", *arguments]


def _take_pack(folder: ScratchFolder, pack: Iterable[bytes], surroundings: Surroundings) -> None:
    try:
        process = subprocess.Popen(  # noqa: S603 - the user's own git, and arguments of ours
            _git(folder, "index-pack", "--stdin"),
            cwd=folder.path,
            env=surroundings.child_environ(),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
    except OSError as error:
        raise TransportError("cannot start 'git'", errno=error.errno) from error
    assert process.stdin is not None
    try:
        for chunk in pack:
            process.stdin.write(chunk)
    except BrokenPipeError:
        pass  # why is on its standard error
    _, said = process.communicate()
    if process.returncode:
        raise ProtocolError(f"git cannot read the pack: {clean_text(said).strip()[-200:]}")


def _push(
    url: RemoteUrl,
    commands: Sequence[Command],
    names: dict[str, str],
    folder: ScratchFolder,
    surroundings: Surroundings,
) -> list[Outcome]:
    leases = [
        f"--force-with-lease={outer_name(name, url.root)}:{old.hex() if old != NO_COMMIT else ''}"
        for name, old, _ in commands
    ]
    specs = [
        f"{names[name] if new != NO_COMMIT else ''}:{outer_name(name, url.root)}"
        for name, _, new in commands
    ]
    options = ["--porcelain", "--no-verify", "--no-thin", "--no-signed"]
    try:
        done = subprocess.run(  # noqa: S603 - the address was parsed, and stands after --
            _git(folder, "push", *options, *leases, "--", url.text, *specs),
            cwd=folder.path,
            env=surroundings.http_environ(url),
            stdin=None if surroundings.is_interactive else subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
    except OSError as error:
        raise TransportError("cannot start 'git'", errno=error.errno) from error
    others = []
    for line in clean_text(done.stderr).split("\n"):
        if line.startswith("remote: "):
            surroundings.tell(line.removeprefix("remote: "))
        elif line.strip() and not line.startswith(("hint:", "error: failed to push")):
            others.append(line.strip())
    said = dict(_parse_line(line) for line in clean_text(done.stdout).split("\n") if "\t" in line)
    if not said:
        reason = others[-1].removeprefix("fatal: ") if others else "git push failed"
        raise TransportError(reason, hint="\n".join(others[:-1][-8:]) or None, url=url.shown)
    missing = "the remote did not say what became of it"
    reasons = [said.get(outer_name(each.name, url.root), missing) for each in commands]
    return [Outcome(each.name, reason) for each, reason in zip(commands, reasons, strict=True)]


def _parse_line(line: str) -> tuple[str, str | None]:
    """Return the ref and the reason, None where it was set, of a line of `git push`."""
    mark, spec, summary, *_ = [*line.split("\t"), ""]
    name = spec.rpartition(":")[2]
    if mark != "!":
        return name, None
    found = _REMOTE_REASON.search(summary) or _REASON.search(summary)
    reason = next((group for group in found.groups() if group), None) if found else None
    return name, "failed to update ref" if reason == "stale info" else reason or "refused"
