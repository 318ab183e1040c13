"""`tapes help`."""

from __future__ import annotations

import click

from tapegit.cli.app import App, pass_app
from tapegit.porcelain.maintenance.help import list_topics, read_page
from tapegit.ui.manual import iter_page_lines


@click.command("help")
@click.option("-a", "--all", "list_all", is_flag=True, help="List every manual page")
@click.argument("topic", required=False)
@pass_app
def command(app: App, /, list_all: bool, topic: str | None) -> None:
    """Show the manual page of a command, a concept or a format"""
    if list_all:
        for name, section in list_topics():
            app.terminal.line(f"{name}({section})")
    elif topic is None:
        app.terminal.text(click.get_current_context().find_root().get_help(), end="\n")
    else:
        for parts in iter_page_lines(read_page(topic)):
            app.terminal.line(*parts)
