"""Clients that had a session which is recorded, and go on from a turn of it.

Of each is known how it is set up, how it is run, and what a request of it says: a list of
comparable things, without what the client puts there of itself at every start.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from tests.clients.script import HELLO, Step
from tests.clients.test_conversations import (
    CLAUDE,
    CODEX,
    GEMINI,
    PI,
    PROMPT,
    set_up_claude,
    set_up_codex,
    set_up_gemini,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.clients.script import Asked
    from tests.clients.server import ModelServer
    from tests.clients.world import World

GO_ON = "and what now?"
OPENCODE = ("opencode", "run")
_OWN_TEXTS = ("<system-reminder>", "<session_context>", "[The previous response was interrupted")


def script(asked: Asked) -> Step:
    """Answer as the scripted model does, and to what comes next."""
    if asked.prompt.strip('"').startswith(GO_ON):
        return Step(text="Nothing more.")
    return HELLO(asked)


class Client(NamedTuple):
    """A client.

    Attributes:
        name: Its program.
        words: The command, before the prompt.
        more: What `resume` hands to it.
        set_up: Lets it lead to a server.
        read: Gives what a request says.
        settings: Files of the home without which it does not run.
    """

    name: str
    words: tuple[str, ...]
    more: tuple[str, ...]
    set_up: Callable[[World, ModelServer], None]
    read: Callable[[dict[str, Any]], list[Any]]
    settings: tuple[str, ...] = ()


class Session(NamedTuple):
    """A session that is recorded.

    Attributes:
        sent: What each of its requests said.
        turns: Ids of its turns, by role, and under `prompt` that of the prompt.
    """

    world: World
    server: ModelServer
    client: Client
    sent: list[list[Any]]
    turns: dict[str, list[str]]


def read_blocks(body: dict[str, Any]) -> list[Any]:
    """Return what the messages of a request to Anthropic say."""
    found = []
    for message in body["messages"]:
        if message["role"] == "system":
            continue
        content = message["content"]
        for block in [{"type": "text", "text": content}] if isinstance(content, str) else content:
            kept = {key: value for key, value in block.items() if key != "cache_control"}
            if kept["type"] == "text":
                if kept["text"].startswith(_OWN_TEXTS):
                    continue
                kept["text"] = kept["text"].strip().strip('"')
            found.append((message["role"], kept))
    return found


def read_items(body: dict[str, Any]) -> list[Any]:
    """Return what the items of a request of Codex say, but what it says of its surroundings."""
    found: list[Any] = []
    for item in body["input"]:
        if item["type"] == "message":
            text = "".join(part["text"] for part in item["content"])
            if item["role"] != "developer" and not text.startswith("<"):
                kind = "output_text" if item["role"] == "assistant" else "input_text"
                assert {part["type"] for part in item["content"]} == {kind}
                found.append((item["role"], {"type": "text", "text": text}))
        elif item["type"] == "function_call":
            found.append(("call", item["call_id"], item["name"], item["arguments"]))
        elif item["type"] == "function_call_output":
            found.append(("output", item["call_id"], item["output"]))
        else:
            found.append((item["type"], item.get("encrypted_content")))
    return found


def read_contents(body: dict[str, Any]) -> list[Any]:
    """Return what the contents of a request to Gemini say; signatures are in no session file."""
    found = []
    for content in body["contents"]:
        for part in content["parts"]:
            kept = {key: value for key, value in part.items() if key != "thoughtSignature"}
            if "text" in kept:
                kept = {"type": "text", **kept}
            if not kept.get("text", "").startswith(_OWN_TEXTS):
                found.append((content["role"], kept))
    return found


def text_of(item: Any) -> str:
    """Return the text of a message or of a result."""
    if item[0] == "output":
        return str(item[2])
    block = item[1]
    if "functionResponse" in block:
        return str(block["functionResponse"]["response"]["output"])
    content = block.get("content", block.get("text"))
    if isinstance(content, list):
        return "".join(part["text"] for part in content)
    return str(content)


def set_up_own_codex(world: World, server: ModelServer) -> None:
    """Let Codex lead to a server by a provider of the user's."""
    set_up_codex(world, server, is_socket=False)
    world.environ["ANTHROPIC_BASE_URL"] = server.url


