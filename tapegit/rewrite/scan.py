"""Where secrets are in the tapes of a store: turn, part, rule and how often, never the value.

Rules: each object is looked into once, and told of at the first turn that has it in the order
of the walk; what is said of a secret does not let anybody guess it: no length, no hash.

Source: tapesredaction(7), "Looking for secrets".
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final, NamedTuple

from tapegit.dialects.syntax.delta_texts import join_texts
from tapegit.objects.kind import Kind
from tapegit.objects.oid import ObjectId
from tapegit.objects.rope import decode_rope
from tapegit.objects.rope_reader import iter_content
from tapegit.objects.tag import decode_tag
from tapegit.objects.turn import decode_turn
from tapegit.rewrite.seams import has_long_piece, iter_seams

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tapegit.objects.turn import Turn
    from tapegit.redact.placeholders import Secret
    from tapegit.redact.redactor import Redactor
    from tapegit.store.database import ObjectDatabase

    OnProgress = Callable[[str, int], None]

TURN_FIELDS: Final = "turn"
TAG_TEXT: Final = "tag"


class Finding(NamedTuple):
    """A secret, or several that one rule found, in one part of one object.

    Attributes:
        oid: The turn or tag, or None for what is no object.
        part: `raw/N`, `request`, `response`, `turn` for what the turn says itself, `tag`; or
            what else it is: `ref`, `reflog`, `config`.
        rule: The rule that found it.
        times: How often.
        where: Of what is no object: which, itself without secrets.
    """

    oid: ObjectId | None
    part: str
    rule: str
    times: int
    where: str | None = None


def name_contents(turn: Turn) -> list[tuple[str, str]]:
    """Return the name and the id of each content of a turn, in the order of its links."""
    parts = [(f"raw/{n}", piece.oid) for n, piece in enumerate(turn.raw)]
    if turn.call is not None:
        parts += [("request", turn.call.request or ""), ("response", turn.call.response or "")]
    return [part for part in parts if part[1]]


class Scanner:
    """Looks into turns and what they name.

    Args:
        objects: Of the store.
        redactor: Finds secrets.
        on_progress: Is told how many objects were looked into, and the size of each.

    Attributes:
        size_bytes: How much was looked into.
    """

    def __init__(
        self, objects: ObjectDatabase, redactor: Redactor, on_progress: OnProgress | None = None
    ) -> None:
        self._objects = objects
        self._redactor = redactor
        self._on_progress = on_progress
        self._seen: set[ObjectId] = set()
        self.size_bytes = 0

    def scan_turns(self, oids: Iterable[ObjectId]) -> Iterator[Finding]:
        """Yield what is found in turns, in their order.

        Raises:
            TapesError: An object is missing or damaged.
        """
        for oid, found in self._objects.read_many(oids):
            if found is None:
                self._objects.read(oid)
                continue
            yield from self._scan_turn(oid, found.data)

    def scan_tag(self, oid: ObjectId) -> Iterator[Finding]:
        """Yield what is found in an annotated tag, in those that it names, and in their target.

        Raises:
            TapesError: An object is missing or damaged.
        """
        while oid not in self._seen:
            found = self._objects.read(oid)
            if found.kind is Kind.TURN:
                return
            if found.kind is not Kind.TAG:
                yield from self._name(oid, found.kind.value, self._scan_content(oid))
                return
            self._seen.add(oid)
            secrets = self._redactor.find(found.data, is_json=False)
            yield from self._name(oid, TAG_TEXT, Counter(s.rule for s in secrets))
            oid = decode_tag(found.data).oid

    def _scan_turn(self, oid: ObjectId, data: bytes) -> Iterator[Finding]:
        if oid in self._seen:
            return
        self._seen.add(oid)
        self._note(data)
        secrets = self._redactor.find(data, is_json=True)
        yield from self._name(oid, TURN_FIELDS, Counter(secret.rule for secret in secrets))
        turn = decode_turn(data)
        for part, text in name_contents(turn):
            yield from self._name(oid, part, self._scan_content(ObjectId.fromhex(text)))

    def _scan_content(self, oid: ObjectId) -> Counter[str]:
        """Return how often each rule finds something in a blob or below a rope, not seen before."""
        counts: Counter[str] = Counter()
        root, is_long = oid, False
        waiting = [oid]
        while waiting:
            oid = waiting.pop()
            if oid in self._seen:
                continue
            self._seen.add(oid)
            found = self._objects.read(oid)
            self._note(found.data)
            if found.kind is Kind.BLOB:
                counts.update(secret.rule for secret in self._find(found.data))
                continue
            for entry in decode_rope(found.data).entries:
                if entry.oid is not None:
                    waiting.append(entry.oid)
                else:
                    found_here = self._redactor.find(entry.literal, is_json=False)
                    counts.update(secret.rule for secret in found_here)
            is_long = is_long or has_long_piece(found.data)
        if is_long:
            pieces = iter_content(self._objects.find, root)
            for seam in iter_seams(pieces, lambda text: self._redactor.find(text, is_json=False)):
                counts.update(secret.rule for secret in seam.secrets)
        return counts

    def _find(self, data: bytes) -> list[Secret]:
        found = self._redactor.find(data, is_json=False)
        for joined in join_texts(data):
            known = {secret.value for secret in found}
            more = self._redactor.find(joined, is_json=False)
            found += [secret for secret in more if secret.value not in known]
        return found

    def _note(self, data: bytes) -> None:
        self.size_bytes += len(data)
        if self._on_progress is not None:
            self._on_progress(f"{len(self._seen)} objects", len(data))

    def _name(self, oid: ObjectId, part: str, counts: Counter[str]) -> Iterator[Finding]:
        for rule, count in sorted(counts.items()):
            yield Finding(oid, part, rule, count)
