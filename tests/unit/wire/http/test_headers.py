"""What is kept of headers and addresses, and which values are keys."""

from __future__ import annotations

import pytest

from tapegit.wire.http.headers import clean_url, header_map, iter_credentials, keep_headers

KEY = "sk-" + "live-4f9a8b7c6d5e"


def test_headers_on_the_list_are_kept_in_order_and_as_written():
    """Names keep their case; nothing that is not on the list is there, not even its name."""
    headers = (
        ("Content-Type", "application/json"),
        ("Authorization", f"Bearer {KEY}"),
        ("X-Something", "else"),
        ("anthropic-ratelimit-tokens-remaining", "9"),
        ("Set-Cookie", f"a={KEY}"),
        ("content-type", "twice"),
    )
    assert keep_headers(headers) == (headers[0], headers[3], headers[5])
    assert header_map(headers)["content-type"] == "application/json"


KEYS = {
    "bearer": ("Authorization", f"Bearer {KEY}", [KEY]),
    "bare": ("authorization", KEY, [KEY]),
    "x-api-key": ("X-Api-Key", KEY, [KEY]),
    "google": ("x-goog-api-key", KEY, [KEY]),
    "azure": ("api-key", KEY, [KEY]),
    "custom": ("X-Corp-Token", KEY, [KEY]),
    "a gateway's": ("Ocp-Apim-Subscription-Key", KEY, [KEY]),
    "an access key": ("x-access-key-id", KEY, [KEY]),
    "a socket's": ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==", []),
    "a retry's": ("Idempotency-Key", "stainless-python-retry-0b7e1c52", []),
    "cookies": ("Cookie", f"a={KEY}; b=short; theme=blue", [KEY]),
    "basic": (
        "Proxy-Authorization",
        "Basic dXNlcjpwYTU1LXdvcmQ=",
        ["dXNlcjpwYTU1LXdvcmQ=", "pa55-word"],
    ),
    "too short": ("x-api-key", "abc1234", []),
    "a word": ("x-api-key", "anthropic", []),
    "tokens left": ("anthropic-ratelimit-tokens-reset", "2026-11-21T10:00:00Z", []),
    "tokens in all": ("x-total-tokens", "150000000", []),
    "a number": ("x-corp-token", "150000000", []),
    "a user": (
        "set-cookie",
        "__cf_bm=abc.def-123; path=/; expires=Sat, 21-Nov-26",
        ["abc.def-123"],
    ),
    "no key": ("content-type", "application/json", []),
}


@pytest.mark.parametrize("name", KEYS)
def test_keys_in_headers_are_known(name):
    """A scheme before a key is no part of it; what would be found anywhere is none."""
    header, value, wanted = KEYS[name]
    assert list(iter_credentials(((header, value),))) == [each.encode() for each in wanted]


def test_keys_in_addresses_are_known_and_removed():
    """Percent-encoded values are known as they are; the rest of the address stays."""
    target = f"/v1beta/models/m:generateContent?alt=sse&key={KEY}%2B1&access_token=abcdefgh12"
    assert list(iter_credentials((), target)) == [f"{KEY}+1".encode(), b"abcdefgh12"]
    url = clean_url(f"https://me:{KEY}@api.example.com:8443{target}#part")
    assert KEY not in url
    assert url == (
        "https://api.example.com:8443/v1beta/models/m:generateContent?alt=sse"
        "&key=[REDACTED:url-parameter:1]&access_token=[REDACTED:url-parameter:1]"
    )


@pytest.mark.parametrize("name", ["api-key", "apiKey", "subscription-key", "X-Amz-Signature"])
def test_parameters_that_are_named_like_a_key(name):
    """Their values are known, and not in the address."""
    target = f"/v1/x?{name}={KEY}&api-version=2026-01-01"
    assert list(iter_credentials((), target)) == [KEY.encode()]
    url = clean_url(f"https://api.example.com{target}")
    assert KEY not in url
    assert url.endswith("&api-version=2026-01-01")


def test_ids_that_tell_a_session_are_kept():
    """Each header by which a session is known."""
    names = ("x-session-id", "x-session-affinity", "thread-id", "session-id", "x-codex-window-id")
    headers = tuple((name, "1") for name in names)
    assert keep_headers(headers) == headers


@pytest.mark.parametrize("url", ["", "http://[", "no address", "//x?key", "http://x/?a=b&c"])
def test_any_address_is_cleaned(url):
    """What is no address raises nothing."""
    assert isinstance(clean_url(url), str)
