"""How Gemini CLI, OpenCode, pi and clients of the environment are pointed at a proxy."""

from __future__ import annotations

import json

import pytest

from tapegit.errors import NoOverlayError
from tapegit.harness.launch import gemini_cli as launch_gemini_cli
from tapegit.harness.launch import opencode as launch_opencode
from tapegit.harness.launch import pi as launch_pi
from tapegit.harness.launch.environment import plan_environment
from tapegit.harness.launch.recipe import decode_dotenv, decode_settings, merge_no_proxy
from tapegit.harness.launch.table import LAUNCHES, find_launch
from tests.unit.harness.situations import FOLDER, PROXY, situation

GEMINI = "https://generativelanguage.googleapis.com"
LOGIN = '{"security": {"auth": {"selectedType": "oauth-personal"}}}'
KEY = '{"security": {"auth": {"selectedType": "gemini-api-key"}}}'
VERTEX = '{"selectedAuthType": "vertex-ai"}'


@pytest.mark.parametrize(
    ("files", "environ", "variable", "upstream"),
    [
        ({".gemini/settings.json": KEY}, {}, "GOOGLE_GEMINI_BASE_URL", GEMINI),
        (
            {".gemini/settings.json": KEY},
            {"GOOGLE_GEMINI_BASE_URL": "https://g.example/"},
            "GOOGLE_GEMINI_BASE_URL",
            "https://g.example",
        ),
        (
            {".gemini/settings.json": KEY, "code/.env": "GOOGLE_GEMINI_BASE_URL=https://e.example"},
            {},
            "GOOGLE_GEMINI_BASE_URL",
            "https://e.example",
        ),
        (
            {".gemini/settings.json": LOGIN},
            {},
            "CODE_ASSIST_ENDPOINT",
            "https://cloudcode-pa.googleapis.com",
        ),
        (
            {".gemini/settings.json": LOGIN, "code/app/.gemini/settings.json": f"// mine\n{KEY}"},
            {},
            "GOOGLE_GEMINI_BASE_URL",
            GEMINI,
        ),
        (
            {},
            {"GOOGLE_GENAI_USE_GCA": "true"},
            "CODE_ASSIST_ENDPOINT",
            "https://cloudcode-pa.googleapis.com",
        ),
    ],
)
def test_gemini_is_pointed_by_the_variable_of_its_login(files, environ, variable, upstream):
    """A key and a login go to different servers, and each has a variable of its own."""
    asked = []
    overlay = launch_gemini_cli.plan(
        situation("-p", "x", files=files, environ=environ, asked=asked)
    )

    assert asked == [("gemini", upstream)]
    assert overlay.environ[variable] == f"{PROXY}/gemini"
    assert overlay.arguments == ("-p", "x")
    assert overlay.files == {}


def test_gemini_with_a_key_that_no_settings_chose_has_no_overlay():
    """A base URL would make it look for a gateway, and it would refuse to start."""
    with pytest.raises(NoOverlayError, match="GEMINI_API_KEY") as caught:
        launch_gemini_cli.plan(situation(environ={"GEMINI_API_KEY": "k"}))
    assert "selectedType" in caught.value.hint


def test_gemini_at_vertex_has_no_overlay():
    """The reason is said."""
    with pytest.raises(NoOverlayError, match="Vertex"):
        launch_gemini_cli.plan(situation(files={".gemini/settings.json": VERTEX}))


def test_opencode_gets_settings_merged_over_its_files():
    """Each provider is pointed at the proxy, wherever its files or the variable led it."""
    files = {
        ".config/opencode/opencode.json": json.dumps(
            {"provider": {"openai": {"options": {"baseURL": "https://o.example/v1"}}}}
        ),
        "code/app/opencode.jsonc": """{ // a comment
            "provider": {"mine": {"npm": "@ai-sdk/anthropic",
                                  "options": {"baseURL": "https://m.example/v1",},},},}""",
        ".cache/opencode/models.json": "{}",
    }
    given = {"theme": "x", "provider": {"mine": {"options": {"apiKey": "k"}}}}
    asked = []
    overlay = launch_opencode.plan(
        situation(
            "run",
            "hi",
            files=files,
            asked=asked,
            environ={"OPENCODE_CONFIG_CONTENT": json.dumps(given)},
        )
    )

    assert set(asked) == {
        ("openai", "https://o.example/v1"),
        ("anthropic", "https://m.example/v1"),
        ("anthropic", "https://api.anthropic.com/v1"),
        ("gemini", f"{GEMINI}/v1beta"),
    }
    content = json.loads(overlay.environ["OPENCODE_CONFIG_CONTENT"])
    assert content["theme"] == "x"
    assert content["provider"]["mine"]["options"] == {
        "apiKey": "k",
        "baseURL": f"{PROXY}/anthropic",
    }
    assert content["provider"]["openai"]["options"]["baseURL"] == f"{PROXY}/openai"
    assert overlay.arguments == ("run", "hi")
    assert overlay.doubts == ()


def test_opencode_with_a_provider_from_its_list():
    """What it knows of providers from its own list is used; what nobody knows is a doubt."""
    config = json.dumps({"model": "far/x", "provider": {"near": {}}})
    files = {
        ".config/opencode/opencode.json": config,
        ".cache/opencode/models.json": json.dumps({"near": {"api": "https://n.example/v1"}}),
    }
    asked = []
    overlay = launch_opencode.plan(situation(files=files, asked=asked))

    assert ("openai", "https://n.example/v1") in asked
    (doubt,) = overlay.doubts
    assert "'far'" in doubt


