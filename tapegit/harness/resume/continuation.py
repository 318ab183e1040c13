"""How a client is made to go on from a turn: what its module is given, and what it says.

Rules: a module is pure: it gets a conversation and returns the bytes of a session file in the
client's own format, where the file goes, and the command. It never adds a flag that skips a
permission. Nothing is left out without a `Loss`.

Source: tapes-resume(1).
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple, Protocol

from tapegit.dialects.exchange import Loss, Message, Request

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from tapegit.dialects.exchange import WireDialect
    from tapegit.dialects.losses import Losses
    from tapegit.dialects.parts import AnyPart
    from tapegit.harness.places import Surroundings


class Said(NamedTuple):
    """One message of the conversation that is to go on.

    Attributes:
        role: `user`, `assistant`, `tool` or `system`; `session` and `event` of native records.
        parts: What it says.
        records: Its records in the client's own format, each one JSON value; None where they
            are in another one.
        dialect: How the message was written.
        model: Who answered.
        time_ms: When, since the epoch.
        is_repair: It was not said: it mends what is broken.
    """

    role: str
    parts: tuple[AnyPart, ...]
    records: tuple[bytes, ...] | None
    dialect: str = ""
    model: str | None = None
    time_ms: int | None = None
    is_repair: bool = False


class Aim(NamedTuple):
    """What a session is to be.

    Attributes:
        session_id: Its id, in the client's words.
        directory: The working directory, absolute, symbolic links resolved.
        time_ms: Now.
        version: Of the client that the conversation was recorded with, if it is the same.
        model: Who answered last.
        prompt: What the user says next, or None.
        arguments: Further arguments of the user's for the client.
    """

    session_id: str
    directory: str
    time_ms: int
    version: str | None = None
    model: str | None = None
    prompt: str | None = None
    arguments: tuple[str, ...] = ()


class Written(NamedTuple):
    """A session file.

    Attributes:
        data: Its bytes.
        losses: What of the conversation is not in it.
        last: What the client calls its last record, where it can be told to go on from there.
    """

    data: bytes
    losses: tuple[Loss, ...]
    last: str | None = None


class Resume(NamedTuple):
    """How one client goes on.

    Attributes:
        name: Of the harness.
        dialect: In which its records are read.
        program: What is run.
        write: Makes the session file.
        place: Says where it goes: the folder that is the client's own, and the path below it.
        command: Returns the command; it is given the file and where that is.
        make_id: Makes an id of 16 random bytes and the time.
        take_in: The command with which a client takes in a file, where it keeps sessions in a
            database; then the file is a document, and no longer than until it was taken in.
        give_out: The command that prints such a session as a document, given its id.
    """

    name: str
    dialect: str
    program: str
    write: Callable[[Sequence[Said], Aim], Written]
    place: Callable[[Aim, Surroundings], tuple[str, str]]
    command: Callable[[Aim, Written, Path], tuple[str, ...]]
    make_id: Callable[[bytes, int], str]
    take_in: Callable[[Path], tuple[str, ...]] | None = None
    give_out: Callable[[str], tuple[str, ...]] | None = None


class TakesMessages(Protocol):
    """A session of a client while it is put together."""

    @property
    def losses(self) -> Losses:
        """What of the messages is not in it; its `message` is the number of the one added."""

    def add_own(self, record: bytes) -> None:
        """Add a record that is in the client's own format."""

    def add_said(self, said: Said) -> None:
        """Add what a message in another format says."""


def add_all(session: TakesMessages, said: Sequence[Said]) -> None:
    """Add every message in its order: its own records as they are, others by what they say."""
    for number, each in enumerate(said, 1):
        session.losses.message = number
        for record in each.records or ():
            session.add_own(record)
        if each.records is None:
            session.add_said(each)


def group_said(said: Sequence[Said]) -> Iterator[tuple[bool, list[Said]]]:
    """Yield runs of messages that are in the client's own format, or that are not.

    Repairs are runs of their own.
    """
    for (is_own, _), run in groupby(said, lambda each: (each.records is not None, each.is_repair)):
        yield is_own, list(run)


def translate(said: Sequence[Said], dialect: WireDialect) -> tuple[bytes, tuple[Loss, ...]]:
    """Return messages as a provider's request has them, and what is not in it."""
    if all(each.is_repair for each in said):
        # What is put in is said as a repair; nothing of the tape is lost with it.
        return translate([each._replace(is_repair=False) for each in said], dialect)[0], ()
    dialects = {each.dialect for each in said if not each.dialect.startswith("tapes.message@")}
    request = Request(
        dialect=dialects.pop() if len(dialects) == 1 else "",
        messages=tuple(Message(role=each.role, parts=each.parts) for each in said),
    )
    return dialect.encode_request(request)


def find_provider(model: str | None) -> str:
    """Return who a model is of, by its name."""
    name = (model or "").lower()
    if name.startswith(("gpt", "o1", "o3", "o4", "codex")):
        return "openai"
    return "google" if name.startswith("gemini") else "anthropic"


def order_arguments(arguments: tuple[str, ...], prompt: str | None) -> tuple[str, ...]:
    """Return a prompt and what the user adds, so that neither is taken for the other."""
    if prompt is None:
        return arguments
    return (*arguments, "--", prompt) if prompt.startswith("-") else (prompt, *arguments)


def make_timed_uuid(digits: bytes, time_ms: int) -> str:
    """Return 10 bytes and a time as a UUID that sorts by time."""
    text = make_uuid(time_ms.to_bytes(6, "big") + digits[:10])
    return f"{text[:14]}7{text[15:]}"


def make_uuid(digits: bytes) -> str:
    """Return 16 bytes as a random UUID."""
    data = bytearray(digits[:16])
    data[6] = data[6] & 0x0F | 0x40
    data[8] = data[8] & 0x3F | 0x80
    text = bytes(data).hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
