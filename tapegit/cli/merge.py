"""`tapes merge`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from tapegit.cli.app import App, pass_app
from tapegit.cli.editor import edit_message
from tapegit.cli.types import json_option
from tapegit.errors import NonFastForwardError
from tapegit.porcelain.branches.merge import (
    FAST_FORWARD,
    UP_TO_DATE,
    Merged,
    fast_forward,
    find_answer,
    merge,
    plan,
)
from tapegit.refs.names import HEAD

if TYPE_CHECKING:
    from typing import BinaryIO

    from tapegit.objects.oid import ObjectId


@click.command("merge")
@click.option("-m", "--message", multiple=True, metavar="WORDS", help="What the merge says")
@click.option("-F", "--file", type=click.File("rb"), metavar="FILE", help="Take it from a file")
@click.option("-e", "--edit", "is_edited", is_flag=True, help="Write it in the editor")
@click.option("--no-ff", is_flag=True, help="Make a turn also where the branch could go on")
@click.option("--ff-only", is_flag=True, help="Refuse unless the branch can go on")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but errors")
@json_option
@click.argument("rev", metavar="REV")
@pass_app
def command(
    app: App,
    /,
    no_ff: bool,
    ff_only: bool,
    quiet: bool,
    as_json: bool,
    rev: str,
    **message: object,
) -> None:
    """Bring the conclusion of another tape into this one"""
    if no_ff and ff_only:
        raise click.UsageError("--no-ff and --ff-only exclude one another")
    oid = app.resolver.resolve(rev)
    done = _merge(app, oid, rev, message, no_ff=no_ff, ff_only=ff_only)
    if as_json:
        members: dict[str, object] = {"result": done.what, "oid": str(done.after)}
        members |= {"ref": done.branch} if done.branch is not None else {}
        members |= {"before": str(done.before)} if done.before is not None else {}
        app.terminal.json(members)
    elif not quiet:
        _tell(app, done, rev, has_words=any(message.values()))


def _merge(
    app: App, oid: ObjectId, rev: str, message: dict[str, object], *, no_ff: bool, ff_only: bool
) -> Merged:
    what = plan(app.repository, app.graph, oid, is_forced=no_ff)
    if what == UP_TO_DATE:
        head = app.repository.refs.read_head()
        assert head.oid is not None, "an unborn branch can always go on"
        return Merged(UP_TO_DATE, head.oid, head.oid, head.target)
    if what == FAST_FORWARD:
        return fast_forward(app.repository, oid, rev)
    if ff_only:
        raise NonFastForwardError(
            f"the branch cannot simply go on to '{rev}': both have turns of their own",
            hint=f"'tapes merge {rev}' brings its conclusion over",
            name=HEAD,
        )
    text = _text(app, oid, rev, **message)  # type: ignore[arg-type]
    return merge(app.repository, oid, text, rev)


def _text(
    app: App,
    oid: ObjectId,
    rev: str,
    *,
    message: tuple[str, ...],
    file: BinaryIO | None,
    is_edited: bool,
) -> str:
    """Return what the merge says: the words given, or the last answer of the other tape."""
    if message and file is not None:
        raise click.UsageError("-m and -F exclude one another")
    if message:
        return "\n\n".join(message)
    if file is not None:
        return file.read().decode("utf-8", "replace")
    answer = find_answer(app.repository, app.graph, oid)
    if is_edited:
        advice = f"Write what is to be brought over from {rev}"
        return edit_message(app, advice, what="the merge", text=answer)
    return answer


def _tell(app: App, done: Merged, rev: str, *, has_words: bool) -> None:
    if done.what == UP_TO_DATE:
        app.terminal.line("Already up to date.")
        return
    abbreviate = app.repository.objects.abbreviate
    where = done.branch.short if done.branch is not None else HEAD
    if done.what == FAST_FORWARD:
        if done.before is not None:
            app.terminal.line(f"Updating {abbreviate(done.before)}..{abbreviate(done.after)}")
        app.terminal.line("Fast-forward")
        if has_words and done.before is not None:
            was = abbreviate(done.before)
            app.terminal.warning("no turn was needed, so what the merge was to say is not recorded")
            app.terminal.hint(f"'tapes reset {was}' and 'tapes merge --no-ff {rev}' record it")
        elif done.before is not None:
            app.terminal.hint(f"'tapes reset {where}@{{1}}' goes back to what was")
        return
    subject = app.graph.read_subject(done.after)
    name = done.branch.short if done.branch is not None else f"detached {HEAD}"
    says = f"{subject.role}: {subject.summary}" if subject.summary else subject.role
    app.terminal.line(f"[{name} {abbreviate(done.after)}] {says}")
    app.terminal.hint(f"'tapes reset {where}@{{1}}' goes back to what was")
