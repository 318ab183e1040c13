"""Ollama's interface: tapesdialect-ollama-chat(7)."""
