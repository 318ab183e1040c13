"""A small agent on nothing but the standard library: asks a model, runs what it calls, goes on.

    python -m tests.clients.agent INTERFACE PROMPT

The interface is that of an SDK: `anthropic`, `chat`, `responses`, `gemini` or `ollama`. It reads
the variables that SDKs read, and streams. By `anthropic` it goes on from the messages in `HISTORY`.
`AGENT` is its user agent, `HEADERS` an object of further headers.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from typing import Any

MODEL = "a-model"


def post(url: str, body: dict[str, Any], headers: dict[str, str]) -> list[dict[str, Any]]:
    """Send a request; return the events of the stream, or the lines, decoded."""
    request = urllib.request.Request(
        url,
        json.dumps(body).encode(),
        {
            "content-type": "application/json",
            "user-agent": os.environ.get("AGENT", "agent/1.0"),
            **json.loads(os.environ.get("HEADERS", "{}")),
            **headers,
        },
    )
    events = []
    try:
        with urllib.request.urlopen(request) as response:
            for line in response:
                text = line.decode().strip().removeprefix("data: ")
                if text.startswith("{"):
                    events.append(json.loads(text))
    except urllib.error.HTTPError as error:
        error.close()  # it is an answer too, with a socket
        raise
    return events


def run(command: str) -> str:
    """Run what a model calls for."""
    return subprocess.run(command, shell=True, capture_output=True, text=True, check=False).stdout


def anthropic(prompt: str) -> str:
    """Talk by Messages."""
    base = os.environ["ANTHROPIC_BASE_URL"]
    headers = {"x-api-key": os.environ["ANTHROPIC_API_KEY"], "anthropic-version": "2023-06-01"}
    tool = {"name": "bash", "input_schema": {"type": "object"}}
    messages: list[dict[str, Any]] = json.loads(os.environ.get("HISTORY", "[]"))
    messages.append({"role": "user", "content": prompt})
    while True:
        body = {"model": MODEL, "max_tokens": 100, "messages": messages, "tools": [tool]}
        events = post(f"{base}/v1/messages", {**body, "stream": True}, headers)
        blocks: list[dict[str, Any]] = []
        for event in events:
            if event["type"] == "content_block_start":
                blocks.append({**event["content_block"], "json": ""})
            elif event["type"] == "content_block_delta":
                delta = event["delta"]
                for key in ("text", "thinking", "signature"):
                    if key in delta:
                        blocks[-1][key] += delta[key]
                blocks[-1]["json"] += delta.get("partial_json", "")
        for block in blocks:
            text = block.pop("json")
            if block["type"] == "tool_use":
                block["input"] = json.loads(text)
        messages.append({"role": "assistant", "content": blocks})
        calls = [block for block in blocks if block["type"] == "tool_use"]
        if not calls:
            return blocks[-1]["text"]
        results = [
            {
                "type": "tool_result",
                "tool_use_id": each["id"],
                "content": run(each["input"]["command"]),
            }
            for each in calls
        ]
        messages.append({"role": "user", "content": results})


def chat(prompt: str) -> str:
    """Talk by Chat Completions."""
    base = os.environ["OPENAI_BASE_URL"]
    headers = {"authorization": f"Bearer {os.environ['OPENAI_API_KEY']}"}
    tool = {"type": "function", "function": {"name": "bash", "parameters": {"type": "object"}}}
    messages: list[dict[str, Any]] = [{"role": "user", "content": prompt}]
    while True:
        body = {"model": MODEL, "messages": messages, "tools": [tool], "stream": True}
        text, calls = "", []
        for event in post(f"{base}/chat/completions", body, headers):
            for choice in event["choices"]:
                text += choice["delta"].get("content") or ""
                for call in choice["delta"].get("tool_calls", ()):
                    if "id" in call:
                        calls.append({key: call[key] for key in ("id", "type", "function")})
                    else:
                        calls[-1]["function"]["arguments"] += call["function"]["arguments"]
        message: dict[str, Any] = {"role": "assistant", "content": text}
        messages.append({**message, "tool_calls": calls} if calls else message)
        if not calls:
            return text
        for call in calls:
            result = run(json.loads(call["function"]["arguments"])["command"])
            messages.append({"role": "tool", "tool_call_id": call["id"], "content": result})


def responses(prompt: str) -> str:
    """Talk by Responses, each request naming the one before."""
    base = os.environ["OPENAI_BASE_URL"]
    headers = {"authorization": f"Bearer {os.environ['OPENAI_API_KEY']}"}
    tool = {"type": "function", "name": "bash", "parameters": {"type": "object"}}
    items: list[dict[str, Any]] = [{"role": "user", "content": prompt}]
    before: dict[str, str] = {}
    while True:
        body = {"model": MODEL, "input": items, "tools": [tool], "stream": True, **before}
        last = post(f"{base}/responses", body, headers)[-1]["response"]
        before = {"previous_response_id": last["id"]}
        calls = [item for item in last["output"] if item["type"] == "function_call"]
        if not calls:
            return last["output"][-1]["content"][0]["text"]
        items = [
            {
                "type": "function_call_output",
                "call_id": call["call_id"],
                "output": run(json.loads(call["arguments"])["command"]),
            }
            for call in calls
        ]


def gemini(prompt: str) -> str:
    """Talk by generateContent."""
    base = os.environ["GOOGLE_GEMINI_BASE_URL"]
    url = f"{base}/v1beta/models/{MODEL}:streamGenerateContent?alt=sse"
    headers = {"x-goog-api-key": os.environ["GEMINI_API_KEY"]}
    tools = [{"functionDeclarations": [{"name": "bash"}]}]
    contents: list[dict[str, Any]] = [{"role": "user", "parts": [{"text": prompt}]}]
    while True:
        events = post(url, {"contents": contents, "tools": tools}, headers)
        parts = [part for event in events for part in event["candidates"][0]["content"]["parts"]]
        contents.append({"role": "model", "parts": parts})
        calls = [part["functionCall"] for part in parts if "functionCall" in part]
        if not calls:
            return parts[-1]["text"]
        answers = [
            {
                "functionResponse": {
                    "name": call["name"],
                    "response": {"output": run(call["args"]["command"])},
                }
            }
            for call in calls
        ]
        contents.append({"role": "user", "parts": answers})


def ollama(prompt: str) -> str:
    """Talk by Ollama's chat."""
    base = os.environ["OLLAMA_HOST"]
    tool = {"type": "function", "function": {"name": "bash", "parameters": {"type": "object"}}}
    messages: list[dict[str, Any]] = [{"role": "user", "content": prompt}]
    while True:
        lines = post(
            f"{base}/api/chat", {"model": MODEL, "messages": messages, "tools": [tool]}, {}
        )
        text = "".join(line["message"]["content"] for line in lines)
        calls = [call for line in lines for call in line["message"].get("tool_calls", ())]
        message: dict[str, Any] = {"role": "assistant", "content": text}
        messages.append({**message, "tool_calls": calls} if calls else message)
        if not calls:
            return text
        for call in calls:
            result = run(call["function"]["arguments"]["command"])
            messages.append({"role": "tool", "content": result, "tool_name": "bash"})


def main(interface: str, prompt: str) -> None:
    """Talk by an interface and print the last answer; end with a status that failed."""
    talks = (anthropic, chat, responses, gemini, ollama)
    try:
        print({each.__name__: each for each in talks}[interface](prompt))
    except urllib.error.HTTPError as error:
        sys.exit(f"agent: status {error.code}")


if __name__ == "__main__":
    main(*sys.argv[1:])
