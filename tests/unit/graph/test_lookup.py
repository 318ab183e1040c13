"""Short names of refs, and which tape stands for a session."""

from __future__ import annotations

import pytest

from tapegit.graph.lookup import abbreviate_ref, pick_main_tape
from tapegit.objects.oid import ObjectId
from tapegit.refs.names import RefName
from tapegit.refs.reader import Ref
from tests.builders import set_ref


@pytest.mark.parametrize(
    ("name", "short"),
    [
        ("refs/heads/main", "main"),
        ("refs/tags/v1", "v1"),
        ("refs/heads/same", "heads/same"),
        ("refs/tags/same", "tags/same"),
        ("refs/remotes/origin/main", "origin/main"),
        ("refs/remotes/origin/HEAD", "origin"),
        ("refs/notes/x", "notes/x"),
        ("refs/sessions/codex/abc/file/main", "codex/abc"),
        ("refs/sessions/codex/abc/agents/one", "codex/abc/agents/one"),
        ("HEAD", "HEAD"),
    ],
)
def test_abbreviated_ref_means_that_ref_alone(place, tape, name, short):
    """The shortest name that no other ref answers to, and that leads back."""
    for other in (
        "refs/tags/v1",
        "refs/heads/same",
        "refs/tags/same",
        "refs/remotes/origin/main",
        "refs/remotes/origin/HEAD",
        "refs/notes/x",
        "refs/sessions/codex/abc/file/main",
        "refs/sessions/codex/abc/agents/one",
    ):
        set_ref(place.repository, other, tape[0])
    assert abbreviate_ref(place.repository.refs, RefName.parse(name)) == short
    assert place.resolver.find_ref(short) == name
    assert not place.warnings


def test_main_tape_is_file_then_wire_then_first_by_name():
    """What a harness wrote stands for the session before what the proxy saw."""
    oid = ObjectId(bytes(32))
    folder = "refs/sessions/h/s"

    def refs(*names):
        return [Ref(RefName(f"{folder}/{name}"), oid) for name in names]

    assert pick_main_tape([], folder) is None
    for names, expected in (
        (("agents/a", "wire/main", "file/main"), "file/main"),
        (("agents/a", "wire/main", "file/old"), "wire/main"),
        (("side/b", "agents/a"), "agents/a"),
    ):
        assert pick_main_tape(refs(*names), folder).name == f"{folder}/{expected}"
