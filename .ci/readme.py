"""The console blocks of README.md and of the tutorial: what they show is what is printed.

    python .ci/readme.py            run the commands and write what they print
    python .ci/readme.py --check    fail if a page shows anything else

All commands of ```console blocks run one after the other in one new folder, which holds
`session.jsonl` from fixtures/transcripts/readme; the clock is the same on every machine.

Those of ```console shop blocks run in one shell in another new folder, which holds the files of
fixtures/refund: an agent, a scripted model that it asks, and a test. They record, so ids and
times are others each time: the blocks stay as they are where nothing but these differs. They need
bubblewrap; without it they stay as they are.

Output is cut to a size for reading, with `…` where something is left out. The name and the
folder are the same on every machine.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile  # noqa: TID251 - no temporary file of a store
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.walls import has_walls  # noqa: E402 - once it can be found

PAGE = ROOT / "README.md"
TUTORIAL = ROOT / "man" / "tapestutorial.7.md"
SESSION = ROOT / "fixtures" / "transcripts" / "readme" / "session.jsonl"
SHOP = ROOT / "fixtures" / "refund"
HOME = "/home/ada"
LINES_MAX = 16
TUTORIAL_LINES_MAX = 48
COLUMNS_MAX = 88
TIMEOUT_S = 110

_BLOCK = re.compile(r"^```console( shop)?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_MARK = "\x1e"
_VOLATILE = re.compile(
    r"\b[0-9a-f]{7,64}\b"  # ids
    r"|\b\d{8}t\d{6}(?:-[0-9a-f]{4})?(?:-\d+)?\b"  # the times in names of sessions
    r"|\b[A-Z][a-z]{2} [A-Z][a-z]{2} \d+ \d\d:\d\d:\d\d \d{4}\b|\b\d{4}-\d\d-\d\d\b"
    r"|\bin \d+\.\d\ds\b|\bpython-urllib 3\.\d+\b"
)


def render(text: str, *, lines_max: int = LINES_MAX) -> str:
    """Return a page with the output of every command renewed."""
    with tempfile.TemporaryDirectory() as name:
        home = Path(name).resolve()
        (home / "parser").mkdir()
        shutil.copyfile(SESSION, home / "parser" / "session.jsonl")
        shutil.copytree(SHOP, home / "shop", ignore=shutil.ignore_patterns("__pycache__"))
        old = [block for shop, block in _BLOCK.findall(text) if shop]
        new = iter(renew_shop(old, home, lines_max) if old and has_walls() else old)

        def renew(match: re.Match[str]) -> str:
            if match[1]:
                return f"```console shop\n{next(new)}```"
            commands = find_commands(match[2])
            outputs = [run(command, home) for command in commands]
            return f"```console\n{join_block(commands, outputs, lines_max)}```"

        return _BLOCK.sub(renew, text)


def renew_shop(blocks: list[str], home: Path, lines_max: int) -> list[str]:
    """Return the blocks that run in one shell, as they are if nothing but ids differs."""
    outputs = iter(run_in_shell([each for block in blocks for each in find_commands(block)], home))
    new = []
    for block in blocks:
        commands = find_commands(block)
        new.append(join_block(commands, [next(outputs) for _ in commands], lines_max))
    return blocks if [*map(without_ids, blocks)] == [*map(without_ids, new)] else new


def find_commands(block: str) -> list[str]:
    """Return the commands of a block."""
    return [line[2:] for line in block.splitlines() if line.startswith("$ ")]


def without_ids(block: str) -> str:
    """Return a block without what is another on every run."""
    return _VOLATILE.sub("…", block)


def join_block(commands: list[str], outputs: list[str], lines_max: int) -> str:
    """Return the text of a block, what commands print cut to a size for reading."""
    parts = []
    for command, output in zip(commands, outputs, strict=True):
        lines = output.splitlines()
        cut = [f"{each[: COLUMNS_MAX - 1]}…" if len(each) > COLUMNS_MAX else each for each in lines]
        parts += [f"$ {command}", *(cut if len(cut) <= lines_max else [*cut[: lines_max - 1], "…"])]
    return "".join(f"{part}\n" for part in parts)


def make_environment(home: Path) -> dict[str, str]:
    """Return the variables of every command."""
    return {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(home),
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
        "TAPES_ACTOR": "ada@example.com",
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def run(command: str, home: Path) -> str:
    """Return what a command prints."""
    done = subprocess.run(  # noqa: S602 - the commands of our own page
        command,
        shell=True,
        cwd=home / "parser",
        env=make_environment(home) | {"TAPES_DATE": "1772366400000"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"'{command}' fails:\n{done.stdout}")
    return done.stdout.replace(str(home), HOME)


def run_in_shell(commands: list[str], home: Path) -> list[str]:
    """Return what each of some commands prints that run in one shell."""
    script = ["exec 2>&1", "trap 'kill $MODEL_PID 2>/dev/null' EXIT"]
    for command in commands:
        script += [command, f"printf '{_MARK}%d{_MARK}' $?"]
    done = subprocess.run(
        ["bash", "-c", "\n".join(script)],  # noqa: S607 - any bash
        cwd=home / "shop",
        env=make_environment(home),
        stdout=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    told = done.stdout.replace(str(home), HOME).split(_MARK)
    outputs, codes = told[0:-1:2], told[1::2]
    for command, output, code in zip(commands, outputs, codes, strict=True):
        if code != "0":
            raise SystemExit(f"'{command}' fails with {code}:\n{output}")
    return outputs


def main() -> int:
    """Write or check the pages; return 1 if a check fails."""
    is_check = "--check" in sys.argv[1:]
    faults = 0
    for page, lines_max in ((PAGE, LINES_MAX), (TUTORIAL, TUTORIAL_LINES_MAX)):
        old = page.read_text(encoding="utf-8")
        new = render(old, lines_max=lines_max)
        faults += old != new
        if is_check:
            says = "in step" if old == new else "out of step; run 'make man'"
            print(f"{page.name}: {says}")
        else:
            page.write_text(new, encoding="utf-8")
    return int(is_check and faults > 0)


if __name__ == "__main__":
    sys.exit(main())
