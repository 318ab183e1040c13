"""What sessions used and cost, read from the raw files of harnesses with the standard library.

Nothing is imported from the program, and nothing is done as it does it: this is what its sums
are compared with. A call is (model, time, tokens of each kind); the price table's data file is
read, its rules are applied here once more.

    python tests/independent/usagereader.py PRICES HARNESS FILE...
"""

from __future__ import annotations

import base64
import gzip
import json
import re
import sys
import tomllib
from datetime import datetime
from fractions import Fraction
from pathlib import Path

KINDS = ("input", "output", "cache_read", "cache_write_5m", "cache_write_1h", "reasoning")
YAML_STRING = re.compile(r"^ *string: '((?:[^']|'')*)'$", re.MULTILINE)
YAML_BINARY = re.compile(r"^ *string: !!binary \|\n((?: +[A-Za-z0-9+/=]+\n)+)", re.MULTILINE)


def lines_of(path):
    """Yield the records of a file of JSON lines, as far as they can be read."""
    for line in Path(path).read_bytes().split(b"\n"):
        try:
            record = json.loads(line)
        except ValueError:
            continue
        if isinstance(record, dict):
            yield record


def claude_code(path):
    """Yield (session, identity, call): the last record of a message says what it used.

    A session begins with its first record, whatever that is: a call without tokens stands for it.
    """
    for record in lines_of(path):
        if "sessionId" in record and "timestamp" in record:
            yield record["sessionId"], None, (None, record["timestamp"], ())
        message = record.get("message")
        if record.get("type") != "assistant" or not isinstance(message, dict):
            continue
        usage = message.get("usage")
        if not isinstance(usage, dict) or message.get("model") == "<synthetic>":
            continue
        five, hour = usage.get("cache_creation_input_tokens"), None
        if isinstance(usage.get("cache_creation"), dict):
            five = usage["cache_creation"].get("ephemeral_5m_input_tokens")
            hour = usage["cache_creation"].get("ephemeral_1h_input_tokens")
        tokens = (usage["input_tokens"], usage["output_tokens"])
        tokens += (usage.get("cache_read_input_tokens"), five, hour, None)
        call = (message["model"], record["timestamp"], tokens)
        yield record["sessionId"], message.get("id") or record["uuid"], call


def codex(path):
    """Yield calls: a total that differs from the one before it is a response."""
    session, model, before = None, None, None
    for number, record in enumerate(lines_of(path)):
        body = record.get("payload", {})
        if record["type"] == "session_meta" and session is None:
            session = body["id"]
        elif record["type"] == "turn_context":
            model = body["model"]
        elif body.get("type") == "token_count" and body.get("info"):
            if body["info"]["total_token_usage"] == before:
                continue
            before, last = body["info"]["total_token_usage"], body["info"]["last_token_usage"]
            cached = last["cached_input_tokens"]
            output, thought = last["output_tokens"], last["reasoning_output_tokens"]
            written = last.get("cache_write_input_tokens")
            given = last["input_tokens"] - cached - (written or 0)
            tokens = (given, output, cached, written, None, thought)
            yield session, (session, number), (model, record["timestamp"], tokens)


def pi(path):
    """Yield calls: each answer says what it used."""
    session = None
    for number, record in enumerate(lines_of(path)):
        if record["type"] == "session":
            session = record["id"]
        message = record.get("message") or {}
        if record["type"] == "message" and message.get("usage"):
            used = message["usage"]
            tokens = [used[name] for name in ("input", "output", "cacheRead", "cacheWrite")]
            call = (message["model"], record["timestamp"], (*tokens, None, None))
            yield session, (session, number), call


def gemini_cli(path):
    """Yield calls: `input` has the cached ones, and thoughts are paid as output."""
    document = json.loads(Path(path).read_bytes())
    for message in document["messages"]:
        used = message.get("tokens")
        if used:
            given = used["input"] + used["tool"] - used["cached"]
            output = used["output"] + used["thoughts"]
            tokens = (given, output, used["cached"], None, None, used["thoughts"])
            call = (message["model"], message["timestamp"], tokens)
            yield document["sessionId"], message["id"], call


def opencode(path):
    """Yield calls: reasoning stands beside the output, and is paid as such."""
    document = json.loads(Path(path).read_bytes())
    for message in document["messages"]:
        used = message["info"].get("tokens")
        if used:
            cache, thought = used["cache"], used["reasoning"]
            output = used["output"] + thought
            tokens = (used["input"], output, cache["read"], cache["write"], None, thought)
            call = (message["info"]["modelID"], message["info"]["time"]["created"], tokens)
            yield document["info"]["id"], message["info"]["id"], call


