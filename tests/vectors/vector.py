"""Vector files: a text header, an empty line and a body; see fixtures/vectors/README.md."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, NamedTuple

from blake3 import blake3

VECTORS_DIR = Path(__file__).parents[2] / "fixtures" / "vectors"
MAN_DIR = Path(__file__).parents[2] / "man"

_HEADER_LINE = re.compile(r"([a-z-]+): (.*)")
_HEX_BLOCK = re.compile(r"^```hex\n(.*?)^```", re.DOTALL | re.MULTILINE)
_COMMENT = re.compile(r"#.*")


class Vector(NamedTuple):
    """One case: its headers, and its body as it stands in the file."""

    name: str
    headers: dict[str, str]
    body: bytes

    @property
    def data(self) -> bytes:
        """The bytes that the body stands for; made anew each time, for some are large."""
        return _decode_body(self.headers.get("body", "bytes"), self.body)

    @property
    def expect(self) -> str:
        """`ok`, or the name of the error."""
        return self.headers["expect"]

    @property
    def value(self) -> Any:
        """What the bytes mean, as JSON gives it."""
        return json.loads(self.headers["value"])

    def has_direction(self, direction: str) -> bool:
        """Return whether the case is to be run in this direction."""
        return self.headers.get("direction", "both") in {"both", direction}


def read_vector(path: Path) -> Vector:
    """Return the case in a file; a ValueError says what is wrong with the file itself."""
    head, _, body = path.read_bytes().partition(b"\n\n")
    headers: dict[str, str] = {}
    for line in head.decode().split("\n"):
        found = _HEADER_LINE.fullmatch(line)
        if found is None or found[1] in headers:
            raise ValueError(f"{path.name}: header line {line!r}")
        headers[found[1]] = found[2]
    if next(iter(headers.items())) != ("tapes-vector", "1"):
        raise ValueError(f"{path.name}: no vector of version 1")
    return Vector(path.stem, headers, body)


def iter_vectors(format_name: str) -> list[Vector]:
    """Return all cases of a format, by name."""
    return [read_vector(path) for path in sorted((VECTORS_DIR / format_name).glob("*.vector"))]


def format_vector(headers: dict[str, str], body: bytes) -> bytes:
    """Return the bytes of a vector file; the inverse of `read_vector` for a given body."""
    lines = [f"{name}: {value}" for name, value in ({"tapes-vector": "1"} | headers).items()]
    return "\n".join(lines).encode() + b"\n\n" + body


def parse_hex(text: str) -> bytes:
    """Return the bytes of hexadecimal digits with white space and `#` comments."""
    return bytes.fromhex(_COMMENT.sub("", text))


def read_man_examples(page: str) -> list[bytes]:
    """Return the bytes of each block of hexadecimal digits in a manual page, in order."""
    text = (MAN_DIR / page).read_text()
    return [parse_hex(block) for block in _HEX_BLOCK.findall(text)]


def _decode_body(kind: str, body: bytes) -> bytes:
    if kind == "bytes":
        return body
    if kind == "hex":
        return parse_hex(body.decode())
    if kind != "recipe":
        raise ValueError(kind)
    return cook_recipe(body.decode())


def cook_recipe(text: str) -> bytes:
    """Return the bytes that a recipe makes; see fixtures/vectors/README.md."""
    made = bytearray()
    for line in text.split("\n"):
        if line:
            _cook(line, made)
    return bytes(made)


def _cook(line: str, made: bytearray) -> None:
    word, _, rest = line.partition(" ")
    if word == "text":
        made += json.loads(rest).encode()
    elif word == "hex":
        made += bytes.fromhex(rest)
    elif word == "repeat":
        count, _, text = rest.partition(" ")
        made += json.loads(text).encode() * int(count)
    elif word == "count":
        start, end, text = rest.split(" ", 2)
        pattern = json.loads(text)
        made += "".join(pattern.replace("{}", str(i)) for i in range(int(start), int(end))).encode()
    elif word == "check":
        assert blake3(made).hexdigest() == rest, "the recipe gave other bytes"
    else:
        raise ValueError(line)
