"""The git objects of what a store holds, made when they are asked for and kept nowhere.

Rules: ids of content are remembered for one run, ids of turns in the id map. What was `learned`
is on the other side already and is not given out again; everything else comes before what
names it, each once.

Source: tapesformat-git(5), "Content" and "Turns".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tapegit.errors import FormatError
from tapegit.graph.turns import TurnGraph
from tapegit.graph.walk import walk
from tapegit.objects.kind import Kind
from tapegit.objects.links import iter_links
from tapegit.objects.tag import decode_tag
from tapegit.objects.turn import decode_links, decode_turn
from tapegit.remote.mapping import (
    GIT_BLOB,
    NODE_NAME,
    TAG_NAME,
    TURN_NAME,
    Commit,
    Entry,
    GitObject,
    content_entry,
    make_object,
    make_tag_commit,
    make_tree,
    make_turn_commit,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tapegit.objects.kind import Object
    from tapegit.objects.oid import ObjectId
    from tapegit.objects.turn import Turn
    from tapegit.remote.id_map import IdMap
    from tapegit.store.database import ObjectDatabase

    Emit = Callable[[GitObject], object]

_BATCH_COUNT: Final = 256
NEAR_COUNT_MAX: Final = 1000


def _drop(_made: GitObject) -> None:
    """Take an object of which only the id is wanted."""


def _drop_count(_count: int) -> None:
    """Take a count that nobody looks at."""


class GitObjects:
    """Makes git objects of the objects of a store."""

    def __init__(self, objects: ObjectDatabase, id_map: IdMap) -> None:
        self._objects = objects
        self._id_map = id_map
        self._git_ids: dict[bytes, bytes] = {}
        self._ropes: set[bytes] = set()
        self._known: set[bytes] = set()
        self._ready: dict[ObjectId, Object] = {}

    def ensure_mapped(self, tips: Iterable[ObjectId]) -> None:
        """Work out the commits of some turns and of all their ancestors, as far as needed.

        Raises:
            ObjectNotFoundError: A turn or what it needs is missing.
            DataError: It is damaged.
        """
        unmapped = [oid for oid in tips if self._id_map.find_commit(oid) is None]
        if unmapped:
            self.emit_turns(self._iter_unmapped(unmapped), _drop, keep=False)

    def _iter_unmapped(self, tips: list[ObjectId]) -> list[ObjectId]:
        """Return the turns that are not in the map, ancestors first."""
        graph = TurnGraph(self._objects)
        ordered: list[ObjectId] = []
        done: set[ObjectId] = set()
        stack = [(oid, False) for oid in tips]
        while stack:
            oid, is_open = stack.pop()
            if is_open:
                ordered.append(oid)
                continue
            if oid in done or self._id_map.find_commit(oid) is not None:
                continue
            done.add(oid)
            stack.append((oid, True))
            stack.extend((parent, False) for parent in graph.parents(oid))
        return ordered

    def learn(self, oids: Iterable[ObjectId]) -> None:
        """Note that the other side has the content of some turns."""
        for oid in oids:
            for content in decode_links(self._objects.read(oid).data).contents:
                self._content(content, _drop, keep=True)

    def emit_turns(
        self,
        oids: list[ObjectId],
        emit: Emit,
        *,
        keep: bool = True,
        on_done: Callable[[int], object] = _drop_count,
    ) -> None:
        """Give out the objects of some turns, ancestors first; parents' commits are in the map.

        Args:
            oids: The turns, each after its parents.
            emit: Takes each git object that was not given out before.
            keep: Remember what content was given out.
            on_done: Takes how many turns were given out, now and then.

        Raises:
            ObjectNotFoundError: A turn or what it needs is missing.
            DataError: It is damaged.
        """
        for start in range(0, len(oids), _BATCH_COUNT):
            chunk = oids[start : start + _BATCH_COUNT]
            found = [(oid, self._read_turn(oid)) for oid in chunk]
            self._read_ahead(data for _, data in found)
            for oid, data in found:
                self._emit_turn(oid, data, emit, keep=keep)
            self._ready.clear()
            on_done(start + len(chunk))

    def _read_turn(self, oid: ObjectId) -> bytes:
        return self._objects.read(oid).data

    def _read_ahead(self, turns: Iterable[bytes]) -> None:
        """Read the content of some turns in the order it lies in packs."""
        wanted = dict.fromkeys(
            oid for data in turns for oid in decode_links(data).contents if oid not in self._git_ids
        )
        for oid, found in self._objects.read_many(list(wanted)):
            if found is not None:
                self._ready[oid] = found

    def _emit_turn(self, oid: ObjectId, data: bytes, emit: Emit, *, keep: bool) -> None:
        turn = decode_turn(data)
        entries = {
            content: self._content(content, emit, keep=keep)
            for content in decode_links(data).contents
        }
        made = make_object(GIT_BLOB, data)
        tree = make_tree([*entries.values(), Entry(TURN_NAME, made.git_id)])
        commit, mapped = make_turn_commit(turn, oid, tree.git_id, self._parents(turn, oid))
        self._id_map.add(oid, mapped)
        for each in (made, tree, commit):
            emit(each)

    def _parents(self, turn: Turn, oid: ObjectId) -> list[Commit]:
        """Return the commits of a turn's parents; of those that were cut off what is kept."""
        found = [self._id_map.find_commit(parent) for parent in turn.parent_ids]
        time_s, kept = self._objects.cuts.get(oid, (0, ()))
        cut = [Commit(git_id, time_s) for git_id in kept]
        chosen = [known or cut[place] for place, known in enumerate(found)]
        assert len(chosen) == len(turn.parent_ids), oid
        return chosen

    def commit_of(self, oid: ObjectId) -> Commit:
        """Return the commit of a turn that was mapped."""
        found = self._id_map.find_commit(oid)
        assert found is not None, oid
        return found

    def content_entry(self, oid: ObjectId) -> Entry:
        """Return the entry of a blob or rope of the store; nothing is given out.

        Raises:
            ObjectNotFoundError: It, or what it needs, is missing.
            DataError: It is damaged.
        """
        return self._content(oid, _drop, keep=False)

    def _content(self, oid: ObjectId, emit: Emit, *, keep: bool) -> Entry:
        """Return the entry of a blob or rope, after giving out what was not yet; depth <= 12."""
        git_id = self._git_ids.get(oid)
        if git_id is not None and (not keep or oid in self._known):
            return content_entry(Kind.ROPE if oid in self._ropes else Kind.BLOB, oid, git_id)
        found = self._ready.get(oid) or self._objects.read(oid)
        if found.kind is Kind.BLOB:
            made = make_object(GIT_BLOB, found.data)
            emit(made)
        elif found.kind is Kind.ROPE:
            inner = {
                link.oid: self._content(link.oid, emit, keep=keep)
                for link in iter_links(Kind.ROPE, found.data)
            }
            node = make_object(GIT_BLOB, found.data)
            emit(node)
            made = make_tree([*inner.values(), Entry(NODE_NAME, node.git_id)])
            emit(made)
        else:
            raise FormatError(f"object '{oid}' is a {found.kind}, not content", where=str(oid))
        self._git_ids[oid] = made.git_id
        if found.kind is Kind.ROPE:
            self._ropes.add(oid)
        if keep:
            self._known.add(oid)
        return content_entry(found.kind, oid, made.git_id)

    def emit_tag(self, oid: ObjectId, emit: Emit) -> Commit:
        """Give out the objects of a tag object and return its commit; depth <= 32.

        Raises:
            ObjectNotFoundError: It, or what it names, is missing.
            DataError: It is damaged.
        """
        data = self._objects.read(oid).data
        tag = decode_tag(data)
        parents: list[Commit] = []
        made = make_object(GIT_BLOB, data)
        entries = [Entry(TAG_NAME, made.git_id)]
        if tag.kind is Kind.TURN:
            self.ensure_mapped([tag.oid])
            parents = [self.commit_of(tag.oid)]
        elif tag.kind is Kind.TAG:
            parents = [self.emit_tag(tag.oid, emit)]
        else:
            entries.append(self._content(tag.oid, emit, keep=True))
        tree = make_tree(entries)
        commit, mapped = make_tag_commit(tag, oid, tree.git_id, parents)
        for each in (made, tree, commit):
            emit(each)
        return mapped


