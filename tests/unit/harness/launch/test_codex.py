"""How Codex is pointed at a proxy."""

from __future__ import annotations

import pytest

from tapegit.errors import NoOverlayError
from tapegit.harness.launch.codex import plan
from tests.unit.harness.situations import PROXY, situation

URL = "https://llm.example/v1"
CUSTOM = f"""
model_provider = "corp"
[model_providers.corp]
base_url = "{URL}"
[profiles.home]
model_provider = "openai"
"""
OURS = f'"{PROXY}/openai"'


@pytest.mark.parametrize(
    ("arguments", "files", "environ", "upstream", "flag"),
    [
        ((), {}, {}, "https://api.openai.com/v1", "openai_base_url"),
        ((), {}, {"OPENAI_BASE_URL": URL}, "https://api.openai.com/v1", "openai_base_url"),
        ((), {".codex/config.toml": f'openai_base_url="{URL}"'}, {}, URL, "openai_base_url"),
        ((), {".codex/config.toml": CUSTOM}, {}, URL, "model_providers.corp.base_url"),
        (
            ("-p", "home"),
            {".codex/config.toml": CUSTOM},
            {},
            "https://api.openai.com/v1",
            "openai_base_url",
        ),
        (
            ("-c", "model_provider=openai"),
            {".codex/config.toml": CUSTOM},
            {},
            "https://api.openai.com/v1",
            "openai_base_url",
        ),
        (
            ("-c", 'model_provider="corp"', "-c", f'model_providers.corp.base_url="{URL}"'),
            {},
            {},
            URL,
            "model_providers.corp.base_url",
        ),
        (
            (),
            {"other/config.toml": CUSTOM},
            {"CODEX_HOME": "/home/ada/other"},
            URL,
            "model_providers.corp.base_url",
        ),
        (
            (),
            {".codex/auth.json": '{"OPENAI_API_KEY": null, "tokens": {"id_token": "x"}}'},
            {},
            "https://chatgpt.com/backend-api/codex",
            "openai_base_url",
        ),
        (
            (),
            {".codex/auth.json": '{"OPENAI_API_KEY": "sk-x", "tokens": {"id_token": "x"}}'},
            {},
            "https://api.openai.com/v1",
            "openai_base_url",
        ),
        (
            (),
            {".codex/auth.json": '{"tokens": {"id_token": "x"}}'},
            {"CODEX_API_KEY": "sk-x"},
            "https://api.openai.com/v1",
            "openai_base_url",
        ),
    ],
)
def test_selected_provider_is_overridden(arguments, files, environ, upstream, flag):
    """Whatever selects the provider, its address is the upstream and its flag is set."""
    asked = []
    overlay = plan(situation(*arguments, files=files, environ=environ, asked=asked))

    assert asked == [("openai", upstream)]
    assert f"{flag}={OURS}" in overlay.arguments
    assert sum(each.startswith(f"{flag}=") for each in overlay.arguments) == 1


def test_flag_stands_in_front_of_a_subcommand():
    """A flag of the program itself counts for every subcommand."""
    overlay = plan(situation("exec", "--json", "hi"))

    assert overlay.arguments == ("-c", f"openai_base_url={OURS}", "exec", "--json", "hi")


@pytest.mark.parametrize("form", ["-c {}", "--config {}", "--config={}", "-c{}"])
def test_users_own_flag_is_replaced_where_it_stands(form):
    """A later flag of the user's would win over ours in front."""
    words = form.format(f"openai_base_url={URL}").split(" ")
    asked = []
    overlay = plan(situation("exec", *words, "hi", asked=asked))

    assert asked == [("openai", URL)]
    assert overlay.arguments == ("exec", *form.format(f"openai_base_url={OURS}").split(" "), "hi")


def test_words_after_two_dashes_are_no_flags():
    """A prompt may look like a flag."""
    asked = []
    plan(situation("exec", "--", "-c", "model_provider=corp", asked=asked))

    assert asked == [("openai", "https://api.openai.com/v1")]


@pytest.mark.parametrize(
    ("arguments", "environ", "upstream"),
    [
        (("--oss",), {}, "http://localhost:11434/v1"),
        (("--oss", "--local-provider", "lmstudio"), {}, "http://localhost:1234/v1"),
        (("--oss",), {"CODEX_OSS_PORT": "99"}, "http://localhost:99/v1"),
        (("--oss",), {"CODEX_OSS_BASE_URL": URL}, URL),
    ],
)
def test_local_models_have_a_variable(arguments, environ, upstream):
    """The providers of local models are pointed by CODEX_OSS_BASE_URL."""
    asked = []
    overlay = plan(situation(*arguments, environ=environ, asked=asked))

    assert asked == [("openai", upstream)]
    assert overlay.environ["CODEX_OSS_BASE_URL"] == f"{PROXY}/openai"
    assert overlay.arguments == arguments


@pytest.mark.parametrize(
    "text",
    [
        'model_provider="amazon-bedrock"',
        'model_provider="a.b"\n[model_providers."a.b"]\nbase_url="https://x"',
    ],
)
def test_provider_that_no_flag_reaches_has_no_overlay(text):
    """The provider is named, and how to go on."""
    with pytest.raises(NoOverlayError) as caught:
        plan(situation(files={".codex/config.toml": text}))
    assert "provider" in caught.value.message
    assert "tapes env codex" in caught.value.hint


@pytest.mark.parametrize("is_trusted", [False, True])
def test_settings_of_a_project_count_where_it_is_trusted(is_trusted):
    """Codex reads a project's settings only if the user trusts it."""
    level = "trusted" if is_trusted else "untrusted"
    user = f'[projects."/home/ada/code"]\ntrust_level = "{level}"'
    files = {".codex/config.toml": user, "code/app/.codex/config.toml": CUSTOM}
    asked = []
    plan(situation(files=files, asked=asked))

    assert asked == [("openai", URL if is_trusted else "https://api.openai.com/v1")]


@pytest.mark.parametrize("text", ["", "= 3", "model_provider = 3", "model_providers = 1", "\x00"])
def test_settings_that_make_no_sense_are_passed_over(text):
    """The client itself will say what it thinks of them."""
    asked = []
    plan(situation(files={".codex/config.toml": text}, asked=asked))
    assert asked == [("openai", "https://api.openai.com/v1")]
