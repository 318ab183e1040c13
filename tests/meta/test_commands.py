"""Every command has what a command must have."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import click
import pytest

from tapegit.cli.main import cli
from tapegit.cli.table import CLASS_TITLES, COMMANDS, INNER, module_name

ROOT = Path(__file__).parents[2]
WITHOUT_JSON = {
    "checkout": "prints nothing",
    "help": "prints a page",
    "pack-refs": "prints nothing",
    "record": "prints what the command prints",
    "reset": "prints nothing",
    "switch": "prints nothing",
    "unpack-objects": "prints nothing",
    "update-ref": "prints answers to what it is told",
}
"""Commands without --json, and why; the list may only become shorter."""


def load(name: str) -> click.Command:
    """Return a command by name."""
    return import_module(module_name(name)).command


def iter_parts(name: str):
    """Yield the command and its subcommands."""
    command = load(name)
    yield command
    if isinstance(command, click.Group):
        yield from command.commands.values()


def test_table_is_sorted_by_class_and_name():
    """A reader finds a command at once; so does a merge."""
    order = list(CLASS_TITLES)
    expected = sorted(COMMANDS, key=lambda name: (_class_rank(order, name), name))

    assert list(COMMANDS) == expected


def _class_rank(order: list[str], name: str) -> int:
    # in the table plumbing comes last, upkeep in the middle, as in `tapes help`
    return order.index(COMMANDS[name][0])


def test_every_module_of_commands_is_in_the_table():
    """A module with a `command` that no line names is a command nobody can call."""
    for path in (ROOT / "tapegit" / "cli").glob("*.py"):
        module = import_module(f"tapegit.cli.{path.stem}")
        if hasattr(module, "command"):
            assert path.stem.replace("_", "-") in {*COMMANDS, *INNER}


@pytest.mark.parametrize("name", COMMANDS)
def test_command_is_called_by_its_name(name):
    """Table, module and click agree on the name."""
    assert load(name).name == name
    assert cli.get_command(click.Context(cli), name) is load(name)


@pytest.mark.parametrize("name", COMMANDS)
def test_command_has_a_test_of_its_own(name):
    """tests/e2e holds a file for each command, or several."""
    assert list((ROOT / "tests" / "e2e").glob(f"test_{name.replace('-', '_')}*.py"))


@pytest.mark.parametrize("name", COMMANDS)
def test_help_is_imperative_and_ends_without_a_full_stop(name):
    """Help of commands and options is in one style, and none is missing."""
    assert COMMANDS[name][2][0].isupper()
    for command in iter_parts(name):
        first = (command.help or "").splitlines()[0]
        assert first
        assert first[0].isupper()
        assert not first.endswith(".")
        for parameter in command.params:
            if isinstance(parameter, click.Option):
                text = parameter.help
                assert text, f"{parameter.opts} has no help"
                assert text[0].isupper(), text
                assert not text.endswith("."), text


@pytest.mark.parametrize("name", COMMANDS)
def test_options_have_their_value_named_in_capitals(name):
    """A value is `N`, `FORMAT` or a list of words to choose from, never click's `INTEGER RANGE`."""
    for command in iter_parts(name):
        for parameter in command.params:
            if (
                isinstance(parameter, click.Option)
                and not parameter.is_flag
                and not parameter.count
            ):
                metavar = parameter.make_metavar(click.Context(command))
                assert "RANGE" not in metavar, parameter.opts
                assert metavar not in ("TEXT", "INTEGER", "PATH"), parameter.opts


@pytest.mark.parametrize("name", COMMANDS)
def test_what_prints_data_has_json(name):
    """--json is on every command, but for those listed with a reason."""
    options = {option for command in iter_parts(name) for p in command.params for option in p.opts}

    assert ("--json" in options) != (name in WITHOUT_JSON)
