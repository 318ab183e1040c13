"""The commands that `update-ref --stdin` reads, in git's two forms.

Lines, with one space between words, or with `-z` a verb and a ref, and NUL after each value:

    update REF NEW [OLD]        create REF NEW        delete REF [OLD]        verify REF [OLD]
    option no-deref             start                 prepare        commit        abort

A value of zeros, or an empty one, stands for "no object". With `-z` an empty old value means
that none is given.

Source: tapes-update-ref(1), "STANDARD INPUT".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from tapegit.errors import FormatError
from tapegit.objects.oid import ZERO_OID, ObjectId
from tapegit.refs.names import RefName
from tapegit.refs.store import ANY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import BinaryIO

    from tapegit.refs.transaction import Expected

READ_SIZE_BYTES: Final = 1 << 16
RECORD_SIZE_MAX_BYTES: Final = 1 << 16
SESSION_VERBS: Final = ("start", "prepare", "commit", "abort")

_VALUES: Final = {"update": ("new", "old"), "create": ("new",), "delete": ("old",)} | {
    "verify": ("old",)
}
"""The values that follow the ref of each verb; an old value may be left out."""


class RefCommand(NamedTuple):
    """One command; verbs of the session (`start` …) have no name.

    `new` is None where there is no new value; `old` is what the ref must hold: an id, None for
    "must not exist", or ANY.
    """

    verb: str
    name: RefName | None = None
    new: ObjectId | None = None
    old: Expected = ANY
    deref: bool = True


def iter_records(stream: BinaryIO, *, nul: bool) -> Iterator[str]:
    """Yield what stands between the ends of lines, or NULs, as it arrives.

    Raises:
        FormatError: A record is longer than any command, or the last one has no end.
    """
    end = b"\0" if nul else b"\n"
    left = b""
    while arrived := stream.read1(READ_SIZE_BYTES):  # type: ignore[attr-defined]
        *records, left = (left + arrived).split(end)
        if len(left) > RECORD_SIZE_MAX_BYTES:
            raise _bad("a record is too long", "")
        for record in records:
            yield record.decode("utf-8", "surrogateescape")
    if left:
        if nul:
            raise _bad("the last record does not end with NUL", "")
        yield left.decode("utf-8", "surrogateescape")


def iter_commands(
    records: Iterable[str], resolve: Callable[[str], ObjectId], *, nul: bool
) -> Iterator[RefCommand]:
    """Yield the commands that records hold.

    Args:
        records: From `iter_records`.
        resolve: Turns a value that is no full id into one.
        nul: Whether values are records of their own.

    Raises:
        FormatError: A record is no command.
        InvalidNameError: A ref has a bad name.
        UserError: A value names no object.
    """
    source = iter(records)
    deref = True
    for record in source:
        verb, _, rest = record.partition(" ")
        if verb in SESSION_VERBS and not rest:
            yield RefCommand(verb)
        elif verb == "option" and rest == "no-deref":
            deref = False
        elif verb in _VALUES and rest:
            values = _take_values(source, verb, record) if nul else rest.split(" ")[1:]
            name = RefName.parse(rest if nul else rest.split(" ")[0])
            yield _make(verb, name, values, resolve, nul=nul, deref=deref)
            deref = True
        else:
            raise _bad("unknown command", record)


def _take_values(source: Iterator[str], verb: str, record: str) -> list[str]:
    values = [value for _, value in zip(_VALUES[verb], source, strict=False)]
    if len(values) != len(_VALUES[verb]):
        raise _bad("the input ends within a command", record)
    return values


def _make(
    verb: str,
    name: RefName,
    values: list[str],
    resolve: Callable[[str], ObjectId],
    *,
    nul: bool,
    deref: bool,
) -> RefCommand:
    named = dict(zip(_VALUES[verb], values, strict=False))
    if len(values) > len(_VALUES[verb]):
        raise _bad(f"{verb} {name}: extra input", " ".join(values))
    if "new" in _VALUES[verb] and "new" not in named:
        raise _bad(f"{verb} {name}: missing new value", "")
    new = parse_value(named["new"], resolve) if "new" in named else None
    old: Expected = ANY
    given = named.get("old")
    if given is not None and not (nul and not given):
        old = parse_value(given, resolve)
    elif verb in ("verify", "create"):
        old = None
    if verb == "create" and new is None:
        raise _bad(f"create {name}: the new value must not be zero", "")
    if verb == "delete" and old is None:
        raise _bad(f"delete {name}: the old value must not be zero", "")
    return RefCommand(verb, name, new, old, deref)


def parse_value(text: str, resolve: Callable[[str], ObjectId]) -> ObjectId | None:
    """Return the id that a value names, or None for zeros or nothing."""
    if not text or text == str(ZERO_OID):
        return None
    return resolve(text)


def _bad(what: str, record: str) -> FormatError:
    text = f"{what}: '{record[:80]}'" if record else what
    return FormatError(text, where="standard input")
