"""What commands that record say of what is not recorded, and do once they are done."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tapegit.porcelain.maintenance.gc import start_auto
from tapegit.porcelain.recording.losses import take_losses
from tapegit.ui.recordings import describe_loss

if TYPE_CHECKING:
    from tapegit.cli.app import App


def tell_losses(app: App) -> None:
    """Say on standard error what earlier recordings could not store."""
    for loss in take_losses(app.repository):
        say = app.terminal.message if loss.calls == 0 else app.terminal.warning
        say(describe_loss(loss))


def tell_gone(app: App) -> None:
    """Say on standard error that the store was deleted while it was recorded into, if it was."""
    root = app.repository.root
    if not root.is_dir():
        app.terminal.warning(f"the store '{root}' was deleted, with all that was recorded into it")
        app.terminal.hint(
            "'git clean -fdx' deletes a store in a git repository; 'tapes init --user' makes one "
            "outside"
        )


def tell_fault(app: App, fault: str | None) -> None:
    """Say on standard error what was wrong with the proxy, if anything was."""
    if fault is not None:
        app.terminal.warning(f"a fault of the proxy cost a connection: {fault}")
        app.terminal.hint("please report it: 'tapes doctor --report FILE' writes what goes with it")


def tidy(app: App) -> None:
    """Start a gc by itself, where so much was recorded that it is time for one."""
    if failure := start_auto(app.repository):
        app.terminal.warning(f"gc failed less than a day ago, see 'gc.log': {failure}")
