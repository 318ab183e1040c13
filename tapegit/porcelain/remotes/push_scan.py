"""What is looked at before anything leaves: every byte that is new, with the rules for secrets.

Rules: a value is never shown; what was found has an id that is the same for the same value and
rule, so that one permission covers every place. What was redacted when it was recorded has
nothing to find, unless the rules have learned since.

Source: tapes-push(1), "SECRETS"; tapesredaction(7).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from tapegit.errors import UserError
from tapegit.graph.selection import count_words
from tapegit.objects.kind import Kind
from tapegit.objects.links import iter_links
from tapegit.objects.oid import hash_content
from tapegit.objects.turn import decode_links, decode_turn
from tapegit.rewrite.scan import name_contents

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from tapegit.objects.oid import ObjectId
    from tapegit.porcelain.remotes.push_plan import Planned
    from tapegit.redact.redactor import Redactor
    from tapegit.repository.repository import Repository

ALL: Final = "all"
_ID_DIGIT_COUNT: Final = 10
_SHOWN_MAX: Final = 20
_BATCH_COUNT: Final = 256


class Finding(NamedTuple):
    """A secret, as it seems: where, by which rule, and its id; the value is not kept."""

    id: str
    where: str
    part: str
    rule: str


class Contents(NamedTuple):
    """What is about to leave: how much, and what a reader learns from it."""

    tape_count: int
    turn_count: int
    has_system_prompts: bool
    directories: tuple[str, ...]


def describe_contents(
    repository: Repository, turns: Iterable[ObjectId], planned: Sequence[Planned]
) -> Contents:
    """Return what is about to leave.

    Raises:
        DataError: A turn is damaged.
    """
    directories: dict[str, None] = {}
    has_system, count = False, 0
    for _, found in repository.objects.read_many(turns):
        if found is None:
            continue
        count += 1
        turn = decode_turn(found.data)
        has_system = has_system or turn.role == "system" or turn.call is not None
        if turn.session is not None and turn.session.cwd:
            directories[turn.session.cwd] = None
    tapes = sum(len(each.tapes) for each in planned if each.is_sent)
    return Contents(tapes, count, has_system, tuple(directories))


def refuse_findings(
    repository: Repository,
    redactor: Redactor,
    turns: Sequence[ObjectId],
    planned: Sequence[Planned],
    allowed: Iterable[str],
    watch: Callable[[str, str, int, int], None],
) -> None:
    """Look at what is about to leave.

    Args:
        repository: The store.
        redactor: Finds secrets.
        turns: What the remote lacks.
        planned: What is to become of refs: their names, and tags.
        allowed: Ids of findings that may leave, or `all`.
        watch: Is shown how far it has come, as that of `Surroundings`.

    Raises:
        UserError: Something seems to be a secret; nothing was sent.
        DataError: A turn is damaged.
    """
    permitted = set(allowed)
    if ALL in permitted:
        return
    scan = _Scan(repository, redactor)
    scan.look_at_refs(planned)
    for start in range(0, len(turns), _BATCH_COUNT):
        scan.look_at_turns(turns[start : start + _BATCH_COUNT])
        watch("looking for secrets", "turns", start, len(turns))
    found = [each for each in scan.findings if each.id not in permitted]
    if found:
        lines = [f"  {each.where} {each.part}: {each.rule}, id {each.id}" for each in found]
        more = [f"  and {len(found) - _SHOWN_MAX} more"] if len(found) > _SHOWN_MAX else []
        raise UserError(
            f"refusing to push: {count_words(len(found), 'secret')}, as it seems",
            hint="\n".join(
                [
                    "they are in",
                    *lines[:_SHOWN_MAX],
                    *more,
                    "change the keys, then 'tapes redact --all' takes out what the rules find",
                    "'--allow-finding ID' lets one go; 'tapes help tapesredaction' has the rules",
                ]
            ),
            findings=[each.id for each in found],
        )


class _Scan:
    """A search that looks at each object once."""

    def __init__(self, repository: Repository, redactor: Redactor) -> None:
        self._repository = repository
        self._redactor = redactor
        self._seen: set[ObjectId] = set()
        self.findings: list[Finding] = []

    def look_at_refs(self, planned: Sequence[Planned]) -> None:
        """Look at names, and at tag objects with their messages."""
        for each in planned:
            if not each.is_sent:
                continue
            name = each.wish.shared.remote_name
            self._look(name, "name", name.encode(), is_json=False)
            for tape, oid in each.tapes:
                self._look(name, "name of a tape", tape.encode(), is_json=False)
                found = self._repository.objects.find(oid)
                if found is not None and found.kind is Kind.TAG:
                    self._look(name, "tag", found.data, is_json=False)

    def look_at_turns(self, oids: Sequence[ObjectId]) -> None:
        """Look at turns and at the content that they name."""
        places: dict[ObjectId, tuple[ObjectId, int]] = {}
        for oid, found in self._repository.objects.read_many(oids):
            if found is None:
                continue
            self._look(f"turn {oid.short(12)}", "turn", found.data, is_json=True)
            for number, content in enumerate(decode_links(found.data).contents):
                if content not in self._seen:
                    self._seen.add(content)
                    places[content] = (oid, number)
        while places:
            inner: dict[ObjectId, tuple[ObjectId, int]] = {}
            for oid, found in self._repository.objects.read_many(list(places)):
                if found is None:
                    continue
                self._look_at_content(*places[oid], found.data)
                for link in iter_links(found.kind, found.data):
                    if link.oid not in self._seen:
                        self._seen.add(link.oid)
                        inner[link.oid] = places[oid]
            places = inner

    def _look_at_content(self, turn: ObjectId, number: int, data: bytes) -> None:
        count = len(self.findings)
        self._look(f"turn {turn.short(12)}", "", data, is_json=False)
        if len(self.findings) > count:
            parts = name_contents(decode_turn(self._repository.objects.read(turn).data))
            new = [each._replace(part=parts[number][0]) for each in self.findings[count:]]
            self.findings[count:] = new

    def _look(self, where: str, part: str, data: bytes, *, is_json: bool) -> None:
        for secret in self._redactor.find(data, is_json=is_json):
            key = hash_content(secret.rule.encode() + b"\0" + secret.value).hex()
            self.findings.append(Finding(key[:_ID_DIGIT_COUNT], where, part, secret.rule))
