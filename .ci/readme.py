"""The console blocks of README.md: what they show is what the program prints.

    python .ci/readme.py            run the commands and write what they print
    python .ci/readme.py --check    fail if README.md shows anything else

All commands run one after the other in one new folder, which holds `session.jsonl` from
fixtures/transcripts/readme. Output is cut to a size for reading, with `…` where something is left
out. The clock, the name and the folder are the same on every machine.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile  # noqa: TID251 - no temporary file of a store
from pathlib import Path
from shutil import copyfile

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "README.md"
SESSION = ROOT / "fixtures" / "transcripts" / "readme" / "session.jsonl"
PLACE = "/home/ada/parser"
LINES_MAX = 16
COLUMNS_MAX = 88

_BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def render(text: str, session: Path = SESSION) -> str:
    """Return the page with the output of every command renewed."""
    with tempfile.TemporaryDirectory() as name:
        place = Path(name).resolve()
        (place / "parser").mkdir()
        copyfile(session, place / "parser" / "session.jsonl")
        return _BLOCK.sub(lambda match: f"```console\n{run_block(match[1], place)}```", text)


def run_block(block: str, place: Path) -> str:
    """Return the commands of a block, each with what it prints now."""
    parts = []
    for line in block.splitlines():
        if line.startswith("$ "):
            parts += [line, *run(line[2:], place)]
    return "".join(f"{part}\n" for part in parts)


def run(command: str, place: Path) -> list[str]:
    """Return the lines that a command prints, cut to a size for reading."""
    environment = {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(place),
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
        "TAPES_ACTOR": "ada@example.com",
        "TAPES_DATE": "1772366400000",
    }
    done = subprocess.run(  # noqa: S602 - the commands of our own page
        command,
        shell=True,
        cwd=place / "parser",
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"README.md: '{command}' fails:\n{done.stdout}")
    lines = done.stdout.replace(str(place / "parser"), PLACE).splitlines()
    shown = [f"{line[: COLUMNS_MAX - 1]}…" if len(line) > COLUMNS_MAX else line for line in lines]
    return shown if len(shown) <= LINES_MAX else [*shown[: LINES_MAX - 1], "…"]


def main() -> int:
    """Write or check the page; return 1 if a check fails."""
    old = PAGE.read_text(encoding="utf-8")
    new = render(old)
    if "--check" in sys.argv[1:]:
        print("README.md: in step" if old == new else "README.md: out of step; run 'make man'")
        return int(old != new)
    PAGE.write_text(new, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
