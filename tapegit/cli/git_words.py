"""Words of git that mean nothing for conversations, and the command that does what was meant.

Loaded when a word is no command, and at no other time.

Source: tapes(1), "DIFFERENCES FROM GIT".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click

if TYPE_CHECKING:
    from collections.abc import Mapping

_RECORDED: Final = (
    "what agents do is recorded by 'tapes record', 'tapes import' and 'tapes watch'; "
    "there is nothing to stage or to commit"
)
_FILES: Final = "tapes keeps no files of yours: 'git {0}' does that"
_SOURCES: Final = (
    "'tapes log -- PATH' finds the turns whose calls name a file, 'tapes search' what was said"
)
_LISTED: Final = (
    "'tapes log --oneline A..B' lists what only one side has, 'tapes diff A B' compares"
)
_TREES: Final = (
    "'tapes show <rev>' shows a turn, 'tapes rev-list --objects <rev>' lists the objects it needs"
)
_INDEXES: Final = "every pack has what a walk needs beside it: 'tapes gc' keeps packs few"
_COPIED: Final = (
    "'tapes switch -c <name> <rev>' goes on from a turn; 'tapes merge <rev>' brings over "
    "what was found"
)

HINTS: Final[Mapping[str, str]] = {
    "add": _RECORDED,
    "alias": "settings name no program and no alias: an alias of the shell does that",
    "am": "'tapes import FILE' and 'tapes bundle unbundle FILE' take in what others recorded",
    "annotate": _SOURCES,
    "apply": _FILES.format("apply"),
    "archive": "'tapes export' writes a session; 'tapes bundle create' all that is needed",
    "bisect": "'tapes step' goes through a tape turn by turn, 'tapes diff' shows where two part",
    "blame": _SOURCES,
    "bugreport": "'tapes doctor' says how the program and the store are",
    "check-attr": _FILES.format("check-attr"),
    "check-ignore": _FILES.format("check-ignore"),
    "check-ref-format": "'tapes branch <name>' says what is wrong with a name; "
    "'tapes help tapesformat-refs' has the rules",
    "cherry": _LISTED,
    "cherry-pick": "'tapes merge <rev>' brings over what another tape found out",
    "citool": _RECORDED,
    "clean": "'tapes gc' clears up the store; 'git clean' would remove files of yours",
    "commit": _RECORDED,
    "commit-graph": _INDEXES,
    "commit-tree": _RECORDED,
    "continue": "'tapes resume' lets an agent go on",
    "daemon": "'tapes push' and 'tapes fetch' share through any git server",
    "describe": "'tapes show <rev>' says what a turn is, 'tapes rev-parse' what its id is",
    "diagnose": "'tapes doctor' says how the program and the store are",
    "diff-files": _FILES.format("diff-files"),
    "diff-index": _FILES.format("diff-index"),
    "diff-tree": "'tapes diff A B' compares two tapes, turn by turn",
    "difftool": "'tapes diff A B' compares two tapes, turn by turn",
    "edit": "'tapes amend <rev>' replaces a part of a turn",
    "fast-export": "'tapes export' and 'tapes bundle create' write what others can take in",
    "fast-import": "'tapes import FILE' takes in what others recorded",
    "fetch-pack": "'tapes fetch' brings what a remote has",
    "filter-branch": "'tapes redact' and 'tapes forget' rewrite history, 'tapes amend' one turn",
    "fork": "'tapes switch -c <name> <rev>' lets a branch begin at any turn",
    "format-patch": "'tapes export' and 'tapes bundle create' write what others can take in",
    "fsck-objects": "'tapes fsck' verifies every object and link",
    "gitk": "'tapes log --graph --oneline --all' draws branches, 'tapes step' walks through a tape",
    "gui": "'tapes log --graph --oneline --all' draws branches, 'tapes step' walks through a tape",
    "instaweb": "'tapes export --format html' writes a page of a session",
    "lfs": "content of any size is kept in pieces: there is nothing to put elsewhere",
    "ls": "'tapes sessions' lists sessions, 'tapes branch' branches",
    "ls-files": "'tapes sessions' lists sessions; tapes keeps no files of yours",
    "ls-tree": _TREES,
    "maintenance": "'tapes gc' clears up the store, by itself after a recording",
    "merge-file": "'tapes merge <rev>' brings over what another tape found out",
    "merge-tree": "'tapes merge <rev>' brings over what another tape found out",
    "mergetool": "'tapes merge -e <rev>' brings over what you write in the editor",
    "mktree": "'tapes hash-object -w' and 'tapes mktag' write objects; turns come from recordings",
    "multi-pack-index": _INDEXES,
    "mv": "'tapes branch -m <old> <new>' renames a branch; 'git mv' moves files",
    "name-rev": "'tapes log --decorate' names the refs at each turn, "
    "'tapes branch --contains <rev>' the branches with it",
    "prune-packed": "'tapes gc' clears up the store, by itself after a recording",
    "range-diff": _LISTED,
    "read-tree": _TREES,
    "rebase": _COPIED,
    "receive-pack": "'tapes push' and 'tapes fetch' share through any git server",
    "replace": "'tapes amend <rev>' replaces a part of a turn",
    "request-pull": "'tapes push' brings a branch to a remote, "
    "'tapes bundle create' writes a file to send",
    "rerere": "'tapes merge' leaves no conflicts: it writes a turn",
    "restore": _FILES.format("restore"),
    "revert": "'tapes reset <rev>' goes back to a turn, 'tapes amend <rev>' replaces what was "
    "said there",
    "rewind": "'tapes reset <rev>' goes back to a turn; 'tapes resume <rev>' lets the agent go "
    "on from it",
    "rm": "'tapes branch -d <name>' deletes a branch; 'git rm' removes files",
    "send-email": "'tapes export --format markdown' and 'tapes bundle create' write what can "
    "be sent",
    "send-pack": "'tapes push' sends turns and refs",
    "shortlog": "'tapes sessions' lists sessions, 'tapes log --oneline' turns",
    "show-branch": "'tapes log --graph --oneline --all' draws branches, 'tapes branch -v' lists",
    "show-index": "'tapes verify-pack -v' lists what a pack holds",
    "sparse-checkout": _FILES.format("sparse-checkout"),
    "stage": _RECORDED,
    "stash": "a conversation has nothing to put aside: 'tapes switch <branch>' leaves it as it is, "
    "and 'tapes switch -' goes back",
    "submodule": "agents that an agent started are tapes of their own: 'tapes log --all' shows "
    "them",
    "subtree": "agents that an agent started are tapes of their own: 'tapes log --all' shows them",
    "undo": "'tapes reset @{1}' goes back to where the branch was; 'tapes reflog' shows where "
    "that is",
    "unpack-file": "'tapes cat-file -p <oid>' prints an object, "
    "'tapes show --raw' what a turn was read from",
    "unstage": _RECORDED,
    "update-index": _RECORDED,
    "upload-pack": "'tapes push' and 'tapes fetch' share through any git server",
    "var": "'tapes config --list' lists settings; 'tapes help' names the variables",
    "verify-commit": "'tapes fsck' verifies every object and link; nothing is signed",
    "verify-tag": "'tapes fsck' verifies every object and link; nothing is signed",
    "whatchanged": "'tapes log --stat' lists turns with what they did",
    "worktree": "'tapes resume --cwd DIR' lets an agent go on in another directory; "
    "'git worktree' makes one",
    "write-tree": _RECORDED,
}
"""What to say to each, for people who know git and for words that others use."""


class GitWordError(click.UsageError):
    """A word that is no command here, with the command that does what was meant."""

    def __init__(self, word: str, ctx: click.Context) -> None:
        super().__init__(f"'{word}' is not a tapes command", ctx)
        self.hint = HINTS[word]