def set_up_pi(world: World, server: ModelServer) -> None:
    """Let pi lead to a server."""
    world.install("pi")
    world.environ |= {"ANTHROPIC_API_KEY": "sk-ant-dummy", "ANTHROPIC_BASE_URL": server.url}
    world.write("home/.pi/agent/models.json", {"providers": {"anthropic": {"baseUrl": server.url}}})


def set_up_own_gemini(world: World, server: ModelServer) -> None:
    """Let Gemini CLI lead to a server."""
    set_up_gemini(world, server)
    world.environ["ANTHROPIC_BASE_URL"] = server.url


def set_up_opencode(world: World, server: ModelServer) -> None:
    """Let OpenCode lead to a server, wherever it runs."""
    world.install("opencode")
    world.environ |= {"ANTHROPIC_API_KEY": "sk-ant-dummy", "ANTHROPIC_BASE_URL": server.url}
    settings = {
        "model": "anthropic/claude-sonnet-4-5",
        "permission": "allow",
        "enabled_providers": ["anthropic"],
        "provider": {"anthropic": {"options": {"baseURL": f"{server.url}/v1"}}},
    }
    world.write("home/.config/opencode/opencode.json", settings)


CLIENTS = {
    each.name: each
    for each in (
        Client("claude", CLAUDE, CLAUDE[1:], set_up_claude, read_blocks),
        Client("codex", CODEX, CODEX[1:], set_up_own_codex, read_items, (".codex/config.toml",)),
        Client(
            "opencode",
            OPENCODE,
            (*OPENCODE[1:], "--model", "anthropic/claude-sonnet-4-5"),
            set_up_opencode,
            read_blocks,
            (".config/opencode/opencode.json",),
        ),
        Client("pi", PI, PI[1:], set_up_pi, read_blocks, (".pi/agent/models.json",)),
        Client(
            "gemini",
            GEMINI,
            GEMINI[1:],
            set_up_own_gemini,
            read_contents,
            (".gemini/settings.json",),
        ),
    )
}


def record(world: World, server: ModelServer, name: str) -> Session:
    """Let a client have a session, and record it from what it wrote."""
    client = CLIENTS[name]
    client.set_up(world, server)
    world.output(*client.words, PROMPT)
    if name == "opencode":
        listed = re.search(r"ses_\w+", world.output("opencode", "session", "list"))
        assert listed is not None
        world.write("work/export.json", world.output("opencode", "export", listed[0]))
        world.tapes("import", "export.json")
    else:
        world.tapes("import")
    turns: dict[str, list[str]] = {}
    for turn in world.records("log", "--reverse", "@{latest}"):
        turns.setdefault(turn["role"], []).append(turn["oid"])
        if turn["summary"].strip('"') == PROMPT:
            turns["prompt"] = [turn["oid"]]
    asked = [each.json for each in server.exchanges if each.body]
    sent = [client.read(body) for body in asked if body.get("tools")]
    return Session(world, server, client, sent, turns)


def go_on(
    session: Session, *words: str, world: World | None = None, client: Client | None = None
) -> list[Any]:
    """Let a client go on; return what the first request says that has the new prompt."""
    client, server = client or session.client, session.server
    count = len(server.exchanges)
    (world or session.world).tapes("resume", "-m", GO_ON, *words, "--", *client.more)
    bodies = [each.json for each in server.exchanges[count:] if each.body]
    asked = [body for body in bodies if GO_ON in json.dumps(body) and body.get("tools")]
    said = client.read(asked[0])
    assert text_of(said[-1]) == GO_ON
    return said[:-1]
