"""The wire dialects, by the names that turns have for them.

To add one: its modules, a line here, a page tapesdialect-<name>(7), fixtures and tests.
"""

from __future__ import annotations

from typing import Final

from tapegit.dialects import (
    anthropic_encode,
    anthropic_parts,
    anthropic_stream,
    gemini_generate_encode,
    gemini_generate_parts,
    gemini_generate_stream,
    ollama_chat,
    ollama_encode,
    openai_chat_encode,
    openai_chat_parts,
    openai_chat_stream,
    openai_responses_encode,
    openai_responses_parts,
    openai_responses_stream,
)
from tapegit.dialects.exchange import WireDialect

WIRE_DIALECTS: Final = {
    dialect.name: dialect
    for dialect in (
        WireDialect(
            anthropic_parts.NAME,
            anthropic_parts.decode_request,
            anthropic_parts.decode_message,
            anthropic_parts.decode_response,
            anthropic_stream.AnthropicStream,
            anthropic_encode.encode_request,
        ),
        WireDialect(
            openai_chat_parts.NAME,
            openai_chat_parts.decode_request,
            openai_chat_parts.decode_message,
            openai_chat_parts.decode_response,
            openai_chat_stream.ChatStream,
            openai_chat_encode.encode_request,
        ),
        WireDialect(
            openai_responses_parts.NAME,
            openai_responses_parts.decode_request,
            openai_responses_parts.decode_message,
            openai_responses_parts.decode_response,
            openai_responses_stream.ResponsesStream,
            openai_responses_encode.encode_request,
        ),
        WireDialect(
            gemini_generate_parts.NAME,
            gemini_generate_parts.decode_request,
            gemini_generate_parts.decode_message,
            gemini_generate_parts.decode_response,
            gemini_generate_stream.GeminiStream,
            gemini_generate_encode.encode_request,
        ),
        WireDialect(
            ollama_chat.NAME,
            ollama_chat.decode_request,
            ollama_chat.decode_message,
            ollama_chat.decode_response,
            ollama_chat.OllamaStream,
            ollama_encode.encode_request,
        ),
    )
}
