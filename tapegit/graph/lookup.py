"""Looking a name up: ref, full id, session id, beginning of an id, recording, stated id.

Nothing is ever chosen among equals: a beginning that several sessions or several objects share
is an error that lists them. Where a name means things of different classes (a tag and a
branch; a branch and the beginning of an id) the first class wins and a warning says so.

Source: tapesrevisions(7), "Names".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from tapegit.errors import AmbiguousRevisionError, DataError, RefNotFoundError
from tapegit.objects.oid import OID_HEX_LENGTH, ObjectId, OidPrefix
from tapegit.refs.names import HEAD, RefName, percent_decode_component

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from tapegit.refs.reader import Ref, RefReader
    from tapegit.store.source import ObjectSource

    FindStated = Callable[[str], Sequence["StatingTurn"]]
    FindNamed = Callable[[str], Sequence["Named"]]

SESSION_PREFIX_LENGTH_MIN: Final = 8
CANDIDATE_COUNT_MAX: Final = 100
STATED_LENGTH_MIN: Final = 8

SESSIONS: Final = "refs/sessions/"
REMOTES: Final = "refs/remotes/"
FETCHED: Final = "/@sessions/"
"""Comes between a remote and the harness in refs that follow the sessions of a remote."""
MAIN_TAPES: Final = ("file/main", "wire/main")
"""Which tape of a session stands for it: what its harness wrote, else what the proxy saw."""

_REF_RULES: Final = (
    "%s",
    "refs/%s",
    "refs/tags/%s",
    "refs/heads/%s",
    "refs/remotes/%s",
    "refs/remotes/%s/HEAD",
    "refs/sessions/%s",
    *(f"refs/sessions/%s/{tape}" for tape in MAIN_TAPES),
)
"""Git's rules, in git's order, and then those for sessions."""


class Named(NamedTuple):
    """What a name led to; `ref` is None where it was an id or the beginning of one."""

    oid: ObjectId
    ref: RefName | None = None


class StatingTurn(NamedTuple):
    """A turn that states an id, what the id is of, and the folder of its session's refs."""

    kind: str
    oid: ObjectId
    folder: str


def look_up(
    objects: ObjectSource,
    refs: RefReader,
    text: str,
    *,
    warn: Callable[[str], None],
    find_stated: FindStated | None = None,
    find_named: FindNamed | None = None,
) -> Named:
    """Return what a name without steps means.

    Args:
        objects: Where ids are looked for.
        refs: Where names are looked for.
        text: The name.
        warn: Takes a line where the name also means something else.
        find_stated: Gives the turns that state an id of a message, a request or a call, one for
            each session; asked only for what may be such an id and is nothing else.
        find_named: Gives the tapes of the recording of a name; asked only for what is no ref,
            session or object.

    Raises:
        RefNotFoundError: It means nothing.
        AmbiguousRevisionError: It is the beginning of several ids, or stated in several sessions.
        DataError: A ref on the way is damaged or lost.
    """
    prefix = OidPrefix.find(text)
    if prefix is not None and len(prefix) == OID_HEX_LENGTH:
        return Named(ObjectId.parse(prefix))  # no ref may look like an id
    found = _list_refs(refs, text) or list(_iter_sessions(refs, text))
    if found:
        others = [str(named.ref) for named in found[1:]]
        if prefix is not None:
            others += [f"object {oid}" for oid in objects.match_prefix(prefix)]
        if others:
            warn(f"'{text}' is ambiguous: took {found[0].ref}, not {', '.join(others)}")
        return found[0]
    oids = [] if prefix is None else objects.match_prefix(prefix, count_max=CANDIDATE_COUNT_MAX + 1)
    if not oids and find_named is not None and (named := find_named(text)):
        return _only_one(text, named)
    if not oids and find_stated is not None and _may_be_stated(text):
        oids = _find_stated(find_stated, text)
    if not oids:
        raise _not_found(refs, text)
    if len(oids) > 1:
        raise _ambiguous(text, (_describe(objects, oid) for oid in oids), len(oids))
    return Named(oids[0])


def find_ref(refs: RefReader, text: str) -> RefName | None:
    """Return the full name of the ref that a name means, or None; also of one not yet born.

    Raises:
        DataError: A ref on the way is damaged.
    """
    for named in _iter_refs(refs, text):
        return named.ref
    return None


def abbreviate_ref(refs: RefReader, name: RefName) -> str:
    """Return the shortest text that means this ref and could not mean another one.

    Raises:
        DataError: A ref on the way is damaged.
    """
    for rule in reversed(_REF_RULES):
        head, tail = rule.split("%s")
        short = name.removeprefix(head).removesuffix(tail)
        if name != head + short + tail or not short:
            continue
        if [named.ref for named in _iter_refs(refs, short)] == [name]:
            return short
    return str(name)


def pick_main_tape(tapes: Iterable[Ref], folder: str) -> Ref | None:
    """Return the ref that stands for a session: its file, else its wire, else its first."""
    by_name = {str(ref.name): ref for ref in tapes}
    for tape in MAIN_TAPES:
        if f"{folder}/{tape}" in by_name:
            return by_name[f"{folder}/{tape}"]
    return min(by_name.values(), default=None)


def is_aside(tapes: Iterable[Ref]) -> bool:
    """Return whether all tapes of a session are calls beside a conversation; then it has none."""
    return all("/wire/side/" in ref.name for ref in tapes)


def _iter_refs(refs: RefReader, text: str) -> Iterator[Named]:
    seen = set()
    for rule in _REF_RULES:
        name = RefName.try_parse(rule.replace("%s", text))
        oid = None if name is None or name in seen else refs.find(name)
        if name is not None and oid is not None:
            seen.add(name)
            yield Named(oid, name)


