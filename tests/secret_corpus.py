"""Secrets of many formats in many wrappings, and what looks like one and is none.

The formats are those that vendors document, written down here without a look at the rules: a
prefix, an alphabet and a length. Every body is made by a seeded generator: none was ever valid.
"""

from __future__ import annotations

import base64
import json
import random
import string
import uuid
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ALNUM = string.ascii_letters + string.digits
LOWER = string.ascii_lowercase + string.digits
UPPER = string.ascii_uppercase + string.digits
BASE32 = string.ascii_uppercase + "234567"
HEX = "0123456789abcdef"
URL = ALNUM + "-_"
B64 = ALNUM + "+/"

WORDS = ("the", "token", "count", "of", "this", "key", "is", "a", "secret", "to", "me")

FORMATS: dict[str, tuple[str, str, int, str]] = {
    "anthropic": ("sk-ant-api03-", URL, 93, "AA"),
    "anthropic-admin": ("sk-ant-admin01-", URL, 93, "AA"),
    "anthropic-oauth": ("sk-ant-oat01-", URL, 93, "AA"),
    "openai-project": ("sk-proj-", URL, 120, ""),
    "openai-service": ("sk-svcacct-", URL, 120, ""),
    "openai-admin": ("sk-admin-", URL, 100, ""),
    "openai-old": ("sk-", ALNUM, 48, ""),
    "deepseek": ("sk-", HEX, 32, ""),
    "openrouter": ("sk-or-v1-", HEX, 64, ""),
    "google-api": ("AIza", URL, 35, ""),
    "google-client": ("GOCSPX-", URL, 28, ""),
    "google-access": ("ya29.", URL, 120, ""),
    "aws-id": ("AKIA", BASE32, 16, ""),
    "aws-temporary-id": ("ASIA", BASE32, 16, ""),
    "aws-bedrock": ("ABSK", B64, 120, "=="),
    "azure-storage": ("AccountKey=", B64, 86, "=="),
    "github-classic": ("ghp_", ALNUM, 36, ""),
    "github-oauth": ("gho_", ALNUM, 36, ""),
    "github-user": ("ghu_", ALNUM, 36, ""),
    "github-server": ("ghs_", ALNUM, 36, ""),
    "github-refresh": ("ghr_", ALNUM, 76, ""),
    "github-fine": ("github_pat_11", ALNUM, 80, ""),
    "gitlab-personal": ("glpat-", URL, 20, ""),
    "gitlab-deploy": ("gldt-", URL, 20, ""),
    "gitlab-runner": ("glrt-", URL, 20, ""),
    "gitlab-trigger": ("glptt-", HEX, 40, ""),
    "slack-bot": ("xoxb-123456789012-123456789012-", ALNUM, 24, ""),
    "slack-user": ("xoxp-123456789012-123456789012-", HEX, 32, ""),
    "slack-app": ("xapp-1-A0123456789-", HEX, 64, ""),
    "slack-hook": ("https://hooks.slack.com/services/T0123456/B0123456/", ALNUM, 24, ""),
    "discord-hook": ("https://discord.com/api/webhooks/123456789012345678/", URL, 68, ""),
    "stripe-live": ("sk_live_", ALNUM, 24, ""),
    "stripe-test": ("sk_test_", ALNUM, 24, ""),
    "stripe-restricted": ("rk_live_", ALNUM, 24, ""),
    "stripe-webhook": ("whsec_", ALNUM, 32, ""),
    "npm": ("npm_", ALNUM, 36, ""),
    "pypi": ("pypi-AgEIcHlwaS5vcmc", URL, 130, ""),
    "huggingface": ("hf_", string.ascii_letters, 34, ""),
    "groq": ("gsk_", ALNUM, 52, ""),
    "xai": ("xai-", ALNUM, 80, ""),
    "perplexity": ("pplx-", ALNUM, 48, ""),
    "replicate": ("r8_", ALNUM, 37, ""),
    "cerebras": ("csk-", LOWER, 48, ""),
    "nvidia": ("nvapi-", URL, 64, ""),
    "langsmith": ("lsv2_pt_", HEX, 32, "_0a1b2c3d4e"),
    "tavily": ("tvly-", ALNUM, 32, ""),
    "mailgun": ("key-", HEX, 32, ""),
    "digitalocean": ("dop_v1_", HEX, 64, ""),
    "databricks": ("dapi", HEX, 32, ""),
    "docker": ("dckr_pat_", URL, 27, ""),
    "vault-service": ("hvs.", URL, 90, ""),
    "vault-batch": ("hvb.", URL, 140, ""),
    "shopify": ("shpat_", HEX, 32, ""),
    "telegram": ("1234567890:AA", URL, 33, ""),
    "linear": ("lin_api_", ALNUM, 40, ""),
    "notion": ("ntn_", ALNUM, 46, ""),
    "figma": ("figd_", URL, 40, ""),
    "sentry": ("sntrys_", B64, 60, ""),
    "grafana": ("glsa_", ALNUM, 32, "_0a1b2c3d"),
    "newrelic": ("NRAK-", UPPER, 27, ""),
    "supabase": ("sbp_", HEX, 40, ""),
    "planetscale": ("pscale_tkn_", URL, 43, ""),
    "age": ("AGE-SECRET-KEY-1", UPPER, 58, ""),
    "postgres": ("postgres://app:", ALNUM, 20, "@db.internal:5432/app"),
    "bearer": ("Authorization: Bearer ", ALNUM, 40, ""),
    "basic": ("Authorization: Basic ", ALNUM, 40, ""),
    "password": ("DB_PASSWORD=", ALNUM, 20, ""),
}
"""What comes before the body, its alphabet and length, and what comes after."""


