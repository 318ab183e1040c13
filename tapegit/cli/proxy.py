"""`tapes proxy`."""

from __future__ import annotations

import click

from tapegit.cli.app import App, pass_app
from tapegit.cli.endings import tell_fault, tell_gone, tell_losses, tidy
from tapegit.cli.surroundings import find_surroundings
from tapegit.cli.types import json_option
from tapegit.porcelain.recording.proxy import PORT, iter_standing, run_proxy
from tapegit.ui.recordings import describe_recording, iter_standing_lines, standing_members


@click.command("proxy")
@click.option(
    "--port",
    metavar="N",
    type=click.IntRange(0, 65535),
    default=None,
    help=f"Listen on port N instead of {PORT}, 0 for a free one",
)
@click.option(
    "--status", "is_status", is_flag=True, help="Say which proxies stand (on port N), and end"
)
@json_option
@click.pass_context
@pass_app
def command(
    app: App, ctx: click.Context, /, port: int | None, is_status: bool, as_json: bool
) -> None:
    """Record what many clients ask of models, until interrupted"""
    if is_status:
        standing = [each for each in iter_standing(app.repository) if port in {None, each.port}]
        for each in standing:
            if as_json:
                app.terminal.json(standing_members(each))
            else:
                for line in iter_standing_lines(each, now_ms=app.clock()):
                    app.terminal.line(line)
        if not standing:
            where = f" on port {port}" if port is not None else ""
            app.terminal.message(f"no proxy stands for this store{where}")
            ctx.exit(1)
        return
    tell_losses(app)
    finished = run_proxy(
        app.repository,
        find_surroundings(app),
        port=port if port is not None else PORT,
        on_start=lambda address: app.terminal.message(
            f"recording what comes to {address} into '{app.root}'; 'tapes env' says what to set"
        ),
    )
    app.terminal.message(describe_recording(finished.summary))
    tell_fault(app, finished.fault)
    tell_gone(app)
    tidy(app)
