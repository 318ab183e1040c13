"""Whether data is a valid object of its kind, on its own: for whoever lets objects in.

Links are not followed here; that an id is the hash of its data is for `object_id` to say.

Source: tapesformat-object(5), "Checking".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tapegit.errors import FormatError
from tapegit.objects.kind import SIZE_MAX_BYTES, Kind
from tapegit.objects.rope import decode_rope
from tapegit.objects.tag import decode_tag
from tapegit.objects.turn import verify_turn

if TYPE_CHECKING:
    from collections.abc import Callable

_VERIFIERS: Final[dict[Kind, Callable[[bytes], object]]] = {
    Kind.ROPE: decode_rope,
    Kind.TURN: verify_turn,
    Kind.TAG: decode_tag,
}


def verify_object(kind: Kind, data: bytes) -> None:
    """Check everything that an object's data alone can show.

    Raises:
        DataError: The data is no valid object of this kind.
    """
    if len(data) > SIZE_MAX_BYTES[kind]:
        raise FormatError(
            f"{kind} of {len(data)} bytes is larger than {SIZE_MAX_BYTES[kind]}",
            where=str(kind),
            expected=SIZE_MAX_BYTES[kind],
            actual=len(data),
        )
    verifier = _VERIFIERS.get(kind)
    if verifier is not None:
        verifier(data)
