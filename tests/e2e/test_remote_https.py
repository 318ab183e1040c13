"""What git's own http helper does for remotes: redirects, proxies, certificates and passwords."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from pathlib import Path

import pytest

from tests.builders import make_repo, make_tape
from tests.command import Runner, run_here
from tests.git_servers import make_certificate, need, write_git_settings

REQUEST_SIZE_MAX = 1 << 16
CHALLENGE = (
    b"HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=x\r\n"
    b"Content-Length: 0\r\nConnection: close\r\n\r\n"
)


class Stranger(contextlib.AbstractContextManager["Stranger"]):
    """A server that asks for a password whatever it is asked for, and keeps what it is sent.

    With `target` it is a proxy: it lets `CONNECT` through to that port. With `certificate`, a
    path without its ending, it speaks TLS.
    """

    def __init__(self, target: int | None = None, certificate: Path | None = None) -> None:
        self._target = target
        self._context = None
        if certificate is not None:
            self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._context.load_cert_chain(f"{certificate}.pem", f"{certificate}-key.pem")
        self.heard: list[bytes] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._answer, args=(client,), daemon=True).start()

    def _answer(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError), contextlib.ExitStack() as stack:
            stack.enter_context(client)
            if self._context is not None:
                client = stack.enter_context(self._context.wrap_socket(client, server_side=True))
            request = client.recv(REQUEST_SIZE_MAX)
            self.heard.append(request)
            if self._target is None:
                client.sendall(CHALLENGE)
                return
            client.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
            with socket.create_connection(("127.0.0.1", self._target)) as server:
                back = threading.Thread(target=_pass, args=(server, client), daemon=True)
                back.start()
                _pass(client, server)
                back.join()

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()


def _pass(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(4096):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


@pytest.fixture
def place(servers, monkeypatch):
    """Give a repository behind nginx."""
    server = servers.make()
    place = servers.place("https", server)
    for name, value in place.env.items():
        monkeypatch.setenv(name, value)
    return place, server


@pytest.fixture
def one(tmp_path):
    """Give what runs tapes in a store with a tape."""
    folder = tmp_path / "one"
    folder.mkdir()
    make_tape(make_repo(folder / ".tapes"), 3)
    return Runner(run_here, folder)


@pytest.mark.parametrize("user", ["", "ada:secret@"])
def test_no_redirect_leads_to_plain_http(place, one, user):
    """Neither the password nor anything else is sent there."""
    (url, _, port), server = place
    with Stranger() as stranger:
        below = url.partition(f":{port}/")[2]
        lured = f"https://{user}localhost:{port}/to/{stranger.port}/{below}"
        for command in ("push", "ls-remote"):
            result = one(command, lured, *(["main"] if command == "push" else []), code=40)
            assert "secret" not in result.err
        assert stranger.heard == []
    assert server.refs == {}


def test_a_redirect_to_another_host_takes_no_password_along(place, one, tmp_path, monkeypatch):
    """Not that of the address, though the other one asks for it."""
    (url, env, port), _ = place
    make_certificate(need("openssl"), tmp_path, "other")
    both = tmp_path / "both.pem"
    own = Path(env["GIT_CONFIG_GLOBAL"]).with_name("cert.pem")
    both.write_text(own.read_text() + (tmp_path / "other.pem").read_text())
    settings = tmp_path / "gitconfig"
    settings.write_text(f"[http]\n\tsslCAInfo = {both}\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))
    below = url.partition(f":{port}/")[2]
    with Stranger(certificate=tmp_path / "other") as stranger:
        one("ls-remote", f"https://ada:secret@localhost:{stranger.port}/{below}", code=40)
        assert any(b"Authorization: Basic" in each for each in stranger.heard)
        stranger.heard.clear()
        lured = f"https://ada:secret@localhost:{port}/tls-to/{stranger.port}/{below}"
        for args in (("ls-remote", lured), ("push", lured, "main")):
            one(*args, code=40)
        assert stranger.heard
        assert not any(b"uthorization:" in each for each in stranger.heard)


def test_a_redirect_of_the_same_host_is_followed(place, one):
    """As after a repository was renamed."""
    (url, _, port), server = place
    moved = url.replace(f":{port}/", f":{port}/tls-to/{port}/")
    one("push", moved, "main")
    server.verify()
    assert one("clone", "-q", moved, "copy").code == 0


def test_the_helper_is_asked_for_the_host_alone(place, one, tmp_path, monkeypatch):
    """And what did not help is rejected, so that it is forgotten."""
    (url, _, port), _ = place
    settings = tmp_path / "gitconfig"
    said = tmp_path / "asked"
    helper = (
        f"!f() {{ echo for $1 >> {said}; cat >> {said}; test $1 != get || echo password=no; }}; f"
    )
    trusted = servers_settings(place)
    settings.write_text(f'{trusted}[credential]\n\tusername = ada\n\thelper = "{helper}"\n')
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))
    result = one("push", url, "main", code=40)
    assert "Authentication failed" in result.err
    asked = said.read_text()
    assert asked.startswith("for get\n")
    assert "for erase\n" in asked
    hosts = {line for line in asked.splitlines() if line.startswith("host=")}
    assert hosts == {f"host=localhost:{port}"}


def servers_settings(place) -> str:
    """Return the part of the user's settings that trusts the server."""
    return Path(place[0].env["GIT_CONFIG_GLOBAL"]).read_text().partition("[credential]")[0]


