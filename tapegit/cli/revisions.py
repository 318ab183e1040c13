"""Command lines that hold revisions in an order that matters: `--not`, `--all`, `a..b`, `-20`.

Click forgets in which order options and arguments came. So a command of this class gets its
words sorted before click reads them: options first, then `--`, then revisions and the options
that keep their place among them, as they came.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypedDict

import click

from tapegit.cli.types import AttachedOption
from tapegit.errors import FormatError
from tapegit.graph.dates import parse_date
from tapegit.graph.walk import ORDER_DATE, ORDER_TOPO, WalkOptions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import BinaryIO, Unpack

_COUNT_MAX: Final = 1 << 62
"""More than any store holds, and less than what a number of the machine holds."""
_LINE_SIZE_MAX_BYTES: Final = 65_536
_COUNT_OPTION: Final = "--max-count"


class _WalkValues(TypedDict):
    """Values of `walk_options` that need no clock."""

    merges: bool
    no_merges: bool
    min_parents: int | None
    max_parents: int | None
    first_parent: bool
    skip: int
    max_count: int | None
    reverse: bool


class TokenOption(click.Option):
    """An option that keeps its place among the revisions; a value is attached with `=`."""


class RevisionCommand(click.Command):
    """A command whose arguments are revisions and ordered options.

    Attributes:
        path_option: The option that each word after `--` is a value of; None where these are
            revisions like all others.
    """

    path_option: str | None = None

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put options before revisions, then let click read them."""
        options: list[str] = []
        tokens: list[str] = []
        words = iter(args)
        for word in words:
            if word == "--" and self.path_option is not None:
                options += [part for path in words for part in (self.path_option, path)]
            elif word == "--":
                tokens.extend(words)
            elif self._is_token(word):
                tokens.append(word)
            elif word[1:].isdecimal() and word.isascii():
                options += [_COUNT_OPTION, word[1:]]
            else:
                # Click first takes a short option for a long one, and looks for what was meant.
                options.append(_COUNT_OPTION if word == "-n" else word)
                if self._takes_next(word):
                    options += [value for value in (next(words, None),) if value is not None]
        return super().parse_args(ctx, [*options, "--", *tokens])

    def _is_token(self, word: str) -> bool:
        if not word.startswith("-") or word == "-":
            return True
        return isinstance(self._find_option(word.partition("=")[0]), TokenOption)

    def _takes_next(self, word: str) -> bool:
        option = self._find_option(word)
        return option is not None and not (option.is_flag or isinstance(option, AttachedOption))

    def _find_option(self, word: str) -> click.Option | None:
        for param in self.params:
            if isinstance(param, click.Option) and word in (*param.opts, *param.secondary_opts):
                return param
        return None


def token_option(*names: str, text: str, metavar: str | None = None) -> Callable[..., Any]:
    """Add an option that keeps its place among the revisions."""
    form: dict[str, Any] = {"is_flag": True}
    if metavar is not None:
        form = {"is_flag": False, "flag_value": "", "metavar": metavar}
    return click.option(*names, cls=TokenOption, expose_value=False, help=text, **form)


def set_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that name sets of refs, and `--not`."""
    rows = (
        ("--all", None, "Every ref and HEAD"),
        ("--branches", "[PATTERN]", "Every branch, or those that match"),
        ("--tags", "[PATTERN]", "Every tag, or those that match"),
        ("--remotes", "[PATTERN]", "Every ref of a remote, or those that match"),
        ("--sessions", "[PATTERN]", "Every tape of a session, or those that match"),
        ("--glob", "PATTERN", "Every ref that matches"),
        ("--not", None, "Turn the sense of everything after it round"),
    )
    for name, metavar, text in reversed(rows):
        command = token_option(name, text=text, metavar=metavar)(command)
    return command


def walk_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add what limits and orders a walk; `make_walk_options` takes the values."""
    for option in reversed(
        (
            click.option("-n", "--max-count", type=int, metavar="N", help="At most N turns"),
            click.option(
                "--skip",
                type=click.IntRange(min=0),
                default=0,
                metavar="N",
                help="Pass over N first",
            ),
            click.option("--since", "--after", "since", metavar="DATE", help="Only from DATE on"),
            click.option("--until", "--before", "until", metavar="DATE", help="Only up to DATE"),
            click.option("--merges", is_flag=True, help="Only turns with several parents"),
            click.option("--no-merges", is_flag=True, help="No turn with several parents"),
            click.option("--min-parents", type=int, metavar="N", help="At least N parents"),
            click.option("--max-parents", type=int, metavar="N", help="At most N parents"),
            click.option("--first-parent", is_flag=True, help="Follow first parents alone"),
            click.option("--reverse", is_flag=True, help="Turn the order of what was chosen round"),
            click.option("--date-order", "order", flag_value=ORDER_DATE, help="Newest first"),
            click.option("--topo-order", "order", flag_value=ORDER_TOPO, help="Line by line"),
        )
    ):
        command = option(command)
    return command


def make_walk_options(
    now_ms: int,
    *,
    since: str | None,
    until: str | None,
    order: str | None,
    **values: Unpack[_WalkValues],
) -> WalkOptions:
    """Return the options of a walk from the values of `walk_options`.

    Raises:
        InvalidNameError: A text is no date.
    """
    fewest, most = _parent_counts(values)
    return WalkOptions(
        since_ms=None if since is None else parse_date(since, now_ms),
        until_ms=None if until is None else parse_date(until, now_ms),
        min_parents=fewest,
        max_parents=most,
        order=order or ORDER_DATE,
        first_parent=values["first_parent"],
        skip=min(values["skip"], _COUNT_MAX),
        max_count=None if values["max_count"] is None else min(values["max_count"], _COUNT_MAX),
        reverse=values["reverse"],
    )


def _parent_counts(values: _WalkValues) -> tuple[int, int | None]:
    """Return how many parents a turn must have, and may have; a negative most is no limit."""
    fewest, most = values["min_parents"], values["max_parents"]
    if fewest is None:
        fewest = 2 if values["merges"] else 0
    if most is None:
        return fewest, 1 if values["no_merges"] else None
    return fewest, most if most >= 0 else None


def iter_input_tokens(stream: BinaryIO) -> Iterator[str]:
    """Yield one token for each line of standard input that is not empty.

    Raises:
        FormatError: A line is longer than any revision, or is not UTF-8.
    """
    while line := stream.readline(_LINE_SIZE_MAX_BYTES + 1):
        try:
            text = line.decode().rstrip("\r\n")
        except UnicodeDecodeError as error:
            raise FormatError("a line of standard input is not UTF-8", where="stdin") from error
        if len(line) > _LINE_SIZE_MAX_BYTES:
            raise FormatError("a line of standard input is too long", where="stdin")
        if text:
            yield text
