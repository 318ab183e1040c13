"""`tapes tag`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click

from tapegit.cli.app import App, pass_app
from tapegit.cli.branch import start_point
from tapegit.cli.editor import edit_message
from tapegit.cli.types import attach_values, json_option
from tapegit.porcelain.branches.tag import TAGS, create_tag, delete_tag, tag_name
from tapegit.porcelain.plumbing.for_each_ref import (
    RefFilter,
    fnmatch_path,
    list_refs,
    parse_sort_key,
)
from tapegit.refs.names import HEAD
from tapegit.ui.tag import iter_tag_lines, tag_members

if TYPE_CHECKING:
    from tapegit.objects.oid import ObjectId

FILTERS: Final = ("points_at", "contains", "no_contains", "merged", "no_merged")


class _Tag(click.Command):
    """A command whose `-n`, `--contains` and the like may stand without a value."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Give `--merged` and its kin at the end of the line the value HEAD."""
        if args and args[-1] in ("--contains", "--no-contains", "--merged", "--no-merged"):
            args = [*args, HEAD]
        return super().parse_args(ctx, attach_values(self, args))


@click.command("tag", cls=_Tag)
@click.option("-a", "--annotate", is_flag=True, help="Make a tag object, with a message")
@click.option("-m", "--message", multiple=True, metavar="MESSAGE", help="The message; a paragraph")
@click.option(
    "-F", "--file", type=click.File("rb"), metavar="FILE", help="Take the message from a file, or -"
)
@click.option("-f", "--force", is_flag=True, help="Replace a tag that exists")
@click.option("-d", "--delete", is_flag=True, help="Delete tags")
@click.option("-l", "--list", "is_list", is_flag=True, help="List those that match a PATTERN")
@click.option(
    "-n",
    "line_count",
    is_flag=False,
    flag_value=1,
    type=click.IntRange(0, 1000),
    metavar="[N]",
    help="Show the first N lines of the message",
)
@click.option("--sort", multiple=True, metavar="KEY", help="Sort by a field; -KEY: descending")
@click.option("--points-at", multiple=True, metavar="OBJECT", help="Only tags of OBJECT")
@click.option("--contains", multiple=True, metavar="REV", help="Only tags that reach REV")
@click.option("--no-contains", multiple=True, metavar="REV", help="Only tags that do not")
@click.option("--merged", multiple=True, metavar="REV", help="Only tags that REV reaches")
@click.option("--no-merged", multiple=True, metavar="REV", help="Only tags that it does not")
@json_option
@click.argument("words", metavar="[NAME [OBJECT] | PATTERN]...", nargs=-1)
@pass_app
def command(
    app: App,
    /,
    delete: bool,
    is_list: bool,
    words: tuple[str, ...],
    as_json: bool,
    **values: Any,
) -> None:
    """List, create and delete tags"""
    if delete:
        _delete(app, words)
    elif words and not _lists(values, is_list=is_list):
        _create(app, words, values)
    else:
        _list(app, words, values, as_json=as_json)


def _lists(values: dict[str, Any], *, is_list: bool) -> bool:
    return is_list or values["line_count"] is not None or any(values[name] for name in FILTERS)


def _delete(app: App, words: tuple[str, ...]) -> None:
    if not words:
        raise click.UsageError("give the name of a tag")
    for word in words:
        gone = delete_tag(app.repository, tag_name(word))
        assert gone.before is not None, "what was deleted was somewhere"
        was = app.repository.objects.abbreviate(gone.before)
        app.terminal.line(f"Deleted tag '{gone.name.short}' (was {was})")
        app.terminal.hint(f"'tapes tag {gone.name.short} {was}' brings it back")


def _create(app: App, words: tuple[str, ...], values: dict[str, Any]) -> None:
    if len(words) > 2:
        raise click.UsageError("a tag takes a name and one object")
    name = tag_name(words[0])
    oid = app.resolver.resolve_object(words[1]) if len(words) == 2 else start_point(app, None)[0]
    message = _message(app, words[0], values)
    change = create_tag(app.repository, name, oid, message, is_forced=values["force"])
    if change.before not in (None, change.after):
        assert change.before is not None, "it is not None"
        was = app.repository.objects.abbreviate(change.before)
        app.terminal.line(f"Updated tag '{name.short}' (was {was})")


def _message(app: App, name: str, values: dict[str, Any]) -> str | None:
    """Return the message of an annotated tag, or None for a plain one."""
    if values["message"] and values["file"] is not None:
        raise click.UsageError("-m and -F exclude one another")
    if values["message"]:
        return "\n\n".join(values["message"])
    if values["file"] is not None:
        data: bytes = values["file"].read()
        return data.decode("utf-8", "replace")
    if values["annotate"]:
        return edit_message(app, f"Write a message for the tag {name}", what="the tag")
    return None


def _list(app: App, words: tuple[str, ...], values: dict[str, Any], *, as_json: bool) -> None:
    revisions = {name: _resolve(app, values[name]) for name in FILTERS}
    views = list_refs(
        app.repository,
        app.graph,
        RefFilter((TAGS.rstrip("/"),), **revisions),
        sort=[parse_sort_key(text) for text in values["sort"]],
        now_ms=app.clock(),
        on_broken=app.note_broken,
    )
    for view in views:
        name = view.name.removeprefix(TAGS)
        if words and not any(fnmatch_path(name, word) or name == word for word in words):
            continue
        tag = view.target.tag
        if as_json:
            peeled = view.target.peel() or view.target
            app.terminal.json(tag_members(view.name, view.target.oid, peeled.oid, tag))
        else:
            summary = None
            if values["line_count"] and tag is None and view.target.turn is not None:
                summary = view.target.turn.summary
            for line in iter_tag_lines(name, tag, summary, count=values["line_count"] or 0):
                app.terminal.line(line)
    app.raise_broken()


def _resolve(app: App, texts: tuple[str, ...]) -> tuple[ObjectId, ...]:
    return tuple(app.resolver.resolve(text) for text in texts)