@pytest.mark.parametrize("way", ["http.proxy", "https_proxy"])
def test_a_proxy_is_used(way, place, one, tmp_path, monkeypatch):
    """That of git's settings, and that of the environment."""
    (url, env, port), server = place
    with Stranger(port) as proxy:
        address = f"http://127.0.0.1:{proxy.port}"
        if way == "https_proxy":
            monkeypatch.setenv(way, address)
        else:
            settings = tmp_path / "gitconfig"
            text = Path(env["GIT_CONFIG_GLOBAL"]).read_text()
            settings.write_text(f"{text}[http]\n\tproxy = {address}\n")
            monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))
        one("push", url, "main")
        one("clone", "-q", url, "copy")
        assert {each.partition(b" HTTP")[0] for each in proxy.heard} == {
            f"CONNECT localhost:{port}".encode()
        }
    server.verify()


def test_a_certificate_of_the_client_is_shown(place, one, tmp_path, monkeypatch):
    """Where git's settings name one; without it the server's refusal is told."""
    (url, env, port), server = place
    closed = url.replace(f":{port}/", f":{port}/certified/")
    assert "403" in one("push", closed, "main", code=40).err
    folder = Path(env["GIT_CONFIG_GLOBAL"]).parent
    more = f"[http]\n\tsslCert = {folder}/cert.pem\n\tsslKey = {folder}/cert-key.pem\n"
    settings = write_git_settings(tmp_path / "gitconfig", folder / "cert.pem", more)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", settings["GIT_CONFIG_GLOBAL"])
    one("push", closed, "main")
    server.verify()
    one("clone", "-q", closed, "copy")


def test_an_address_to_push_to_may_be_another(place, one, tmp_path, monkeypatch):
    """By `pushInsteadOf` of git's settings, the longest beginning first; not to fetch from."""
    (url, env, port), server = place
    text = Path(env["GIT_CONFIG_GLOBAL"]).read_text()
    base = f"https://localhost:{port}/"
    settings = tmp_path / "gitconfig"
    settings.write_text(
        f'{text}[url "{base}"]\n\tpushInsteadOf = https://there.invalid/git/\n'
        '[url "https://elsewhere.invalid/"]\n\tpushInsteadOf = https://there.invalid/\n'
    )
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))
    other = url.replace(base, "https://there.invalid/git/")
    one("push", other, "main")
    assert "refs/tapes/heads/main" in server.refs
    assert "there.invalid" in one("ls-remote", other, code=40).err
