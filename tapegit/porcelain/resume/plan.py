"""What a resume will do: the client, the session that is to be, its file and its command.

Rules: nothing is changed.

Source: tapes-resume(1).
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from tapegit.errors import UserError
from tapegit.harness.places import Surroundings as HarnessSurroundings
from tapegit.harness.resume.continuation import Aim
from tapegit.harness.resume.table import RESUMES, find_resume
from tapegit.porcelain.branches.checkout import Code, find_code
from tapegit.porcelain.recording.code_repository import find_code_repository
from tapegit.porcelain.recording.launching import read_settings
from tapegit.porcelain.resume.conversation import Conversation, read_conversation
from tapegit.recorder.session_names import session_folder, tape_ref
from tapegit.repository.layout import TMP_NAME

if TYPE_CHECKING:
    from tapegit.dialects.exchange import Loss
    from tapegit.graph.turns import TurnGraph
    from tapegit.harness.resume.continuation import Resume, Written
    from tapegit.objects.oid import ObjectId
    from tapegit.porcelain.recording.launching import Surroundings
    from tapegit.refs.names import RefName
    from tapegit.repository.repository import Repository

RANDOM_SIZE_BYTES: Final = 16


class Wanted(NamedTuple):
    """What the user asks for.

    Attributes:
        client: The client to go on with; None for the one that was recorded.
        prompt: What is said next, or None.
        directory: The working directory of the client; None for the present one.
        arguments: Further ones for the client.
    """

    client: str | None = None
    prompt: str | None = None
    directory: str | None = None
    arguments: tuple[str, ...] = ()


class Plan(NamedTuple):
    """What a resume will do.

    Attributes:
        oid: The turn it goes on from.
        client: What goes on.
        aim: The session that is to be.
        conversation: What was said up to the turn.
        written: The session file.
        path: Where that goes.
        command: What is run.
        branch: The branch that goes on with the session, or None.
        code: How the code was at that turn.
    """

    oid: ObjectId
    client: Resume
    aim: Aim
    conversation: Conversation
    written: Written
    path: Path
    command: tuple[str, ...]
    branch: RefName | None
    code: Code | None

    @property
    def losses(self) -> tuple[Loss, ...]:
        """What the client is not given of what was said."""
        return (*self.conversation.losses, *self.written.losses)

    @property
    def session_ref(self) -> RefName:
        """The ref of the session's tape."""
        return tape_ref(session_folder(self.client.name, self.aim.session_id), None)


def choose_client(graph: TurnGraph, oid: ObjectId, name: str | None) -> Resume:
    """Return the client to go on with.

    Raises:
        UserError: There is no such client, or none is known for what recorded the turn.
    """
    known = ", ".join([*(each.program for each in RESUMES), "messages"])
    if name is not None:
        client = find_resume(name)
        if client is None:
            raise UserError(
                f"'{name}' is no client that can go on", hint=f"'tapes resume --with' takes {known}"
            )
        return client
    leader = graph.find_leader(oid)
    session = graph.read_turn(leader).session if leader is not None else None
    harness = session.harness if session is not None else None
    client = find_resume(harness) if harness is not None else None
    if client is None:
        who = f"'{harness}'" if harness else "nobody known"
        raise UserError(
            f"it was recorded from {who}, which cannot be made to go on",
            hint=f"'tapes resume --with CLIENT' says who goes on instead: {known}",
        )
    return client


def make_plan(
    repository: Repository,
    graph: TurnGraph,
    oid: ObjectId,
    wanted: Wanted,
    where: Surroundings,
) -> Plan:
    """Work out all that will be done; nothing is changed.

    Raises:
        UserError: There is no such client, nothing was said, or the directory is none.
        ObjectNotFoundError: An object is missing.
        DataError: An object is damaged.
    """
    client = choose_client(graph, oid, wanted.client)
    directory = os.path.realpath(os.path.join(where.directory, wanted.directory or "."))
    if not os.path.isdir(directory):
        raise UserError(f"'{directory}' is no directory", hint="--cwd names one that exists")
    conversation = read_conversation(repository.objects, graph, oid, client.dialect)
    if not any(each.role != "session" or each.parts for each in conversation.said):
        raise UserError(f"nothing was said up to '{oid.short()}' from which to go on")
    time_ms = repository.clock()
    aim = Aim(
        client.make_id(os.urandom(RANDOM_SIZE_BYTES), time_ms),
        directory,
        time_ms,
        conversation.version,
        conversation.model,
        wanted.prompt,
        wanted.arguments,
    )
    written = client.write(conversation.said, aim)
    folder, relative = client.place(aim, _surroundings_of(where))
    path = Path(folder or repository.root / TMP_NAME, relative)
    head = repository.refs.read_head()
    return Plan(
        oid,
        client,
        aim,
        conversation,
        written,
        path,
        client.command(aim, written, path),
        head.target if head.oid == oid else None,
        _find_code_elsewhere(graph, oid, directory),
    )


def _surroundings_of(where: Surroundings) -> HarnessSurroundings:
    """Return what a harness goes by to find its folder."""

    def read(path: str) -> str | None:
        return read_settings(Path(path))

    return HarnessSurroundings(str(where.home), where.environ, read)


def _find_code_elsewhere(graph: TurnGraph, oid: ObjectId, directory: str) -> Code | None:
    """Return how the code was at a turn, or None where it is so in the directory."""
    code = find_code(graph, oid)
    if code is None:
        return None
    here = find_code_repository(Path(directory))
    was, now = (each.commit if each is not None else None for each in (code.repository, here))
    is_here = code.directory is None or os.path.realpath(code.directory) == directory
    return None if was == now and is_here else code
