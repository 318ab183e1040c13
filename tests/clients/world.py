"""A person's machine for one conversation: a home, a project with a store, clients on the PATH.

Each client stands behind a tap, so that what it sent and got is known; each goes where the
person's own set-up leads it, which is a scripted server on loopback. Keys are dummies.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from tests.builders import make_store
from tests.clients.server import digest
from tests.clients.tap import read_log, read_messages
from tests.command import Runner, run_here

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.clients.server import ModelServer
    from tests.clients.tap import Body
    from tests.command import Result

ROOT = Path(__file__).parents[2]
CLIENTS = Path(os.environ.get("TAPES_CLIENTS", ROOT / ".clients"))
PROGRAMS = CLIENTS / "npm" / "node_modules" / ".bin"
PYTHON = CLIENTS / "python" / "bin" / "python"
NOWHERE = "http://127.0.0.1:9"
TIMEOUT_S = 90
_PREFIX = re.compile(r"^(?:/s/[^/]+)?(?:/u/[^/]+)?")
_KIND = re.compile(r"wire/(?:main|agents|forks|side/[a-z-]+)|file/main")
_TAP = """#!/bin/sh
PYTHONPATH={root} exec {python} -m tests.clients.tap {log} {program} "$@"
"""


class Run(NamedTuple):
    """What one run of a command did."""

    code: int
    out: str
    err: str


class World:
    """The machine.

    Attributes:
        home: The person's folder.
        work: The project, in which commands run; it has the store.
        environ: What commands see; a test may change it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = folder / "home"
        self.work = folder / "work"
        self.bin = folder / "bin"
        for path in (self.home, self.work, self.bin):
            path.mkdir()
        self.root = make_store(self.work / ".tapes")
        self._logs = 0
        self.environ = {
            "HOME": str(self.home),
            "PATH": f"{self.bin}{os.pathsep}{os.environ['PATH']}",
            "PWD": str(self.work),
            "TERM": "xterm",
            "LANG": "C.UTF-8",
            "SHELL": "/bin/sh",
            "USER": "ada",
            "TAPES_ACTOR": "ada@example",
        }

    def install(self, name: str, program: Path | None = None) -> None:
        """Put a real client on the PATH, behind a tap of its own."""
        log = self.folder / f"tap-{name}"
        log.mkdir()
        text = _TAP.format(
            root=ROOT, python=sys.executable, log=log, program=program or PROGRAMS / name
        )
        path = self.bin / name
        path.write_text(text)
        path.chmod(0o755)

    def isolate(self) -> None:
        """Let real clients reach nothing but loopback, and tell them to leave out the rest."""
        self.environ |= {
            **dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "https_proxy", "http_proxy"), NOWHERE),
            "CLAUDE_CODE_ENABLE_TELEMETRY": "0",
            "DISABLE_AUTOUPDATER": "1",
            "DISABLE_ERROR_REPORTING": "1",
            "DISABLE_TELEMETRY": "1",
            "GEMINI_CLI_TRUST_WORKSPACE": "true",
            "IS_SANDBOX": "1",
            "NO_COLOR": "1",
            "OPENCODE_DISABLE_AUTOUPDATE": "1",
            "OPENCODE_DISABLE_MODELS_FETCH": "1",
            "PI_OFFLINE": "1",
        }

    def install_fake(self, name: str, kind: str | None = None) -> None:
        """Put a stand-in for a client on the PATH."""
        path = self.bin / name
        module = f"tests.clients.fakes {kind or name}"
        path.write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} -m {module} "$@"\n')
        path.chmod(0o755)

    def lead(self, server: ModelServer) -> None:
        """Set the variables of every provider as a person would who has a server of hers."""
        self.environ |= {
            "ANTHROPIC_BASE_URL": server.url,
            "ANTHROPIC_API_KEY": "sk-ant-dummy",
            "OPENAI_BASE_URL": f"{server.url}/v1",
            "OPENAI_API_KEY": "sk-dummy",
            "GOOGLE_GEMINI_BASE_URL": server.url,
            "GEMINI_API_KEY": "dummy",
            "OLLAMA_HOST": server.url,
        }

    def write(self, name: str, value: object) -> Path:
        """Write a file below the folder of this machine, as text or as JSON."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(value if isinstance(value, str) else json.dumps(value))
        return path

    def start(self, *words: str, environ: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
        """Start `tapes` in the project."""
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "tapegit", *words],
            cwd=self.work,
            env={**self.environ, **(environ or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def tapes(
        self, *words: str, environ: Mapping[str, str] | None = None, code: int | None = 0
    ) -> Run:
        """Run `tapes` in the project to its end."""
        with self.start(*words, environ=environ) as process:
            try:
                out, err = process.communicate(timeout=TIMEOUT_S)
            except subprocess.TimeoutExpired:
                process.terminate()
                raise
        assert "/tapegit/" not in err, err
        assert code in {None, process.returncode}, (process.returncode, out[-2000:], err[-2000:])
        return Run(process.returncode, out, err)

    def output(self, *words: str) -> str:
        """Run a command in the project, without `tapes`; return what it prints."""
        done = subprocess.run(
            words,
            cwd=self.work,
            env=self.environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-2000:]
        return done.stdout

    def record(self, *words: str, environ: Mapping[str, str] | None = None, code: int = 0) -> Run:
        """Record a command to its end."""
        return self.tapes("record", "--", *words, environ=environ, code=code)

    def read(self, *words: str) -> Result:
        """Run `tapes` in this process, for a command that only reads the store."""
        return Runner(run_here, self.work)(*words)

    def records(self, *words: str) -> list[dict[str, Any]]:
        """Return the JSON objects that a command prints."""
        return self.read(*words, "--json").records

    def records_of(self, *words: str) -> list[dict[str, Any]]:
        """Return the same of a process of its own, which the environment leads to its store."""
        out = self.tapes(*words, "--json").out
        return [json.loads(line) for line in out.splitlines()]

    def bodies(self, name: str) -> list[Body]:
        """Return what a client sent and got."""
        return read_log(self.folder / f"tap-{name}")

    def messages(self, name: str) -> list[tuple[bool, bytes]]:
        """Return the messages of a client's WebSockets."""
        return read_messages(self.folder / f"tap-{name}")

    def verify_bodies(self, name: str, server: ModelServer) -> None:
        """Fail unless what the client sent and got is what the server got and sent.

        The server's side of an exchange that was cut short may be longer than the client's.
        """
        left = [
            (_PREFIX.sub("", body.target), body.request, body.response)
            for body in self.bodies(name)
            if body.status not in {0, 101}
        ]
        for exchange in server.exchanges:
            if exchange.is_broken:
                is_same = exchange.answer.startswith
            else:
                is_same = partial(has_digest, digest(exchange.answer))
            place = next(
                number
                for number, (target, request, response) in enumerate(left)
                if target == exchange.path
                and digest(request) == digest(exchange.body)
                and is_same(response)
            )
            del left[place]
        assert not left


def has_digest(expected: str, data: bytes) -> bool:
    """Return whether data has this SHA-256."""
    return digest(data) == expected


def refs(world: World) -> dict[str, list[str]]:
    """Return the shape of every tape of every session: role and first words of each turn."""
    return {
        record["ref"]: [shape(turn) for turn in world.records("log", "--reverse", record["ref"])]
        for record in world.records("for-each-ref", "refs/sessions")
    }


def threads(world: World) -> list[tuple[str, ...]]:
    """Return the same with what no script can know left out, sorted.

    Of the name of a tape stay the harness and what kind of tape it is; of a turn role and 60
    characters; of a leader nothing but that it is one. What a client asks before it begins, which
    belongs to no session, is left out.
    """
    found = []
    for name, turns in refs(world).items():
        _, _, harness, _, kind = name.split("/", 4)
        if "side/probe" not in kind:
            words = [turn[:60].rstrip() for turn in turns if not turn.startswith("session: ")]
            found.append((harness, _KIND.match(kind)[0], *words))
    return sorted(found)


def shape(turn: Mapping[str, Any]) -> str:
    """Return role and summary of a turn."""
    return f"{turn['role']}: {turn.get('summary', '')}"
