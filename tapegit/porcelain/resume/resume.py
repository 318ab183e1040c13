"""`resume`: make a client go on from a turn.

First the tape of the new session begins: its leader goes on from the turn, and the branch that is
checked out moves to it if it was at the turn. Only then the client gets its file, under a name
that nothing has, and is run.

Source: tapes-resume(1).
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from tapegit.dialects.tapes.message import DIALECT as MESSAGE
from tapegit.dialects.tapes.message import encode_message
from tapegit.errors import StorageError
from tapegit.files import syscalls
from tapegit.files.durable import TemporaryFile, make_directories
from tapegit.files.oserrors import storage_errors
from tapegit.objects.kind import Kind
from tapegit.objects.turn import CodeRepository, RawPiece, Session, Turn, encode_turn
from tapegit.porcelain.imports.transcripts import Found, ImportOptions, import_transcripts
from tapegit.porcelain.recording.child import CommandNotRunError, SignalsHeld
from tapegit.porcelain.recording.code_repository import find_code_repository
from tapegit.porcelain.resume.database import record_given, run_quietly
from tapegit.porcelain.secrets.redaction import load_redactor
from tapegit.recorder.sources.lineage import MESSAGE as STARTED
from tapegit.recorder.sources.lineage import lineage_ref, make_leader
from tapegit.recorder.sources.runs import write_bytes

if TYPE_CHECKING:
    from tapegit.objects.oid import ObjectId
    from tapegit.porcelain.recording.launching import Surroundings
    from tapegit.porcelain.resume.plan import Plan
    from tapegit.recorder.sources.outcome import ImportedFile
    from tapegit.repository.repository import Repository
    from tapegit.repository.transaction import Transaction

TEMPORARY_PREFIX: Final = ".tapes"


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
