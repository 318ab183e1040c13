"""Every command: its class, whether its output is paged, and its line in `tapes help`.

The table is data, so that `tapes` can list and suggest commands without importing one. The
module of a command is `tapegit.cli.<name>` with each dash as an underscore. The class decides
where `tapes help` lists it; the output of a plumbing command is a promise, that of a porcelain
command may change.

Source: tapes(1).
"""

from __future__ import annotations

from typing import Final

PORCELAIN: Final = "porcelain"
PLUMBING: Final = "plumbing"
UPKEEP: Final = "upkeep"

CLASS_TITLES: Final = {
    PORCELAIN: "Commands for people",
    UPKEEP: "Upkeep of a store",
    PLUMBING: "Plumbing, for scripts: its output does not change",
}

COMMANDS: Final[dict[str, tuple[str, bool, str]]] = {
    "amend": (PORCELAIN, False, "Replace a part of a turn, and go on from there"),
    "branch": (PORCELAIN, False, "List, create, rename and delete branches"),
    "checkout": (PORCELAIN, False, "Check out a branch or a turn"),
    "clone": (PORCELAIN, False, "Make a store with the tapes of a remote"),
    "config": (PORCELAIN, False, "Read and write settings"),
    "diff": (PORCELAIN, True, "Compare two tapes, turn by turn"),
    "env": (PORCELAIN, False, "Say what points a client at a proxy that stands"),
    "export": (PORCELAIN, False, "Write a session as its source, or for people and programs"),
    "fetch": (PORCELAIN, False, "Get turns and refs from a remote"),
    "forget": (PORCELAIN, False, "Remove a session from the store, for good"),
    "help": (PORCELAIN, True, "Show the manual page of a command"),
    "import": (PORCELAIN, False, "Record transcripts that a harness wrote"),
    "init": (PORCELAIN, False, "Create a store"),
    "log": (PORCELAIN, True, "List turns, newest first"),
    "merge": (PORCELAIN, False, "Bring the conclusion of another tape into this one"),
    "notes": (PORCELAIN, False, "Say something of a turn or a session"),
    "proxy": (PORCELAIN, False, "Record what many clients ask of models, until interrupted"),
    "pull": (PORCELAIN, False, "Fetch, and let the branch that is checked out go forward"),
    "push": (PORCELAIN, False, "Send turns and refs to a remote"),
    "record": (PORCELAIN, False, "Run a command and record what it asks of models"),
    "redact": (PORCELAIN, False, "Take a secret out of history, and out of the store"),
    "reflog": (PORCELAIN, True, "Show and manage where refs have been"),
    "remote": (PORCELAIN, False, "List and manage remotes"),
    "replay": (PORCELAIN, False, "Run a command again, with a tape in place of the model"),
    "reset": (PORCELAIN, False, "Move the branch that is checked out to another turn"),
    "resume": (PORCELAIN, False, "Let an agent go on from a turn"),
    "search": (PORCELAIN, True, "Find turns by what was said in them"),
    "secrets": (PORCELAIN, False, "Look for secrets in what was recorded"),
    "sessions": (PORCELAIN, True, "List sessions, newest first"),
    "show": (PORCELAIN, True, "Show turns and other objects"),
    "status": (PORCELAIN, False, "Say where HEAD is and what was recorded last"),
    "step": (PORCELAIN, False, "Walk through a tape step by step"),
    "switch": (PORCELAIN, False, "Check out a branch"),
    "tag": (PORCELAIN, False, "List, create and delete tags"),
    "usage": (PORCELAIN, True, "Say what tokens were spent, and what they cost"),
    "version": (PORCELAIN, False, "Say which program and which version this is"),
    "watch": (PORCELAIN, False, "Record transcripts while they are written"),
    "bundle": (UPKEEP, False, "Move refs and their objects in one file"),
    "count-objects": (UPKEEP, False, "Count objects and the space they take"),
    "doctor": (UPKEEP, False, "Say what is recorded, what is not and why, and how the store is"),
    "fsck": (UPKEEP, False, "Verify every object and link"),
    "gc": (UPKEEP, False, "Pack what is loose, fold packs, drop what is unreachable"),
    "pack-refs": (UPKEEP, False, "Put loose refs into one sorted file"),
    "prune": (UPKEEP, False, "Delete unreachable loose objects"),
    "repack": (UPKEEP, False, "Rewrite packs"),
    "cat-file": (PLUMBING, False, "Print objects, or their kinds and sizes"),
    "for-each-ref": (PLUMBING, False, "List refs in a format of your own"),
    "hash-object": (PLUMBING, False, "Compute the id of a file and store it as an object"),
    "index-pack": (PLUMBING, False, "Build and verify the index of a pack"),
    "ls-remote": (PLUMBING, False, "List the refs of a remote with their commits"),
    "merge-base": (PLUMBING, False, "Find the best common ancestors of turns"),
    "mktag": (PLUMBING, False, "Create a tag object from its text"),
    "pack-objects": (PLUMBING, False, "Write a pack of the objects named on standard input"),
    "rev-list": (PLUMBING, False, "List the ids of reachable turns and objects"),
    "rev-parse": (PLUMBING, False, "Turn revisions into ids"),
    "show-ref": (PLUMBING, False, "List refs with their ids"),
    "symbolic-ref": (PLUMBING, False, "Read, set and delete refs that name refs"),
    "unpack-objects": (PLUMBING, False, "Write the objects of a pack as loose objects"),
    "update-ref": (PLUMBING, False, "Set refs, one or many at once, and only if unchanged"),
    "verify-pack": (PLUMBING, False, "Verify packs and list what they hold"),
}

INNER: Final = ("recorder", "shim")
"""Commands that a recording starts by itself; no list has them, and nothing else needs them."""


ALIASES: Final = {"grep": "search", "stats": "usage"}
"""Further names of commands: what fingers and other tools call them."""


def module_name(command: str) -> str:
    """Return the module that defines a command."""
    return "tapegit.cli." + command.replace("-", "_")
