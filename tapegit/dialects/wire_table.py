"""The wire dialects, by the names that turns have for them.

To add one: its modules, a line here, a page tapesdialect-<name>(7), fixtures and tests.
"""

from __future__ import annotations

from typing import Final

from tapegit.dialects import (
    anthropic_parts,
    anthropic_stream,
    openai_chat_parts,
    openai_chat_stream,
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
        ),
        WireDialect(
            openai_chat_parts.NAME,
            openai_chat_parts.decode_request,
            openai_chat_parts.decode_message,
            openai_chat_parts.decode_response,
            openai_chat_stream.ChatStream,
        ),
        WireDialect(
            openai_responses_parts.NAME,
            openai_responses_parts.decode_request,
            openai_responses_parts.decode_message,
            openai_responses_parts.decode_response,
            openai_responses_stream.ResponsesStream,
        ),
    )
}
