"""Rollouts of Codex: tapesdialect-codex(7)."""
