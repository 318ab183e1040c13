"""OpenAI's Chat Completions interface: tapesdialect-openai-chat(7)."""
