"""A store that is open: its objects, its refs and its settings, for one time and person.

Rules: opening reads one small file and takes no lock. Whoever moves a ref here does it inside
the gate, where gc removes nothing, and to an object that is there.

Source: tapesformat-store(5).
"""

from __future__ import annotations

import os
import time
from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING

from tapegit.errors import FormatError, InvalidNameError
from tapegit.files.safe_read import read_file, unsafe_path
from tapegit.formats.marker import MARKER_SIZE_MAX_BYTES, decode_marker, verify_supported
from tapegit.objects.kind import Kind
from tapegit.objects.tag import decode_tag
from tapegit.refs.names import HEAD
from tapegit.refs.store import RefStore
from tapegit.repository.gate import WriterGate
from tapegit.repository.layout import FORMAT_NAME, LOCAL_NAMES
from tapegit.store.database import ObjectDatabase

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tapegit.objects.oid import ObjectId
    from tapegit.refs.names import RefName
    from tapegit.refs.transaction import RefTransaction
    from tapegit.repository.config import Config
    from tapegit.repository.transaction import Transaction

TAG_DEPTH_MAX = 32
"""Tags of tags nest no deeper; git has no limit, and nobody ever used three."""


class Repository:
    """The store at `root`; `open` makes one.

    Attributes:
        root: The `.tapes` directory.
        clock: Tells the time in ms since the epoch.
        actor: Who moves refs.
        objects: Every object.
        refs: Every ref.
        gate: The context in which gc removes nothing.
    """

    def __init__(self, root: Path, *, clock: Callable[[], int], actor: str) -> None:
        self.root = root
        self.clock = clock
        self.actor = actor
        self.objects = ObjectDatabase(root)
        self.gate = WriterGate(root, self.objects.refresh)
        self.refs = RefStore(
            root,
            clock,
            actor,
            verify_target=self._verify_target,
            peel=self.peel_tag,
            guard=self.gate,
        )

    @classmethod
    def open(
        cls, root: Path, *, clock: Callable[[], int] | None = None, actor: str = ""
    ) -> Repository:
        """Open a store that `discover` found.

        Args:
            root: The `.tapes` directory.
            clock: Tells the time in ms since the epoch, for reflogs; the machine's by default.
            actor: Who moves refs, for reflogs; may be empty.

        Raises:
            FormatError: Its format file is missing or damaged.
            UnsupportedVersionError: This program does not know its format.
            UnsafePathError: A folder of it is a link, which would lead out of the store.
            StorageError: It cannot be read.
        """
        for name in LOCAL_NAMES:
            if os.path.islink(f"{root}/{name}"):
                raise unsafe_path(root / name, "a symbolic link")
        path = root / FORMAT_NAME
        try:
            data = read_file(path, size_max=MARKER_SIZE_MAX_BYTES)
        except FileNotFoundError as error:
            raise FormatError(
                f"cannot open the store: '{path}' is missing",
                hint="'tapes init' makes it anew; nothing else is touched",
                where=path,
            ) from error
        verify_supported(decode_marker(data, where=str(path)), where=str(path))
        return cls(root, clock=clock or _machine_clock, actor=actor)

    @cached_property
    def config(self) -> Config:
        """The settings, of the store and of the user.

        Raises:
            ConfigError: A file of them is damaged.
        """
        config: Config = import_module("tapegit.repository.config").load_config(self.root)
        return config

    def transaction(
        self, message: str, *, bulk: bool = False, cold: bool = False, threads: int | None = None
    ) -> Transaction:
        """Return a context that writes objects and then moves refs.

        Args:
            message: What the reflogs say.
            bulk: Put the objects into a pack of their own; else each is a loose object.
            cold: The pack will hardly be read again soon: compress it harder.
            threads: How many threads compress a pack, or None for as many as serve.
        """
        module = import_module("tapegit.repository.transaction")
        transaction: Transaction = module.Transaction(
            self, message, bulk=bulk, cold=cold, threads=threads
        )
        return transaction

    def ref_transaction(self, message: str) -> RefTransaction:
        """Return a context that moves refs to objects that are there."""
        return self.refs.transaction(message)

    def peel_tag(self, oid: ObjectId) -> ObjectId | None:
        """Return what a tag ends at, or None for an object that is no tag, or is not here.

        Raises:
            DataError: A tag is damaged.
        """
        end: ObjectId | None = None
        for _ in range(TAG_DEPTH_MAX):
            header = self.objects.find_header(end or oid)
            if header is None or header.kind is not Kind.TAG:
                return end
            end = decode_tag(self.objects.read(end or oid).data).oid
        return None

    def _verify_target(self, name: RefName, oid: ObjectId) -> None:
        """Refuse what a ref may not hold; as in git, a branch and HEAD hold turns alone."""
        found = self.objects.read(oid)
        if found.kind is not Kind.TURN and (name.is_branch or name == HEAD):
            raise InvalidNameError(
                f"cannot move '{name}' to '{oid}': it is a {found.kind}, not a turn",
                hint="a tag, or a name of your own below refs/, may hold any object",
                text=name,
            )


def _machine_clock() -> int:
    return time.time_ns() // 1_000_000
