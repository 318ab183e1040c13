"""From revisions to objects: following the steps of parsed revisions through a store.

Whatever the text, the outcome is an id or a `UserError` or `DataError`; nothing recurses. What
a name also could have meant is told to `warn`, and never printed here.

Source: tapesrevisions(7).
"""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple

from tapegit.errors import ObjectNotFoundError, UserError
from tapegit.graph import revision as syntax
from tapegit.graph.ancestry import merge_bases
from tapegit.graph.dates import parse_date
from tapegit.graph.lookup import Named, find_ref, look_up
from tapegit.graph.named import find_named
from tapegit.graph.newest import DefaultSession, find_default, find_latest
from tapegit.graph.revision import Revision, RevisionRange, Step, parse_range, parse_revision
from tapegit.graph.selection import (
    Selected,
    count_words,
    hint_at_turns,
    not_found,
    require_object,
    select,
    shorten,
)
from tapegit.graph.walk import iter_first_parents, walk
from tapegit.objects.kind import Kind
from tapegit.objects.oid import ZERO_OID, ObjectId
from tapegit.objects.tag import decode_tag
from tapegit.refs.names import HEAD, RefName

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tapegit.formats.reflog import ReflogEntry
    from tapegit.graph.lookup import FindStated
    from tapegit.graph.turns import TurnGraph
    from tapegit.refs.reader import RefReader
    from tapegit.store.source import ObjectSource

    FindFollowed = Callable[[RefName], RefName | None]

CHECKOUT: Final = "checkout: moving from "
_CURRENT: Final = (Step(syntax.REFLOG_ENTRY, 0),)


class Point(NamedTuple):
    """One end of a range: an object to start from or to exclude.

    `text` is the revision that names it; `is_left` is true for `a` of `a...b`.
    """

    oid: ObjectId
    text: str
    is_excluded: bool = False
    is_left: bool = False


