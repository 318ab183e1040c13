"""Claude Code: settings files set variables that beat the process's own.

Source: tapes-record(1), "Clients".
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tapegit.errors import NoOverlayError
from tapegit.harness.launch.recipe import (
    ANTHROPIC_URL,
    Launch,
    Overlay,
    Situation,
    decode_settings,
    find_option,
    merge_no_proxy,
    read_table,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

BASE: Final = "ANTHROPIC_BASE_URL"
TOOL_SEARCH: Final = "ENABLE_TOOL_SEARCH"
"""With a base URL that is not Anthropic's own, all tools go with every request unless it is set;
at Anthropic's own address they are searched for. Measured: tapes-record(1), "Claude Code"."""

MANAGED_PATHS: Final = (
    Path("/etc/claude-code/managed-settings.json"),
    Path("/Library/Application Support/ClaudeCode/managed-settings.json"),
)
CLOUDS: Final = {
    "CLAUDE_CODE_USE_BEDROCK": "Amazon Bedrock, whose requests are signed for one host",
    "CLAUDE_CODE_USE_VERTEX": "Google Vertex AI",
    "CLAUDE_CODE_USE_FOUNDRY": "Microsoft Foundry",
}
_OFF: Final = frozenset({"", "0", "false", "no", "off"})


def plan(situation: Situation) -> Overlay:
    """Return variables, and `--settings` where a file of settings would beat them."""
    given = find_option(situation.arguments, "--settings")
    own = decode_settings(_read_given(situation, given))
    from_files = dict(_iter_variables(situation))
    managed = _read_managed(situation)
    effective = {**situation.environ, **from_files, **read_table(own, "env"), **managed}
    _refuse_clouds(effective)
    if BASE in managed:
        raise NoOverlayError(
            f"cannot record claude: managed settings send its requests to '{managed[BASE]}'",
            hint=f"let them say the address of 'tapes proxy', which forwards to '{managed[BASE]}'",
        )
    variables = {
        BASE: situation.point("anthropic", str(effective.get(BASE) or ANTHROPIC_URL).rstrip("/")),
        **merge_no_proxy({key: str(value) for key, value in effective.items()}),
    }
    if TOOL_SEARCH not in effective:
        variables[TOOL_SEARCH] = "true"
    is_beaten = not variables.keys().isdisjoint({*from_files, *read_table(own, "env")})
    arguments = situation.arguments
    if is_beaten:
        merged = {**own, "env": {**read_table(own, "env"), **variables}}
        arguments = _set_settings(arguments, json.dumps(merged))
    return Overlay(arguments, variables, {})


def _read_given(situation: Situation, given: str | None) -> str | None:
    """Return the text of what the user gave as `--settings`: a file or JSON itself."""
    if given is None or given.lstrip().startswith("{"):
        return given
    return situation.read(situation.directory / given)


def _read_managed(situation: Situation) -> dict[str, Any]:
    managed: dict[str, Any] = {}
    for path in MANAGED_PATHS:
        managed |= read_table(decode_settings(situation.read(path)), "env")
    return managed


def _iter_variables(situation: Situation) -> Iterator[tuple[str, Any]]:
    """Yield the variables of the files of settings, those that win last."""
    folder = situation.environ.get("CLAUDE_CONFIG_DIR")
    user = Path(folder) if folder else situation.home / ".claude"
    project = [path / ".claude" for path in reversed(list(situation.iter_parents()))]
    paths = [user / "settings.json"]
    paths += [path / "settings.json" for path in project]
    paths += [path / "settings.local.json" for path in project]
    for path in paths:
        yield from read_table(decode_settings(situation.read(path)), "env").items()


def _refuse_clouds(effective: dict[str, Any]) -> None:
    for name, cloud in CLOUDS.items():
        if str(effective.get(name, "")).lower() not in _OFF:
            raise NoOverlayError(
                f"cannot record claude: {name} sends its requests to {cloud}",
                hint=f"unset {name} to record, or import its transcripts: 'tapes import'",
            )


def _set_settings(arguments: tuple[str, ...], value: str) -> tuple[str, ...]:
    """Return the arguments with `--settings` in place of the user's, or in front."""
    if "--settings" in arguments:
        at = len(arguments) - 1 - arguments[::-1].index("--settings")
        return (*arguments[: at + 1], value, *arguments[at + 2 :])
    written = [each for each in arguments if each.startswith("--settings=")]
    if written:
        return tuple(f"--settings={value}" if each == written[-1] else each for each in arguments)
    return ("--settings", value, *arguments)


CLAUDE_CODE_LAUNCH: Final = Launch(
    "claude-code", ("claude",), ("@anthropic-ai/claude-code", "claude"), plan
)
