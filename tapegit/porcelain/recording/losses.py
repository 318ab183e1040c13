"""What earlier recordings could not store, told once.

Source: tapesproxy(7), "What is lost".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tapegit.errors import TapesError
from tapegit.repository.recordings import Loss, forget_losses, iter_losses

if TYPE_CHECKING:
    from tapegit.repository.repository import Repository


def take_losses(repository: Repository) -> tuple[Loss, ...]:
    """Return what recordings lost that have ended, the oldest first, and forget it."""
    losses = tuple(iter_losses(repository.root))
    if losses:
        try:
            forget_losses(repository.root)
        except TapesError:
            pass  # a disk that is full or read-only: it is told again
    return losses
