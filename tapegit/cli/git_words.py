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
_COPIED: Final = (
    "'tapes switch -c <name> <rev>' goes on from a turn; 'tapes merge <rev>' brings over "
    "what was found"
)

HINTS: Final[Mapping[str, str]] = {
    "add": _RECORDED,
    "am": "'tapes import FILE' and 'tapes bundle unbundle FILE' take in what others recorded",
    "annotate": _SOURCES,
    "apply": _FILES.format("apply"),
    "archive": "'tapes export' writes a session; 'tapes bundle create' all that is needed",
    "bisect": "'tapes step' goes through a tape turn by turn, 'tapes diff' shows where two part",
    "blame": _SOURCES,
    "cherry-pick": "'tapes merge <rev>' brings over what another tape found out",
    "clean": "'tapes gc' clears up the store; 'git clean' would remove files of yours",
    "commit": _RECORDED,
    "continue": "'tapes resume' lets an agent go on",
    "describe": "'tapes show <rev>' says what a turn is, 'tapes rev-parse' what its id is",
    "edit": "'tapes amend <rev>' replaces a part of a turn",
    "fast-export": "'tapes export' and 'tapes bundle create' write what others can take in",
    "fast-import": "'tapes import FILE' takes in what others recorded",
    "filter-branch": "'tapes redact' and 'tapes forget' rewrite history, 'tapes amend' one turn",
    "fork": "'tapes switch -c <name> <rev>' lets a branch begin at any turn",
    "format-patch": "'tapes export' and 'tapes bundle create' write what others can take in",
    "ls": "'tapes sessions' lists sessions, 'tapes branch' branches",
    "ls-files": "'tapes sessions' lists sessions; tapes keeps no files of yours",
    "maintenance": "'tapes gc' clears up the store, by itself after a recording",
    "mergetool": "'tapes merge -e <rev>' brings over what you write in the editor",
    "mv": "'tapes branch -m <old> <new>' renames a branch; 'git mv' moves files",
    "rebase": _COPIED,
    "replace": "'tapes amend <rev>' replaces a part of a turn",
    "restore": _FILES.format("restore"),
    "revert": "'tapes reset <rev>' goes back to a turn, 'tapes amend <rev>' replaces what was "
    "said there",
    "rewind": "'tapes reset <rev>' goes back to a turn; 'tapes resume <rev>' lets the agent go "
    "on from it",
    "rm": "'tapes branch -d <name>' deletes a branch; 'git rm' removes files",
    "shortlog": "'tapes sessions' lists sessions, 'tapes log --oneline' turns",
    "show-branch": "'tapes log --graph --oneline --all' draws branches, 'tapes branch -v' lists",
    "sparse-checkout": _FILES.format("sparse-checkout"),
    "stage": _RECORDED,
    "stash": "a conversation has nothing to put aside: 'tapes switch <branch>' leaves it as it is, "
    "and 'tapes switch -' goes back",
    "submodule": "agents that an agent started are tapes of their own: 'tapes log --all' shows "
    "them",
    "undo": "'tapes reset @{1}' goes back to where the branch was; 'tapes reflog' shows where "
    "that is",
    "unstage": _RECORDED,
    "whatchanged": "'tapes log --stat' lists turns with what they did",
    "worktree": "'tapes resume --cwd DIR' lets an agent go on in another directory; "
    "'git worktree' makes one",
}
"""What to say to each, for people who know git and for words that others use."""


class GitWordError(click.UsageError):
    """A word that is no command here, with the command that does what was meant."""

    def __init__(self, word: str, ctx: click.Context) -> None:
        super().__init__(f"'{word}' is not a tapes command", ctx)
        self.hint = HINTS[word]
