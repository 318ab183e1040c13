"""What an import need not read again: files whose outcome is known from the last time.

Rules: an outcome is taken from the memory only if the file looks as it did and the refs of its
sessions are what they were; files that a person named are always read. So what is told is the
same without the memory. It is written with what an import records, or where reading took long.

Source: tapesformat-sources(5).
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final

from tapegit import __version__
from tapegit.errors import DataError
from tapegit.index.sources import SourceEntry, SourceMemory
from tapegit.objects.oid import ObjectId, hash_content
from tapegit.recorder.session_names import session_folder, tape_ref
from tapegit.recorder.sources.outcome import SKIPPED, UNCHANGED, Failure, ImportedFile
from tapegit.redact.rules import RULES_VERSION

if TYPE_CHECKING:
    from tapegit.harness.plugins import KnownHarnesses
    from tapegit.index.sources import SourceStamp
    from tapegit.recorder.sources.source import RecordedSource
    from tapegit.redact.user_rules import UserRules
    from tapegit.repository.repository import Repository

WORTH_KEEPING_BYTES: Final = 8 << 20
"""How much an import has to read in vain before it writes to spare the next one that."""

_FOLDER_COUNT_MAX: Final = 64


class ImportMemory:
    """The outcomes of former imports into a store, and those of this one."""

    def __init__(
        self, repository: Repository, harnesses: KnownHarnesses, secrets: UserRules
    ) -> None:
        self._refs = repository.refs
        self._objects = repository.objects
        self._memory = SourceMemory(repository.root, _hash_rules(harnesses, secrets))
        self._states: dict[str, str | None] = {}
        self._read_bytes = 0
        self._has_recorded = False

    def find(self, path: str) -> ImportedFile | None:
        """Return what would become of a file that need not be read for it, or None."""
        entry = self._memory.find(os.path.abspath(path))
        if entry is None:
            return None
        if any(self._read_state(folder) != state for folder, state in entry.states.items()):
            return None
        try:
            file = _decode(path, entry.outcome)
        except (TypeError, ValueError, DataError):
            return None
        # A store that has lost what was recorded gets it again.
        return file if file.tip is None or self._objects.contains(file.tip) else None

    def forget_states(self) -> None:
        """Look at the refs anew: they have moved."""
        self._states.clear()

    def note(
        self, file: ImportedFile, stamp: SourceStamp | None, source: RecordedSource | None
    ) -> None:
        """Keep what became of a file that was read.

        Args:
            file: What became of it.
            stamp: What it looked like then.
            source: What was made of it.
        """
        self._read_bytes += stamp.size_bytes if stamp is not None else 0
        self._has_recorded |= file.state not in {SKIPPED, UNCHANGED}
        if stamp is None or (source is None) != (file.state == SKIPPED):
            return
        states = {}
        if source is not None:
            folders = _list_folders(source)
            if len(folders) > _FOLDER_COUNT_MAX or self._is_ambiguous(file, source, folders[-1]):
                return
            for folder in folders:
                state = self._read_state(folder)
                if state is None:
                    return
                states[folder] = state
        entry = SourceEntry(stamp, states, _encode(file))
        self._memory.note(os.path.abspath(file.path), entry)

    def save(self) -> None:
        """Write what is new to the store's memory, if that is worth it."""
        if self._has_recorded or self._read_bytes >= WORTH_KEEPING_BYTES:
            self._memory.save()

    def _is_ambiguous(self, file: ImportedFile, source: RecordedSource, folder: str) -> bool:
        """Return whether another state of a document would be told of next time."""
        return source.document is not None and self._refs.find(tape_ref(folder, None)) != file.tip

    def _read_state(self, folder: str) -> str | None:
        """Return a hash of the refs of a session's files, or None where one cannot be read."""
        if folder not in self._states:
            broken: list[str] = []
            refs = self._refs.iter_refs(
                f"{folder}/file/", on_broken=lambda name, _: broken.append(name)
            )
            text = "".join(f"{ref.name} {ref.oid}\n" for ref in refs)
            state = hash_content(text.encode("utf-8", "surrogatepass"))[:16].hex()
            self._states[folder] = None if broken else state
        return self._states[folder]


def _list_folders(source: RecordedSource) -> list[str]:
    """Return the folders of refs that decide what becomes of a source, that of its id last."""
    harness = source.harness.name
    ids = dict.fromkeys(tape.session_id for tape in source.tapes)
    named = [session_folder(harness, each) for each in ids if each is not None]
    return [session_folder(harness, f"unnamed-{source.unnamed_digits}"), *named]


def _hash_rules(harnesses: KnownHarnesses, secrets: UserRules) -> str:
    lines = [f"{each.name} {each.dialect}" for each in harnesses.harnesses]
    lines += [__version__, str(RULES_VERSION), repr(secrets), *harnesses.versions]
    return hash_content("\n".join(lines).encode("utf-8", "surrogatepass"))[:16].hex()


def _encode(file: ImportedFile) -> list[Any]:
    """Return an outcome as JSON's types: what is told of the file when it is met again."""
    return [
        file.state if file.state == SKIPPED else UNCHANGED,
        *file[2:6],
        file.size_bytes,
        str(file.tip) if file.tip is not None else None,
        *file[8:],
    ]


def _decode(path: str, outcome: list[Any]) -> ImportedFile:
    """Return what `_encode` was given.

    Raises:
        TypeError, ValueError, DataError: It is something else.
    """
    state, reason, harness, session, turn_count, size_bytes, tip, unreadable, failures, secrets = (
        outcome
    )
    return ImportedFile(
        path,
        str(state),
        reason,
        harness,
        session,
        int(turn_count),
        int(size_bytes),
        None if tip is None else ObjectId.parse(tip),
        int(unreadable),
        tuple(Failure(int(line), str(why)) for line, why in failures),
        tuple((str(rule), int(count)) for rule, count in secrets),
    )
