"""Where requests go, by path, by headers, and by what the caller says."""

from __future__ import annotations

import pytest

from tapegit.errors import ConfigError
from tapegit.wire.proxy.routes import Origin, find_route, make_upstreams, parse_upstream

UPSTREAMS = make_upstreams(
    {"corp": "https://gw.corp/llm/v1/", "openai": "http://127.0.0.1:9"}, default="anthropic"
)
ANTHROPIC = "https://api.anthropic.com"
GEMINI = "https://generativelanguage.googleapis.com"

CASES = [
    ("/v1/messages?beta=true", (), None, f"{ANTHROPIC}/v1/messages?beta=true", None),
    ("/v1/messages/count_tokens", (), None, f"{ANTHROPIC}/v1/messages/count_tokens", None),
    ("/v1/responses", (), None, "http://127.0.0.1:9/v1/responses", None),
    ("/responses", (), None, "http://127.0.0.1:9/responses", None),
    ("/v1/chat/completions", (), None, "http://127.0.0.1:9/v1/chat/completions", None),
    ("/v1/embeddings", (), None, "http://127.0.0.1:9/v1/embeddings", None),
    (
        "/v1beta/models/g:streamGenerateContent?alt=sse",
        (),
        None,
        f"{GEMINI}/v1beta/models/g:streamGenerateContent?alt=sse",
        None,
    ),
    ("/v1/models/g:generateContent", (), None, f"{GEMINI}/v1/models/g:generateContent", None),
    ("/api/chat", (), None, "http://127.0.0.1:11434/api/chat", None),
    ("/v1/models", (("X-Api-Key", "k"),), None, f"{ANTHROPIC}/v1/models", None),
    ("/v1/models", (("authorization", "k"),), None, "http://127.0.0.1:9/v1/models", None),
    ("/v1/models", (("x-goog-api-key", "k"),), None, f"{GEMINI}/v1/models", None),
    ("/", (), None, f"{ANTHROPIC}/", None),
    ("/s/my.run-1/v1/messages", (), "my.run-1", f"{ANTHROPIC}/v1/messages", "/v1/messages"),
    ("/s/my.run-1", (), "my.run-1", f"{ANTHROPIC}/", "/"),
    ("/s/my.run-1?x", (), "my.run-1", f"{ANTHROPIC}/?x", "?x"),
    ("/s/a/u/corp/chat/completions", (), "a", "https://gw.corp/llm/v1/chat/completions", None),
    ("/u/corp", (), None, "https://gw.corp/llm/v1", "/"),
    ("/u/corp/../../x", (), None, "https://gw.corp/llm/v1/../../x", "/../../x"),
    ("/s/v1/messages", (), "v1", f"{ANTHROPIC}/messages", "/messages"),
    ("//evil.example/v1/messages", (), None, f"{ANTHROPIC}//evil.example/v1/messages", None),
    ("/s//v1/messages", (), None, f"{ANTHROPIC}/s//v1/messages", None),
    ("/@evil.example/", (), None, f"{ANTHROPIC}/@evil.example/", None),
]


@pytest.mark.parametrize(("target", "headers", "scope", "url", "rest"), CASES)
def test_each_request_has_its_place(target, headers, scope, url, rest):
    """With the prefixes taken off, and the base URL's path before."""
    route = find_route(UPSTREAMS, target, headers)

    assert route is not None
    assert (route.scope, route.url) == (scope, url)
    if rest is not None:
        assert route.target == rest


def test_without_a_default_what_nothing_says_goes_nowhere():
    """So does what names an upstream that is not there."""
    upstreams = make_upstreams({})

    assert find_route(upstreams, "/", ()) is None
    assert find_route(upstreams, "/u/none/v1/messages", ()) is None
    assert find_route(upstreams, "/v1/messages", ()) is not None


@pytest.mark.parametrize(
    "url",
    [
        "api.example.com",
        "ftp://a",
        "https://",
        "https://user:secret@host",
        "https://a?x=1",
        "https://a#x",
        "https://a:99999",
        "https://a\nb",
        "https://a b",
        "https://[::1",
        "https://ä.example",
    ],
)
def test_what_is_no_base_url_is_refused(url):
    """Without telling the password in it."""
    with pytest.raises(ConfigError) as caught:
        parse_upstream(url)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("origin", "text"),
    [
        (Origin("https", "a.example", 443), "https://a.example"),
        (Origin("https", "a.example", 80), "https://a.example:80"),
        (Origin("http", "::1", 8080), "http://[::1]:8080"),
    ],
)
def test_an_origin_is_written_as_in_a_url(origin, text):
    """Without the port that goes without saying."""
    assert str(origin) == text
    assert parse_upstream(f"{text}/").origin == origin


@pytest.mark.parametrize(("urls", "default"), [({"a b": "http://h"}, None), ({}, "nobody")])
def test_names_of_upstreams_are_checked(urls, default):
    """They stand in paths."""
    with pytest.raises(ConfigError):
        make_upstreams(urls, default=default)


def test_only_what_is_set_up_goes_without_tls():
    """A provider's own address is https, unless it is on this machine."""
    plain = [up.origin for up in make_upstreams({}).by_name.values() if up.origin.scheme != "https"]
    assert [(origin.host, origin.port) for origin in plain] == [("127.0.0.1", 11434)]
