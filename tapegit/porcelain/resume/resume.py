"""`resume`: make a client go on from a turn.

A plan says all that will be done, and changes nothing. Then the tape of the new session begins:
its leader goes on from the turn, and the branch that is checked out moves to it if it was at the
turn. Only then the client gets its file, under a name that nothing has, and is run.

Source: tapes-resume(1).
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from tapegit.dialects.tapes.message import DIALECT as MESSAGE
from tapegit.dialects.tapes.message import encode_message
from tapegit.errors import StorageError, UserError
from tapegit.files import syscalls
from tapegit.files.durable import TemporaryFile, make_directories
from tapegit.files.oserrors import storage_errors
from tapegit.harness.places import Surroundings as HarnessSurroundings
from tapegit.harness.resume.continuation import Aim
from tapegit.harness.resume.table import RESUMES, find_resume
from tapegit.objects.kind import Kind
from tapegit.objects.turn import CodeRepository, RawPiece, Session, Turn, encode_turn
from tapegit.porcelain.branches.checkout import Code, find_code
from tapegit.porcelain.imports.transcripts import Found, ImportOptions, import_transcripts
from tapegit.porcelain.recording.child import CommandNotRunError, SignalsHeld
from tapegit.porcelain.recording.code_repository import find_code_repository
from tapegit.porcelain.recording.launching import read_settings
from tapegit.porcelain.resume.conversation import Conversation, read_conversation
from tapegit.porcelain.resume.database import record_given, run_quietly
from tapegit.porcelain.secrets.redaction import load_redactor
from tapegit.recorder.session_names import session_folder, tape_ref
from tapegit.recorder.sources.lineage import MESSAGE as STARTED
from tapegit.recorder.sources.lineage import lineage_ref, make_leader
from tapegit.recorder.sources.runs import write_bytes
from tapegit.repository.layout import TMP_NAME

if TYPE_CHECKING:
    from tapegit.dialects.exchange import Loss
    from tapegit.graph.turns import TurnGraph
    from tapegit.harness.resume.continuation import Resume, Written
    from tapegit.objects.oid import ObjectId
    from tapegit.porcelain.recording.launching import Surroundings
    from tapegit.recorder.sources.outcome import ImportedFile
    from tapegit.refs.names import RefName
    from tapegit.repository.repository import Repository
    from tapegit.repository.transaction import Transaction

RANDOM_SIZE_BYTES: Final = 16
TEMPORARY_PREFIX: Final = ".tapes"


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


class Resumed(NamedTuple):
    """What came of it.

    Attributes:
        code: The exit status of the client.
        file: What became of its session file, or None where it is gone or there was none.
        tip: The newest turn of the session's tape.
        branch_tip: Where the branch is that should have gone on with it.
    """

    code: int
    file: ImportedFile | None
    tip: ObjectId | None
    branch_tip: ObjectId | None


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


def plan(
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


def start(repository: Repository, planned: Plan) -> ObjectId:
    """Begin the tape of the session, then give the client its file; return the leader.

    Raises:
        StaleRefError: The branch was moved meanwhile; nothing was begun.
        StorageError: The store or the file could not be written; a file that exists is kept.
    """
    leader = _begin_tape(repository, planned)
    make_directories(planned.path.parent, root=_first_existing(planned.path.parent))
    with TemporaryFile(planned.path.parent, TEMPORARY_PREFIX) as file:
        file.write(planned.written.data)
        file.sync()
        if not file.publish_new(planned.path):
            raise StorageError(
                f"'{planned.path}' exists already; it was left as it is", path=planned.path
            )
    return leader


def _begin_tape(repository: Repository, planned: Plan) -> ObjectId:
    aim, client = planned.aim, planned.client
    session = _describe(repository, planned)
    message = f"{STARTED}{client.name} {aim.session_id}"
    with repository.transaction(message=message) as transaction:
        parent = planned.oid
        if planned.conversation.repairs:
            parent = transaction.write(Kind.TURN, encode_turn(_make_repair(planned, transaction)))
        leader = make_leader(
            session,
            parent,
            write_bytes(transaction.write, planned.written.data),
            time_ms=aim.time_ms,
            summary=f"{client.name} goes on from {planned.oid.short()} in {session.cwd}",
        )
        oid = transaction.write(Kind.TURN, encode_turn(leader))
        transaction.update_ref(planned.session_ref, oid, None)
        transaction.update_ref(lineage_ref(client.name, aim.session_id), oid, None)
        if planned.branch is not None:
            transaction.update_ref(planned.branch, oid, planned.oid, is_fast_forward=True)
        transaction.set_latest(planned.session_ref)
    return oid


def _describe(repository: Repository, planned: Plan) -> Session:
    """Return what the leader says of the session, without secrets."""
    redactor = load_redactor(repository.config)
    code = find_code_repository(Path(planned.aim.directory))
    if code is not None:
        said = {"branch": code.branch, "commit": code.commit, "remote": code.remote}
        code = CodeRepository(
            **{name: redactor.redact_text(text) if text else None for name, text in said.items()}
        )
    return Session(
        harness=planned.client.name,
        id=planned.aim.session_id,
        cwd=redactor.redact_text(planned.aim.directory),
        repository=code,
    )


def _make_repair(planned: Plan, transaction: Transaction) -> Turn:
    repairs = planned.conversation.repairs
    raw = transaction.write(Kind.BLOB, encode_message(repairs))
    first = repairs[0].text
    more = f" ({len(repairs)} calls)" if len(repairs) > 1 else ""
    return Turn(
        role="tool",
        dialect=MESSAGE,
        time=planned.aim.time_ms,
        parents=(str(planned.oid),),
        raw=(RawPiece(str(raw)),),
        summary=f"{first}{more}",
    )


def _first_existing(path: Path) -> Path:
    while not path.exists():
        path = path.parent
    return path


def find_program(planned: Plan, where: Surroundings) -> str:
    """Return the path of the client.

    Raises:
        CommandNotRunError: There is none on the PATH.
    """
    program = planned.command[0]
    found = shutil.which(program, path=where.environ.get("PATH", os.defpath))
    if found is None:
        raise CommandNotRunError(program, FileNotFoundError(2, "no such file"))
    return found


def run(repository: Repository, planned: Plan, where: Surroundings, leader: ObjectId) -> Resumed:
    """Run the client to its end, and record what it has added to its file.

    Raises:
        CommandNotRunError: The client could not be started.
        UserError: It did not take the session in, or did not give it out.
        TapesError: What it added could not be recorded; 'tapes import' will.
    """
    program = find_program(planned, where)
    environ = {**where.environ, "PWD": planned.aim.directory}
    os.chdir(planned.aim.directory)
    client, session_id = planned.client, planned.aim.session_id
    if client.take_in is not None:
        run_quietly(client.take_in(planned.path), program, environ, planned.aim.directory)
        with storage_errors("remove", planned.path):
            syscalls.unlink(planned.path)
    with SignalsHeld() as held:
        code = held.run((program, *planned.command[1:]), environ)
    if client.give_out is None:
        return _record_file(repository, planned, code)
    data = run_quietly(client.give_out(session_id), program, environ, planned.aim.directory)
    record_given(repository, planned, leader, data)
    return _describe_end(repository, planned, code, None)


def _record_file(repository: Repository, planned: Plan, code: int) -> Resumed:
    """Record what the client has added to its file."""
    file = None
    if planned.path.exists():
        options = ImportOptions(is_bulk=False)
        (file,) = import_transcripts(repository, [Found(str(planned.path), True)], options)
    return _describe_end(repository, planned, code, file)


def _describe_end(
    repository: Repository, planned: Plan, code: int, file: ImportedFile | None
) -> Resumed:
    refs = repository.refs
    branch_tip = refs.find(planned.branch) if planned.branch is not None else None
    return Resumed(code, file, refs.find(planned.session_ref), branch_tip)
