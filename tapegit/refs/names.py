"""Names of refs, and the rules for them.

Rules: nothing else decides whether text is a ref name; a `RefName` was judged here. The rules
are those of git check-ref-format, and beyond them: `HEAD` or `refs/<folder>/<name>`, at most
255 bytes, NFC, no character that does not print, nothing that is no file name on Windows or
macOS, nothing that reads as an option, an id or `<rev>#<n>`.

Source: tapesformat-refs(5), "Names".
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Final

from tapegit.errors import InvalidNameError
from tapegit.objects.oid import hash_content

if TYPE_CHECKING:
    from collections.abc import Callable

NAME_SIZE_MAX_BYTES: Final = 255
COMPONENT_SIZE_MAX_BYTES: Final = 120
"""The longest result of `percent_encode_component`."""

_PLAIN: Final = re.compile(
    r"refs/(?:sessions|heads|tags|notes|remotes)"
    r"(?:/(?!(?:com|lpt)[0-9](?:/|$))(?:@?[a-z0-9_][a-z0-9_%-]{3,}|[a-z0-9_]{1,2}))+",
    re.ASCII,
)
"""Names of which only length and look are left to judge: most of a large store."""
_FORBIDDEN: Final = re.compile(r"[\x00-\x20\x7f~^:?*\[\\#\"<>|]")
_DEVICE: Final = re.compile(
    r"(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[0-9¹²³])(?:\..*)?", re.IGNORECASE
)
_ID_LOOK_ALIKE: Final = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}", re.IGNORECASE)
_TOP: Final = frozenset({"HEAD"})


class RefName(str):
    """The full name of a ref: `HEAD` or `refs/…`; it keeps every rule of the module."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> RefName:
        """Return the name that is written out in full.

        Raises:
            InvalidNameError: It breaks a rule; the error says which.
        """
        if len(text) <= NAME_SIZE_MAX_BYTES and _PLAIN.fullmatch(text) and not _looks_like_id(text):
            return cls(text)
        if rule := _broken_rule(text):
            shown = text[:80] if text.isprintable() else ascii(text[:80])[1:-1]
            raise InvalidNameError(
                f"'{shown}' is no ref name: {rule}",
                hint="'tapes help tapesformat-refs' has the rules",
                text=text,
                rule=rule,
            )
        return cls(text)

    @classmethod
    def try_parse(cls, text: str) -> RefName | None:
        """Return the name, or None where the text breaks a rule."""
        try:
            return cls.parse(text)
        except InvalidNameError:
            return None

    @property
    def short(self) -> str:
        """The name as people say it: `main` for `refs/heads/main`; not always unique."""
        for prefix in ("refs/heads/", "refs/tags/", "refs/remotes/", "refs/"):
            if self.startswith(prefix):
                return self[len(prefix) :]
        return str(self)

    @property
    def is_branch(self) -> bool:
        """Whether the name is below `refs/heads/`."""
        return self.startswith("refs/heads/")


HEAD: Final = RefName("HEAD")


def _broken_rule(text: str) -> str | None:
    """Return the rule that a full name breaks, or None."""
    if text in _TOP:
        return None
    try:
        size_bytes = len(text.encode())
    except UnicodeEncodeError:
        return "it is not valid Unicode"
    if size_bytes > NAME_SIZE_MAX_BYTES:
        return f"it is longer than {NAME_SIZE_MAX_BYTES} bytes"
    for is_broken, rule in _NAME_RULES:
        if is_broken(text):
            return rule
    for component in text.split("/"):
        for is_broken, rule in _COMPONENT_RULES:
            if is_broken(component):
                return rule
    return None


def _looks_like_id(text: str) -> bool:
    if not text.startswith(("refs/heads/", "refs/tags/")):
        return False
    return _ID_LOOK_ALIKE.fullmatch(text, text.index("/", 5) + 1) is not None


def _is_unnormalized(text: str) -> bool:
    return not unicodedata.is_normalized("NFC", text)


_NAME_RULES: Final[tuple[tuple[Callable[[str], object], str], ...]] = (
    (
        lambda text: not text.startswith("refs/") or text.count("/") < 2,
        "it must be 'HEAD' or 'refs/<folder>/<name>'",
    ),
    (_FORBIDDEN.search, 'it has a space, a control character or one of ~^:?*[\\#"<>|'),
    (lambda text: not text.isprintable(), "it has a character that does not print"),
    (_is_unnormalized, "it is not in Unicode normal form C"),
    (lambda text: ".." in text or "@{" in text, "it has '..' or '@{'"),
    (_looks_like_id, "it looks like an id"),
    (
        lambda text: text in ("refs/heads/HEAD", "refs/tags/HEAD"),
        "it would be taken for HEAD",
    ),
)
_COMPONENT_RULES: Final[tuple[tuple[Callable[[str], object], str], ...]] = (
    (lambda part: not part, "a part of it is empty"),
    (lambda part: part.startswith((".", "-")), "a part of it begins with '.' or '-'"),
    (lambda part: part.endswith("."), "a part of it ends with '.'"),
    (lambda part: part.lower().endswith(".lock"), "a part of it ends with '.lock'"),
    (lambda part: part == "@", "a part of it is '@'"),
    (_DEVICE.fullmatch, "a part of it is a device name on Windows"),
)


_PERCENT: Final = re.compile(rb"%([0-9a-f]{2})")
_SAFE_BYTES: Final = frozenset(b"abcdefghijklmnopqrstuvwxyz0123456789_-.")


def percent_encode_component(text: str) -> str:
    """Return one part of a ref name that stands for any text, such as a harness's own id.

    Bytes outside `[a-z0-9._-]` become `%` and two lower-case hex digits; so do a first `.` or
    `-`, a dot that would end the part or double, and the first letter of a device name. A
    result of more than 120 bytes is cut to 80 and gets `_` and 32 digits of the text's hash.

    Raises:
        InvalidNameError: The text is empty.
    """
    if not text:
        raise InvalidNameError("an empty id names nothing", text=text, rule="at least a character")
    data = text.encode("utf-8", "surrogatepass")
    parts = [chr(byte) if byte in _SAFE_BYTES else f"%{byte:02x}" for byte in data]
    if parts[0] in (".", "-"):
        parts[0] = f"%{ord(parts[0]):02x}"
    for index in range(1, len(parts)):
        if parts[index] == "." and (parts[index - 1] == "." or _ends_badly(parts, index)):
            parts[index] = "%2e"
    encoded = "".join(parts)
    if _DEVICE.fullmatch(encoded):
        encoded = f"%{ord(encoded[0]):02x}{encoded[1:]}"
    if len(encoded) > COMPONENT_SIZE_MAX_BYTES:
        head = re.sub(r"%[0-9a-f]?$", "", encoded[:80])
        encoded = f"{head}_{hash_content(data).hex()[:32]}"
    return encoded


def _ends_badly(parts: list[str], index: int) -> bool:
    return index == len(parts) - 1 or parts[index + 1 :] == ["l", "o", "c", "k"]


def percent_decode_component(component: str) -> str:
    """Return the text that a part of a ref name stands for (cut where it was cut)."""
    plain = re.sub(
        rb"%([0-9a-f]{2})", lambda match: bytes.fromhex(match[1].decode()), component.encode()
    )
    return plain.decode("utf-8", "replace")
