"""Sessions of pi: tapesdialect-pi(7)."""
