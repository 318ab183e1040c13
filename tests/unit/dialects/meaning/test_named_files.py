"""Files that tool calls name."""

from __future__ import annotations

import json

import pytest

from tapegit.dialects.meaning.named_files import (
    FILE_ARGUMENTS,
    FILE_LENGTH_MAX,
    is_below,
    iter_files,
)
from tapegit.dialects.parts import ToolCall


def files(name: str, arguments: object) -> list[str]:
    """Return the files that a call names."""
    text = arguments if isinstance(arguments, str) else json.dumps(arguments)
    return list(iter_files(ToolCall(name=name, arguments=text)))


@pytest.mark.parametrize("argument", sorted(FILE_ARGUMENTS))
def test_usual_names_of_arguments_name_files(argument):
    """Whatever the tool is called."""
    assert files("Frobnicate", {argument: "a b/ü.py", "other": "x.py"}) == ["a b/ü.py"]


@pytest.mark.parametrize("tool", ["Grep", "glob", "LS", "list_directory"])
def test_folders_are_no_files(tool):
    """Tools that list or search are given folders."""
    assert files(tool, {"path": "src"}) == []


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        ("*** Begin Patch\n*** Update File: a.py\n*** Delete File: b c.py\n", ["a.py", "b c.py"]),
        ({"input": "*** Add File: n.py\n+x"}, ["n.py"]),
        ({"command": ["apply_patch", "*** Begin Patch\n*** Update File: s.py\n@@"]}, ["s.py"]),
        ("*** Update File: \n", []),
        ("** Update File: x\n", []),
    ],
)
def test_patches_name_files(arguments, found):
    """As text, as an argument, and as a word of a command."""
    assert files("apply_patch", arguments) == found


@pytest.mark.parametrize(
    "arguments",
    ["", "no json", "[1]", '{"path": ""}', json.dumps({"path": "x" * (FILE_LENGTH_MAX + 1)})],
)
def test_what_names_no_file_is_passed_over(arguments):
    """Nothing is guessed, and nothing raises."""
    assert files("Read", arguments) == []


def test_value_that_is_no_string_is_no_file():
    """A number is not a path, wherever it stands."""
    assert files("Read", {"path": 7, "file": [1, None], "filename": None}) == []


def test_files_of_lists_and_of_inner_objects_are_named():
    """Tools that change several files at once name them so; what is too deep is passed over."""
    deep: object = {"path": "deep.py"}
    for _ in range(50):
        deep = [deep]

    assert files(
        "Edit", {"edits": [{"FilePath": "a.py"}, {"file": ["b.py", {"path": "c.py"}]}]}
    ) == [
        "a.py",
        "b.py",
        "c.py",
    ]
    assert files("Edit", {"edits": deep}) == []


@pytest.mark.parametrize(
    ("file", "path", "expected"),
    [
        ("src/a.py", "src/a.py", True),
        ("src/a.py", "./src/a.py", True),
        ("./src/a.py", "src", True),
        ("/home/u/p/src/a.py", "src/a.py", True),
        ("/home/u/p/src/a.py", "src/", True),
        ("/home/u/p/src/a.py", "/home/u", True),
        ("/home/u/p/src/a.py", "/src/a.py", False),
        ("src/a.py", "rc/a.py", False),
        ("src/a.py", "a.p", False),
        ("src/a.py", "src/a.py/b", False),
        ("/p/src/a.py", "*.py", True),
        ("/p/src/a.py", "src/?.py", True),
        ("/p/src/a.py", "/src/*.py", False),
        ("/p/src/a.py", "[ab].py", True),
        ("a.py", "b*.py", False),
        ("/a", "/", True),
        ("a", "/", False),
    ],
)
def test_path_finds_itself_and_what_is_below_it(file, path, expected):
    """A path is taken by its whole names, never by a piece of one."""
    assert is_below(file, path) is expected
