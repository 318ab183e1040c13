"""What a request asks for, told from its method and path: a model's answer, or something beside.

Source: tapeswire(7), "Calls".
"""

from __future__ import annotations

from typing import Final, NamedTuple

CALL: Final = "call"
PROBE: Final = "probe"
MODELS: Final = "models"
COUNT: Final = "count-tokens"
EMBEDDINGS: Final = "embeddings"
TITLE: Final = "title"
SUGGESTION: Final = "suggestion"
OTHER: Final = "other"
SOCKET: Final = "socket"

ANTHROPIC: Final = "anthropic.messages@1"
CHAT: Final = "openai.chat@1"
RESPONSES: Final = "openai.responses@1"
GEMINI: Final = "gemini.generate@1"
OLLAMA: Final = "ollama.chat@1"


class Endpoint(NamedTuple):
    """What is asked for: `call`, or the kind of a side call, and the dialect of its body."""

    kind: str
    dialect: str | None = None


_ENDS: Final = (
    ("/messages/count_tokens", Endpoint(COUNT, ANTHROPIC)),
    ("/messages", Endpoint(CALL, ANTHROPIC)),
    ("/chat/completions", Endpoint(CALL, CHAT)),
    ("/responses/input_tokens", Endpoint(COUNT, RESPONSES)),
    ("/responses", Endpoint(CALL, RESPONSES)),
    (":generateContent", Endpoint(CALL, GEMINI)),
    (":streamGenerateContent", Endpoint(CALL, GEMINI)),
    (":countTokens", Endpoint(COUNT, GEMINI)),
    (":embedContent", Endpoint(EMBEDDINGS)),
    (":batchEmbedContents", Endpoint(EMBEDDINGS)),
    ("/api/chat", Endpoint(CALL, OLLAMA)),
    ("/api/generate", Endpoint(CALL, OLLAMA)),
    ("/api/embed", Endpoint(EMBEDDINGS)),
    ("/embeddings", Endpoint(EMBEDDINGS)),
)
_LISTS: Final = ("/models", "/api/tags", "/api/show", "/api/ps", "/api/version")


def find_endpoint(method: str, target: str) -> Endpoint:
    """Return what a request asks for; `target` is its path, with or without a query."""
    path = target.partition("?")[0].rstrip("/")
    if method in {"HEAD", "OPTIONS"} or not path:
        return Endpoint(PROBE)
    if path.endswith("/responses") and method == "GET":
        return Endpoint(CALL, RESPONSES)  # a WebSocket
    if method == "POST":
        for end, endpoint in _ENDS:
            if path.endswith(end):
                return endpoint
    if path.endswith(_LISTS) or (method == "GET" and "/models/" in path):
        return Endpoint(MODELS)
    return Endpoint(OTHER)


def is_generate(target: str) -> bool:
    """Return whether a target is the one of Ollama that takes a prompt, not messages."""
    return target.partition("?")[0].rstrip("/").endswith("/api/generate")


def model_of_target(target: str) -> str | None:
    """Return the model that a path of Gemini's names, or None."""
    path = target.partition("?")[0]
    _, found, rest = path.rpartition("/models/")
    return rest.partition(":")[0][:256] or None if found else None
