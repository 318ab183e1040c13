"""Upstreams of a proxy, and the addresses that stand for them."""

from __future__ import annotations

import pytest

from tapegit.errors import NoOverlayError
from tapegit.porcelain.recording.places import Place, Places, split_version

ORIGIN = "http://127.0.0.1:7"


def test_first_upstream_of_a_provider_has_no_prefix():
    """The version stays with the client, the path before it with the upstream."""
    places = Places(ORIGIN)

    assert places.point("anthropic", "https://api.anthropic.com/") == ORIGIN
    assert places.point("openai", "https://openrouter.ai/api/v1") == f"{ORIGIN}/v1"
    assert places.all == (
        Place("anthropic", "anthropic", "https://api.anthropic.com", is_default=True),
        Place("openai", "openai", "https://openrouter.ai/api", is_default=True),
    )


def test_further_upstreams_have_names():
    """They are named by their host; one that is asked for again is the same."""
    places = Places(ORIGIN)
    places.point("openai", "https://api.openai.com/v1")

    assert places.point("openai", "https://a.example/v1") == f"{ORIGIN}/u/a-example/v1"
    assert places.point("openai", "https://a.example/x") == f"{ORIGIN}/u/a-example-2"
    assert places.point("openai", "https://a.example/v1/") == f"{ORIGIN}/u/a-example/v1"
    assert places.point("anthropic", "https://a.example/v1") == f"{ORIGIN}/v1"
    assert len(places.all) == 4


def test_address_of_the_proxy_itself_stays():
    """A client within a client is pointed at it already."""
    places = Places(ORIGIN)

    for url in (ORIGIN, f"{ORIGIN}/v1", f"{ORIGIN}/u/a-example/v1"):
        assert places.point("openai", url) == url
    assert places.all == ()


def test_address_of_the_proxy_gets_the_scope_of_now():
    """A variable that was set for one session can be set for another."""
    places = Places(f"{ORIGIN}/s/new")

    assert places.point("openai", f"{ORIGIN}/v1") == f"{ORIGIN}/s/new/v1"
    assert places.point("openai", f"{ORIGIN}/s/old/u/a/v1") == f"{ORIGIN}/s/new/u/a/v1"


def test_upstream_of_the_users_takes_no_providers_place():
    """What is named is had by its name; the provider's own has no prefix still."""
    places = Places(ORIGIN)
    places.add("groq", "openai", "https://api.groq.com/openai/v1")

    assert places.point("openai", "https://api.openai.com/v1") == f"{ORIGIN}/v1"
    assert places.point("openai", "https://api.groq.com/openai/v1") == f"{ORIGIN}/u/groq/v1"


def test_upstream_of_the_users_that_clients_have_for_a_providers():
    """What comes without a prefix goes where the clients would have sent it, name or none."""
    places = Places(ORIGIN)
    places.add("gateway", "openai", "https://gw.example/v1")

    for _ in range(2):
        assert places.point("openai", "https://gw.example/v1") == f"{ORIGIN}/v1"
    assert places.all[-1] == Place("openai", "openai", "https://gw.example", is_default=True)
    assert [each.name for each in places.all] == ["gateway", "openai"]


def test_no_upstream_is_added_to_a_proxy_that_runs():
    """It is refused by its address, with a way to go on."""
    known = Place("openai", "openai", "https://api.openai.com", is_default=True)
    places = Places(ORIGIN, [known], is_open=False)

    assert places.point("openai", "https://api.openai.com/v1") == f"{ORIGIN}/v1"
    with pytest.raises(NoOverlayError, match=r"b\.example"):
        places.point("openai", "https://b.example/v1")


@pytest.mark.parametrize("url", ["", "a.example", "ftp://a.example", "http://", "unix:/x"])
def test_what_is_no_address_is_refused(url):
    """A variable that holds something else is named."""
    with pytest.raises(NoOverlayError, match="no address"):
        Places(ORIGIN).point("openai", url)


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("https://a/v1", ("https://a", "/v1")),
        ("https://a/v1beta/", ("https://a", "/v1beta")),
        ("https://a/openai/v1", ("https://a/openai", "/v1")),
        ("https://a/v1x/y", ("https://a/v1x/y", "")),
        ("https://a/dev1", ("https://a/dev1", "")),
        ("https://v1", ("https://v1", "")),
    ],
)
def test_version_is_the_last_part_of_a_path(url, parts):
    """Nothing else at the end of an address is taken for a version."""
    assert split_version(url) == parts
