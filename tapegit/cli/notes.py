"""`tapes notes` and its subcommands."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from tapegit.cli.app import App, pass_app
from tapegit.cli.branch import start_point
from tapegit.cli.editor import edit_message
from tapegit.cli.types import json_option
from tapegit.errors import RefNotFoundError
from tapegit.porcelain.branches.notes import (
    NAMESPACE,
    RATING,
    TEXT,
    TITLE,
    add_note,
    find_notes,
    label_key,
    notes_ref,
    remove_notes,
)
from tapegit.ui.notes import iter_note_lines, note_members

if TYPE_CHECKING:
    from typing import BinaryIO

    from tapegit.graph.notes import Note
    from tapegit.objects.oid import ObjectId


class NotesGroup(click.Group):
    """A group in which `list` may be left out."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put `list` where no subcommand is given, after the options of the group."""
        place = 0
        while args[place : place + 1] and args[place].startswith("--ref"):
            place += 1 if "=" in args[place] else 2
        rest = args[place:]
        if not rest or (rest[0].startswith("-") and rest[0] not in ("-h", "--help")):
            args = [*args[:place], "list", *rest]
        return super().parse_args(ctx, args)


@click.group("notes", cls=NotesGroup)
@click.option(
    "--ref", "namespace", default=NAMESPACE, metavar="NAMESPACE", help="Which chain: refs/notes/…"
)
@click.pass_context
def command(ctx: click.Context, /, namespace: str) -> None:
    """Say something of a turn or a session"""
    ctx.meta["tapes.notes"] = namespace


def _ref() -> str:
    return str(click.get_current_context().meta["tapes.notes"])


def _about(app: App, text: str | None, *, is_session: bool) -> ObjectId:
    """Return the object that is meant; of a session it is its leader, which never changes."""
    oid = app.resolver.resolve_object(text) if text is not None else start_point(app, None)[0]
    if not is_session:
        return oid
    turn = app.resolver.peel_to_turn(oid, text or "HEAD")
    leader = app.graph.find_leader(turn)
    if leader is None:
        raise RefNotFoundError(f"the tape of '{text or 'HEAD'}' has no leader", name=text)
    return leader


@command.command("list")
@json_option
@click.argument("rev", metavar="[OBJECT]", required=False)
@pass_app
def list_(app: App, /, as_json: bool, rev: str | None) -> None:
    """List all notes, or those of an object"""
    about = None if rev is None else app.resolver.resolve_object(rev)
    for note in find_notes(app.repository, app.graph, notes_ref(_ref()), about):
        _print(app, note, as_json=as_json)


def _print(app: App, note: Note, *, as_json: bool) -> None:
    if as_json:
        app.terminal.json(note_members(note))
        return
    header = app.repository.objects.find_header(note.about)
    short = app.repository.objects.abbreviate(note.about) if header else note.about.short()
    app.terminal.line(*iter_note_lines(note, short))


@command.command("add")
@click.option("-m", "--message", multiple=True, metavar="MESSAGE", help="The text; a paragraph")
@click.option("-F", "--file", type=click.File("rb"), metavar="FILE", help="Take it from a file")
@click.option("-k", "--key", default=TEXT, metavar="KEY", help="What the text is")
@click.option("--title", metavar="TITLE", help="Give the session a title")
@click.option("--label", "labels", multiple=True, metavar="LABEL", help="Put a label on it")
@click.option("--rating", type=click.IntRange(1, 5), metavar="1-5", help="Say how good it is")
@click.option("--session", "is_session", is_flag=True, help="Of the whole session, not of a turn")
@click.option("-f", "--force", is_flag=True, help="Replace what is said already")
@click.argument("rev", metavar="[OBJECT]", required=False)
@pass_app
def add(
    app: App,
    /,
    is_session: bool,
    force: bool,
    rev: str | None,
    **given: object,
) -> None:
    """Say something of an object, or give a title, a label, a rating"""
    values = _values(app, **given)  # type: ignore[arg-type]
    titles = [value for value in values if value[0] == TITLE]
    others = [value for value in values if value[0] != TITLE]
    for chosen, of_session in ((titles, True), (others, is_session)):
        if chosen:
            about = _about(app, rev, is_session=of_session)
            ref = notes_ref(_ref())
            add_note(app.repository, app.graph, ref, about, chosen, is_forced=force)


def _values(
    app: App,
    *,
    message: tuple[str, ...],
    file: BinaryIO | None,
    key: str,
    title: str | None,
    labels: tuple[str, ...],
    rating: int | None,
) -> list[tuple[str, str]]:
    """Return the keys and texts that options give; with none the editor is asked."""
    values: list[tuple[str, str]] = []
    if message and file is not None:
        raise click.UsageError("-m and -F exclude one another")
    if title is not None:
        values.append((TITLE, title))
    values += [(label_key(label), label) for label in labels]
    if rating is not None:
        values.append((RATING, str(rating)))
    if message:
        values.append((key, "\n\n".join(message)))
    elif file is not None:
        values.append((key, file.read().decode("utf-8", "replace")))
    elif not values:
        values.append((key, edit_message(app, "Write the note", what="the note")))
    return values


@command.command("show")
@click.option("-k", "--key", metavar="KEY", help="Only what this key says")
@json_option
@click.argument("rev", metavar="[OBJECT]", required=False)
@pass_app
def show(app: App, /, key: str | None, as_json: bool, rev: str | None) -> None:
    """Show what is said of an object, and of its session"""
    about = _about(app, rev, is_session=False)
    objects = {about}
    turn = app.resolver.find_turn(about, rev or "HEAD")
    leader = app.graph.find_leader(turn) if turn is not None else None
    if leader is not None:
        objects.add(leader)
    found = [
        note
        for note in find_notes(app.repository, app.graph, notes_ref(_ref()))
        if note.about in objects and key in (None, note.key)
    ]
    if not found:
        raise RefNotFoundError(
            f"no note found for object '{about.short()}'",
            hint="'tapes notes add' says something of it",
            name=rev,
        )
    for note in found:
        if as_json:
            app.terminal.json(note_members(note))
        else:
            value = note.value or ""
            app.terminal.line(value if key or note.key == TEXT else f"{note.key}: {value}")


@command.command("remove")
@click.option("-k", "--key", "keys", multiple=True, metavar="KEY", help="Only what this key says")
@click.option("--session", "is_session", is_flag=True, help="Of the whole session, not of a turn")
@click.argument("rev", metavar="[OBJECT]", required=False)
@pass_app
def remove(app: App, /, keys: tuple[str, ...], is_session: bool, rev: str | None) -> None:
    """Take back what is said of an object"""
    about = _about(app, rev, is_session=is_session)
    for key in remove_notes(app.repository, app.graph, notes_ref(_ref()), about, keys):
        app.terminal.note(f"Removed {key} of {about.short()}")
