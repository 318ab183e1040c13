"""A proxy in a thread: what becomes of a fault of its own."""

from __future__ import annotations

import http.client

import pytest

from tapegit.wire.proxy.background import BackgroundProxy
from tapegit.wire.proxy.routes import make_upstreams
from tapegit.wire.proxy.server import Proxy


def test_fault_is_noted_and_its_words_are_not(capfd):
    """It costs the connection; nothing is printed among what the agent prints."""

    def fail(captured):
        raise ValueError(str(captured))

    upstreams = make_upstreams({"openai": "http://127.0.0.1:1"})
    background = BackgroundProxy(Proxy(upstreams, fail, scope="s", clock=lambda: 0))
    connection = http.client.HTTPConnection("127.0.0.1", background.start())
    assert background.fault is None
    connection.request("POST", "/v1/responses", b"sk-canary")
    with pytest.raises(ConnectionError):
        connection.getresponse()
    connection.close()
    background.stop(grace_s=0)

    assert background.fault is not None
    assert background.fault.startswith("ValueError at test_background.py:")
    assert capfd.readouterr() == ("", "")
