"""Clients that keep sessions in a database: they take a session in, and give it out again.

What a client gives out is a document. The messages after those that it was given are recorded
as the continuation, as lines of a file would be.

Source: tapes-resume(1), "CLIENTS".
"""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Final

from tapegit.dialects.syntax.json_records import Record, read_document
from tapegit.errors import UserError
from tapegit.graph.ancestry import is_ancestor
from tapegit.graph.turns import TurnGraph
from tapegit.harness.table import HARNESSES
from tapegit.porcelain.secrets.redaction import load_redactor
from tapegit.recorder.sources.lineage import Lineage, find_follower
from tapegit.recorder.sources.threader import Threader

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tapegit.harness.facts import Harness
    from tapegit.objects.oid import ObjectId
    from tapegit.porcelain.resume.plan import Plan
    from tapegit.repository.repository import Repository

TIMEOUT_S: Final = 120
MESSAGE: Final = "import"


def run_quietly(
    command: tuple[str, ...], program: str, environ: Mapping[str, str], directory: str
) -> bytes:
    """Run a command of a client to its end and return what it prints.

    Raises:
        UserError: It failed.
    """
    try:
        done = subprocess.run(  # noqa: S603 - the client that the user asked for
            [program, *command[1:]],
            cwd=directory,
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UserError(f"'{' '.join(command[:2])}' did not end: {error}") from error
    if done.returncode:
        said = (done.stderr or done.stdout).decode("utf-8", "replace").strip().splitlines()
        raise UserError(
            f"'{' '.join(command[:2])}' failed with {done.returncode}",
            hint=said[-1][:200] if said else None,
        )
    return done.stdout


def record_given(repository: Repository, planned: Plan, leader: ObjectId, data: bytes) -> int:
    """Record the messages of a document that come after those which the client was given.

    Returns:
        How many there are.

    Raises:
        UserError: The document does not begin with what the client was given.
        StaleRefError: Somebody else moved a ref meanwhile.
    """
    harness = next(each for each in HARNESSES if each.name == planned.client.name)
    given = _list_elements(harness, planned.written.data)
    found = _list_elements(harness, data)
    if len(found) < len(given):
        raise UserError(
            f"session '{planned.aim.session_id}' does not hold what the client was given",
            hint="'tapes import FILE' records its export for itself",
        )
    new = found[len(given) :]
    if not new:
        return 0
    before = repository.refs.find(planned.session_ref)
    redactor = load_redactor(repository.config)
    with repository.transaction(message=MESSAGE) as transaction:
        threader = Threader(harness, transaction.write, redactor, are_lines=False)
        threader.go_on_from(Lineage(leader, planned.aim.session_id, 0))
        for number, element in enumerate(new, 1):
            threader.add(Record(number, 1, element, harness.decode(element), None))
        tip = threader.finish()[0].tip
        transaction.update_ref(planned.session_ref, tip, before, is_fast_forward=True)
        transaction.set_latest(planned.session_ref)
    _follow(repository, leader, before, tip)
    return len(new)


def _follow(
    repository: Repository, leader: ObjectId, before: ObjectId | None, tip: ObjectId
) -> None:
    graph = TurnGraph(repository.objects)
    found = find_follower(repository.refs, graph, leader, before, tip)
    if found is not None and is_ancestor(graph, found[1], tip):
        with repository.ref_transaction(MESSAGE) as refs:
            refs.update(found[0], tip, found[1], is_fast_forward=True)


def _list_elements(harness: Harness, data: bytes) -> list[bytes]:
    """Return the messages of a document; what a client prints around it does not count."""
    start = data.find(b"{")
    value = read_document(data[start:].rstrip()) if start >= 0 else None
    if value is None or harness.document is None or not harness.recognise(value):
        return []
    return [bytes(element) for element in harness.document(value).elements]
