"""`record`: a command is run, and what it asks of models is recorded.

Source: tapes-record(1).
"""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING, Final, NamedTuple

from tapegit.errors import TapesError
from tapegit.harness.launch.environment import VARIABLES
from tapegit.harness.launch.table import find_launch, program_name
from tapegit.porcelain.recording.child import SignalsHeld
from tapegit.porcelain.recording.launching import prepare
from tapegit.porcelain.recording.left_behind import iter_left_behind
from tapegit.porcelain.recording.receive import receiver_command
from tapegit.porcelain.recording.recording import Recording
from tapegit.porcelain.recording.run_folder import RunFolder
from tapegit.repository.layout import TMP_NAME

if TYPE_CHECKING:
    from collections.abc import Callable

    from tapegit.objects.oid import ObjectId
    from tapegit.porcelain.recording.launching import Surroundings
    from tapegit.refs.names import RefName
    from tapegit.repository.repository import Repository
    from tapegit.wire.capture import RecordingSummary


DEFAULT_SCOPE: Final = "run"
SCOPE_LENGTH_MAX: Final = 60
LEFT_COUNT_MAX: Final = 5
_UNNAMED: Final = re.compile(r"[^A-Za-z0-9._-]+", re.ASCII)


class Recorded(NamedTuple):
    """What a run came to.

    Attributes:
        code: The exit status of the command.
        summary: What was stored.
        reasons: Where no call was recorded, why that may be; the likeliest first.
        left: Programs that the command left behind: process and name.
        fault: What was wrong with the proxy itself; None where nothing was.
    """

    code: int
    summary: RecordingSummary
    reasons: tuple[str, ...]
    left: tuple[tuple[int, str], ...] = ()
    fault: str | None = None


def record(
    repository: Repository,
    command: tuple[str, ...],
    where: Surroundings,
    *,
    name: str | None,
    on_wait: Callable[[], None],
) -> Recorded:
    """Run a command with a proxy of its own, and return what was recorded.

    Args:
        repository: The store.
        command: Program and arguments.
        where: Its environment and working directory.
        name: What the recording is called; None for the program's.
        on_wait: Called, in another thread, if storing what is left takes long.

    Raises:
        NoOverlayError: The client cannot be pointed at the proxy; nothing was started.
        CommandNotRunError: There is no such command; nothing was started.
        ConfigError: A setting of the user's about upstreams is not valid.
    """
    with SignalsHeld() as held, RunFolder.within(repository.root / TMP_NAME) as folder:
        scope = make_scope(name or program_name(command[0]))
        onto = find_branch(repository)
        receiver = receiver_command(where.python, repository, scope, command, name=name, onto=onto)
        recording = Recording(repository, receiver, where.environ, scope=scope)
        recording.on_wait = on_wait
        with recording:
            prepared = prepare(command, where, recording.places, folder)
            recording.admit()
            code = held.run(prepared.command, prepared.environ)
        doubts = prepared.doubts + folder.read_doubts()
        left = tuple(islice(iter_left_behind(folder.path), LEFT_COUNT_MAX))
    assert recording.finished is not None
    summary, counts, fault = recording.finished
    is_empty = not (summary.calls or summary.errors or summary.lost)
    reasons = _reasons(command, doubts, counts.exchanges) if is_empty else ()
    return Recorded(code, summary, reasons, left, fault)


def find_branch(repository: Repository) -> tuple[RefName, ObjectId] | None:
    """Return the branch that is checked out and its last turn; None where there is none.

    A HEAD that cannot be read keeps nobody from recording: the branch stays where it is.
    """
    try:
        head = repository.refs.read_head()
    except TapesError:
        return None
    return (head.target, head.oid) if head.target is not None and head.oid is not None else None


def make_scope(name: str) -> str:
    """Return a name as it can stand in paths and refs."""
    return _UNNAMED.sub("-", name).strip("-._")[:SCOPE_LENGTH_MAX] or DEFAULT_SCOPE


def _reasons(command: tuple[str, ...], doubts: tuple[str, ...], exchanges: int) -> tuple[str, ...]:
    """Return why no call came, as far as can be told."""
    if exchanges:
        return ("requests came, but none that asked a model for an answer", *doubts)
    if find_launch(command) is not None:
        return doubts or ("the client asked nothing, or its settings lead it elsewhere",)
    names = ", ".join(variable.name for variable in VARIABLES[:5:2])
    return (
        *doubts,
        f"'{command[0]}' runs no client that tapes knows, or one that does not read {names}",
    )
