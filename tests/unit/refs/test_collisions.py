"""Names that may stand beside one another, before anything is written."""

from __future__ import annotations

import pytest

from tapegit.errors import InvalidNameError
from tapegit.refs.collisions import Names
from tapegit.refs.names import RefName

COLLIDING = [
    ("refs/heads/a", "refs/heads/a/b"),
    ("refs/heads/a/b", "refs/heads/a"),
    ("refs/heads/a", "refs/heads/A"),
    ("refs/heads/a/b", "refs/heads/A/c"),
    ("refs/heads/A", "refs/heads/a/b"),
    ("refs/heads/stra\u00dfe", "refs/heads/STRASSE"),
]


@pytest.mark.parametrize(("first", "second"), COLLIDING)
def test_names_that_collide(first, second):
    """A folder of another, or one that differs in case alone; the error names the other."""
    names = Names([first])
    with pytest.raises(InvalidNameError, match="collides with"):
        names.add(RefName(second))


def test_names_that_do_not():
    """The same again, and others in the same folder."""
    names = Names(["refs/heads/a/b"])
    for name in ("refs/heads/a/b", "refs/heads/a/c", "refs/heads/b", "refs/heads/ab"):
        names.add(RefName(name))
