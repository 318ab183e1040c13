"""What rewrites history, killed before each call that changes the disk: the second run ends it."""

from __future__ import annotations

import pytest

from tests.builders import make_store
from tests.unit.rewrite import test_forget, test_redact
from tests.unit.rewrite.leaky_store import fill, open_at

pytestmark = [pytest.mark.faults, pytest.mark.timeout(1200)]
ALL = range(1, 10_000)


def test_redact_killed_at_every_call(tmp_path):
    """Nothing of the secret is left, every ref is there, and fsck finds nothing."""
    root = make_store(tmp_path / "leaky" / ".tapes")
    kept = fill(open_at(root))
    last = test_redact.kill((root, kept), tmp_path, ALL)
    assert last is not None
    assert last > 100, "the calls were counted"


@pytest.mark.parametrize("command", test_forget.COMMANDS)
def test_forget_killed_at_every_call(tmp_path, command):
    """Nothing of the session is left, what stays has its ids, and fsck finds nothing."""
    told = test_forget.fill(tmp_path / "told")
    last = test_forget.kill(told, tmp_path, ALL, command)
    assert last is not None
    assert last > 100, "the calls were counted"
