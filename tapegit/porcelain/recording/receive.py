"""The process that a recording starts to store what its proxy saw.

Source: tapesproxy(7), "The recorder".
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from tapegit.harness.launch.table import find_launch
from tapegit.objects.oid import ObjectId
from tapegit.porcelain.recording.code_repository import find_code_repository
from tapegit.porcelain.secrets.redaction import load_redactor
from tapegit.recorder.calls.exchanges import ScopeFacts
from tapegit.refs.names import RefName
from tapegit.wire.recording.calls import CallRecorder
from tapegit.wire.spool.receiver import Receiver

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import BinaryIO

    from tapegit.repository.repository import Repository


TAG_SIZE_BYTES: Final = 2
"""Two recorders that begin a session in the same second hardly ever have the same tag."""


class Called(NamedTuple):
    """What a recording is called.

    Attributes:
        scope: What comes belongs to it, if it says nothing else.
        name: By the user; None where that is nothing.
    """

    scope: str
    name: str | None = None


class GoesOn(NamedTuple):
    """What that which is recorded may go on from.

    Attributes:
        origins: Turns of a replay.
        onto: The last turn of the branch that is checked out, and its name, with @ between.
    """

    origins: tuple[str, ...] = ()
    onto: str | None = None


def receiver_command(
    python: str,
    repository: Repository,
    scope: str,
    command: tuple[str, ...],
    origins: Iterable[ObjectId] = (),
    *,
    name: str | None = None,
    onto: tuple[RefName, ObjectId] | None = None,
) -> list[str]:
    """Return what starts the process that records: a run of this program, without its own.

    Args:
        python: Runs it.
        repository: The store.
        scope: Of the recording.
        command: What is recorded; nothing for a proxy that stands.
        origins: Turns of a replay that what is recorded may go on from.
        name: What the user calls it.
        onto: The branch that is checked out, and its last turn.
    """
    options = ["--tapes-dir", str(repository.root), "recorder", "--scope", scope]
    options += [f"--name={name}"] if name is not None else []
    options += [f"--from={oid}" for oid in origins]
    options += [f"--onto={'@'.join(map(str, onto[::-1]))}"] if onto is not None else []
    return [python, "-P", "-m", "tapegit", *options, "--", *command]


def receive(
    repository: Repository,
    source: BinaryIO,
    answers: BinaryIO,
    *,
    called: Called,
    command: Sequence[str],
    directory: str,
    goes_on: GoesOn,
) -> None:
    """Store what comes from a proxy, until no more comes.

    Args:
        repository: The store.
        source: Frames of the spool.
        answers: Takes what is said back to it.
        called: What the recording is called.
        command: What is recorded; nothing for a proxy that stands.
        directory: In which it runs.
        goes_on: What it may go on from.

    Raises:
        RedactionError: The rules that find secrets do not load: nothing is stored.
        ConfigError: A rule of the user's is none.
        TapesError: The store cannot be written to at the end.
    """
    redactor = load_redactor(repository.config)
    recorder = CallRecorder(repository, redactor, tag=os.urandom(TAG_SIZE_BYTES).hex())
    if goes_on.onto is not None:
        oid, _, branch = goes_on.onto.partition("@")
        recorder.set_branch(RefName.parse(branch), ObjectId.parse(oid))
    elif goes_on.origins:
        recorder.set_origins(map(ObjectId.parse, goes_on.origins))
    facts = ScopeFacts(name=called.name)
    if command:
        found = find_launch(tuple(command))
        facts = ScopeFacts(
            tuple(command),
            directory,
            find_code_repository(Path(directory)),
            found.launch.name if found is not None else None,
            called.name,
        )
    recorder.set_facts(called.scope, facts)
    Receiver(recorder, answers, repository.root).receive(source)
