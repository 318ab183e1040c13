"""Options of git that mean nothing for conversations, and what does what was meant.

Loaded when a word is no option of its command, and at no other time.

Source: tapes(1), "DIFFERENCES FROM GIT".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click

if TYPE_CHECKING:
    from collections.abc import Mapping

_WHO: Final = "'--role user' and '--model NAME' choose by who spoke"
_COUNTS: Final = (
    "'--stat' counts what a turn does; 'tapes diff A B' has --numstat, --shortstat, --name-only "
    "and --name-status"
)
_SIDES: Final = "'tapes rev-list --left-right A...B' marks sides, 'tapes diff A...B' compares them"
_FILES: Final = "'tapes log -- PATH' finds the turns whose calls name a file, as it was called then"
_DECORATED: Final = "'--decorate' names the refs at each turn, '--all' begins at all of them"
_BLANKS: Final = "'--word-diff' compares words, and passes over white space"
_ALIGNED: Final = "leave it out: turns are aligned by what was said in them"
_NO_INDEX: Final = (
    "there is no index and nothing is staged: 'tapes diff A B' compares two tapes, 'tapes status' "
    "says where HEAD is"
)
_NOTHING_OF_YOURS: Final = "leave it out: no file of yours is touched; 'git checkout' is for files"
_AT_ONCE: Final = "a merge is done at once; 'tapes reset @{1}' takes it back"
_UNSIGNED: Final = "nothing is signed; 'tapes fsck --full' verifies every byte and link"
_STORE: Final = "'--tapes-dir DIR' names a store, '-C DIR' a directory to start from"
_FORWARD: Final = (
    "'tapes pull' lets branches go forward; 'tapes merge <rev>' joins what has gone two ways"
)
_ORPHAN: Final = (
    "a tape begins with a recording: 'tapes record', 'tapes import'; "
    "'tapes switch -c <name> <rev>' lets a branch begin at a turn"
)
_BARE: Final = "every store is bare: '.tapes' holds no files of yours"
_EDIT: Final = "'tapes config --show-origin --list' names the file: it is TOML, for any editor"

_LOG: Final = {
    "--author --committer": _WHO,
    "-g --walk-reflogs": "'tapes reflog' lists where a ref has been",
    "--numstat --shortstat --name-only --name-status --summary --dirstat": _COUNTS,
    "--compact-summary --diff-filter --full-diff": _COUNTS,
    "--left-right --left-only --right-only --boundary --cherry --cherry-mark": _SIDES,
    "--cherry-pick": _SIDES,
    "--source --simplify-by-decoration --decorate-refs --clear-decorations": _DECORATED,
    "--follow -L -M -C --find-renames": _FILES,
    "-w -b -U --unified --word-diff": "'-p' shows each turn in full; 'tapes diff A B' compares",
    "--notes --no-notes --show-notes": "'tapes notes show' shows what was said of a turn",
    "--show-signature": _UNSIGNED,
}
_ROWS: Final[Mapping[str, Mapping[str, str]]] = {
    "": {
        "--git-dir --work-tree --namespace --bare": _STORE,
        "-c --config-env": "'tapes config KEY VALUE' sets it for the store, with --user for all",
        "--exec-path --html-path --man-path --info-path": "'tapes help -a' lists all pages",
        "--no-replace-objects --literal-pathspecs --no-optional-locks": "leave it out",
    },
    "branch": {
        "--edit-description": "'tapes notes add -m TEXT <rev>' says something of a turn",
        "--format": "'tapes for-each-ref --format FORMAT refs/heads' lists in a format of yours",
        "--abbrev --no-abbrev --column --no-column": "leave it out: ids are as short as they can",
        "-t --track --no-track": "a branch that begins at one of a remote follows it",
    },
    "checkout": {
        "-m --merge --ours --theirs --overlay": _NOTHING_OF_YOURS,
        "-p --patch": "tapes keeps no files of yours: 'git checkout -p' is for files",
        "-t --track --guess": "'tapes checkout NAME' begins a branch that only a remote has, and "
        "follows it",
        "--orphan": _ORPHAN,
    },
    "clone": {
        "--bare --mirror": _BARE,
        "--single-branch --no-tags": "'-b NAME' takes only one branch, '--session ID' one session",
        "--recursive --recurse-submodules --filter --shared --local --reference": "leave it out",
    },
    "config": {
        "--add --replace-all": "a key has one value: 'tapes config KEY VALUE' sets it",
        "--get-regexp --name-only": "'tapes config --list' lists all settings",
        "-e --edit": _EDIT,
        "--system -f --file --worktree": "'--user' is for your own settings, '--store' for the "
        "store's",
        "--type --bool --int": "a value is what it looks like: text, a whole number, true or false",
    },
    "diff": {
        "-w -b --ignore-all-space --ignore-space-change --ignore-blank-lines": _BLANKS,
        "--ignore-space-at-eol --ignore-cr-at-eol --check": _BLANKS,
        "--cached --staged": _NO_INDEX,
        "--no-index": "'git diff --no-index A B' compares files",
        "-S -G": "'tapes log -S TEXT' finds the turns that say something",
        "--raw --summary --compact-summary --dirstat --diff-filter": "'--stat', '--name-status' "
        "and '--json' are other forms",
        "-M -C --find-renames --no-renames --patience --minimal --histogram --diff-algorithm "
        "-a --text --no-ext-diff --ext-diff --textconv --no-textconv --indent-heuristic": _ALIGNED,
    },
    "fetch": {
        "-t --tags --no-tags -f --force --atomic": "leave it out: what belongs to the tapes comes "
        "along, and refs that follow a remote go where it is",
    },
    "help": {"-g --guides": "'-a' lists all pages"},
    "init": {"--bare --shared --template --separate-git-dir": _BARE},
    "log": _LOG,
    "merge": {
        "--abort --continue --quit --no-commit --squash": _AT_ONCE,
        "-s --strategy -X": "what was found is brought over as a turn: there is nothing to choose",
    },
    "merge-base": {"--fork-point": "'tapes reflog' lists where a ref has been"},
    "pull": {"-r --rebase --no-rebase --ff --no-ff": _FORWARD},
    "push": {
        "--follow-tags --mirror --atomic --no-verify --prune": "'--all', '--tags', '--sessions' "
        "and '--notes' choose what is pushed",
    },
    "reset": {"-p --patch": "tapes keeps no files of yours: 'git reset -p' is for files"},
    "rev-parse": {
        "--git-dir --absolute-git-dir --git-common-dir --git-path": "'--tapes-dir' prints where "
        "the store is",
        "--is-bare-repository --is-inside-git-dir": "'--is-inside-tapes-dir' says where you are",
    },
    "show": {**_LOG, "-p -u --patch": "leave it out: '--stat' and '-s' show less than all"},
    "status": {
        "-u --untracked-files --ignored --ignore-submodules": "tapes keeps no files of yours, so "
        "none is untracked",
        "-v --verbose": "'tapes branch -vv' shows what follows what",
    },
    "tag": {
        "-s -u --sign --local-user -v --verify": _UNSIGNED,
        "--format --column": "'tapes for-each-ref --format FORMAT refs/tags' lists in a format of "
        "yours",
    },
}
"""The options of each command, those that have one answer in one row; "" is `tapes` itself."""

HINTS: Final[Mapping[tuple[str, str], str]] = {
    (command, option): text
    for command, rows in _ROWS.items()
    for options, text in rows.items()
    for option in options.split()
}
"""What to say to each, by command and option."""

ALIASES: Final = {"switch": "checkout"}
"""Commands whose answers are those of another one."""


class GitOptionError(click.NoSuchOption):
    """An option that a command does not have, with what does what was meant."""

    def __init__(self, option: str, hint: str, ctx: click.Context | None) -> None:
        super().__init__(option, ctx=ctx)
        self.hint = hint


def explain(error: click.NoSuchOption) -> click.NoSuchOption:
    """Return the error with what was meant, in place of what is merely spelled alike."""
    words = error.ctx.command_path.split() if error.ctx is not None else []
    command = words[1] if len(words) > 1 else ""
    hint = HINTS.get((ALIASES.get(command, command), error.option_name))
    return error if hint is None else GitOptionError(error.option_name, hint, error.ctx)