def test_pi_gets_an_extension():
    """Every provider that is known gets the proxy's address from an extension that a flag names."""
    models = {"providers": {"mine": {"baseUrl": "https://m.example", "api": "anthropic-messages"}}}
    asked = []
    overlay = launch_pi.plan(
        situation("-p", "hi", files={".pi/agent/models.json": json.dumps(models)}, asked=asked)
    )

    assert ("anthropic", "https://m.example") in asked
    assert ("anthropic", "https://api.anthropic.com") in asked
    assert overlay.arguments == ("-e", str(FOLDER / "tapes-pi.js"), "-p", "hi")
    assert (
        f'pi.registerProvider("mine", {{ baseUrl: "{PROXY}/anthropic" }});'
        in (overlay.files["tapes-pi.js"])
    )


def test_pi_with_a_provider_that_nobody_knows():
    """It is a doubt, that is said where nothing was recorded."""
    overlay = launch_pi.plan(situation("--provider", "zai"))

    assert "'zai'" in overlay.doubts[0]


@pytest.mark.parametrize(
    ("environ", "upstreams"),
    [
        (
            {},
            {
                "https://api.anthropic.com",
                "https://api.openai.com/v1",
                GEMINI,
                "http://127.0.0.1:11434",
            },
        ),
        (
            {"OPENAI_API_BASE": "https://l.example/v1/"},
            {"https://l.example/v1", "https://api.openai.com/v1"},
        ),
        ({"OPENAI_BASE_URL": "https://b.example/v1"}, {"https://b.example/v1"}),
        ({"OLLAMA_HOST": "0.0.0.0"}, {"http://127.0.0.1:11434"}),
        ({"OLLAMA_HOST": "box:99"}, {"http://box:99"}),
        ({"OLLAMA_HOST": ":99"}, {"http://127.0.0.1:99"}),
        ({"OLLAMA_HOST": "https://o.example"}, {"https://o.example:443"}),
        ({"OLLAMA_HOST": "http://o.example/ollama/"}, {"http://o.example:80/ollama"}),
        ({"OLLAMA_HOST": "[::1]:5"}, {"http://[::1]:5"}),
    ],
)
def test_variables_lead_where_they_led(environ, upstreams):
    """Each variable that an SDK reads is set, and what it held is the upstream."""
    asked = []
    overlay = plan_environment(situation(environ=environ, asked=asked))

    assert upstreams <= {url for _, url in asked}
    assert overlay.environ["OPENAI_BASE_URL"] == f"{PROXY}/openai"


def test_elder_twin_of_a_variable_is_led_by_the_younger():
    """Who set OPENAI_BASE_URL alone means it for what reads OPENAI_API_BASE too."""
    asked = []
    plan_environment(situation(environ={"OPENAI_BASE_URL": "https://b.example/v1"}, asked=asked))

    assert "https://api.openai.com/v1" not in {url for _, url in asked}


def test_hosts_that_need_no_proxy_are_merged():
    """What the user excepted stays excepted, and nothing stands there twice."""
    merged = merge_no_proxy({"NO_PROXY": "a.example, localhost", "HTTP_PROXY": "http://p"})

    assert merged == {
        "NO_PROXY": "a.example,localhost,127.0.0.1",
        "no_proxy": "127.0.0.1,localhost",
    }


@pytest.mark.parametrize(
    ("command", "name", "start"),
    [
        ("claude -p hi", "claude-code", 1),
        ("/usr/local/bin/claude.exe", "claude-code", 1),
        ("npx codex exec", "codex", 2),
        ("npx -y @openai/codex@0.169.0 exec", "codex", 3),
        ("npx -p left-pad @google/gemini-cli", "gemini-cli", 4),
        ("npm exec -- @anthropic-ai/claude-code -p", "claude-code", 4),
        ("pnpm dlx opencode-ai@latest run", "opencode", 3),
        ("bunx @mariozechner/pi-coding-agent", "pi", 2),
        ("npm run claude", None, 0),
        ("npx", None, 0),
        ("npx left-pad", None, 0),
        ("make agent", None, 0),
        ("python agent.py", None, 0),
    ],
)
def test_client_is_found_in_a_command(command, name, start):
    """A client is known by its name, or by its package behind npx and its like."""
    found = find_launch(tuple(command.split()))

    assert (found and found.launch.name, found.start if found else 0) == (name, start)


def test_names_of_clients_are_unlike():
    """Each program and package belongs to one recipe."""
    programs = [name for launch in LAUNCHES for name in launch.programs]
    assert len(set(programs)) == len(programs)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": 1}', {"a": 1}),
        ('// c\n{"a": "//no", /* x */ "b": [1, 2,], }', {"a": "//no", "b": [1, 2]}),
        ('{"a": "\\"/*"}', {"a": '"/*'}),
        ("[1]", {}),
        ("{", {}),
        (None, {}),
        ("[" * 100_000, {}),
    ],
)
def test_settings_are_json_with_comments(text, value):
    """Comments and last commas are passed over, also where strings look like them."""
    assert decode_settings(text) == value


def test_dotenv_is_read_line_by_line():
    """Quotes, export and comments are as such files have them."""
    text = "# c\nA=1\nexport B='x y'\nC=\"q\" # d\nD = e # f\nE=\n1F=no\n"
    assert decode_dotenv(text) == {"A": "1", "B": "x y", "C": "q", "D": "e", "E": ""}
