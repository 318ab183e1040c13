"""Gemini's generateContent interface: tapesdialect-gemini-generate(7)."""
