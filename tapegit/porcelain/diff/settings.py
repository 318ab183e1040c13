"""Settings along a tape: model, provider, instructions, effort and what else was in force.

What a source says of a setting holds until it says otherwise. What it never says is unknown,
and not compared. Ids, times and what else every run draws anew are no settings.

Source: tapes-diff(1), "SETTINGS".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from tapegit.dialects.meaning.injected import dialect_name
from tapegit.dialects.parts import Unknown
from tapegit.porcelain.diff.json_values import parse_json

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tapegit.dialects.parts import AnyPart
    from tapegit.objects.turn import Turn

Settings = dict[str, Any]
"""Values of JSON by name."""

SYSTEM: Final = "system"

_RECORDS: Final[dict[tuple[str, str], dict[str, str]]] = {
    ("codex", "session_meta"): {
        "instructions": SYSTEM,
        "base_instructions": SYSTEM,
        "model_provider": "provider",
    },
    ("codex", "turn_context"): {
        name: name
        for name in (
            "approval_policy",
            "sandbox_policy",
            "effort",
            "summary",
            "personality",
            "collaboration_mode",
            "user_instructions",
            "developer_instructions",
        )
    },
    ("pi", "thinking_level_change"): {"thinkingLevel": "thinking_level"},
}
"""Records that state settings, by dialect and type: their members, and our names for them."""

_SIZE_MAX: Final = 1 << 20


class SettingsState:
    """What is in force at a turn."""

    def __init__(self) -> None:
        self._stated: Settings = {}
        self._known: dict[tuple[object, ...], Settings] = {}
        self._version = 0

    def take(self, turn: Turn, parts: Iterable[AnyPart]) -> None:
        """Read what the records of a turn state."""
        name = dialect_name(turn.dialect)
        for part in parts:
            if isinstance(part, Unknown) and len(part.raw) <= _SIZE_MAX:
                members = _RECORDS.get((name, part.type))
                if members is not None:
                    self._take_record(part.raw, members)

    def current(self, turn: Turn) -> Settings:
        """Return what a model's answer was made with; nothing for another turn.

        Turns with the same settings share one value.
        """
        if turn.role != "assistant":
            return {}
        model = turn.model if turn.model and not turn.model.startswith("<") else None
        name = dialect_name(turn.dialect)
        key = (self._version, model, turn.provider, turn.stop, name)
        if key not in self._known:
            said = {"model": model, "provider": turn.provider, f"stop {name}": turn.stop}
            self._known[key] = {
                **self._stated,
                **{setting: value for setting, value in said.items() if value is not None},
            }
        return self._known[key]

    def _take_record(self, raw: str, members: dict[str, str]) -> None:
        record = parse_json(raw)
        payload = record.get("payload", record) if isinstance(record, dict) else None
        if not isinstance(payload, dict):
            return
        for member, setting in members.items():
            value = payload.get(member)
            if isinstance(value, dict) and setting == SYSTEM:
                value = value.get("text")
            if value is not None and self._stated.get(setting) != value:
                self._stated = {**self._stated, setting: value}
                self._version += 1


def states_settings(turn: Turn) -> bool:
    """Return whether the records of a turn may state settings, so that they have to be read."""
    name = dialect_name(turn.dialect)
    return any(dialect == name for dialect, _ in _RECORDS)


def session_settings(turn: Turn) -> Settings:
    """Return what a leader says of a session, but for ids."""
    session = turn.session
    if session is None:
        return {}
    code = session.repository
    said = {
        "harness": session.harness,
        "version": session.version,
        "cwd": session.cwd,
        "command": list(session.command) or None,
        "remote": code.remote if code is not None else None,
        "branch": code.branch if code is not None else None,
        "commit": code.commit if code is not None else None,
    }
    return {name: value for name, value in said.items() if value is not None}
