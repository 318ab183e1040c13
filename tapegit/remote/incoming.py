"""What a remote sent: taken apart, verified to the last byte, and only then handed on.

Rules: every git object that a ref needs is computed again from what was verified, and must come
out with the id that it has; so nothing can be added, left out, renamed or put in another order.
The size of an object is looked at before it is read. An object that the remote left out must be
in the store, and goes through the same check. What is wrong is a ProtocolError.

This is the door to pygit2, which reads the objects of the pack; git made its index.

Source: tapesformat-git(5), "Checking".
"""

from __future__ import annotations

import re
import struct
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

import pygit2

from tapegit.errors import DataError, ObjectNotFoundError, ProtocolError
from tapegit.objects.canonical import decode_canonical
from tapegit.objects.kind import SIZE_MAX_BYTES, Kind, object_id
from tapegit.objects.oid import ObjectId
from tapegit.objects.rope import RopeNode, decode_rope
from tapegit.objects.tag import decode_tag
from tapegit.objects.turn import decode_links, decode_turn, verify_turn
from tapegit.remote.mapping import (
    META_NAME,
    NODE_NAME,
    REFS_NAME,
    TAG_NAME,
    TURN_NAME,
    Commit,
    Entry,
    clamp_time,
    content_entry,
    make_meta_objects,
    make_session_objects,
    make_tag_commit,
    make_tree,
    make_turn_commit,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Container
    from pathlib import Path

    from tapegit.formats.shallow import Cut
    from tapegit.remote.git_objects import GitObjects
    from tapegit.remote.id_map import IdMap
    from tapegit.store.database import ObjectDatabase

    Take = Callable[[Kind, bytes], ObjectId]

COMMIT_SIZE_MAX_BYTES: Final = 1 << 20
TREE_SIZE_MAX_BYTES: Final = 64 << 20
REFS_SIZE_MAX_BYTES: Final = 16 << 20
META_SIZE_MAX_BYTES: Final = 1 << 16
TAG_DEPTH_MAX: Final = 32
_GIT_ID_SIZE_BYTES: Final = 20
_CONTENT: Final = struct.Struct("<20sBQ")
"""What is remembered of content: its git id, its level and one (0 of a blob), its size."""
_BLOB: Final = 3
_TREE: Final = 2
_COMMIT: Final = 1
_TYPE_NAMES: Final = {_BLOB: "blob", _TREE: "tree", _COMMIT: "commit"}
_HEADER: Final = re.compile(rb"tree ([0-9a-f]{40})\n((?:parent [0-9a-f]{40}\n)*)author ")
_COMMITTED: Final = re.compile(rb"\ncommitter [^\n]{1,200} ([0-9]{1,10}) \+0000\n")
_ENTRY: Final = re.compile(rb"(100644|40000) ([^\0/]{1,200})\0(.{20})", re.DOTALL)
_T = TypeVar("_T")
_REFS_LINE: Final = re.compile(rb"([0-9a-f]{64}) ([^\n]{1,255})\n")


class CommitHead(NamedTuple):
    """The tree and the parents that a commit states."""

    tree: bytes
    parents: tuple[bytes, ...]


# Each object is read once, in an order that is not the pack's: remembering them serves nothing,
# and what is mapped counts as memory of this process.
pygit2.settings.enable_caching(False)
pygit2.settings.mwindow_size = 4 << 20
pygit2.settings.mwindow_mapped_limit = 64 << 20


class ReceivedPack:
    """The objects of a pack that git has indexed.

    Args:
        folder: A folder with `pack/pack-<name>.pack` and its `.idx`, or None for no objects.
    """

    def __init__(self, folder: Path | None) -> None:
        self._database = pygit2.Odb(str(folder)) if folder is not None else None

    def contains(self, git_id: bytes) -> bool:
        """Return whether the pack has an object."""
        return self._database is not None and self._database.exists(pygit2.Oid(raw=git_id))

    def read(self, git_id: bytes, wanted: int, size_max: int) -> bytes:
        """Return the data of an object of some type.

        Raises:
            ProtocolError: It is missing, damaged, of another type or too large.
        """
        if self._database is None:
            raise _missing(git_id)
        oid = pygit2.Oid(raw=git_id)
        try:
            kind, size = self._database.read_header(oid)
            if int(kind) != wanted:
                raise ProtocolError(f"object {git_id.hex()} is no {_TYPE_NAMES[wanted]}")
            if size > size_max:
                raise ProtocolError(
                    f"object {git_id.hex()} has {size} bytes, the most is {size_max}"
                )
            data: bytes = self._database.read(oid)[1]
        except KeyError as error:
            raise _missing(git_id) from error
        except pygit2.GitError as error:
            raise ProtocolError(f"object {git_id.hex()} is damaged") from error
        return data


class Incoming:
    """Verifies what refs need and hands on each object once, what it needs before it.

    Args:
        objects: The objects of the store.
        pack: What came.
        id_map: Which turn is which commit; what is verified is added.
        made: Makes the git objects of what is in the store.
        take: Takes each object and returns its id.
        rely_on: Takes the id of each object of the store that something new needs.
        cut: Commits whose parents the remote left out, because history was asked for in part.

    Attributes:
        cuts: The turns that came without their parents, as the list of them has them.
    """

    def __init__(
        self,
        objects: ObjectDatabase,
        pack: ReceivedPack,
        id_map: IdMap,
        made: GitObjects,
        take: Take,
        rely_on: Callable[[ObjectId], object],
        cut: Container[bytes] = (),
    ) -> None:
        self._objects = objects
        self._pack = pack
        self._id_map = id_map
        self._made = made
        self._take = take
        self._rely_on = rely_on
        self._contents: dict[bytes, bytes] = {}  # by id, as `_CONTENT` has it
        self._turns: dict[bytes, ObjectId] = {}
        self._parents: dict[ObjectId, ObjectId | tuple[ObjectId, ...]] = {}  # of turns that came
        self._cut = cut
        self.cuts: dict[ObjectId, Cut] = {}

    def take_tape(self, git_id: bytes) -> ObjectId:
        """Verify a turn and all its ancestors, and return its id.

        Raises:
            ProtocolError: Something is wrong with one of them.
            StorageError: They cannot be stored.
        """
        stack = [git_id]
        opened: dict[bytes, CommitHead] = {}
        while stack:
            current = stack[-1]
            if current in self._turns:
                stack.pop()
                continue
            head = opened.get(current)
            if head is None:
                known = self._find_stored(current)
                if known is not None:
                    self._turns[current] = known
                    continue
                head = opened[current] = self._read_head(current)
                waiting = [parent for parent in head.parents if parent not in self._turns]
                stack.extend(self._leave_out_cut(current, waiting))
                continue
            if self._leave_out_cut(current, [p for p in head.parents if p not in self._turns]):
                raise ProtocolError(f"commit {current.hex()} is its own ancestor")
            self._turns[current] = self._take_turn(current, head)
            del opened[current]
            stack.pop()
        return self._turns[git_id]

    def _leave_out_cut(self, git_id: bytes, parents: list[bytes]) -> list[bytes]:
        """Return the parents that must be looked at; of a commit that was cut off those here."""
        if git_id not in self._cut:
            return parents
        return [parent for parent in parents if self._pack.contains(parent) or self._has(parent)]

    def _has(self, git_id: bytes) -> bool:
        oid = self._id_map.find_turn(git_id)
        return oid is not None and self._objects.contains(oid)

    def take_beyond(self, oid: ObjectId, cut: Cut) -> None:
        """Verify what came of the parents of a turn of the store that was cut off there.

        Raises:
            ProtocolError: Something is wrong with one, or it is not the parent.
            StorageError: They cannot be stored.
        """
        turn = decode_turn(self._objects.read(oid).data)
        time_s, parents = cut
        if not any(self._pack.contains(parent) for parent in parents):
            return
        known = [
            self.take_tape(parent) if self._pack.contains(parent) or self._has(parent) else None
            for parent in parents
        ]
        times = [self._commit_of(parent).time_s for parent in known if parent is not None]
        is_so = len(known) == len(turn.parent_ids) and all(
            came in (None, named) for came, named in zip(known, turn.parent_ids, strict=True)
        )
        if None not in known:
            is_so = is_so and max((clamp_time(turn.time), *times)) == time_s
        if not is_so:
            raise ProtocolError(f"the parents of turn '{oid}' are not those that it was cut from")

    def _find_stored(self, git_id: bytes) -> ObjectId | None:
        """Return the turn of a commit that the remote left out, because the store has it."""
        if self._pack.contains(git_id):
            return None
        oid = self._id_map.find_turn(git_id)
        if oid is None or not self._objects.contains(oid):
            raise _missing(git_id)
        self._rely_on(oid)
        return oid

    def _read_head(self, git_id: bytes) -> CommitHead:
        return _parse_head(git_id, self._pack.read(git_id, _COMMIT, COMMIT_SIZE_MAX_BYTES))

    def _read_time(self, git_id: bytes) -> int:
        """Return the committer's time that a commit states."""
        data = self._pack.read(git_id, _COMMIT, COMMIT_SIZE_MAX_BYTES)
        found = _COMMITTED.search(data)
        if found is None:
            raise ProtocolError(f"commit {git_id.hex()} is none of ours")
        return int(found[1])

    def _take_turn(self, git_id: bytes, head: CommitHead) -> ObjectId:
        entries = self._read_tree(head.tree)
        data = self._read_named(entries, TURN_NAME, SIZE_MAX_BYTES[Kind.TURN])
        turn = _checked(git_id, verify_turn, data)
        oid = object_id(Kind.TURN, data)
        known = [self._turns.get(parent) for parent in head.parents]
        if len(known) != len(turn.parent_ids) or any(
            came not in (None, named) for came, named in zip(known, turn.parent_ids, strict=True)
        ):
            raise ProtocolError(f"commit {git_id.hex()} has other parents than its turn")
        time_s = self._read_time(git_id) if None in known else 0
        wanted = dict.fromkeys(decode_links(data).contents)
        found = [self._take_named(entries, content)[0] for content in wanted]
        tree = make_tree([*found, Entry(TURN_NAME, entries[TURN_NAME].git_id)])
        parents = [
            Commit(parent, time_s) if came is None else self._commit_of(came)
            for parent, came in zip(head.parents, known, strict=True)
        ]
        made, commit = make_turn_commit(turn, oid, tree.git_id, parents)
        _verify_made(git_id, made.git_id, is_same=tree.git_id == head.tree)
        self._take(Kind.TURN, data)
        self._id_map.add(oid, commit)
        came = tuple(each for each in known if each is not None)
        self._parents[oid] = came[0] if len(came) == 1 else came
        if None in known:
            self.cuts[oid] = (time_s, head.parents)
        return oid

    def list_border(self, oid: ObjectId, *, until: ObjectId) -> list[ObjectId]:
        """Return the turns of the store that a turn which came descends from, the nearest ones.

        Args:
            oid: A turn that was taken.
            until: A turn below which nothing is looked for; if it is met it is the border.
        """
        border: list[ObjectId] = []
        stack, done = [oid], {oid}
        while stack:
            current = stack.pop()
            parents = self._parents.get(current)
            if current == until:
                return [until]
            if parents is None:
                border.append(current)
                continue
            parents = (parents,) if isinstance(parents, ObjectId) else parents
            fresh = [parent for parent in parents if parent not in done]
            done.update(fresh)
            stack += fresh
        return border

    def _commit_of(self, oid: ObjectId) -> Commit:
        found = self._id_map.find_commit(oid)
        assert found is not None, oid
        return found

    def take_session(self, git_id: bytes, folder: str) -> list[tuple[str, ObjectId]]:
        """Verify a session; return the name, below the session's folder, and turn of each tape.

        Raises:
            ProtocolError: Something is wrong with it.
            StorageError: It cannot be stored.
        """
        head = self._read_head(git_id)
        entries = self._read_tree(head.tree)
        data = self._read_named(entries, REFS_NAME, REFS_SIZE_MAX_BYTES)
        tapes = _parse_refs(git_id, data)
        turns = [self.take_tape(parent) for parent in head.parents]
        if sorted(set(turns)) != sorted({oid for _, oid in tapes}):
            raise ProtocolError(f"session {git_id.hex()} has other parents than tapes")
        commits = {oid: self._commit_of(oid) for oid in turns}
        made = make_session_objects(folder, tapes, commits)[-1]
        _verify_made(git_id, made.git_id, is_same=True)
        return tapes

    def take_tag(self, git_id: bytes) -> ObjectId:
        """Verify a tag and what it names; return the id of the tag object, or of the turn.

        Raises:
            ProtocolError: Something is wrong with it.
            StorageError: It cannot be stored.
        """
        if not self._pack.contains(git_id):
            return self.take_tape(git_id)
        entries = self._read_tree(self._read_head(git_id).tree)
        return self._take_tag(git_id, 0)[0] if TAG_NAME in entries else self.take_tape(git_id)

    def _take_tag(self, git_id: bytes, depth: int) -> tuple[ObjectId, Commit]:
        head = self._read_head(git_id)
        entries = self._read_tree(head.tree)
        data = self._read_named(entries, TAG_NAME, SIZE_MAX_BYTES[Kind.TAG])
        tag = _checked(git_id, decode_tag, data)
        found = [Entry(TAG_NAME, entries[TAG_NAME].git_id)]
        parents: list[Commit] = []
        named: ObjectId | None = tag.oid
        if tag.kind in (Kind.BLOB, Kind.ROPE):
            found.append(self._take_named(entries, tag.oid)[0])
        elif len(head.parents) != 1 or depth > TAG_DEPTH_MAX:
            raise ProtocolError(f"tag {git_id.hex()} has no parent, several, or too deep ones")
        elif tag.kind is Kind.TURN:
            named = self.take_tape(head.parents[0])
            parents = [self._commit_of(named)]
        else:
            named, commit = self._take_tag(head.parents[0], depth + 1)
            parents = [commit]
        if named != tag.oid:
            raise ProtocolError(f"tag {git_id.hex()} has another parent than it names")
        oid = object_id(Kind.TAG, data)
        tree = make_tree(found)
        made, commit = make_tag_commit(tag, oid, tree.git_id, parents)
        _verify_made(git_id, made.git_id, is_same=tree.git_id == head.tree)
        self._take(Kind.TAG, data)
        return oid, commit

    def _take_named(self, entries: dict[bytes, Entry], oid: ObjectId) -> tuple[Entry, int]:
        """Verify the blob or rope of a tree with this id; return its entry and its size."""
        for kind in (Kind.BLOB, Kind.ROPE):
            entry = entries.get(f"{kind.value}-{oid.hex()}".encode())
            if entry is not None:
                return self._take_content(kind, oid, entry.git_id)
        raise ProtocolError(f"'{oid}' is needed, but it did not come")

    def _take_content(self, kind: Kind, oid: ObjectId, git_id: bytes) -> tuple[Entry, int]:
        entry = content_entry(kind, oid, git_id)
        known = self._contents.get(oid)
        if known is not None:
            before, above, size_bytes = _CONTENT.unpack(known)
            if before != git_id or (above == 0) != (kind is Kind.BLOB):
                raise ProtocolError(f"'{oid}' came as two objects of git")
            return entry, size_bytes
        if not self._pack.contains(git_id):
            level, size_bytes = self._verify_stored(entry, kind, oid)
        elif kind is Kind.BLOB:
            data = self._pack.read(git_id, _BLOB, SIZE_MAX_BYTES[Kind.BLOB])
            self._accept(kind, oid, data)
            level, size_bytes = -1, len(data)
        else:
            level, size_bytes = self._take_rope(oid, git_id)
        self._contents[oid] = _CONTENT.pack(git_id, level + 1, size_bytes)
        return entry, size_bytes

    def _accept(self, kind: Kind, oid: ObjectId, data: bytes) -> None:
        if object_id(kind, data) != oid:
            raise ProtocolError(f"{kind} '{oid}' came with other data")
        self._take(kind, data)

    def _take_rope(self, oid: ObjectId, git_id: bytes) -> tuple[int, int]:
        """Verify a rope; the levels of ropes fall, so this recursion is bounded."""
        entries = self._read_tree(git_id)
        data = self._read_named(entries, NODE_NAME, SIZE_MAX_BYTES[Kind.ROPE])
        node: RopeNode = _checked(git_id, decode_rope, data)
        if object_id(Kind.ROPE, data) != oid:
            raise ProtocolError(f"rope '{oid}' came with other data")
        kind = Kind.BLOB if node.level == 0 else Kind.ROPE
        found = {}
        for piece in node.entries:
            if piece.oid is None:
                continue
            entry = entries.get(f"{kind.value}-{piece.oid.hex()}".encode())
            if entry is None:
                raise ProtocolError(f"'{piece.oid}' is needed, but it did not come")
            if piece.oid not in self._contents and kind is Kind.ROPE:
                self._verify_level(entry.git_id, piece.oid, node.level)
            taken, size_bytes = self._take_content(kind, piece.oid, entry.git_id)
            level = _CONTENT.unpack(self._contents[piece.oid])[1] - 1
            if size_bytes != piece.size_bytes or level != node.level - 1:
                raise ProtocolError(f"rope '{oid}' states a size or level that is not so")
            found[taken.name] = taken
        tree = make_tree([*found.values(), Entry(NODE_NAME, entries[NODE_NAME].git_id)])
        _verify_made(git_id, tree.git_id, is_same=True)
        self._take(Kind.ROPE, data)
        return node.level, node.size_bytes

    def _verify_level(self, git_id: bytes, oid: ObjectId, level: int) -> None:
        """Look at the level of a rope before its own ropes are looked at."""
        if not self._pack.contains(git_id):
            return
        data = self._read_named(self._read_tree(git_id), NODE_NAME, SIZE_MAX_BYTES[Kind.ROPE])
        if _checked(git_id, decode_rope, data).level != level - 1:
            raise ProtocolError(f"rope '{oid}' is of another level than what names it")

    def _verify_stored(self, entry: Entry, kind: Kind, oid: ObjectId) -> tuple[int, int]:
        """Check that what the remote left out is in the store; return its level and size."""
        found = self._objects.find(oid)
        if found is None or found.kind is not kind:
            raise ProtocolError(f"'{oid}' is needed, but it did not come")
        try:
            is_same = self._made.content_entry(oid) == entry
        except ObjectNotFoundError as error:
            raise ProtocolError(f"'{oid}' needs what did not come") from error
        if not is_same:
            raise ProtocolError(f"'{oid}' has another id in git than the one that came")
        self._rely_on(oid)
        if kind is Kind.BLOB:
            return -1, len(found.data)
        node = decode_rope(found.data)
        return node.level, node.size_bytes

    def _read_tree(self, git_id: bytes) -> dict[bytes, Entry]:
        data = self._pack.read(git_id, _TREE, TREE_SIZE_MAX_BYTES)
        return _parse_tree(git_id, data)

    def _read_named(self, entries: dict[bytes, Entry], name: bytes, size_max: int) -> bytes:
        entry = entries.get(name)
        if entry is None or entry.is_tree:
            raise ProtocolError(f"a tree lacks the file '{name.decode()}'")
        return self._pack.read(entry.git_id, _BLOB, size_max)


def read_meta(pack: ReceivedPack, git_id: bytes) -> str:
    """Return the branch that the `meta` of a remote names.

    Raises:
        ProtocolError: It is none of ours.
    """
    head = _parse_head(git_id, pack.read(git_id, _COMMIT, COMMIT_SIZE_MAX_BYTES))
    entry = _parse_tree(git_id, pack.read(head.tree, _TREE, META_SIZE_MAX_BYTES)).get(META_NAME)
    if entry is None:
        raise ProtocolError(f"commit {git_id.hex()} is none of ours")
    data = pack.read(entry.git_id, _BLOB, META_SIZE_MAX_BYTES).removesuffix(b"\n")
    found = _checked(git_id, _decode_meta, data)
    named = found.get("head") if isinstance(found, dict) else None
    if not isinstance(named, str) or make_meta_objects(named)[-1].git_id != git_id:
        raise ProtocolError(f"commit {git_id.hex()} is of a mapping that is not known here")
    return named


def _decode_meta(data: bytes) -> object:
    return decode_canonical(data, where="meta")


def _parse_head(git_id: bytes, data: bytes) -> CommitHead:
    found = _HEADER.match(data)
    if found is None:
        raise ProtocolError(f"commit {git_id.hex()} is none of ours")
    parents = tuple(bytes.fromhex(line[7:].decode()) for line in found[2].splitlines())
    return CommitHead(bytes.fromhex(found[1].decode()), parents)


def _parse_tree(git_id: bytes, data: bytes) -> dict[bytes, Entry]:
    entries: dict[bytes, Entry] = {}
    offset = 0
    for found in _ENTRY.finditer(data):
        if found.start() != offset or found[2] in entries:
            break
        entries[found[2]] = Entry(found[2], found[3], found[1] == b"40000")
        offset = found.end()
    if offset != len(data):
        raise ProtocolError(f"tree {git_id.hex()} has an entry that is none of ours")
    return entries


def _parse_refs(git_id: bytes, data: bytes) -> list[tuple[str, ObjectId]]:
    tapes: list[tuple[str, ObjectId]] = []
    for found in _REFS_LINE.finditer(data):
        try:
            name = found[2].decode()
        except UnicodeDecodeError as error:
            raise ProtocolError(f"session {git_id.hex()} has a name that is no text") from error
        tapes.append((name, ObjectId.fromhex(found[1].decode())))
    names = [name for name, _ in tapes]
    written = b"".join(f"{oid} {name}\n".encode() for name, oid in tapes)
    if not tapes or written != data or names != sorted(set(names)):
        raise ProtocolError(f"session {git_id.hex()} has a list of refs that is none of ours")
    return tapes


def _checked(git_id: bytes, decode: Callable[[bytes], _T], data: bytes) -> _T:
    try:
        return decode(data)
    except DataError as error:
        raise ProtocolError(f"object of {git_id.hex()} is not valid: {error.message}") from error


def _verify_made(git_id: bytes, made: bytes, *, is_same: bool) -> None:
    if made != git_id or not is_same:
        raise ProtocolError(f"object {git_id.hex()} is not what its content makes")


def _missing(git_id: bytes) -> ProtocolError:
    return ProtocolError(f"object {git_id.hex()} is needed, but it did not come")
