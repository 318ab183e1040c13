"""The `format` file of a store: which version it is, and what a reader must know.

Rules: a store is read only if its version and each feature it requires are known here;
an unknown one is refused with its name, never guessed at.

Source: tapesformat-store(5), "format".
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from tapegit.errors import FormatError, UnsupportedVersionError

STORE_VERSION: Final = 1
KNOWN_FEATURES: Final[frozenset[str]] = frozenset()
MARKER_SIZE_MAX_BYTES: Final = 4096

_VERSION_LINE: Final = re.compile(r"[1-9][0-9]{0,8}", re.ASCII)
_FEATURE_LINE: Final = re.compile(r"requires ([a-z0-9][a-z0-9-]{0,63})", re.ASCII)


class Marker(NamedTuple):
    """What the file says; features are in the order of the file."""

    version: int
    features: tuple[str, ...] = ()


def decode_marker(data: bytes, *, where: str = "format") -> Marker:
    """Return what a `format` file says, known or not.

    Raises:
        FormatError: It is not such a file.
    """
    try:
        lines = data.decode("ascii").split("\n")
    except UnicodeDecodeError as error:
        raise _broken(data, where) from error
    if len(lines) < 2 or lines[-1] or not _VERSION_LINE.fullmatch(lines[0]):
        raise _broken(data, where)
    features: list[str] = []
    for line in lines[1:-1]:
        match = _FEATURE_LINE.fullmatch(line)
        if match is None or match[1] in features:
            raise _broken(data, where)
        features.append(match[1])
    return Marker(int(lines[0]), tuple(features))


def _broken(data: bytes, where: str) -> FormatError:
    return FormatError(
        f"'{where}' is not the format file of a store",
        hint="if everything else is in place, write '1' and a newline to it",
        where=where,
        expected="a version line and 'requires' lines",
        actual=data[:80],
    )


def encode_marker(marker: Marker) -> bytes:
    """Return the bytes of a `format` file."""
    lines = [str(marker.version), *(f"requires {feature}" for feature in marker.features)]
    return "".join(f"{line}\n" for line in lines).encode("ascii")


def verify_supported(marker: Marker, *, where: str = "format") -> None:
    """Check that this program can read such a store.

    Raises:
        UnsupportedVersionError: It cannot; the message says what is unknown.
    """
    hint = "use a newer release of tapes"
    if marker.version != STORE_VERSION:
        raise UnsupportedVersionError(
            f"the store is of version {marker.version}, this program reads {STORE_VERSION}",
            hint=hint,
            where=where,
            version=marker.version,
        )
    for feature in marker.features:
        if feature not in KNOWN_FEATURES:
            raise UnsupportedVersionError(
                f"the store requires the feature '{feature}', which this program does not know",
                hint=hint,
                where=where,
                version=feature,
            )
