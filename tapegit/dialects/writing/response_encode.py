"""An answer of a model as a body of any wire dialect, whole or as a stream.

Made of the parts of a turn: ids, stop reasons and usage that the turn does not have are filled
in, so that a client can read it. Two answers of the same parts are the same bytes.

Source: tapes-replay(1), "TAPES WITHOUT A WIRE".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from tapegit.dialects.losses import object_of
from tapegit.dialects.parts import Text, Thinking, ToolCall
from tapegit.objects.turn import Usage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tapegit.dialects.exchange import Response
    from tapegit.dialects.parts import AnyPart

    Json = dict[str, Any]

ANTHROPIC: Final = "anthropic.messages@1"
CHAT: Final = "openai.chat@1"
RESPONSES: Final = "openai.responses@1"
GEMINI: Final = "gemini.generate@1"
OLLAMA: Final = "ollama.chat@1"
STREAM_TYPES: Final = {OLLAMA: "application/x-ndjson"}
_MODEL: Final = "unknown"
_ID: Final = "tape-1"


def encode_response(dialect: str, response: Response, *, is_stream: bool) -> bytes:
    """Return an answer as a body.

    Args:
        dialect: One of the wire dialects.
        response: What was answered; of its parts texts, thoughts and calls count.
        is_stream: As events, not as one object.
    """
    whole, stream = _ENCODERS[dialect]
    return b"".join(stream(response)) if is_stream else _json(whole(response))


def content_type(dialect: str, *, is_stream: bool) -> str:
    """Return what such a body is called."""
    return STREAM_TYPES.get(dialect, "text/event-stream") if is_stream else "application/json"


def _json(value: object) -> bytes:
    return msgspec.json.encode(value)


def _event(value: Json, name: str | None = None) -> bytes:
    head = f"event: {name}\n".encode() if name is not None else b""
    return head + b"data: " + _json(value) + b"\n\n"


def _arguments(call: ToolCall) -> object:
    found = object_of(call.arguments)
    return {"input": call.arguments} if found is None else found


def _call_id(call: ToolCall, number: int) -> str:
    return call.id or f"call_{number}"


def _calls(parts: Iterable[AnyPart]) -> list[ToolCall]:
    return [part for part in parts if isinstance(part, ToolCall)]


def _text(parts: Iterable[AnyPart]) -> str:
    return "".join(part.text for part in parts if isinstance(part, Text))


def _counts(response: Response) -> tuple[int, int]:
    usage = response.usage or Usage()
    return usage.input or 0, usage.output or 0


# --- Anthropic ---


def _anthropic_blocks(response: Response) -> Iterator[Json]:
    for number, part in enumerate(response.parts, 1):
        if isinstance(part, Text):
            yield {"type": "text", "text": part.text}
        elif isinstance(part, Thinking) and part.signature is not None:
            if part.is_redacted:
                yield {"type": "redacted_thinking", "data": part.signature}
            else:
                yield {"type": "thinking", "thinking": part.text, "signature": part.signature}
        elif isinstance(part, ToolCall):
            call_id = _call_id(part, number)
            fields = {"id": call_id, "name": part.name, "input": _arguments(part)}
            yield {"type": "tool_use", **fields}


def _anthropic_head(response: Response) -> Json:
    return {
        "id": response.id or _ID,
        "type": "message",
        "role": "assistant",
        "model": response.model or _MODEL,
    }


def _anthropic_stop(response: Response) -> Json:
    known = {"end_turn", "max_tokens", "stop_sequence", "tool_use", "pause_turn", "refusal"}
    stop = response.stop if response.stop in known else None
    return {
        "stop_reason": stop or ("tool_use" if _calls(response.parts) else "end_turn"),
        "stop_sequence": None,
    }


def _anthropic(response: Response) -> Json:
    asked, said = _counts(response)
    usage = {"input_tokens": asked, "output_tokens": said}
    content = list(_anthropic_blocks(response))
    return {
        **_anthropic_head(response),
        "content": content,
        **_anthropic_stop(response),
        "usage": usage,
    }


def _anthropic_stream(response: Response) -> Iterator[bytes]:
    asked, said = _counts(response)
    usage = {"input_tokens": asked, "output_tokens": 0}
    head = {**_anthropic_head(response), "content": [], "stop_reason": None, "stop_sequence": None}
    events: list[Json] = [{"type": "message_start", "message": {**head, "usage": usage}}]
    for index, block in enumerate(_anthropic_blocks(response)):
        first, deltas = _anthropic_deltas(block)
        events.append({"type": "content_block_start", "index": index, "content_block": first})
        events += [
            {"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas
        ]
        events.append({"type": "content_block_stop", "index": index})
    stop = _anthropic_stop(response)
    events.append({"type": "message_delta", "delta": stop, "usage": {"output_tokens": said}})
    events.append({"type": "message_stop"})
    for event in events:
        yield _event(event, event["type"])


def _anthropic_deltas(block: Json) -> tuple[Json, list[Json]]:
    kind = block["type"]
    if kind == "text":
        return {**block, "text": ""}, [{"type": "text_delta", "text": block["text"]}]
    if kind == "thinking":
        return {**block, "thinking": "", "signature": ""}, [
            {"type": "thinking_delta", "thinking": block["thinking"]},
            {"type": "signature_delta", "signature": block["signature"]},
        ]
    if kind == "tool_use":
        text = _json(block["input"]).decode()
        return {**block, "input": {}}, [{"type": "input_json_delta", "partial_json": text}]
    return block, []


# --- OpenAI, Chat Completions ---


def _chat_message(response: Response) -> Json:
    message: Json = {"role": "assistant", "content": _text(response.parts) or None}
    calls = [
        {
            "id": _call_id(call, number),
            "type": "function",
            "function": {"name": call.name, "arguments": call.arguments},
        }
        for number, call in enumerate(_calls(response.parts), 1)
    ]
    return {**message, "tool_calls": calls} if calls else message


def _chat_frame(response: Response, kind: str) -> Json:
    return {
        "id": response.id or _ID,
        "object": kind,
        "created": 0,
        "model": response.model or _MODEL,
    }


def _chat_stop(response: Response) -> str:
    known = {"stop", "length", "tool_calls", "content_filter", "function_call"}
    stop = response.stop if response.stop in known else None
    return stop or ("tool_calls" if _calls(response.parts) else "stop")


def _chat_usage(response: Response) -> Json:
    asked, said = _counts(response)
    return {"prompt_tokens": asked, "completion_tokens": said, "total_tokens": asked + said}


def _chat(response: Response) -> Json:
    choice = {"index": 0, "message": _chat_message(response), "finish_reason": _chat_stop(response)}
    frame = _chat_frame(response, "chat.completion")
    return {**frame, "choices": [choice], "usage": _chat_usage(response)}


def _chat_stream(response: Response) -> Iterator[bytes]:
    frame = _chat_frame(response, "chat.completion.chunk")
    delta = _chat_message(response)
    if "tool_calls" in delta:
        delta["tool_calls"] = [{"index": n, **call} for n, call in enumerate(delta["tool_calls"])]
    first = {"index": 0, "delta": delta, "finish_reason": None}
    last = {"index": 0, "delta": {}, "finish_reason": _chat_stop(response)}
    yield _event({**frame, "choices": [first]})
    yield _event({**frame, "choices": [last]})
    yield _event({**frame, "choices": [], "usage": _chat_usage(response)})
    yield b"data: [DONE]\n\n"


# --- OpenAI, Responses ---


def _responses_items(response: Response) -> list[Json]:
    items: list[Json] = []
    text = _text(response.parts)
    if text:
        content = [{"type": "output_text", "text": text, "annotations": []}]
        said = {"role": "assistant", "status": "completed", "content": content}
        items.append({"type": "message", "id": "msg_1", **said})
    for number, call in enumerate(_calls(response.parts), 1):
        fields = {"call_id": _call_id(call, number), "name": call.name}
        items.append(
            {
                "type": "function_call",
                "id": f"fc_{number}",
                **fields,
                "arguments": call.arguments,
                "status": "completed",
            }
        )
    return items


def _responses_frame(response: Response, status: str, items: list[Json]) -> Json:
    asked, said = _counts(response)
    return {
        "id": response.id or _ID,
        "object": "response",
        "created_at": 0,
        "status": status,
        "model": response.model or _MODEL,
        "output": items,
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "usage": {"input_tokens": asked, "output_tokens": said, "total_tokens": asked + said},
    }


def _responses(response: Response) -> Json:
    return _responses_frame(response, "completed", _responses_items(response))


def _responses_stream(response: Response) -> Iterator[bytes]:
    items = _responses_items(response)
    begun = {**_responses_frame(response, "in_progress", []), "usage": None}
    events: list[Json] = [{"type": "response.created", "response": begun}]
    for index, item in enumerate(items):
        place = {"output_index": index}
        empty: Json = {"content": []} if item["type"] == "message" else {"arguments": ""}
        started = {**item, "status": "in_progress", **empty}
        events.append({"type": "response.output_item.added", **place, "item": started})
        events += _responses_deltas(item, {"item_id": item["id"], **place})
        events.append({"type": "response.output_item.done", **place, "item": item})
    events.append({"type": "response.completed", "response": _responses(response)})
    for number, event in enumerate(events):
        yield _event({**event, "sequence_number": number}, event["type"])


def _responses_deltas(item: Json, place: Json) -> list[Json]:
    if item["type"] == "function_call":
        whole = item["arguments"]
        kind = "response.function_call_arguments"
        return [
            {"type": f"{kind}.delta", **place, "delta": whole},
            {"type": f"{kind}.done", **place, "arguments": whole},
        ]
    part = item["content"][0]
    place = {**place, "content_index": 0}
    return [
        {"type": "response.content_part.added", **place, "part": {**part, "text": ""}},
        {"type": "response.output_text.delta", **place, "delta": part["text"]},
        {"type": "response.output_text.done", **place, "text": part["text"]},
        {"type": "response.content_part.done", **place, "part": part},
    ]


# --- Gemini ---


def _gemini(response: Response) -> Json:
    parts: list[Json] = []
    for part in response.parts:
        if isinstance(part, Text):
            parts.append({"text": part.text})
        elif isinstance(part, ToolCall):
            call: Json = {"name": part.name, "args": _arguments(part)}
            call |= {"id": part.id} if part.id is not None else {}
            made: Json = {"functionCall": call}
            parts.append(made | ({"thoughtSignature": part.signature} if part.signature else {}))
    known = {"STOP", "MAX_TOKENS", "SAFETY", "RECITATION"}
    stop = response.stop if response.stop in known else "STOP"
    content = {"role": "model", "parts": parts}
    asked, said = _counts(response)
    counts = {"promptTokenCount": asked, "candidatesTokenCount": said}
    return {
        "candidates": [{"content": content, "finishReason": stop, "index": 0}],
        "usageMetadata": {**counts, "totalTokenCount": asked + said},
        "modelVersion": response.model or _MODEL,
        "responseId": response.id or _ID,
    }


def _gemini_stream(response: Response) -> Iterator[bytes]:
    yield _event(_gemini(response))


# --- Ollama ---


def _ollama(response: Response) -> Json:
    calls = [
        {"function": {"name": call.name, "arguments": _arguments(call)}}
        for call in _calls(response.parts)
    ]
    message: Json = {"role": "assistant", "content": _text(response.parts)}
    asked, said = _counts(response)
    return {
        "model": response.model or _MODEL,
        "created_at": "1970-01-01T00:00:00Z",
        "message": message | ({"tool_calls": calls} if calls else {}),
        "done": True,
        "done_reason": "stop",
        "prompt_eval_count": asked,
        "eval_count": said,
    }


def _ollama_stream(response: Response) -> Iterator[bytes]:
    yield _json(_ollama(response)) + b"\n"


_ENCODERS: Final[
    dict[str, tuple[Callable[[Response], Json], Callable[[Response], Iterator[bytes]]]]
] = {
    ANTHROPIC: (_anthropic, _anthropic_stream),
    CHAT: (_chat, _chat_stream),
    RESPONSES: (_responses, _responses_stream),
    GEMINI: (_gemini, _gemini_stream),
    OLLAMA: (_ollama, _ollama_stream),
}
