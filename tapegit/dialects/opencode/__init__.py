"""Sessions of OpenCode: tapesdialect-opencode(7)."""
