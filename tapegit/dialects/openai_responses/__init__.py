"""OpenAI's Responses interface: tapesdialect-openai-responses(7)."""
