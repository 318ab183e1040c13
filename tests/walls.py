"""Whether a replay can be isolated here: bubblewrap is there, and the system lets it work."""

from __future__ import annotations

import shutil
import subprocess
from functools import cache

import pytest

from tapegit.porcelain.replay.isolation import NAMESPACES

_PROBE = (
    *("bwrap", "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc", "--tmpfs", "/run"),
    *(f"--unshare-{name}" for name in NAMESPACES),
    *("--cap-drop", "ALL"),
    "true",
)


@cache
def has_walls() -> bool:
    """Return whether a command can be run as `tapes replay` isolates one."""
    if shutil.which("bwrap") is None:
        return False
    return subprocess.run(_PROBE, capture_output=True, check=False).returncode == 0


walls = pytest.mark.skipif(not has_walls(), reason="needs bubblewrap, and namespaces for it")