def vcr(path):
    """Yield calls: the answers of a cassette for the chat of OpenAI; its name is its session."""
    for text in bodies_of(Path(path).read_text()):
        for answer in objects_in(text):
            used = answer.get("usage")
            if used and str(answer.get("object", "")).startswith("chat.completion"):
                details = used.get("prompt_tokens_details") or {}
                cached, written = details.get("cached_tokens"), details.get("cache_write_tokens")
                given = used["prompt_tokens"] - (cached or 0) - (written or 0)
                thought = (used.get("completion_tokens_details") or {}).get("reasoning_tokens")
                tokens = (given, used.get("completion_tokens"), cached, written, None, thought)
                yield str(path), answer["id"], (answer["model"], None, tokens)


def bodies_of(cassette):
    """Yield the bodies of a cassette that stand in single quotes or as gzip in base 64."""
    for match in YAML_STRING.finditer(cassette):
        yield re.sub(r"[ \t]*\n[ \t]*", " ", match[1]).replace("''", "'")
    for match in YAML_BINARY.finditer(cassette):
        data = base64.b64decode(match[1])
        yield (gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data).decode()


def objects_in(text):
    """Yield the JSON objects of a body: itself, or the events of a stream."""
    events = [line[6:] for line in text.split("\n") if line.startswith("data: {")]
    for each in events or [text]:
        try:
            value = json.loads(each)
        except ValueError:
            continue
        if isinstance(value, dict):
            yield value


READERS = {
    "claude-code": claude_code,
    "codex": codex,
    "gemini-cli": gemini_cli,
    "opencode": opencode,
    "pi": pi,
    "vcr": vcr,
}


def day_of(time):
    """Return the day of a call in UTC: of text, or of ms since the epoch."""
    if isinstance(time, int):
        return datetime.fromtimestamp(time / 1000).astimezone().strftime("%Y-%m-%d")
    return None if time is None else time[:10]


def read_sessions(harness, paths):
    """Return the calls of each session: a message counts once, for the session that was first."""
    told = [found for path in paths for found in READERS[harness](path)]
    begun = {}
    for session, _, (_, time, _) in told:
        begun[session] = min(begun.get(session, time or ""), time or "")
    calls, owner = {}, {}
    for session, identity, call in told:
        if identity is None:
            continue
        first = owner.setdefault(identity, session)
        if begun[session] < begun[first]:
            owner[identity] = session
        known = calls.get(identity)
        if known is None or total(call) >= total(known):
            calls[identity] = call
    sessions = {}
    for identity, call in calls.items():
        sessions.setdefault(owner[identity], []).append(call)
    return sessions


def total(call):
    """Return all tokens of a call."""
    return sum(count or 0 for count in call[2][:-1])


def price_of(table, model, time):
    """Return the row of a model on a day, or None; a day or variant behind the name is its own."""
    names = [model, re.sub(r"-(20\d{6}|20\d\d-\d\d-\d\d|latest)$", "", model)]
    for name in names:
        rows = [row for row in table["model"] if name in row["names"]]
        day = day_of(time) or "9999-12-31"
        rows = [row for row in rows if str(row.get("from", "")) <= day]
        if rows:
            return max(rows, key=lambda row: str(row.get("from", "")))
    return None


def cost_of(table, call):
    """Return what a call cost, in micro-dollars, as an exact fraction; None without a price."""
    model, time, tokens = call
    row = price_of(table, model, time)
    if row is None:
        return None
    counts = dict(zip(KINDS, (count or 0 for count in tokens), strict=True))
    del counts["reasoning"]  # a part of the output
    prompt = sum(counts.values()) - counts["output"]
    is_long = "long_above" in row and prompt > row["long_above"]
    prices = row["long"] if is_long else row["price"]
    if any(kind not in prices for kind, count in counts.items() if count):
        return None
    return sum(Fraction(prices.get(kind, 0) * count, 1_000_000) for kind, count in counts.items())


def report(table, sessions):
    """Return (calls, tokens of each kind, micro-dollars, unpriced calls) of each session."""
    found = {}
    for session, calls in sessions.items():
        costs = [cost_of(table, call) for call in calls]
        tokens = [sum(call[2][place] or 0 for call in calls) for place in range(len(KINDS))]
        cost = sum((each for each in costs if each is not None), Fraction())
        found[session] = (len(calls), tokens, int(cost + Fraction(1, 2)), costs.count(None))
    return found


def main():
    """Print a line for each session."""
    table = tomllib.loads(Path(sys.argv[1]).read_text())
    for session, row in report(table, read_sessions(sys.argv[2], sys.argv[3:])).items():
        print(json.dumps([session, *row]))


if __name__ == "__main__":
    main()
