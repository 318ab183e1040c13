"""`doctor`, on the wire: what recordings lost, and upstreams that are reached without TLS.

Source: tapes-doctor(1).
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from tapegit.porcelain.doctor.doctor import NOTE, WARNING, Check
from tapegit.porcelain.recording.user_upstreams import read_user_upstreams
from tapegit.repository.recordings import iter_losses
from tapegit.wire.proxy.outbound import is_loopback

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tapegit.repository.repository import Repository


def check_losses(repository: Repository) -> Iterator[Check]:
    """Yield what recordings that have ended could not record."""
    for loss in iter_losses(repository.root):
        if loss.calls == 0:
            what = f"a recording ended early, no call is known to be lost: {loss.reason}"
            yield Check("recording", NOTE, "ended-early", what)
            continue
        count = (
            "calls"
            if loss.calls is None
            else "1 call"
            if loss.calls == 1
            else f"{loss.calls} calls"
        )
        what = f"a recording lost {count}: {loss.reason}"
        yield Check("recording", WARNING, "calls-lost", what)


def check_upstreams(repository: Repository) -> Iterator[Check]:
    """Yield the user's upstreams that are neither this machine nor reached with TLS."""
    for upstream in read_user_upstreams(repository.config):
        parts = urlsplit(upstream.url)
        if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
            what = f"keys go in the clear to upstream '{upstream.name}', at {parts.hostname}"
            hint = f"if it has https: tapes config --user upstream.{upstream.name}.url https://…"
            yield Check("recording", NOTE, "upstream-in-clear", what, hint)
