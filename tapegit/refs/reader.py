"""Reading refs: loose over packed, symbolic refs followed.

Rules: no lock, no change to the disk. A loose ref is looked up before packed-refs, and a
writer puts a ref into packed-refs before it removes the loose file, so a ref that exists is
found at every instant. A ref that its reflog says must exist, and does not, is an error
wherever its absence would otherwise be taken for "unborn".

Source: tapesformat-refs(5).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from tapegit.errors import IntegrityError, RefNotFoundError, TapesError
from tapegit.files.safe_read import read_file
from tapegit.formats.reffile import REF_FILE_SIZE_MAX_BYTES, decode_ref_file
from tapegit.objects.oid import ObjectId
from tapegit.refs.logs import Reflogs
from tapegit.refs.loose import LooseRefs
from tapegit.refs.names import HEAD, RefName
from tapegit.refs.packed import PackedRefsFile

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tapegit.formats.packedrefs import PackedRef
    from tapegit.formats.reflog import ReflogEntry
    from tapegit.refs.loose import OnBroken, RefValue

SYMBOLIC_DEPTH_MAX: Final = 5


class Ref(NamedTuple):
    """A ref and the id it leads to.

    `peeled` is what a tag ends at, where packed-refs says it (None means unknown); `target` is
    the ref that a symbolic ref points to.
    """

    name: RefName
    oid: ObjectId
    peeled: ObjectId | None = None
    target: RefName | None = None


class Head(NamedTuple):
    """HEAD: `target` is None where it is detached, `oid` is None where it is unborn."""

    target: RefName | None
    oid: ObjectId | None


class Resolved(NamedTuple):
    """The end of a chain of symbolic refs.

    `path` begins with the name that was asked for and ends with `name`, the one that holds
    the id; `oid` is None where that one does not exist.
    """

    name: RefName
    oid: ObjectId | None
    path: tuple[RefName, ...]


class RefReader:
    """The refs of the store at `root`, for reading."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.loose = LooseRefs(root)
        self.packed = PackedRefsFile(root)
        self.logs = Reflogs(root)

    def find(self, name: RefName) -> ObjectId | None:
        """Return the id a ref leads to, or None where the ref (or its target) is missing.

        Raises:
            DataError: A ref file or packed-refs is damaged.
            TapesError: A file cannot be read, or symbolic refs point in a circle.
        """
        return self.resolve(name).oid

    def read(self, name: RefName) -> ObjectId:
        """Return the id a ref leads to.

        Raises:
            RefNotFoundError: There is no such ref.
            IntegrityError: There is none, but its reflog says there must be.
            TapesError: As `find`.
        """
        resolved = self.resolve(name)
        if resolved.oid is None:
            self._verify_not_lost(resolved.name)
            raise RefNotFoundError(f"no ref '{name}'", name=name)
        return resolved.oid

    def find_symbolic(self, name: RefName) -> RefName | None:
        """Return the ref that a symbolic ref points to, or None where it is not symbolic.

        Raises:
            TapesError: As `find`.
        """
        value = self.loose.find(name)
        return value if isinstance(value, RefName) else None

    def resolve(self, name: RefName) -> Resolved:
        """Follow symbolic refs to the ref that holds the id.

        Raises:
            IntegrityError: They point in a circle, or more than 5 deep; all are named.
            TapesError: As `find`.
        """
        path = [name]
        while True:
            value = self.find_value(path[-1])
            if not isinstance(value, RefName):
                return Resolved(path[-1], value, tuple(path))
            is_circle = value in path
            path.append(value)
            if is_circle or len(path) > SYMBOLIC_DEPTH_MAX + 1:
                chain = " -> ".join(path)
                what = "point in a circle" if is_circle else "are nested too deep"
                raise IntegrityError(
                    f"symbolic refs {what}: {chain}",
                    hint=f"set one of them: 'tapes symbolic-ref {name} refs/heads/<branch>'",
                    where=name,
                )

    def find_value(self, name: RefName) -> RefValue | None:
        """Return what a ref itself holds, following nothing."""
        value = self.loose.find(name)
        if value is None and name != HEAD:
            record = self.packed.load().find(name)
            return None if record is None else record.oid
        return value

    def read_head(self) -> Head:
        """Return where HEAD is.

        Raises:
            IntegrityError: HEAD is missing, or points to a ref that its reflog says must
                exist and that does not.
            TapesError: As `find`.
        """
        resolved = self.resolve(HEAD)
        if resolved.name == HEAD:
            if resolved.oid is None:
                raise IntegrityError(
                    "HEAD is missing",
                    hint="'tapes symbolic-ref HEAD refs/heads/main' makes a new one",
                    where=HEAD,
                )
            return Head(None, resolved.oid)
        if resolved.oid is None:
            self._verify_not_lost(resolved.name)
        return Head(resolved.path[1], resolved.oid)

    def _verify_not_lost(self, name: RefName) -> None:
        if lost := self.logs.find_lost(name):
            raise IntegrityError(
                f"ref '{name}' is missing, but its reflog ends at {lost.short()}",
                hint=f"'tapes update-ref {name} {lost}' brings it back",
                where=name,
                oid=lost,
            )

    def iter_refs(
        self, prefix: str = "refs/", *, on_broken: OnBroken | None = None
    ) -> Iterator[Ref]:
        """Yield the refs whose names begin with `prefix`, ascending; HEAD is not among them.

        A symbolic ref whose target is missing is left out.

        Args:
            prefix: A beginning of full names.
            on_broken: Takes (name, error) of what cannot be read, which is then passed over;
                also of files whose path is no ref name, which otherwise nobody hears of.

        Raises:
            TapesError: Something cannot be read, and there is no `on_broken`.
        """
        if not prefix.startswith("refs/") and not "refs/".startswith(prefix):
            return
        # A broken file still hides what packed-refs has: that is an older value.
        broken: set[str] = set()

        def note_broken(name: str, error: TapesError) -> None:
            broken.add(name)
            if on_broken is not None:
                on_broken(name, error)

        # Loose before packed: what moves to packed-refs in between is then seen there.
        start = max(prefix, "refs/", key=len)
        loose = self.loose.scan(start, None if on_broken is None else note_broken)
        waiting = sorted(loose, reverse=True)
        for name, record in self._iter_packed(prefix, on_broken):
            while waiting and waiting[-1] < name:
                before = waiting.pop()
                yield from self._loose_ref(before, loose[before], on_broken)
            if name not in broken and (not waiting or waiting[-1] != name):
                yield Ref(name, record.oid, record.peeled)
        for name in reversed(waiting):
            yield from self._loose_ref(name, loose[name], on_broken)

    def _iter_packed(
        self, prefix: str, on_broken: OnBroken | None
    ) -> Iterator[tuple[RefName, PackedRef]]:
        try:
            for record in self.packed.load().iter_refs(prefix):
                name = RefName.try_parse(record.name)
                if name is not None:
                    yield name, record
                elif on_broken is not None:
                    error = IntegrityError("packed-refs has a name that is none", where=record.name)
                    on_broken(record.name, error)
        except TapesError as error:
            if on_broken is None:
                raise
            on_broken("packed-refs", error)

    def _loose_ref(
        self, name: RefName, value: RefValue, on_broken: OnBroken | None
    ) -> Iterator[Ref]:
        if not isinstance(value, RefName):
            yield Ref(name, value)
            return
        try:
            oid = self.resolve(value).oid
        except TapesError as error:
            if on_broken is None:
                raise
            on_broken(name, error)
            return
        if oid is not None:
            yield Ref(name, oid, None, value)

    def read_reflog(self, name: RefName) -> list[ReflogEntry]:
        """Return the moves of a ref, oldest first; none where it has no reflog.

        Raises:
            IntegrityError: A line is damaged.
            TapesError: The file cannot be read.
        """
        return self.logs.read(name)

    def read_sound_reflog(self, name: RefName) -> list[ReflogEntry]:
        """Return the moves whose lines are sound, oldest first, for repair and reports."""
        return self.logs.read_sound(name)

    def iter_reflogs(self) -> Iterator[RefName]:
        """Yield the names that have a reflog, ascending, whether the refs exist or not."""
        return self.logs.iter_names()

    def iter_lost(self) -> Iterator[Ref]:
        """Yield the refs that do not exist though their reflogs say so, at their last values.

        HEAD is not among them: where it is unborn, its log tells of another branch.
        """
        for name in self.logs.iter_names():
            if (
                name != HEAD
                and self.find(name) is None
                and (oid := self.logs.find_lost(name)) is not None
            ):
                yield Ref(name, oid)

    def find_latest(self) -> RefName | None:
        """Return the ref of the newest recording, or None where that is not known.

        LATEST is not durable, so whatever is wrong with it counts as not known.
        """
        try:
            data = read_file(self.root / "LATEST", size_max=REF_FILE_SIZE_MAX_BYTES)
            value = decode_ref_file(data, where="LATEST")
            name = None if isinstance(value, ObjectId) else RefName.parse(value)
            return name if name and self.find(name) else None
        except (FileNotFoundError, TapesError):
            return None