class Resolver:
    """Turns revisions into ids."""

    def __init__(
        self,
        objects: ObjectSource,
        refs: RefReader,
        graph: TurnGraph,
        *,
        clock: Callable[[], int] | None = None,
        warn: Callable[[str], None] | None = None,
        find_stated: FindStated | None = None,
        find_followed: FindFollowed | None = None,
    ) -> None:
        """Make a resolver of one store.

        Args:
            objects: Where objects are read.
            refs: Where refs are read.
            graph: The turns of `objects`.
            clock: Gives the time in milliseconds, for dates such as `yesterday`.
            warn: Takes a line for standard error where a name also means something else.
            find_stated: Gives the turns that state an id of a message, a request or a call.
            find_followed: Gives the ref that follows what a branch follows, or None.
        """
        self._objects = objects
        self._refs = refs
        self._graph = graph
        self._clock = clock if clock is not None else lambda: time.time_ns() // 1_000_000
        self._warn = warn if warn is not None else lambda _: None
        self._find_stated = find_stated
        self._find_followed = find_followed

    def resolve(self, text: str) -> ObjectId:
        """Return the turn that a revision names; tags are followed.

        Raises:
            UserError: The text is no revision, or names nothing, several things, or no turn.
            DataError: Something on the way is damaged.
        """
        return self.peel_to_turn(self.resolve_object(text), text)

    def resolve_object(self, text: str) -> ObjectId:
        """Return the object that a revision names, of whatever kind; a full id is not looked for.

        Raises:
            UserError: The text is no revision, or names nothing or several things.
            DataError: Something on the way is damaged.
        """
        return require_object(self._resolve_revision(parse_revision(text)), text)

    def resolve_selected(self, text: str) -> Selected:
        """Return the object that a revision names, or what of a turn that only decoding gives.

        Raises:
            UserError: As `resolve_object`, but for what is no object of its own.
            DataError: Something on the way is damaged.
        """
        return self._resolve_revision(parse_revision(text))

    def resolve_range(self, texts: Iterable[str]) -> tuple[list[ObjectId], list[ObjectId]]:
        """Return the turns to start from and those to exclude, for `walk`; each once, in order.

        Raises:
            UserError: As `resolve`.
            DataError: As `resolve`.
        """
        points = [point for text in texts for point in self.resolve_points(text)]
        include = dict.fromkeys(point.oid for point in points if not point.is_excluded)
        exclude = dict.fromkeys(point.oid for point in points if point.is_excluded)
        return list(include), list(exclude)

    def resolve_points(self, text: str, *, is_peeled: bool = True) -> list[Point]:
        """Return the ends of one range, or the one end that a revision is, in git's order.

        Args:
            text: A range or a revision.
            is_peeled: Follow tags to turns; else what is named itself may be any object.

        Raises:
            UserError: As `resolve`.
            DataError: As `resolve`.
        """
        points = self._list_points(parse_range(text))
        if not is_peeled:
            return points
        return [point._replace(oid=self.peel_to_turn(point.oid, point.text)) for point in points]

    def resolve_default(self, directory: str | None) -> DefaultSession | None:
        """Return the newest session of a working directory, else the newest; see graph/newest.

        For a command that was given no revision while HEAD is unborn; it names the session on
        standard error.
        """
        return find_default(self._graph, self._refs, directory)

    def find_ref(self, text: str) -> RefName | None:
        """Return the full name of the ref that a revision without further steps means, or None.

        Raises:
            UserError: As `resolve_object`.
            DataError: As `resolve_object`.
        """
        parsed = parse_revision(text)
        if parsed.selector is not None or len(parsed.steps) > (not parsed.name):
            return None
        if parsed.name:
            return find_ref(self._refs, parsed.name) or self._look_up(parsed.name).ref
        if parsed.steps[0].kind in {syntax.LATEST, syntax.CHECKOUT} or parsed.steps == _CURRENT:
            return self._start(parsed).ref
        return None

    def peel(self, oid: ObjectId, kind: str, text: str) -> ObjectId:
        """Follow tags from an object to one of a kind; any kind but a tag where that is empty.

        Raises:
            UserError: They end at an object of another kind, or one that is missing.
            DataError: An object is damaged.
        """
        while True:
            found = self._objects.find(oid)
            if found is None:
                raise _missing(text, oid)
            if kind in (found.kind, "object") or (not kind and found.kind is not Kind.TAG):
                return oid
            if found.kind is not Kind.TAG:
                raise UserError(
                    f"'{shorten(text)}' is a {found.kind}, not a {kind}", oid=oid, kind=found.kind
                )
            oid = decode_tag(found.data).oid

    def peel_to_turn(self, oid: ObjectId, text: str) -> ObjectId:
        """Follow tags from an object to a turn; `text` is what the user wrote, for messages.

        Raises:
            UserError: They end at an object of another kind, or one that is missing.
            DataError: An object is damaged.
        """
        if self._objects.find_facts(oid) is not None:
            return oid  # an index knows it as a turn: nothing has to be read
        return self.peel(oid, Kind.TURN, text)

    def verify_present(self, oid: ObjectId, text: str) -> None:
        """Check that what a ref names is there: a damaged ref file is a valid id all the same.

        Raises:
            ObjectNotFoundError: It is not.
        """
        if not self._objects.contains(oid):
            raise _missing(text, oid)

    def find_turn(self, oid: ObjectId, text: str) -> ObjectId | None:
        """Follow tags from an object; return the turn they end at, None for a blob or rope.

        Raises:
            ObjectNotFoundError: An object on the way is missing.
            DataError: One is damaged.
        """
        if self._objects.find_facts(oid) is not None:
            return oid
        end = self.peel(oid, "", text)
        header = self._objects.find_header(end)
        return end if header is not None and header.kind is Kind.TURN else None

    def _list_points(self, item: RevisionRange) -> list[Point]:
        text = item.one.text
        one = Point(self._resolve_object(item.one), text)
        if item.form == syntax.INCLUDE:
            return [one]
        if item.form == syntax.EXCLUDE:
            return [one._replace(is_excluded=True)]
        turn = self.peel_to_turn(one.oid, text)
        if item.other is not None:
            other = Point(self._resolve_object(item.other), item.other.text)
            if item.form == syntax.BETWEEN:
                return [other, one._replace(is_excluded=True)]
            bases = merge_bases(self._graph, turn, self.peel_to_turn(other.oid, other.text))
            hidden = [Point(base, str(base), is_excluded=True) for base in bases]
            return [other, one._replace(is_left=True), *hidden]
        if item.form == syntax.WITHOUT:
            parent = self._parent(turn, item.number, text)
            return [one, Point(parent, f"{text}^{item.number}", is_excluded=True)]
        is_excluded = item.form == syntax.ALONE
        parents = [
            Point(parent, f"{text}^{number}", is_excluded)
            for number, parent in enumerate(self._graph.parents(turn), 1)
        ]
        return [one, *parents] if is_excluded else parents

    def _resolve_object(self, parsed: Revision) -> ObjectId:
        return require_object(self._resolve_revision(parsed), parsed.text)

    def _resolve_revision(self, parsed: Revision) -> Selected:
        found = self._start(parsed)
        for index, step in enumerate(parsed.steps):
            if parsed.name or index:
                found = self._take(step, found, parsed)
        if parsed.selector is None:
            if found.ref is not None:
                self.verify_present(found.oid, parsed.text)
            return Selected(found.oid)
        turn = self.peel_to_turn(found.oid, parsed.text)
        return select(self._objects, self._graph, turn, parsed.selector, parsed.text)

    def _start(self, parsed: Revision) -> Named:
        """Return what the name means, or the first step where there is no name."""
        if not parsed.name:
            step = parsed.steps[0]
            if step.kind == syntax.SEARCH:
                return Named(self._search(self._all_tips(), step.text, parsed.text))
            if step.kind == syntax.LATEST:
                return self._latest()
            if step.kind == syntax.CHECKOUT:
                return self._left_branch(step.number, parsed.text)
            return self._take_from_log(step, self._refs.read_head().target or HEAD, parsed.text)
        return self._look_up(parsed.name)

    def _look_up(self, name: str) -> Named:
        return look_up(
            self._objects,
            self._refs,
            name,
            warn=self._warn,
            find_stated=self._find_stated,
            find_named=partial(find_named, self._refs, self._graph),
        )

    def _take(self, step: Step, found: Named, parsed: Revision) -> Named:
        text = parsed.text
        if step.kind in {syntax.REFLOG_ENTRY, syntax.REFLOG_DATE, syntax.UPSTREAM}:
            if found.ref is None:
                raise syntax.invalid(text, "'@{…}' follows the name of a ref")
            return self._take_from_log(step, found.ref, text)
        if step.kind == syntax.PEEL:
            return Named(self.peel(found.oid, step.text, text))
        turn = self.peel_to_turn(found.oid, text)
        if step.kind == syntax.ANCESTOR:
            return Named(self._ancestor(turn, step.number, text))
        if step.kind == syntax.PARENT:
            return Named(self._parent(turn, step.number, text))
        if step.kind == syntax.SEARCH:
            return Named(self._search([turn], step.text, text))
        assert step.kind == syntax.ORDINAL, step
        return Named(self._ordinal(turn, step.number, text))

    def _ancestor(self, oid: ObjectId, count: int, text: str) -> ObjectId:
        parents: tuple[ObjectId, ...] = (oid,)
        for passed in range(count + 1):
            if not parents:
                reason = f"'{oid.short()}' has {count_words(passed - 1, 'turn')} before it"
                raise not_found(text, reason, hint_at_turns(text))
            ancestor = parents[0]
            parents = self._graph.parents(ancestor) if passed < count else ()
        return ancestor

    def _parent(self, oid: ObjectId, number: int, text: str) -> ObjectId:
        parents = self._graph.parents(oid)
        if number > len(parents):
            reason = f"turn '{oid.short()}' has {count_words(len(parents), 'parent')}"
            raise not_found(text, reason, hint_at_turns(text))
        return parents[number - 1]

    def _ordinal(self, oid: ObjectId, number: int, text: str) -> ObjectId:
        """Return the turn that is so many turns after the leader, on the way to `oid`."""
        tape = []
        for ancestor in iter_first_parents(self._graph, oid):
            tape.append(ancestor)
            if self._graph.is_leader(ancestor):
                break
        if number >= len(tape):
            reason = f"the last turn of this tape is #{len(tape) - 1}"
            raise not_found(text, reason, hint_at_turns(text))
        return tape[len(tape) - 1 - number]

    def _search(self, tips: Iterable[ObjectId], wanted: str, text: str) -> ObjectId:
        is_negative = wanted.startswith("!-")
        needle = wanted[2:] if is_negative else wanted.removeprefix("!")
        for oid in walk(self._graph, tips):
            summary = self._graph.read_subject(oid).summary or ""
            if (needle in summary) is not is_negative:
                return oid
        raise not_found(
            text,
            "no reachable turn has that in its summary",
            "'tapes search' looks at everything that was said",
        )

    def _all_tips(self) -> list[ObjectId]:
        tips = [ref.oid for ref in self._refs.iter_refs()]
        head = self._refs.read_head().oid
        tips += [head] if head is not None else []
        peeled = (self.find_turn(oid, str(oid)) for oid in dict.fromkeys(tips))
        return [oid for oid in peeled if oid is not None]

    def _latest(self) -> Named:
        name = find_latest(self._graph, self._refs)
        if name is None:
            hint = "'tapes import' and 'tapes record' record sessions"
            raise not_found("@{latest}", "nothing was recorded yet", hint)
        return Named(self._refs.read(name), name)

    def _left_branch(self, number: int, text: str) -> Named:
        for entry in reversed(self._refs.read_reflog(HEAD)):
            if entry.message.startswith(CHECKOUT):
                number -= 1
                if not number:
                    left = entry.message.removeprefix(CHECKOUT).split(" to ", 1)[0]
                    branch = RefName.try_parse(f"refs/heads/{left}")
                    at = self._refs.find(branch) if branch is not None else None
                    return self._look_up(left) if at is None else Named(at, branch)
        hint = "'tapes reflog' says where HEAD was"
        raise not_found(text, "HEAD has not left so many branches", hint)

    def _take_from_log(self, step: Step, ref: RefName, text: str) -> Named:
        if step.kind == syntax.UPSTREAM:
            return self._follow(ref, text)
        if step.kind == syntax.REFLOG_ENTRY and not step.number:
            return Named(self._refs.read(ref), ref)
        entries = self._refs.read_reflog(ref)
        if step.kind == syntax.REFLOG_ENTRY:
            if step.number > len(entries):
                reason = f"the reflog of '{ref.short}' has {count_words(len(entries), 'move')}"
                raise not_found(text, reason, f"'tapes reflog {ref.short}' lists what it has")
            oid = entries[-step.number].old
        else:
            oid = self._value_at(entries, ref, parse_date(step.text, self._clock()), text)
        if oid == ZERO_OID:
            raise not_found(text, f"'{ref}' did not exist then")
        return Named(oid)

    def _follow(self, ref: RefName, text: str) -> Named:
        """Return what the ref holds that follows what a branch follows; HEAD is its branch."""
        ref = self._refs.read_head().target or HEAD if ref == HEAD else ref
        followed = self._find_followed(ref) if self._find_followed is not None else None
        if followed is None:
            hint = "'tapes push -u' gives a branch one; 'tapes branch -vv' shows what follows what"
            raise not_found(text, f"'{ref.short}' has no upstream", hint)
        at = self._refs.find(followed)
        if at is None:
            hint = "'tapes fetch' brings it, if it is on the remote"
            raise not_found(text, f"'{followed.short}' is not here", hint)
        return Named(at, followed)

    def _value_at(
        self, entries: list[ReflogEntry], ref: RefName, moment_ms: int, text: str
    ) -> ObjectId:
        """Return what a ref held at a moment: what the last move up to then made it."""
        if not entries:
            raise not_found(text, f"'{ref}' has no reflog")
        for entry in reversed(entries):
            if entry.time_ms <= moment_ms:
                return entry.new
        first = entries[0]
        if first.old == ZERO_OID:
            self._warn(f"the reflog of '{ref}' begins later than '{shorten(text)}' asks")
            return first.new
        return first.old


def _missing(text: str, oid: ObjectId) -> ObjectNotFoundError:
    return ObjectNotFoundError(
        f"'{shorten(text)}' names object '{oid}', missing",
        hint="'tapes fsck' says what else needs it; 'tapes import' and 'tapes fetch' bring it back",
        oid=oid,
    )
