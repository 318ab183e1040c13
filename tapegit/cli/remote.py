"""`tapes remote`."""

from __future__ import annotations

import click

from tapegit.cli.app import App, pass_app
from tapegit.cli.remotes import make_surroundings
from tapegit.cli.types import json_option
from tapegit.porcelain.remotes.remote_show import describe_remote, prune_remote
from tapegit.porcelain.remotes.remotes import (
    add_remote,
    choose_remote,
    list_remotes,
    remove_remote,
    rename_remote,
    set_remote_url,
)
from tapegit.ui.remotes import iter_remote_lines, remote_members


@click.group("remote", invoke_without_command=True)
@click.option("-v", "--verbose", is_flag=True, help="Show addresses")
@json_option
@click.pass_context
def command(ctx: click.Context, verbose: bool, as_json: bool) -> None:
    """List and manage remotes"""
    if ctx.invoked_subcommand is not None:
        return
    app: App = ctx.obj
    remotes = list_remotes(app.repository)
    if as_json:
        for remote in remotes:
            app.terminal.json(remote_members(remote))
        return
    for line in iter_remote_lines(remotes, is_verbose=verbose):
        app.terminal.record(line)


@command.command("add")
@click.argument("name")
@click.argument("url")
@pass_app
def add(app: App, /, name: str, url: str) -> None:
    """Add a remote"""
    add_remote(app.repository, name, url)


@command.command("remove")
@click.argument("name")
@pass_app
def remove(app: App, /, name: str) -> None:
    """Remove a remote, and the refs that follow it"""
    remove_remote(app.repository, name)


command.add_command(remove, "rm")


@command.command("rename")
@click.argument("old")
@click.argument("new")
@pass_app
def rename(app: App, /, old: str, new: str) -> None:
    """Rename a remote, and the refs that follow it"""
    rename_remote(app.repository, old, new)


@command.command("set-url")
@click.option("--push", "is_push", is_flag=True, help="Set only where it is pushed to")
@click.argument("name")
@click.argument("url")
@pass_app
def set_url(app: App, /, is_push: bool, name: str, url: str) -> None:
    """Change where a remote is"""
    set_remote_url(app.repository, name, url, is_push=is_push)


@command.command("get-url")
@click.option("--push", "is_push", is_flag=True, help="Where it is pushed to")
@click.argument("name")
@pass_app
def get_url(app: App, /, is_push: bool, name: str) -> None:
    """Print where a remote is"""
    remote = choose_remote(app.repository, name)
    app.terminal.record((remote.push_url if is_push else remote.url).shown)


@command.command("show")
@click.argument("name")
@pass_app
def show(app: App, /, name: str) -> None:
    """Say what a remote has, and what of it is here"""
    for line in describe_remote(app.repository, name, make_surroundings(app)):
        app.terminal.line(line)


@command.command("prune")
@click.option("-n", "--dry-run", is_flag=True, help="Delete nothing")
@click.argument("name")
@pass_app
def prune(app: App, /, dry_run: bool, name: str) -> None:
    """Delete what follows refs that are gone from a remote"""
    gone = prune_remote(app.repository, name, make_surroundings(app), is_dry_run=dry_run)
    what = "would prune" if dry_run else "pruned"
    for ref in gone:
        app.terminal.line(f" * [{what}] {ref.removeprefix('refs/remotes/')}")