def list_new_turns(
    objects: ObjectDatabase, tips: Iterable[ObjectId], known: Iterable[ObjectId]
) -> list[ObjectId]:
    """Return the turns that tips reach and known ones do not, ancestors first.

    Raises:
        ObjectNotFoundError: A turn is missing.
        DataError: One is damaged.
    """
    graph, tips, known = TurnGraph(objects), list(tips), list(known)
    near = _list_near(graph, tips, frozenset(known))
    if near is not None:
        return near
    ordered = list(walk(graph, tips, exclude=known))
    ordered.reverse()
    return ordered


def _list_near(
    graph: TurnGraph, tips: list[ObjectId], known: frozenset[ObjectId]
) -> list[ObjectId] | None:
    """Return the turns between tips and known ones, ancestors first, where they are few.

    A walk has to pass by all that is known and younger; going up from the tips does not. None
    where a way ends at no known turn: then it may be that known ones descend from some of these.
    """
    ordered: list[ObjectId] = []
    done = set(known)
    stack = [(oid, False) for oid in tips]
    while stack:
        oid, is_open = stack.pop()
        if is_open:
            ordered.append(oid)
        elif oid not in done:
            done.add(oid)
            parents = graph.parents(oid)
            if not parents or len(done) - len(known) > NEAR_COUNT_MAX:
                return None
            stack.append((oid, True))
            stack.extend((parent, False) for parent in parents)
    return ordered
