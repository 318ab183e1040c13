"""How Claude Code is pointed at a proxy."""

from __future__ import annotations

import json

import pytest

from tapegit.errors import NoOverlayError
from tapegit.harness.launch.claude_code import plan
from tests.unit.harness.situations import PROXY, situation

OTHER = "https://gateway.example/llm"
SETTINGS = json.dumps({"env": {"ANTHROPIC_BASE_URL": OTHER}})


def test_plain_gets_variables_alone():
    """Where nothing is set up, no flag is needed, and the upstream is Anthropic's own."""
    asked = []
    overlay = plan(situation("-p", "hi", asked=asked))

    assert overlay.arguments == ("-p", "hi")
    assert overlay.environ == {
        "ANTHROPIC_BASE_URL": f"{PROXY}/anthropic",
        "ENABLE_TOOL_SEARCH": "true",
        "NO_PROXY": "127.0.0.1,localhost",
        "no_proxy": "127.0.0.1,localhost",
    }
    assert asked == [("anthropic", "https://api.anthropic.com")]


@pytest.mark.parametrize(
    "path",
    [
        ".claude/settings.json",
        "code/app/.claude/settings.json",
        "code/app/.claude/settings.local.json",
        "code/.claude/settings.json",
    ],
)
def test_settings_beat_the_environment_and_are_beaten_back(path):
    """A base URL in any file of settings is the upstream, and a flag stands over it."""
    asked = []
    environ = {"ANTHROPIC_BASE_URL": "https://not-used.example"}
    overlay = plan(situation("-p", "hi", files={path: SETTINGS}, environ=environ, asked=asked))

    assert asked == [("anthropic", OTHER)]
    assert overlay.arguments[0] == "--settings"
    assert json.loads(overlay.arguments[1])["env"]["ANTHROPIC_BASE_URL"] == f"{PROXY}/anthropic"
    assert overlay.arguments[2:] == ("-p", "hi")


@pytest.mark.parametrize("form", ["--settings=", "--settings"])
@pytest.mark.parametrize("is_file", [False, True])
def test_settings_of_the_command_line_are_merged_into(form, is_file):
    """What the user gave as --settings stays, but for where requests go."""
    given = json.dumps({"model": "opus", "env": {"A": "1", "ANTHROPIC_BASE_URL": OTHER}})
    files = {"code/app/mine.json": given}
    value = "mine.json" if is_file else given
    words = (f"{form}{value}",) if form.endswith("=") else (form, value)
    asked = []
    overlay = plan(situation("-p", *words, "hi", files=files, asked=asked))

    text = next(each.removeprefix(form) for each in overlay.arguments if "{" in each)
    merged = json.loads(text)
    assert merged["model"] == "opus"
    assert merged["env"]["A"] == "1"
    assert merged["env"]["ANTHROPIC_BASE_URL"] == f"{PROXY}/anthropic"
    assert len(overlay.arguments) == len(words) + 2
    assert asked == [("anthropic", OTHER)]


def test_settings_that_keep_hosts_from_a_proxy_are_merged():
    """NO_PROXY in settings beats the environment's: ours holds theirs, and is laid over."""
    files = {".claude/settings.json": '{"env": {"NO_PROXY": "corp.example"}}'}
    overlay = plan(situation(files=files))

    merged = json.loads(overlay.arguments[1])
    assert merged["env"]["NO_PROXY"] == "corp.example,127.0.0.1,localhost"


@pytest.mark.parametrize("where", ["environ", "settings"])
def test_users_choice_of_tool_search_stays(where):
    """ENABLE_TOOL_SEARCH is set only where the user did not."""
    environ = {"ENABLE_TOOL_SEARCH": "auto:5"} if where == "environ" else {}
    files = {".claude/settings.json": '{"env": {"ENABLE_TOOL_SEARCH": "false"}}'}
    overlay = plan(situation(environ=environ, files=files if where == "settings" else {}))

    assert "ENABLE_TOOL_SEARCH" not in overlay.environ


def test_folder_of_settings_can_be_elsewhere():
    """CLAUDE_CONFIG_DIR says where the user's settings are."""
    asked = []
    environ = {"CLAUDE_CONFIG_DIR": "/home/ada/other"}
    plan(situation(files={"other/settings.json": SETTINGS}, environ=environ, asked=asked))

    assert asked == [("anthropic", OTHER)]


@pytest.mark.parametrize("name", ["BEDROCK", "VERTEX", "FOUNDRY"])
@pytest.mark.parametrize("where", ["environ", "settings"])
def test_cloud_has_no_overlay(name, where):
    """Requests to a cloud's own interface cannot be led by a base URL: the reason is said."""
    variable = f"CLAUDE_CODE_USE_{name}"
    environ = {variable: "1"} if where == "environ" else {}
    files = {".claude/settings.json": json.dumps({"env": {variable: "1"}})}
    with pytest.raises(NoOverlayError, match=variable):
        plan(situation(environ=environ, files=files if where == "settings" else {}))


def test_cloud_that_is_switched_off_counts_for_nothing():
    """A variable that says no is no."""
    plan(situation(environ={"CLAUDE_CODE_USE_BEDROCK": "0"}))


def test_managed_settings_have_no_overlay():
    """What an administrator set cannot be laid over."""
    files = {"/etc/claude-code/managed-settings.json": SETTINGS}
    with pytest.raises(NoOverlayError, match="managed") as caught:
        plan(situation(files=files))
    assert OTHER in caught.value.hint


@pytest.mark.parametrize("text", ["", "{", "[]", '{"env": 3}', "\x00", '{"env": {"A": 1}}'])
def test_settings_that_make_no_sense_are_passed_over(text):
    """The client itself will say what it thinks of them."""
    assert plan(situation(files={".claude/settings.json": text})).arguments == ()
