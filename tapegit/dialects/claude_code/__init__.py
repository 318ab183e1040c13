"""Transcripts of Claude Code: tapesdialect-claude-code(7)."""
