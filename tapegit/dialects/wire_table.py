"""The wire dialects, by the names that turns have for them.

To add one: its modules, a line here, a page tapesdialect-<name>(7), fixtures and tests.
"""

from __future__ import annotations

from typing import Final

from tapegit.dialects.anthropic_messages import encode as anthropic_encode
from tapegit.dialects.anthropic_messages import parts as anthropic_parts
from tapegit.dialects.anthropic_messages import stream as anthropic_stream
from tapegit.dialects.exchange import WireDialect
from tapegit.dialects.gemini_generate import encode as gemini_generate_encode
from tapegit.dialects.gemini_generate import parts as gemini_generate_parts
from tapegit.dialects.gemini_generate import stream as gemini_generate_stream
from tapegit.dialects.ollama_chat import encode as ollama_encode
from tapegit.dialects.ollama_chat import parts as ollama_chat
from tapegit.dialects.openai_chat import encode as openai_chat_encode
from tapegit.dialects.openai_chat import parts as openai_chat_parts
from tapegit.dialects.openai_chat import stream as openai_chat_stream
from tapegit.dialects.openai_responses import encode as openai_responses_encode
from tapegit.dialects.openai_responses import parts as openai_responses_parts
from tapegit.dialects.openai_responses import stream as openai_responses_stream

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
