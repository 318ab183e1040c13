"""Anthropic's Messages interface: tapesdialect-anthropic-messages(7)."""
