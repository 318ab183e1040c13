"""Only files/syscalls changes the disk."""

from __future__ import annotations

import ast
from pathlib import Path

import tapegit

PACKAGE = Path(tapegit.__file__).parent
HOME = "files/syscalls.py"

CHANGING = {
    "os": {
        "chflags",
        "chmod",
        "chown",
        "copy_file_range",
        "fchmod",
        "fchown",
        "fdatasync",
        "fsync",
        "ftruncate",
        "lchmod",
        "lchown",
        "link",
        "makedirs",
        "mkdir",
        "mkfifo",
        "mknod",
        "posix_fallocate",
        "pwrite",
        "pwritev",
        "remove",
        "removedirs",
        "removexattr",
        "rename",
        "renames",
        "replace",
        "rmdir",
        "sendfile",
        "setxattr",
        "symlink",
        "sync",
        "truncate",
        "unlink",
        "utime",
        "write",
        "writev",
    },
    "shutil": {"copy", "copy2", "copyfile", "copyfileobj", "copytree", "move", "rmtree"},
}
"""Functions that change a disk, by module."""

METHODS = {
    "chmod",
    "hardlink_to",
    "rmdir",
    "symlink_to",
    "touch",
    "unlink",
    "write_bytes",
    "write_text",
}
"""Methods of paths that change a disk (those that nothing else has)."""

EXEMPT = {
    ("upkeep/fsck/parallel.py", "os.write"): "into a pipe between processes",
    ("remote/connection.py", "os.write"): "into a pipe or a socket, to a remote",
}
"""Calls of this kind that change no file of a store."""


def find_calls(source: str) -> list[tuple[int, str]]:
    """Return line and name of each call in a module that changes a disk."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.module in CHANGING:
            names = {alias.name for alias in node.names} & CHANGING[node.module]
            found += [(node.lineno, f"{node.module}.{name}") for name in names]
        if isinstance(node, ast.Call) and (name := _changing_name(node)):
            found.append((node.lineno, name))
    return found


def _changing_name(call: ast.Call) -> str | None:
    function = call.func
    if isinstance(function, ast.Name):
        return "open" if function.id == "open" and _mode(call, 1) != "r" else None
    if not isinstance(function, ast.Attribute):
        return None
    owner = function.value.id if isinstance(function.value, ast.Name) else ""
    name = f"{owner}.{function.attr}"
    if function.attr in CHANGING.get(owner, ()):
        return name
    if name == "os.open":
        is_null = ast.unparse(call.args[0]) == "os.devnull"
        return name if not is_null and any(map(_writes, call.args[1:])) else None
    if function.attr == "open" and owner != "os":
        return name if _mode(call, 0) != "r" else None
    return name if function.attr in METHODS and owner != "syscalls" else None


def _mode(call: ast.Call, place: int) -> str:
    """Return "r" where a file is opened to be read, else anything else."""
    given = [keyword.value for keyword in call.keywords if keyword.arg == "mode"]
    given += call.args[place : place + 1]
    if not given:
        return "r"
    mode = given[0]
    is_text = isinstance(mode, ast.Constant) and isinstance(mode.value, str)
    return "r" if not is_text or not set(mode.value) & set("wax+") else mode.value


def _writes(flags: ast.expr) -> bool:
    names = {node.attr for node in ast.walk(flags) if isinstance(node, ast.Attribute)}
    return bool(names & {"O_WRONLY", "O_RDWR", "O_CREAT", "O_APPEND", "O_TRUNC"})


def test_nothing_but_syscalls_changes_the_disk():
    """Every write goes where the crash checker records it, or is exempt with its reason."""
    found = {
        (path.relative_to(PACKAGE).as_posix(), name): line
        for path in PACKAGE.rglob("*.py")
        for line, name in find_calls(path.read_text())
    }
    wrong = {
        f"{path}:{line} {name}"
        for (path, name), line in found.items()
        if path != HOME and (path, name) not in EXEMPT
    }

    assert wrong == set()


def test_the_search_finds_each_kind_of_call():
    """A line of each kind is found, and its harmless sister is not."""
    lines = {
        "os.rename(a, b)": "os.listdir(a)",
        "from os import unlink": "from os import listdir",
        "open(p, 'wb')": "open(p, 'rb')",
        "open(p, mode='a')": "open(p)",
        "path.open('r+')": "path.open()",
        "path.write_bytes(x)": "path.read_bytes()",
        "os.open(p, os.O_RDWR | os.O_CREAT)": "os.open(p, os.O_RDONLY)",
        "shutil.rmtree(p)": "shutil.which(p)",
        "self.path.unlink()": "syscalls.unlink(p)",
    }
    for changing, harmless in lines.items():
        assert find_calls(changing), changing
        assert not find_calls(harmless), harmless


def test_callers_name_the_module():
    """`syscalls.fsync(fd)`, never a function imported by name: it could not be stood in for."""
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module == "tapegit.files.syscalls":
                assert {alias.name for alias in node.names} <= {"ByteLike"}, path