def _list_refs(refs: RefReader, text: str) -> list[Named]:
    """Return all that a name may mean, the first first; of the others only a warning tells."""
    found: list[Named] = []
    try:
        found.extend(_iter_refs(refs, text))
    except DataError:
        if not found:
            raise
    return found


def _iter_sessions(refs: RefReader, text: str) -> Iterator[Named]:
    """Yield the tape that stands for the session whose id is, or alone begins with, `text`."""
    if text.startswith("refs/"):
        return  # the name of a ref, written out; of sessions there may be very many
    sessions = _match_sessions(group_sessions(refs.iter_refs(SESSIONS)), text)
    if not sessions:
        sessions = _match_sessions(group_fetched(refs), text)
    if len(sessions) > 1:
        names = [f"session {folder.removeprefix(SESSIONS)}" for folder in sorted(sessions)]
        raise _ambiguous(text, names, len(names))
    for folder, tapes in sessions.items():
        main = pick_main_tape(tapes, folder)
        if main is not None:
            yield Named(main.oid, main.name)


def _only_one(text: str, named: Sequence[Named]) -> Named:
    """Return the tape of a recording of this name.

    Raises:
        AmbiguousRevisionError: Several sessions have one.
    """
    if len(named) > 1:
        names = ("/".join(str(each.ref).split("/")[-4:-2]) for each in named)
        raise _ambiguous(text, (f"session {name}" for name in names), len(named))
    return named[0]


def group_sessions(found: Iterable[Ref]) -> dict[str, list[Ref]]:
    """Return the tapes of sessions of this store, by the folder of their refs."""
    sessions: dict[str, list[Ref]] = {}
    for ref in found:
        parts = ref.name.split("/", 4)
        if len(parts) == 5:
            sessions.setdefault("/".join(parts[:4]), []).append(ref)
    return sessions


def group_fetched(refs: RefReader) -> dict[str, list[Ref]]:
    """Return the tapes of sessions that remotes have, by the folder of the refs that follow them.

    A session that several remotes have is taken from the first of them.
    """
    sessions: dict[str, list[Ref]] = {}
    homes: dict[str, str] = {}
    for ref in refs.iter_refs(REMOTES):
        home, aside, rest = ref.name.partition(FETCHED)
        parts = rest.split("/", 2)
        if not aside or len(parts) < 3:
            continue
        session = f"{parts[0]}/{parts[1]}"
        if homes.setdefault(session, home) == home:
            sessions.setdefault(f"{home}{FETCHED}{session}", []).append(ref)
    return sessions


def _match_sessions(sessions: dict[str, list[Ref]], text: str) -> dict[str, list[Ref]]:
    """Return the sessions whose id is a text; without one, those whose id begins with it."""
    whole: dict[str, list[Ref]] = {}
    begun: dict[str, list[Ref]] = {}
    for folder, tapes in sessions.items():
        own = folder.rpartition("/")[2]
        session = percent_decode_component(own) if "%" in own else own
        if text in (session, own):
            whole[folder] = tapes
        elif len(text) >= SESSION_PREFIX_LENGTH_MIN and session.startswith(text):
            begun[folder] = tapes
    return whole or begun


def _may_be_stated(text: str) -> bool:
    """Return whether a name may be an id of a harness or a provider: long, and with a digit."""
    is_long = len(text) >= STATED_LENGTH_MIN
    return is_long and "/" not in text and any(map(str.isdigit, text))


def _find_stated(find_stated: FindStated, text: str) -> list[ObjectId]:
    """Return the one turn that states an id, or none.

    Raises:
        AmbiguousRevisionError: Several sessions have one, each another.
    """
    found = find_stated(text)
    oids = list(dict.fromkeys(each.oid for each in found))
    if len(oids) > 1:
        names = [
            f"{each.oid} {each.kind} in {each.folder.removeprefix(SESSIONS)}" for each in found
        ]
        raise _ambiguous(text, names, len(names))
    return oids


def _describe(objects: ObjectSource, oid: ObjectId) -> str:
    header = objects.find_header(oid)
    return f"{oid} {header.kind}" if header is not None else str(oid)


def _ambiguous(text: str, candidates: Iterable[str], count: int) -> AmbiguousRevisionError:
    listed = [line for line, _ in zip(candidates, range(CANDIDATE_COUNT_MAX), strict=False)]
    more = ["…and more"] if count > len(listed) else []
    return AmbiguousRevisionError(
        f"'{text}' is ambiguous",
        hint="it may be one of these:\n" + "\n".join(f"  {line}" for line in listed + more),
        text=text,
        candidates=listed,
    )


def _not_found(refs: RefReader, text: str) -> RefNotFoundError:
    name = RefName.try_parse(f"refs/heads/{text}")
    if text == HEAD:
        target = refs.read_head().target
        branch = target.short if target is not None else "HEAD"
        return RefNotFoundError(
            f"HEAD is unborn: branch '{branch}' has no turn yet",
            hint="'tapes log @{latest}' shows what was recorded last; '@{latest}~3' and the like "
            "name turns of it",
            name=text,
        )
    if name is not None:
        try:
            refs.read(name)  # says so if the branch was lost
        except RefNotFoundError:
            pass
    shown = text if len(text) <= 80 else text[:79] + "…"
    return RefNotFoundError(
        f"no ref, session or object '{shown}'",
        hint="a revision is the name of a ref, an id or at least 4 digits of it, "
        "a session's id or at least 8 characters of it, what its recording is called, or the "
        "whole id of a message or call; "
        "'tapes for-each-ref' and 'tapes sessions' list what there is",
        name=text,
    )
