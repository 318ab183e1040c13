"""`tapes ls-remote`."""

from __future__ import annotations

from fnmatch import fnmatchcase

import click

from tapegit.cli.app import App, pass_app
from tapegit.cli.remotes import make_surroundings
from tapegit.cli.types import json_option
from tapegit.errors import RepositoryNotFoundError
from tapegit.porcelain.remotes.remote_show import list_remote_refs
from tapegit.porcelain.remotes.remotes import choose_remote
from tapegit.remote.urls import RemoteUrl, parse_url


@click.command("ls-remote")
@click.option("--heads", "kinds", flag_value="heads", multiple=True, help="Only branches")
@click.option("--tags", "kinds", flag_value="tags", multiple=True, help="Only tags")
@click.option("--sessions", "kinds", flag_value="sessions", multiple=True, help="Only sessions")
@json_option
@click.argument("remote", required=False)
@click.argument("patterns", metavar="[PATTERN]...", nargs=-1)
@pass_app
def command(
    app: App,
    /,
    kinds: tuple[str, ...],
    as_json: bool,
    remote: str | None,
    patterns: tuple[str, ...],
) -> None:
    """List the refs of a remote with their commits"""
    for ref in list_remote_refs(_find_url(app, remote), make_surroundings(app)):
        short = ref.name.removeprefix("refs/tapes/")
        if kinds and short.partition("/")[0] not in kinds:
            continue
        if patterns and not any(fnmatchcase(f"/{short}", f"*/{each}") for each in patterns):
            continue
        if as_json:
            app.terminal.json({"ref": ref.name, "commit": ref.git_id.hex()})
        else:
            app.terminal.record(f"{ref.git_id.hex()}\t{ref.name}")


def _find_url(app: App, remote: str | None) -> RemoteUrl:
    """Return where to look; an address needs no store."""
    try:
        return choose_remote(app.repository, remote).url
    except RepositoryNotFoundError:
        if remote is None:
            raise
        return parse_url(remote)
