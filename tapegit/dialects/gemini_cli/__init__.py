"""Sessions of Gemini CLI: tapesdialect-gemini-cli(7)."""
