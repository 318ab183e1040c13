"""New objects for old ones: without what is to go, and naming what took each one's place.

Rules: blobs before ropes before turns; a turn is changed as the JSON that it is, so that keys
nobody here knows are kept; what was written is read again and holds nothing of what is to go,
or nothing is done at all. A rope is joined, cleaned piece by piece and across the ends of pieces,
and cut anew: its nodes below the root have nothing in their place.

Source: tapesredaction(7), "Taking a secret out".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from tapegit.errors import RedactionError
from tapegit.objects.canonical import decode_canonical, encode_canonical
from tapegit.objects.kind import Kind, object_id
from tapegit.objects.oid import OID_HEX_LENGTH, ObjectId
from tapegit.objects.rope import decode_rope
from tapegit.objects.rope_builder import iter_content_objects
from tapegit.objects.tag import decode_tag, encode_tag
from tapegit.objects.turn import clean_summary, verify_turn
from tapegit.redact.placeholders import Numbering
from tapegit.redact.rules import RULES_VERSION
from tapegit.rewrite.seams import iter_seams
from tapegit.rewrite.secrets import cut_tail, iter_literals
from tapegit.rewrite.survey import sort_links_first

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tapegit.rewrite.secrets import Secrets
    from tapegit.rewrite.survey import Survey

    Write = Callable[[Kind, bytes], ObjectId]

_HEX: Final = frozenset("0123456789abcdef")


class Rewriter:
    """Writes what takes the place of objects.

    Args:
        survey: The store.
        secrets: What is to go of their bytes.
        write: Stores an object and returns its id.
        split: The numbers of ropes that have some of it across the end of a piece.

    Attributes:
        successors: By the number of an object, what is in its place; None for nothing.
        written: The ids of what was stored.
        counts: How many placeholders were written, by rule.
    """

    def __init__(
        self, survey: Survey, secrets: Secrets, write: Write, split: Iterable[int] = ()
    ) -> None:
        self._survey = survey
        self._split = frozenset(split)
        self._secrets = secrets
        self._write = write
        self._values: dict[int, set[bytes]] = {}
        self._counted: dict[int, dict[str, int]] = {}
        self.successors: dict[int, ObjectId | None] = {}
        self.written: set[ObjectId] = set()
        self.counts: dict[str, int] = {}

    def run(self, numbers: Iterable[int]) -> None:
        """Rewrite objects, all of which name or hold what is to go.

        Raises:
            RedactionError: Something could not be taken out.
            TapesError: An object cannot be read, or not be written.
        """
        survey = self._survey
        wanted = list(numbers)
        roots = self._find_rope_roots(wanted)
        for number in sort_links_first(survey, wanted):
            kind = survey.kind(number)
            if kind is Kind.BLOB:
                self._rewrite_blob(number)
            elif kind is Kind.ROPE:
                if self._is_changed_below(number):
                    self._note_below(number)
                    is_root = number in roots
                    self.successors[number] = self._rewrite_rope(number) if is_root else None
            elif kind is Kind.TURN:
                self._rewrite_turn(number)
            else:
                self._rewrite_tag(number)

    def _find_rope_roots(self, wanted: list[int]) -> set[int]:
        """Return the ropes that something else than a rope names, or nothing."""
        survey = self._survey
        inner: set[int] = set()
        named: set[int] = set()
        for number in wanted:
            targets = {n for n in survey.links(number) if survey.kind(n) is Kind.ROPE}
            (inner if survey.kind(number) is Kind.ROPE else named).update(targets)
        ropes = {n for n in wanted if survey.kind(n) is Kind.ROPE}
        return (ropes & named) | (ropes - inner)

    def _rewrite_blob(self, number: int) -> None:
        data = self._survey.read(number).data
        numbering = Numbering()
        clean = self._secrets.clean(data, numbering)
        if clean == data:
            return
        self._values[number] = set(self._secrets.iter_values(data))
        self._counted[number] = numbering.counts
        self._count(numbering)
        self.successors[number] = self._store(Kind.BLOB, clean)

    def _is_changed_below(self, number: int) -> bool:
        if number in self._split:
            return True
        if any(below in self.successors for below in self._survey.links(number)):
            return True
        literals = iter_literals(self._survey.read(number).data)
        return any(self._secrets.clean(text, Numbering()) != text for text in literals)

    def _note_below(self, number: int) -> None:
        """Take over what was found below a node of a rope."""
        values: set[bytes] = set()
        counts: dict[str, int] = {}
        for below in self._survey.links(number):
            values |= self._values.get(below, set())
            for rule, count in self._counted.get(below, {}).items():
                counts[rule] = counts.get(rule, 0) + count
        self._values[number], self._counted[number] = values, counts

    def _rewrite_rope(self, number: int) -> ObjectId | None:
        numbering = Numbering()
        joined = self._close_seams(self._join(number, numbering), numbering)
        self._count(numbering)
        for rule, count in numbering.counts.items():
            counts = self._counted[number]
            counts[rule] = counts.get(rule, 0) + count
        root = None
        for built in iter_content_objects(joined):
            root = self._store(built.kind, built.data)
        return root

    def _close_seams(self, parts: list[bytes], numbering: Numbering) -> bytes:
        """Return pieces as one, without what is to go across their ends.

        Raises:
            RedactionError: Something could not be taken out.
        """
        for seam in iter_seams(list(parts), self._secrets.find):
            left, right = parts[seam.number], parts[seam.number + 1]
            clean = numbering.replace(seam.left + seam.right, seam.secrets)
            parts[seam.number] = left[: len(left) - len(seam.left)] + clean
            parts[seam.number + 1] = right[len(seam.right) :]
        return b"".join(parts)

    def _join(self, number: int, numbering: Numbering) -> list[bytes]:
        """Return the pieces of a rope with placeholders."""
        node = decode_rope(self._survey.read(number).data)
        parts: list[bytes] = []
        for entry in node.entries:
            below = None if entry.oid is None else self._survey.find(entry.oid)
            if entry.oid is None:
                parts.append(self._secrets.clean(entry.literal, numbering))
            elif below is None:
                raise RedactionError(
                    f"object '{entry.oid}' is missing, so what needs it cannot be rewritten",
                    hint="run 'tapes fsck'",
                )
            elif node.level:
                parts += self._join(below, numbering)
            else:
                parts.append(self._read_piece(below))
        return parts

    def _read_piece(self, number: int) -> bytes:
        """Return the bytes of a blob with placeholders; it counted them when it was rewritten."""
        data = self._survey.read(number).data
        return self._secrets.clean(data, Numbering()) if number in self.successors else data

    def _rewrite_turn(self, number: int) -> None:
        data = self._survey.read(number).data
        numbering = Numbering()
        clean = self._secrets.clean_json(data, numbering)
        turn = self._rebuild(decode_canonical(clean, where="turn"), numbering)
        below = [n for n in self._survey.links(number) if self._survey.kind(n) is not Kind.TURN]
        values = set().union(*(self._values.get(n, set()) for n in below))
        summary = turn.get("summary")
        if summary is not None:
            cut = cut_tail(summary, values, lambda value: self._name(numbering, value))
            turn["summary"] = clean_summary(cut)
        self._count(numbering)
        counts = dict(numbering.counts)
        for n in below:
            for rule, count in self._counted.get(n, {}).items():
                counts[rule] = counts.get(rule, 0) + count
        if counts:
            turn["redacted"] = _add_counts(turn.get("redacted"), counts)
        new = encode_canonical(turn, where="turn")
        if new == data:
            return
        verify_turn(new)
        self.successors[number] = self._store(Kind.TURN, new)

    def _name(self, numbering: Numbering, value: bytes) -> str:
        found = self._secrets.find_in_text(value.decode("utf-8", "replace"))
        rule = found[0].rule if found else "removed"
        return numbering.name(rule, value, is_counted=False).decode()

    def _rewrite_tag(self, number: int) -> None:
        data = self._survey.read(number).data
        tag = decode_tag(data)
        numbering = Numbering()
        tagger = tag.tagger
        if tagger is not None:
            tagger = tagger._replace(who=self._secrets.clean_text(tagger.who, numbering))
        new = encode_tag(
            tag._replace(
                oid=self._successor(tag.oid),
                name=self._secrets.clean_text(tag.name, numbering),
                tagger=tagger,
                message=self._secrets.clean_text(tag.message, numbering),
            )
        )
        self._count(numbering)
        if new != data:
            self.successors[number] = self._store(Kind.TAG, new)

    def _rebuild(self, value: Any, numbering: Numbering) -> Any:
        """Return a JSON value with other ids in it; bounded by the form of a turn."""
        if isinstance(value, str):
            if len(value) == OID_HEX_LENGTH and _HEX.issuperset(value):
                return str(self._successor(ObjectId.fromhex(value)))
            return value
        if isinstance(value, dict):
            return {key: self._rebuild(item, numbering) for key, item in value.items()}
        if isinstance(value, list):
            return [self._rebuild(item, numbering) for item in value]
        return value

    def _successor(self, oid: ObjectId) -> ObjectId:
        number = self._survey.find(oid)
        if number is None:
            return oid
        return self.successors.get(number, oid) or oid

    def _store(self, kind: Kind, data: bytes) -> ObjectId:
        if self._secrets.is_in(kind, data):
            raise RedactionError(
                f"what was found cannot be taken out of a {kind.value}",
                hint="nothing was changed; name the part of the turn instead",
            )
        oid = self._write(kind, data)
        self.written.add(oid)
        assert oid == object_id(kind, data)
        return oid

    def _count(self, numbering: Numbering) -> None:
        for rule, count in numbering.counts.items():
            self.counts[rule] = self.counts.get(rule, 0) + count


def _add_counts(stated: dict[str, Any] | None, counts: dict[str, int]) -> dict[str, Any]:
    """Return what a turn says of what was replaced in it, with more of it."""
    total = dict((stated or {}).get("rules", []))
    for rule, count in counts.items():
        total[rule] = total.get(rule, 0) + count
    return {
        "rules": sorted([rule, count] for rule, count in total.items()),
        "version": RULES_VERSION,
    }
