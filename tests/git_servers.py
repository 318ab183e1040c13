"""Real servers on this machine for all tests: sshd, nginx with git http-backend, git daemon.

Each is started when a test first wants it, and serves every repository below one folder until
the tests end. Keys, certificates and passwords are made for one run; where a program is missing
the test is skipped by its name.
"""

from __future__ import annotations

import contextlib
import getpass
import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.remotes import GitServer

_PATHS = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])
_WAIT_S = 10.0
BACKEND = Path("/usr/lib/git-core/git-http-backend")
TRANSPORTS = ("path", "ssh", "https", "daemon")
CLIENT_COUNT_MAX = 8


UNSHARED = " -o ControlMaster=no -o ControlPath=none"
"""Options of ssh for a connection of one's own."""


class Place(NamedTuple):
    """Where a repository is reached, the environment that reaches it, and the server's port."""

    url: str
    env: dict[str, str]
    port: int | None = None

    def through(self, port: int) -> str:
        """Return the address of the same repository behind another port."""
        assert self.port is not None
        return self.url.replace(f":{self.port}/", f":{port}/", 1)


def need(name: str) -> str:
    """Return the path of a program, or skip the test."""
    found = shutil.which(name, path=_PATHS)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def free_port() -> int:
    """Return a port that nobody listens at."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


class GitServers:
    """The servers of a run; `folder` is where the repositories are that they serve."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "served"
        self.folder.mkdir()
        self._keys = folder
        self._places: dict[str, Place] = {}
        self._absent: dict[str, str] = {}
        self._running = contextlib.ExitStack()
        self._count = 0

    def make(self) -> GitServer:
        """Give an empty bare repository that is served."""
        self._count += 1
        return GitServer(self.folder / f"r{self._count}" / "server.git")

    def place(self, transport: str, server: GitServer) -> Place:
        """Return where a repository is reached over a transport; skip the test where it cannot."""
        if transport == "path":
            return Place(str(server.path), {})
        if transport in self._absent:
            pytest.skip(self._absent[transport])
        if transport not in self._places:
            start = {"ssh": self._start_ssh, "https": self._start_https}
            try:
                self._places[transport] = start.get(transport, self._start_daemon)()
            except pytest.skip.Exception as error:
                self._absent[transport] = str(error)
                raise
        found = self._places[transport]
        below = server.path if transport == "ssh" else server.path.relative_to(self.folder)
        return found._replace(url=f"{found.url}/{str(below).lstrip('/')}")

    def close(self) -> None:
        """Stop what runs."""
        self._running.close()

    def run(self, command: list[str], port: int | None, env: dict[str, str] | None = None) -> None:
        """Run a program until the tests end; with a port, return when somebody listens there."""
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, **(env or {})},
            start_new_session=True,
        )
        self._running.callback(_stop, process)
        if port is not None:
            _wait_for(port, process)

    def _start_daemon(self) -> Place:
        """Start git daemon, which takes pushes too where it is told to."""
        git, port = need("git"), free_port()
        options = ["--export-all", "--reuseaddr", "--listen=127.0.0.1"]
        options += [f"--base-path={self.folder}", f"--port={port}", "--enable=receive-pack"]
        self.run([git, "daemon", *options, str(self.folder)], port)
        return Place(f"git://127.0.0.1:{port}", {}, port)

    def _start_ssh(self) -> Place:
        """Start sshd with keys of its own, reached by a name of a host that only a config knows.

        Connections are shared, as many people have it set, which saves half of the time.
        """
        sshd, ssh, keygen = need("sshd"), need("ssh"), need("ssh-keygen")
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(exist_ok=True)
        folder, port = self._keys / "ssh", free_port()
        folder.mkdir()
        for name in ("host", "client"):
            key = ["-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)]
            subprocess.run([keygen, *key], check=True)
        shutil.copy(folder / "client.pub", folder / "authorized")
        (folder / "sshd_config").write_text(
            f"Port {port}\nListenAddress 127.0.0.1\nHostKey {folder}/host\n"
            f"AuthorizedKeysFile {folder}/authorized\nStrictModes no\nPidFile none\n"
            "PasswordAuthentication no\nPermitRootLogin yes\nUsePAM no\nMaxStartups 100\n"
        )
        key = (folder / "host.pub").read_text().split()[:2]
        (folder / "known").write_text(f"tapes-host {' '.join(key)}\n")
        (folder / "config").write_text(
            f"Host tapes-host\n HostName 127.0.0.1\n Port {port}\n User {getpass.getuser()}\n"
            f" IdentityFile {folder}/client\n IdentitiesOnly yes\n StrictHostKeyChecking yes\n"
            f" UserKnownHostsFile {folder}/known\n HostKeyAlias tapes-host\n"
            f" ControlMaster auto\n ControlPath {folder}/shared\n ControlPersist 60\n"
        )
        self.run([sshd, "-D", "-e", "-f", str(folder / "sshd_config")], port)
        command = [ssh, "-F", f"{folder}/config"]
        probe = [*command, "tapes-host", "true"]
        if subprocess.run(probe, capture_output=True, check=False).returncode:
            pytest.skip("sshd lets nobody in here")
        self._running.callback(
            subprocess.run, [*command, "-O", "exit", "tapes-host"], capture_output=True, check=False
        )
        env = {"GIT_SSH_COMMAND": " ".join(command)}
        return Place(f"ssh://tapes-host:{port}", env, port)

    def _start_https(self) -> Place:
        """Start nginx with a certificate of its own and a password that a helper knows."""
        nginx, wrap, openssl = need("nginx"), need("fcgiwrap"), need("openssl")
        if not BACKEND.exists():
            pytest.skip("git http-backend is not installed")
        folder, port = self._keys / "https", free_port()
        folder.mkdir()
        make_certificate(openssl, folder)
        done = subprocess.run(
            [openssl, "passwd", "-apr1", "secret"], check=True, capture_output=True, text=True
        )
        (folder / "users").write_text(f"ada:{done.stdout}")
        text = _NGINX.format(folder=folder, port=port, backend=BACKEND, root=self.folder)
        user = "user root;\n" if os.geteuid() == 0 else ""
        (folder / "nginx.conf").write_text(user + text)
        env = write_git_settings(folder / "gitconfig", folder / "cert.pem")
        count = str(CLIENT_COUNT_MAX)
        self.run([wrap, "-c", count, "-s", f"unix:{folder}/socket"], None, env)
        self.run([nginx, "-c", str(folder / "nginx.conf"), "-p", str(folder)], port)
        return Place(f"https://localhost:{port}", env, port)


def make_certificate(
    openssl: str, folder: Path, name: str = "cert", host: str = "localhost"
) -> None:
    """Make a certificate that vouches for itself: `<name>.pem`, and `<name>-key.pem`."""
    made = f"req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN={host}"
    files = ["-keyout", f"{folder}/{name}-key.pem", "-out", f"{folder}/{name}.pem"]
    names = ["-addext", f"subjectAltName=DNS:{host}"]
    subprocess.run([openssl, *made.split(), *names, *files], check=True, capture_output=True)


def write_git_settings(path: Path, certificate: Path, more: str = "") -> dict[str, str]:
    """Write settings of a user who trusts a certificate; return the environment that has them."""
    helper = _CREDENTIALS.replace('"', '\\"')
    path.write_text(
        f'[http]\n\tsslCAInfo = {certificate}\n[credential]\n\thelper = "{helper}"\n'
        f"[safe]\n\tdirectory = *\n{more}"
    )
    return {"GIT_CONFIG_GLOBAL": str(path)}


def _stop(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)  # fcgiwrap leaves its children
    process.wait()


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    """Wait until somebody listens."""
    end = time.monotonic() + _WAIT_S
    while time.monotonic() < end:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        if process.poll() is not None:
            pytest.skip(f"{process.args[0]} does not run here")
        time.sleep(0.02)
    pytest.fail("the server does not listen")


_CREDENTIALS = '!f() { test "$1" = get && echo username=ada && echo password=secret; }; f'
_NGINX = """
daemon off;
pid {folder}/pid;
error_log {folder}/error.log;
events {{ }}
http {{
  access_log off;
  client_max_body_size 0;
  client_body_temp_path {folder}/body;
  fastcgi_temp_path {folder}/fastcgi;
  proxy_temp_path {folder}/proxy;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{port} ssl;
    ssl_certificate {folder}/cert.pem;
    ssl_certificate_key {folder}/cert-key.pem;
    ssl_client_certificate {folder}/cert.pem;
    ssl_verify_client optional;
    location ~ ^/to/([0-9]+)(/.*) {{
      return 302 http://127.0.0.1:$1$2$is_args$args;
    }}
    location ~ ^/tls-to/([0-9]+)(/.*) {{
      return 302 https://localhost:$1$2$is_args$args;
    }}
    location ~ ^/certified(/.*) {{
      if ($ssl_client_verify != SUCCESS) {{ return 403; }}
      set $below $1;
      fastcgi_pass unix:{folder}/socket;
    }}
    location ~ (/.*) {{
      auth_basic "tapes";
      auth_basic_user_file {folder}/users;
      set $below $1;
      fastcgi_pass unix:{folder}/socket;
    }}
    fastcgi_param SCRIPT_FILENAME {backend};
    fastcgi_param GIT_PROJECT_ROOT {root};
    fastcgi_param GIT_HTTP_EXPORT_ALL "";
    fastcgi_param GIT_HTTP_MAX_REQUEST_BUFFER 100m;
    fastcgi_param GIT_PROTOCOL $http_git_protocol;
    fastcgi_param PATH_INFO $below;
    fastcgi_param REMOTE_USER ada;
    fastcgi_param QUERY_STRING $query_string;
    fastcgi_param REQUEST_METHOD $request_method;
    fastcgi_param CONTENT_TYPE $content_type;
    fastcgi_param CONTENT_LENGTH $content_length;
    fastcgi_param HTTP_CONTENT_ENCODING $http_content_encoding;
  }}
}}
"""
