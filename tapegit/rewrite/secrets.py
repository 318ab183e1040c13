"""What is looked for in a store, and what any bytes of it are without that.

Rules: an object is judged by its own bytes: a blob by what it holds, a rope by its literals, a
turn and a tag by their own texts. What comes out holds nothing of what was looked for, or
nothing comes out: where placeholders do not do it, the whole gives way to one.

Source: tapesredaction(7), "Taking a secret out".
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from tapegit.dialects.wire_parts import is_stream
from tapegit.objects.kind import Kind
from tapegit.objects.rope import decode_rope
from tapegit.recorder.calls.answers import has_secret, redact_answer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tapegit.redact.placeholders import Numbering, Secret
    from tapegit.redact.redactor import Redactor

REMOVED: Final = "removed"
"""The rule that a placeholder names which stands for the whole of something."""

TAIL_LENGTH_MIN: Final = 4
_TRIES_MAX: Final = 3
_JSON_START: Final = re.compile(rb"\s*+[\[{\"]")


class Secrets:
    """Finds what is to go, and takes it out.

    Args:
        redactor: Finds it, and perhaps more.
        is_chosen: Says of what was found whether it is meant; all of it, without.
    """

    def __init__(
        self, redactor: Redactor, is_chosen: Callable[[Secret], bool] | None = None
    ) -> None:
        self._redactor = _Chosen(redactor, is_chosen) if is_chosen is not None else redactor

    def is_in(self, kind: Kind, data: bytes) -> bool:
        """Return whether an object's own data holds something that is to go."""
        if kind is Kind.ROPE:
            return any(self._redactor.find(text, is_json=False) for text in iter_literals(data))
        if kind is Kind.BLOB:
            return has_secret(self._redactor, data)  # type: ignore[arg-type]
        return bool(self._redactor.find(data, is_json=kind is Kind.TURN))

    def find_in_text(self, text: str) -> list[Secret]:
        """Return what is to go of a text."""
        return self._redactor.find(text.encode("utf-8", "surrogatepass"), is_json=False)

    def find(self, data: bytes) -> list[Secret]:
        """Return what is to go of some bytes."""
        return self._redactor.find(data, is_json=False)

    def clean_text(self, text: str, numbering: Numbering) -> str:
        """Return a text without what is to go."""
        data = text.encode("utf-8", "surrogatepass")
        found = self._redactor.find(data, is_json=False)
        if not found:
            return text
        return numbering.replace(data, found).decode("utf-8", "surrogatepass")

    def clean_json(self, data: bytes, numbering: Numbering) -> bytes:
        """Return one JSON value without what is to go."""
        found = self._redactor.find(data, is_json=True)
        return numbering.replace(data, found) if found else data

    def clean(self, data: bytes, numbering: Numbering) -> bytes:
        """Return the content of a blob without what is to go; as it is where there is nothing."""
        if not has_secret(self._redactor, data):  # type: ignore[arg-type]
            return data
        for _ in range(_TRIES_MAX):
            clean: bytes | None = data if is_stream(data) else self._clean_lines(data, numbering)
            if clean is not None and has_secret(self._redactor, clean):  # type: ignore[arg-type]
                clean = redact_answer(self._redactor, clean, numbering)  # type: ignore[arg-type]
            if clean is None:
                break
            if not has_secret(self._redactor, clean):  # type: ignore[arg-type]
                return clean
            data = clean
        whole = numbering.name(REMOVED, b"")
        return b'"' + whole + b'"' + (b"\n" if data.endswith(b"\n") else b"")

    def iter_values(self, data: bytes) -> Iterator[bytes]:
        """Yield what is to go of some bytes: the secrets themselves."""
        for secret in self._redactor.find(data, is_json=False):
            yield secret.value

    def _clean_lines(self, data: bytes, numbering: Numbering) -> bytes:
        """Return records with placeholders, each line that is JSON as JSON."""
        parts: list[bytes] = []
        texts: list[bytes] = []

        def end_text() -> None:
            if texts:
                joined = b"".join(texts)
                parts.append(numbering.replace(joined, self._redactor.find(joined, is_json=False)))
                texts.clear()

        for line in data.splitlines(keepends=True):
            if _JSON_START.match(line):
                end_text()
                found = self._redactor.find(line, is_json=True)
                parts.append(numbering.replace(line, found))
            else:
                texts.append(line)
        end_text()
        return b"".join(parts)


def iter_literals(data: bytes) -> Iterator[bytes]:
    """Yield the texts that a node of a rope holds itself."""
    for entry in decode_rope(data).entries:
        if entry.oid is None:
            yield entry.literal


class _Chosen:
    """A redactor that finds only some of what another one finds."""

    def __init__(self, redactor: Redactor, is_chosen: Callable[[Secret], bool]) -> None:
        self._redactor = redactor
        self._is_chosen = is_chosen

    def find(self, data: bytes, *, is_json: bool, is_cut_off: bool = False) -> list[Secret]:
        """Return what is chosen of what is found, in order."""
        found = self._redactor.find(data, is_json=is_json, is_cut_off=is_cut_off)
        return [secret for secret in found if self._is_chosen(secret)] if found else found

    def redact(self, data: bytes, numbering: Numbering, *, is_json: bool) -> bytes:
        """Return bytes with placeholders in the place of what is chosen."""
        found = self.find(data, is_json=is_json)
        return numbering.replace(data, found) if found else data


def cut_tail(text: str, values: set[bytes], placeholder: Callable[[bytes], str]) -> str:
    """Return a summary without the beginning of a secret that it was cut in the middle of."""
    if not text.endswith("\u2026"):
        return text
    head = text[:-1]
    for value in values:
        line = " ".join(value.decode("utf-8", "replace").split())
        for length in range(min(len(line), len(head)), TAIL_LENGTH_MIN - 1, -1):
            if head.endswith(line[:length]):
                return head[:-length] + placeholder(value)
    return text
