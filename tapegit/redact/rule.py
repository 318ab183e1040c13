r"""A rule: what one kind of secret looks like.

What its fields promise:

- `pattern` is looked for in texts whose escapes are undone; its groups are what is replaced,
  all that it found where it has none.
- `hint` is looked for in raw bytes. Wherever the pattern is found in a text, the hint is found
  in the bytes that it was written with, unless letters were written as `\\u0041`.
- `check` judges what a pattern cannot.
- `example` is found by the rule: a redactor that does not find it does not start. It is put
  together so that no file of ours holds anything that looks like a secret.

Source: tapesredaction(7), "Rules".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from tapegit.redact.values import Candidate, is_varied

if TYPE_CHECKING:
    from collections.abc import Callable

LOWER: Final = b"q3v8k2m9x7c4z6n1b5w0r8t2y6u4p9s3d7f1g5h0j2l8a4e6i3o7" * 4
MIXED: Final = b"q3V8kM9x7Cz6N1bW0r8Ty6U4pS3d7Fg5H0j2LaE6i3O7eR5tY1uX9" * 6
UPPER: Final = b"Q3V7K2M6X4C5Z2N7B5W3R6T2Y4U5P7S3" * 4
HEX: Final = b"9f3a7c1e5b8d2064" * 16


class Rule(NamedTuple):
    """One kind of secret."""

    name: str
    meaning: str
    pattern: bytes
    example: bytes
    hint: bytes
    check: Callable[[Candidate], bool] | None = is_varied