LEFT_LENGTH = 10
"""So many characters in a row of a body, and it is not gone."""


class Planted(NamedTuple):
    """A text with a secret in it: how it is wrapped, and the body that must not be left."""

    name: str
    wrapping: str
    text: bytes
    body: bytes

    def is_left(self, clean: bytes | None) -> bool:
        """Return whether a part of the body is still there, as it is or percent-encoded."""
        if clean is None:
            return False
        bodies = (self.body.decode(), quote(self.body.decode(), safe=""))
        return any(
            text[start : start + LEFT_LENGTH].encode() in clean
            for text in bodies
            for start in range(max(1, len(text) - LEFT_LENGTH + 1))
        )


EVENTS: tuple[Callable[[str], dict[str, object]], ...] = (
    lambda text: {
        "type": "content_block_delta",
        "index": 0,
        "delta": {"type": "text_delta", "text": text},
    },
    lambda text: {
        "type": "content_block_delta",
        "index": 1,
        "delta": {"type": "input_json_delta", "partial_json": text},
    },
    lambda text: {
        "object": "chat.completion.chunk",
        "choices": [{"index": 0, "delta": {"content": text}}],
    },
    lambda text: {
        "type": "response.output_text.delta",
        "item_id": "msg_1",
        "output_index": 0,
        "content_index": 0,
        "delta": text,
    },
    lambda text: {
        "candidates": [{"index": 0, "content": {"role": "model", "parts": [{"text": text}]}}]
    },
)
"""What providers send a piece of a text as."""


def _stream(secret: str) -> str:
    draw = random.Random(secret)
    event = draw.choice(EVENTS)
    first, second = sorted(draw.sample(range(1, len(secret) - 1), 2))
    pieces = ("it is ", secret[:first], secret[first:second], secret[second:], " indeed")
    return "".join(f"data: {json.dumps(event(piece))}\n\n" for piece in pieces)


WRAPPINGS: dict[str, Callable[[str], str]] = {
    "bare": lambda secret: f"the key is {secret}\n",
    "env": lambda secret: f"export SERVICE_VALUE='{secret}'\n",
    "json": lambda secret: json.dumps({"role": "user", "content": f"use {secret} now"}),
    "nested": lambda secret: json.dumps({"arguments": json.dumps({"x": json.dumps([secret])})}),
    "url": lambda secret: f"GET https://api.example.org/v1/x?first=1&x={quote(secret, safe='')}\n",
    "stream": _stream,
}


def iter_planted() -> Iterator[Planted]:
    """Yield every format in every wrapping."""
    for name, (prefix, alphabet, length, suffix) in FORMATS.items():
        draw = random.Random(name)
        for wrapping, wrap in WRAPPINGS.items():
            body = "".join(draw.choice(alphabet) for _ in range(length))
            text = wrap(prefix + body + suffix)
            yield Planted(name, wrapping, text.encode(), body.encode())


def iter_harmless() -> Iterator[bytes]:
    """Yield what is no secret, each as a record of a session."""
    draw = random.Random("harmless")
    for number in range(400):
        yield json.dumps(draw.choice(_harmless_values(draw, number))).encode()


def _harmless_values(draw: random.Random, number: int) -> tuple[dict[str, object], ...]:
    """Return one of each kind of what looks like a secret and is none."""
    hexadecimal = "".join(draw.choice(HEX) for _ in range(64))
    short = "".join(draw.choice(ALNUM) for _ in range(24))
    upper = "".join(draw.choice(BASE32) for _ in range(26))
    words = " ".join(draw.choices(WORDS, k=9))
    pixels = base64.b64encode(draw.randbytes(600)).decode()
    there = quote(f"https://example.org/a?page={number}&token_type=bearer&next=/b", safe="")
    return (
        {"uuid": str(uuid.UUID(int=draw.getrandbits(128))), "parentUuid": hexadecimal[:32]},
        {"commit": hexadecimal[:40], "sha256": hexadecimal, "sessionId": short},
        {"type": "image", "source": {"type": "base64", "data": pixels}},
        {"id": f"msg_01{short}", "tool_use_id": f"toolu_01{short}", "requestId": f"req_{short}"},
        {"text": words, "max_tokens": number, "model": "claude-opus-4-5-20251101"},
        {"text": f"token = os.environ['API_TOKEN_{number}']\npassword = getpass()"},
        {"usage": {"input_tokens": number, "cache_read_input_tokens": 4096}},
        {"signature": pixels, "integrity": f"sha512-{pixels[:86]}=="},
        {"url": f"https://example.org/login?redirect={there}&state={number}"},
        {"text": f"GET /img?src=data%3Aimage%2Fpng%3Bbase64%2C{quote(pixels[:200], safe='')}"},
        {"traceparent": f"00-{hexadecimal[:32]}-{hexadecimal[:16]}-01", "etag": f'W/"{short}"'},
        {"text": f"index {hexadecimal[:7]}..{hexadecimal[8:15]} 100644\nulid {upper}"},
        {"text": f"image: app@sha256:{hexadecimal}\nlayers: [sha256:{hexadecimal[::-1]}]"},
        {"text": f"secret_name: db-{words.split()[0]}\npassword_file: /run/secrets/{number}"},
        {"text": f"printf '%20s %2d%%' 100%25 a%3Db%26c%3D{number}", "call_id": f"call_{short}"},
        {"encrypted_content": f"gAAAAAB{pixels}", "id": f"rs_{hexadecimal}"},
    )
